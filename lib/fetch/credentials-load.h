/* SPDX-License-Identifier: MIT */
/* credentials-load.h - from a module's name to its checked descriptor (miss part). */
#ifndef THRED_LIB_FETCH_CREDENTIALS_LOAD_H
#define THRED_LIB_FETCH_CREDENTIALS_LOAD_H

#include <stddef.h>
#include <thred/credential-module.h>

/*
 * The descriptor of DIR/NAME.so, loaded now or earlier; it lives as long as the process. On failure
 * NULL and one sentence in `why` that names the file. Any thread; holds no lock.
 */
const ThredCredentialModule *credentials_load(const char *module_dir, const char *module, char *why,
                                              size_t why_size);

#endif
