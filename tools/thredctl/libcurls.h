/* SPDX-License-Identifier: MIT */
/* libcurls.h - the libcurls among a program's objects. */
#ifndef THREDCTL_LIBCURLS_H
#define THREDCTL_LIBCURLS_H

#include <glib.h>
#include <stdbool.h>

typedef struct {
  char *name, *path;
  char *flavour; /* the version node of its functions: "CURL_OPENSSL_4"; NULL: it has none */
  char *version; /* "7.88.1", or NULL */
  char *through; /* the first object that needs it; NULL: the program itself */
} Libcurl;

/* A file name such as libcurl.so.4, libcurl-gnutls.so.4. */
bool libcurl_is_name(const char *path);

/* "7.88.1", from the text by which a libcurl names itself in a file. NULL: it is not there. */
char *libcurl_version_in(const char *path);

/* Of what loader_list() gave for the program. Elements are Libcurl. */
GPtrArray *libcurls_of(const char *program, const GPtrArray *objects);

#endif
