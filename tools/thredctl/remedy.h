/* SPDX-License-Identifier: MIT */
/* remedy.h - from a failure on the way to a token to its cause and to what would mend it. */
#ifndef THREDCTL_REMEDY_H
#define THREDCTL_REMEDY_H

#include <glib.h>

#include "lib/contact.h"
#include "lib/fetch-abi.h"

/* What the sentences name. */
typedef struct {
  const char *environment, *host;
  const char *connect_to, *ca_file;  /* NULL: not set */
  unsigned connect_timeout, timeout; /* seconds */
} RemedyPlace;

typedef struct {
  char *cause, *change; /* to be freed */
} Remedy;

/* No connection, or no TLS over it. `message`: the library's sentence, for what is not known here.
 */
Remedy remedy_of_contact(const RemedyPlace *place, const Contact *contact, const char *message);

/* A token endpoint's answer that is no token; or no answer at all. `business`: NULL for the partner
 * token. */
Remedy remedy_of_answer(const RemedyPlace *place, const Contact *contact, const char *business,
                        int code, const FetchResult *result, const char *message);

/* A failure of which nothing is known but its ThredError; NULL: its sentence says it all. */
const char *remedy_of_error(int code);

#endif
