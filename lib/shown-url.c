/* SPDX-License-Identifier: MIT */
#include "lib/shown-url.h"

#include <stddef.h>
#include <string.h>

ShownUrl shown_url(const char *url)
{
  const char *authority = url, *first = url + strcspn(url, "/?#@");
  if (*first == '/' && (first == url || first[-1] == ':'))
    authority = first + strspn(first, "/\\");
  const char *end = authority + strcspn(authority, "/?#"), *rest = authority;
  for (const char *p = authority; p < end; p++)
    if (*p == '@')
      rest = p + 1;
  return (ShownUrl){(int)(authority - url), url, rest};
}
