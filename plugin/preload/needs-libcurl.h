/* SPDX-License-Identifier: MIT */
/* needs-libcurl.h - whether a shared object is linked with a libcurl. */
#ifndef PLUGIN_PRELOAD_NEEDS_LIBCURL_H
#define PLUGIN_PRELOAD_NEEDS_LIBCURL_H

#include <stdbool.h>

/*
 * Of the object that dlopen(3) would open for `file`: NULL and names without a slash, which the
 * loader looks for in many places, are taken to need none. So is what is not a regular file, cannot
 * be read, or is not an object of this process's kind. Its own DT_NEEDED count, not those of what
 * it needs. Allocates nothing, leaves errno as it is.
 */
bool needs_libcurl(const char *file);

/* A file name such as libcurl.so.4, libcurl-gnutls.so.4. */
bool is_libcurl_name(const char *name);

#endif
