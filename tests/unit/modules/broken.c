/* SPDX-License-Identifier: MIT */
/*
 * broken.c - descriptors that are wrong in one way each. Built once for every BROKEN_... with that
 * name; ZOO_NAME is the file's name without ".so".
 */
#ifdef BROKEN_TAKEN
#include <json-c/json.h>
#endif
#include <stddef.h>
#include <thred/credential-module.h>

static ThredCredentialStatus broken_open(const ThredModuleHost *host,
                                         const ThredModuleOption *options, size_t n_options,
                                         void **instance)
{
  (void)options;
  (void)n_options;
  *instance = NULL;
  host->message(host, "a broken module was opened");
  return THRED_CREDENTIAL_SUCCESS;
}

static ThredCredentialStatus broken_identity(void *instance, const ThredModuleHost *host)
{
  (void)instance;
  host->identity(host, THRED_IDENTITY_TEXT, "a broken module was asked");
  return THRED_CREDENTIAL_SUCCESS;
}

static ThredCredentialStatus broken_get(void *instance, const ThredModuleHost *host,
                                        int64_t deadline_ms)
{
  (void)instance;
  (void)deadline_ms;
#ifdef BROKEN_TAKEN
  json_object_put(json_object_new_int64(1)); /* which the test has of its own */
#endif
  host->credential(host, "broken", 6, "broken", 6);
  return THRED_CREDENTIAL_SUCCESS;
}

static void broken_close(void *instance)
{
  (void)instance;
}

#ifndef BROKEN_SYMBOL
const ThredCredentialModule thred_credential_module = {
#ifdef BROKEN_ABI
    .abi = THRED_CREDENTIAL_MODULE_ABI + 1,
#else
    .abi = THRED_CREDENTIAL_MODULE_ABI,
#endif
#ifdef BROKEN_SIZE
    .struct_size = sizeof(ThredCredentialModule) - sizeof(void *),
#else
    .struct_size = sizeof(ThredCredentialModule),
#endif
#if defined(BROKEN_NO_NAME)
    .name = NULL,
#elif defined(BROKEN_NAME)
    .name = "another",
#else
    .name = ZOO_NAME,
#endif
#ifndef BROKEN_OPEN
    .open = broken_open,
#endif
#ifndef BROKEN_IDENTITY
    .identity = broken_identity,
#endif
#ifndef BROKEN_GET
    .get = broken_get,
#endif
#ifndef BROKEN_CLOSE
    .close = broken_close,
#endif
#ifdef BROKEN_FLAGS
    .flags = 1u << 31,
#endif
};
#else
extern THRED_CREDENTIAL_MODULE_EXPORT void (*const broken_operations[4])(void);
void (*const broken_operations[4])(void) = {
    (void (*)(void))broken_open, (void (*)(void))broken_identity, (void (*)(void))broken_get,
    (void (*)(void))broken_close};
#endif
