/* SPDX-License-Identifier: MIT */
#include "lib/fetch/http-tls.h"

#include <dlfcn.h>
#include <openssl/ssl.h>
#include <string.h>

#include "lib/link-map.h"

/* Of the OpenSSL which libcurl is linked with; NULL: not to be called. */
typedef struct {
  uint64_t (*set_options)(SSL_CTX *context, uint64_t options);
  void (*set_keylog_callback)(SSL_CTX *context, SSL_CTX_keylog_cb_func callback);
} Functions;

/* A handle whose search order is libcurl's; NULL if it is in the program itself. */
static void *open_libcurl(void)
{
  CURL *(*function)(void) = curl_easy_init;
  void *address;
  memcpy(&address, &function, sizeof address);
  const struct link_map *map = link_map_of(address);
  return map && !link_map_is_program(map) ? link_map_open(map) : NULL;
}

/* If the global scope has another one, libcurl's calls went there, and the context is not for this
 * function. */
static void *bound_symbol(void *libcurl, const char *name)
{
  void *own = dlsym(libcurl, name), *global = dlsym(RTLD_DEFAULT, name);
  return global && global != own ? NULL : own;
}

/* POSIX lets dlsym's answer be a function. */
static void find_all(Functions *functions)
{
  void *libcurl = open_libcurl();
  if (!libcurl)
    return;
  void *options = bound_symbol(libcurl, "SSL_CTX_set_options");
  void *keylog = bound_symbol(libcurl, "SSL_CTX_set_keylog_callback");
  memcpy(&functions->set_options, &options, sizeof options);
  memcpy(&functions->set_keylog_callback, &keylog, sizeof keylog);
  dlclose(libcurl);
}

/* libcurl calls this when it has set all of its own, its key log included (vtls/openssl.c). */
static CURLcode prepare(CURL *curl, void *context, void *logs_no_keys)
{
  Functions functions = {0};
  (void)curl;
  find_all(&functions);
  if (functions.set_options)
    functions.set_options(context, SSL_OP_CLEANSE_PLAINTEXT);
  if (functions.set_keylog_callback && logs_no_keys)
    functions.set_keylog_callback(context, NULL);
  return CURLE_OK;
}

void http_tls_prepare(CURL *curl, bool logs_no_keys)
{
  static char yes;
  const char *library = curl_version_info(CURLVERSION_NOW)->ssl_version;
  if (!library || strncmp(library, "OpenSSL/3", 9) != 0)
    return;
  curl_easy_setopt(curl, CURLOPT_SSL_CTX_FUNCTION, prepare);
  curl_easy_setopt(curl, CURLOPT_SSL_CTX_DATA, logs_no_keys ? &yes : NULL);
}
