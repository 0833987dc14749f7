/* SPDX-License-Identifier: MIT */
/* config-template.h - what `thredctl config --init` writes: nothing in it is a secret. */
#ifndef THREDCTL_CONFIG_TEMPLATE_H
#define THREDCTL_CONFIG_TEMPLATE_H

/* A file of conf.d. A line that begins with # and no blank is a setting that is switched off; each
 * of them shows what holds without it, or an example. */
extern const char config_template[];

/* What the module `file` reads, without a credential in it. */
extern const char config_template_credentials[];

#endif
