/* SPDX-License-Identifier: MIT */
/* config-init.h - `thredctl config --init`: a commented file to begin with. */
#ifndef THREDCTL_CONFIG_INIT_H
#define THREDCTL_CONFIG_INIT_H

/* Writes into `directory`, which is made if it is not there. Never writes over anything. Returns an
 * exit status, after having told what it did. */
int config_init(const char *directory);

#endif
