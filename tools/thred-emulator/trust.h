/* SPDX-License-Identifier: MIT */
/* trust - the system's certification authorities, and the emulator's beside them. */
#ifndef EMULATOR_TRUST_H
#define EMULATOR_TRUST_H

#include <glib.h>
#include <stdbool.h>

/* In the emulator's directory: one file of all, and a directory as OpenSSL looks through it. */
#define TRUST_BUNDLE    "trust.pem"
#define TRUST_DIRECTORY "certs"

/* `ca` is the emulator's certificate, as PEM. */
bool trust_write(const char *dir, const char *ca, GError **error);

/* Where programs that are told nothing look: NULL-terminated, most of them not there. */
extern const char *const trust_bundles[];

/* Whether that directory holds this bundle, links resolved: then the copy of it does, too. */
bool trust_is_in_directory(const char *directory, const char *bundle);

/* OpenSSL's directory, links resolved; the caller frees it. NULL: there is none. */
char *trust_system_directory(void);

#endif
