/* SPDX-License-Identifier: MIT */
/* ca - a certification authority for one run, and the one server certificate that it signs. */
#ifndef EMULATOR_CA_H
#define EMULATOR_CA_H

#include <glib.h>
#include <stdbool.h>

/* PEM texts. The authority's key is not among them: nobody can sign with it after the start. */
typedef struct Certificates {
  char *ca;     /* the authority's certificate */
  char *server; /* the server's certificate */
  char *key;    /* the server's private key */
} Certificates;

/*
 * New P-256 keys and certificates, valid from an hour ago for 30 days. `names` (NULL-terminated,
 * not empty) are host names or IP addresses for subjectAltName. `expired` ends the server's
 * certificate an hour ago; the authority's stays valid.
 */
bool certificates_make(Certificates *made, char *const *names, bool expired, GError **error);

void certificates_clear(Certificates *made);

/* A host name ("*." in front allowed) or an IP address, fit for subjectAltName. */
bool certificate_name_is_valid(const char *name);

#endif
