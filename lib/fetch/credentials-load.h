/* SPDX-License-Identifier: MIT */
/* credentials-load.h - from a module's name to its checked descriptor (miss part). */
#ifndef THRED_LIB_FETCH_CREDENTIALS_LOAD_H
#define THRED_LIB_FETCH_CREDENTIALS_LOAD_H

#include <stdbool.h>
#include <stddef.h>
#include <thred/credential-module.h>

/*
 * The descriptor of DIR/NAME.so, loaded now or earlier; it lives as long as the process. On failure
 * NULL and one sentence in `why` that names the file. Any thread; holds no lock.
 */
const ThredCredentialModule *credentials_load(const char *module_dir, const char *name, char *why,
                                              size_t why_size);

/* A call into it has not come back; or has at last. While one hangs, no other is begun. */
void credentials_note_hanging(const ThredCredentialModule *module, bool hangs);
bool credentials_is_hanging(const ThredCredentialModule *module);

#endif
