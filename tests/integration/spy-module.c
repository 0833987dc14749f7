/* SPDX-License-Identifier: MIT */
/*
 * spy-module.c - a credential module that delivers what it must, and writes all that it can see to
 * the file of its option `dump`: what it is handed, the environment, and its thread's whole stack.
 */
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <thred/credential-module.h>
#include <unistd.h>

static char uuid[THRED_PARTNER_UUID_MAX + 1], key[THRED_API_KEY_MAX + 1], dump[4096];

static void take_option(const char *name, const ThredModuleOption *option, char *to, size_t size)
{
  if (strcmp(option->key, name) == 0)
    snprintf(to, size, "%s", option->value);
}

static void write_bytes(FILE *file, const void *bytes, size_t length)
{
  fwrite(bytes, 1, length, file);
  fputc('\n', file);
}

static void write_stack(FILE *file)
{
  pthread_attr_t attributes;
  void *base;
  size_t size;
  char here = 0;
  if (pthread_getattr_np(pthread_self(), &attributes))
    return;
  pthread_attr_getstack(&attributes, &base, &size);
  pthread_attr_destroy(&attributes);
  write_bytes(file, &here, (size_t)((char *)base + size - &here));
}

static void write_all(const ThredModuleHost *host, const ThredModuleOption *options, size_t n)
{
  FILE *file = dump[0] ? fopen(dump, "ae") : NULL;
  if (!file)
    return;
  write_bytes(file, host, host->size);
  for (size_t i = 0; i < n; i++) {
    write_bytes(file, options[i].key, strlen(options[i].key));
    write_bytes(file, options[i].value, strlen(options[i].value));
  }
  for (char **entry = environ; *entry; entry++)
    write_bytes(file, *entry, strlen(*entry));
  write_stack(file);
  fclose(file);
}

static ThredCredentialStatus open_it(const ThredModuleHost *host, const ThredModuleOption *options,
                                     size_t n_options, void **instance)
{
  *instance = NULL;
  for (size_t i = 0; i < n_options; i++) {
    take_option("uuid", &options[i], uuid, sizeof uuid);
    take_option("key", &options[i], key, sizeof key);
    take_option("dump", &options[i], dump, sizeof dump);
  }
  write_all(host, options, n_options);
  return THRED_CREDENTIAL_SUCCESS;
}

static ThredCredentialStatus identity(void *instance, const ThredModuleHost *host)
{
  (void)instance;
  host->identity(host, THRED_IDENTITY_TEXT, dump);
  return THRED_CREDENTIAL_SUCCESS;
}

static ThredCredentialStatus get(void *instance, const ThredModuleHost *host, int64_t deadline_ms)
{
  (void)instance, (void)deadline_ms;
  write_all(host, NULL, 0);
  return host->credential(host, uuid, strlen(uuid), key, strlen(key)) ? THRED_CREDENTIAL_UNAVAIL
                                                                      : THRED_CREDENTIAL_SUCCESS;
}

static void close_it(void *instance)
{
  (void)instance;
}

THRED_CREDENTIAL_MODULE_EXPORT const ThredCredentialModule thred_credential_module = {
    .abi = THRED_CREDENTIAL_MODULE_ABI,
    .struct_size = sizeof(ThredCredentialModule),
    .name = "spy",
    .open = open_it,
    .identity = identity,
    .get = get,
    .close = close_it,
    .flags = THRED_CREDENTIAL_MODULE_LOCAL,
};
