/* SPDX-License-Identifier: MIT */
#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#include "plugin/credentials/vault.h"

/* ---- paths ---- */

/* One segment ends at '/' or NUL. "." and ".." would be taken out on the way, by us or by a proxy.
 */
static bool is_dots(const char *segment, size_t length)
{
  return (length == 1 && segment[0] == '.') || (length == 2 && memcmp(segment, "..", 2) == 0);
}

const char *vault_path_problem(const char *path, bool slash)
{
  /* Percent-encoded, none of these would do harm; but who writes them means something that this
   * option is not. */
  for (const char *c = path; *c; c++) {
    if ((unsigned char)*c < 0x20 || *c == 0x7f)
      return "has a control character in it";
    if (strchr("?#%\\", *c))
      return "has one of ? # % \\ in it";
  }
  while (*path) {
    size_t length = strcspn(path, "/");
    if (length == 0)
      return "begins with a slash, or has two in a row";
    if (is_dots(path, length))
      return "has a segment . or .. in it";
    path += length;
    if (!*path)
      return NULL;
    path++;
  }
  return slash ? NULL : "ends with a slash";
}

/* libcurl drops a header whose value is blank, and servers cut blanks off its ends (RFC 9110, 5.5):
 * what is asked would be another namespace, or the root's. */
const char *vault_namespace_problem(const char *namespace)
{
  size_t length = strlen(namespace);
  const char *problem = vault_path_problem(namespace, true);
  if (!problem && length > 0 && (namespace[0] == ' ' || namespace[length - 1] == ' '))
    problem = "begins or ends with a blank";
  return problem;
}

/* ---- addresses ---- */

#define NO_URL "is not an https URL (https://HOST:PORT)"

/* curl_url_get() into `to`; false: the part is not there, or does not fit. */
static bool url_part(CURLU *url, CURLUPart part, char *to, size_t size)
{
  char *text = NULL;
  bool ok = curl_url_get(url, part, &text, 0) == CURLUE_OK && text && strlen(text) < size;
  if (ok)
    memcpy(to, text, strlen(text) + 1);
  curl_free(text);
  return ok;
}

/* A literal one: what a name leads to is only known once it has been asked for. */
static bool is_loopback(const char *host)
{
  struct in_addr four;
  return strcmp(host, "[::1]") == 0 ||
         (inet_pton(AF_INET, host, &four) == 1 && ntohl(four.s_addr) >> 24 == 127);
}

static const char *parts_problem(CURLU *url)
{
  char text[1024], host[256];
  static const CURLUPart forbidden[] = {CURLUPART_USER,  CURLUPART_PASSWORD, CURLUPART_OPTIONS,
                                        CURLUPART_QUERY, CURLUPART_FRAGMENT, CURLUPART_ZONEID};
  for (size_t i = 0; i < sizeof forbidden / sizeof *forbidden; i++) {
    char *part = NULL;
    bool there = curl_url_get(url, forbidden[i], &part, 0) == CURLUE_OK;
    curl_free(part);
    if (there)
      return "has more than a scheme, a host, a port and a path";
  }
  if (!url_part(url, CURLUPART_SCHEME, text, sizeof text) ||
      (strcmp(text, "https") != 0 && strcmp(text, "http") != 0))
    return NO_URL;
  bool https = text[4] == 's';
  if (!url_part(url, CURLUPART_HOST, host, sizeof host) || !host[0])
    return "has no host, or one that is too long";
  if (!https && !is_loopback(host))
    return "is http, which is for a loopback address (127.0.0.1, [::1]) only: use https";
  if (url_part(url, CURLUPART_PATH, text, sizeof text) && strstr(text, "//"))
    return "has two slashes in a row in its path";
  return NULL;
}

const char *vault_address_problem(const char *address)
{
  for (const char *c = address; *c; c++)
    if ((unsigned char)*c <= 0x20 || (unsigned char)*c >= 0x7f || *c == '\\')
      return "has a character in it that no URL has";
  if (strlen(address) >= 1024 || strchr(address, '?') || strchr(address, '#'))
    return "has more than a scheme, a host, a port and a path";
  CURLU *url = curl_url();
  if (!url)
    return "cannot be looked at: out of memory";
  const char *problem =
      curl_url_set(url, CURLUPART_URL, address, 0) == CURLUE_OK ? parts_problem(url) : NO_URL;
  curl_url_cleanup(url);
  return problem;
}

bool vault_set_address(VaultCall *call, const char *address)
{
  char scheme[16], host[256], port[16], base[2048];
  CURLU *url = curl_url();
  bool ok = url && curl_url_set(url, CURLUPART_URL, address, 0) == CURLUE_OK &&
            url_part(url, CURLUPART_SCHEME, scheme, sizeof scheme) &&
            url_part(url, CURLUPART_HOST, host, sizeof host) &&
            url_part(url, CURLUPART_URL, base, sizeof base);
  if (ok) {
    bool has_port = url_part(url, CURLUPART_PORT, port, sizeof port);
    snprintf(call->shown, sizeof call->shown, "%s://%.120s%s%s", scheme, host, has_port ? ":" : "",
             has_port ? port : "");
    size_t length = strlen(base);
    while (length > 0 && base[length - 1] == '/')
      base[--length] = 0;
    call->plain = is_loopback(host);
    call->base = strdup(base);
  }
  curl_url_cleanup(url);
  return ok && call->base;
}

char *vault_url(const VaultCall *call, const char *path)
{
  char *encoded = NULL, *url = NULL;
  size_t size = strlen(path) + sizeof "/v1/";
  char *whole = malloc(size);
  CURLU *parts = curl_url();
  if (whole && parts) {
    snprintf(whole, size, "/v1/%s", path);
    if (curl_url_set(parts, CURLUPART_PATH, whole, CURLU_URLENCODE) == CURLUE_OK)
      curl_url_get(parts, CURLUPART_PATH, &encoded, 0);
  }
  if (encoded && asprintf(&url, "%s%s", call->base, encoded) < 0)
    url = NULL;
  curl_free(encoded);
  curl_url_cleanup(parts);
  free(whole);
  return url;
}
