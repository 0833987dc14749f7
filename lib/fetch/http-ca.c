/* SPDX-License-Identifier: MIT */
#include "lib/fetch/http-ca.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/errno-text.h"
#include "lib/secure.h"

#define SIZE_MAX_BYTES (8u * 1024u * 1024u) /* libcurl's own limit (CURL_MAX_INPUT_LENGTH) */

static int read_text(HttpCa *ca, int fd, off_t size, const char *path, Error *error)
{
  if (size > (off_t)SIZE_MAX_BYTES)
    return error_set(error, THRED_E_CONFIG, "ca-file: %.300s: is larger than 8 MiB", path);
  ca->text = malloc((size_t)size + 1);
  if (!ca->text)
    return error_set(error, THRED_E_NO_MEMORY, "out of memory");
  while (ca->length < (size_t)size) {
    ssize_t n = read(fd, ca->text + ca->length, (size_t)size - ca->length);
    if (n < 0 && errno == EINTR)
      continue;
    if (n < 0) {
      char why[128];
      return error_set(error, THRED_E_CONFIG, "ca-file: %.300s: %s", path,
                       errno_text(errno, why, sizeof why));
    }
    if (n == 0)
      break;
    ca->length += (size_t)n;
  }
  return THRED_OK;
}

int http_ca_read(HttpCa *ca, const char *path, int at_secure, Error *error)
{
  struct stat st;
  char why[400];
  *ca = (HttpCa){0};
  if (!path)
    return THRED_OK;
  int fd = secure_open(path, SECURE_CONFIG, &st, why, sizeof why);
  if (fd < 0)
    return error_set(error, THRED_E_CONFIG, "ca-file: %s", why);
  int code =
      at_secure && st.st_uid != 0 && st.st_uid == getuid()
          ? error_set(error, THRED_E_CONFIG,
                      "ca-file: %.300s: refused: it belongs to the calling user, whose files do "
                      "not count in a program with AT_SECURE",
                      path)
          : read_text(ca, fd, st.st_size, path, error);
  close(fd);
  return code;
}

CURLcode http_ca_set(CURL *curl, const HttpCa *ca, const char *path)
{
#if LIBCURL_VERSION_NUM >= 0x074d00 /* 7.77.0 */
  struct curl_blob blob = {ca->text, ca->length, CURL_BLOB_NOCOPY};
  CURLcode rc = curl_easy_setopt(curl, CURLOPT_CAINFO_BLOB, &blob);
#else
  CURLcode rc = CURLE_UNKNOWN_OPTION;
  (void)ca;
#endif
  if (rc == CURLE_NOT_BUILT_IN || rc == CURLE_UNKNOWN_OPTION) /* a TLS library that has it not */
    rc = curl_easy_setopt(curl, CURLOPT_CAINFO, path);
  else if (rc == CURLE_OK)
    rc = curl_easy_setopt(curl, CURLOPT_CAINFO, NULL);
  /* It stands in for the system's, it is not added to them. */
  return rc == CURLE_OK ? curl_easy_setopt(curl, CURLOPT_CAPATH, NULL) : rc;
}

void http_ca_free(HttpCa *ca)
{
  free(ca->text);
  *ca = (HttpCa){0};
}
