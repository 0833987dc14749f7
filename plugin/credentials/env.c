/* SPDX-License-Identifier: MIT */
/*
 * env - the credential from the environment variables that Thred's own tool reads too.
 *
 * It has no options and no instance. Under AT_SECURE the environment is the caller's, not the
 * administrator's, and holds nothing for us (ld.so(8), getauxval(3)).
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <thred/credential-module.h>

#define UUID_NAME "THRED_PARTNER_UUID"
#define KEY_NAME  "THRED_API_KEY"

static ThredCredentialStatus env_open(const ThredModuleHost *host, const ThredModuleOption *options,
                                      size_t n_options, void **instance)
{
  *instance = NULL;
  if (n_options == 0)
    return THRED_CREDENTIAL_SUCCESS;
  char text[400];
  snprintf(text, sizeof text, "%s:%u: the module env takes no options, '%.64s' is one",
           options[0].file, options[0].line, options[0].key);
  host->message(host, text);
  return THRED_CREDENTIAL_UNAVAIL;
}

static ThredCredentialStatus env_identity(void *instance, const ThredModuleHost *host)
{
  (void)instance;
  if (!host->at_secure) {
    host->identity(host, THRED_IDENTITY_ENV, UUID_NAME);
    host->identity(host, THRED_IDENTITY_ENV, KEY_NAME);
  }
  return THRED_CREDENTIAL_SUCCESS;
}

/* An empty variable is how a container or a unit file says "not set". */
static const char *variable(const char *name)
{
  const char *value = getenv(name);
  return value && value[0] ? value : NULL;
}

static ThredCredentialStatus env_get(void *instance, const ThredModuleHost *host,
                                     int64_t deadline_ms)
{
  (void)instance;
  (void)deadline_ms;
  if (host->at_secure) {
    host->message(host, "environment variables do not count in a program with AT_SECURE");
    return THRED_CREDENTIAL_NOTFOUND;
  }
  const char *uuid = variable(UUID_NAME), *key = variable(KEY_NAME);
  if (!uuid && !key) {
    host->message(host, "neither " UUID_NAME " nor " KEY_NAME " is set");
    return THRED_CREDENTIAL_NOTFOUND;
  }
  if (!uuid || !key) {
    host->message(host, uuid ? UUID_NAME " is set, but " KEY_NAME " is not set or empty"
                             : KEY_NAME " is set, but " UUID_NAME " is not set or empty");
    return THRED_CREDENTIAL_UNAVAIL;
  }
  return host->credential(host, uuid, strlen(uuid), key, strlen(key)) ? THRED_CREDENTIAL_UNAVAIL
                                                                      : THRED_CREDENTIAL_SUCCESS;
}

static void env_close(void *instance)
{
  (void)instance;
}

const ThredCredentialModule thred_credential_module = {
    .abi = THRED_CREDENTIAL_MODULE_ABI,
    .struct_size = sizeof(ThredCredentialModule),
    .name = "env",
    .open = env_open,
    .identity = env_identity,
    .get = env_get,
    .close = env_close,
    .flags = THRED_CREDENTIAL_MODULE_LOCAL,
};
