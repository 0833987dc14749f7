/* SPDX-License-Identifier: MIT */
#include "lib/fetch/leftovers.h"

#include <dlfcn.h>
#include <link.h>
#include <openssl/ssl.h>
#include <stdlib.h>
#include <string.h>

#include "lib/secure.h"

/* ---- OpenSSL's ---- */

typedef uint64_t (*SetOptions)(SSL_CTX *context, uint64_t options);

/* A handle whose search order is libcurl's; NULL if it is in the program itself. */
static void *open_libcurl(void)
{
  Dl_info info;
  struct link_map *map = NULL;
  CURL *(*function)(void) = curl_easy_init;
  void *address;
  memcpy(&address, &function, sizeof address);
  if (!dladdr1(address, &info, (void **)&map, RTLD_DL_LINKMAP) || !map || !map->l_name[0])
    return NULL;
  return dlopen(map->l_name, RTLD_LAZY | RTLD_NOLOAD);
}

/* That of the OpenSSL which libcurl is linked with. If the global scope has another one, libcurl's
 * calls went there, and the context is not for this function. */
static SetOptions find_set_options(void)
{
  static const char name[] = "SSL_CTX_set_options";
  SetOptions function = NULL;
  void *libcurl = open_libcurl();
  void *own = libcurl ? dlsym(libcurl, name) : NULL, *global = dlsym(RTLD_DEFAULT, name);
  if (own && (!global || global == own))
    memcpy(&function, &own, sizeof function);
  if (libcurl)
    dlclose(libcurl);
  return function;
}

static CURLcode set_options(CURL *curl, void *context, void *data)
{
  SetOptions function = find_set_options();
  (void)curl, (void)data;
  if (function)
    function(context, SSL_OP_CLEANSE_PLAINTEXT);
  return CURLE_OK;
}

void leftovers_cleanse(CURL *curl)
{
  const char *library = curl_version_info(CURLVERSION_NOW)->ssl_version;
  if (library && strncmp(library, "OpenSSL/3", 9) == 0)
    curl_easy_setopt(curl, CURLOPT_SSL_CTX_FUNCTION, set_options);
}

/* ---- libcurl's ---- */

#define SMALL_MAX  1040 /* glibc's tcache keeps up to seven blocks of each size to here */
#define SMALL_STEP 16
#define SMALL_EACH 8

/* Larger ones are merged with their neighbours: it is how much is asked for that counts. */
static const struct {
  size_t size;
  unsigned count;
} large[] = {{64 * 1024, 3}, {16 * 1024, 4}, {8 * 1024, 4}, {4 * 1024, 8}, {2 * 1024, 8}};

/* Blocks in hand: each begins with a pointer to the one before. */
typedef struct Block {
  struct Block *next;
} Block;

static void take(Block **blocks, size_t size)
{
  Block *block = malloc(size);
  if (!block)
    return;
  secure_wipe(block, size);
  block->next = *blocks;
  *blocks = block;
}

void leftovers_wipe(void)
{
  Block *blocks = NULL;
  for (size_t size = SMALL_STEP + 8; size <= SMALL_MAX; size += SMALL_STEP)
    for (unsigned i = 0; i < SMALL_EACH; i++)
      take(&blocks, size);
  for (size_t l = 0; l < sizeof large / sizeof large[0]; l++)
    for (unsigned i = 0; i < large[l].count; i++)
      take(&blocks, large[l].size + sizeof(Block));
  while (blocks) {
    Block *next = blocks->next;
    free(blocks);
    blocks = next;
  }
}
