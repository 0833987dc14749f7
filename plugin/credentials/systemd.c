/* SPDX-License-Identifier: MIT */
/*
 * systemd - the credential from what the service manager hands to a service: LoadCredential=,
 * LoadCredentialEncrypted=, SetCredential= and the like (systemd.exec(5), "Credentials").
 *
 * The manager names the folder in $CREDENTIALS_DIRECTORY; it decrypts what is encrypted.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "plugin/credentials/module.h"

#define DIRECTORY    "CREDENTIALS_DIRECTORY"
#define DEFAULT_NAME "thred"

typedef struct {
  char *name, *uuid_name, *key_name;
} Systemd;

static const ModuleRule rules[] = {
    {"name", offsetof(Systemd, name), MODULE_TEXT, NULL},
    {"uuid-name", offsetof(Systemd, uuid_name), MODULE_TEXT, NULL},
    {"key-name", offsetof(Systemd, key_name), MODULE_TEXT, NULL},
    MODULE_RULES_END,
};

static void systemd_close(void *instance)
{
  module_free(rules, instance);
}

/* As systemd has it: what can be a file's name (systemd.exec(5)). */
static int is_name(const char *name)
{
  return !name || (name[0] && name[0] != '.' && !strchr(name, '/') && !strchr(name, ':') &&
                   strlen(name) < 256);
}

static const char *problem(const Systemd *systemd)
{
  if (!is_name(systemd->name) || !is_name(systemd->uuid_name) || !is_name(systemd->key_name))
    return "the name of a credential has no '/' or ':' in it, and does not begin with '.'";
  if (!systemd->uuid_name != !systemd->key_name)
    return "uuid-name and key-name go together";
  return systemd->name && systemd->key_name ? "it is either name, or uuid-name and key-name" : NULL;
}

static ThredCredentialStatus systemd_open(const ThredModuleHost *host,
                                          const ThredModuleOption *options, size_t n_options,
                                          void **instance)
{
  Systemd *systemd = calloc(1, sizeof *systemd);
  if (!systemd)
    return module_says(host, THRED_CREDENTIAL_UNAVAIL, "out of memory");
  if (module_read(host, "systemd", rules, systemd, options, n_options)) {
    const char *why = problem(systemd);
    if (!why) {
      *instance = systemd;
      return THRED_CREDENTIAL_SUCCESS;
    }
    module_says(host, THRED_CREDENTIAL_UNAVAIL, "%s:%u: the module systemd: %s", options[0].file,
                options[0].line, why);
  }
  systemd_close(systemd);
  return THRED_CREDENTIAL_UNAVAIL;
}

static void identify(const ThredModuleHost *host, const char *name)
{
  char text[sizeof DIRECTORY + 256];
  snprintf(text, sizeof text, DIRECTORY "/%s", name);
  host->identity(host, THRED_IDENTITY_ENV_FILE, text);
}

static ThredCredentialStatus systemd_identity(void *instance, const ThredModuleHost *host)
{
  const Systemd *systemd = instance;
  if (host->at_secure)
    return THRED_CREDENTIAL_SUCCESS;
  if (systemd->key_name) {
    identify(host, systemd->uuid_name);
    identify(host, systemd->key_name);
  } else {
    identify(host, systemd->name ? systemd->name : DEFAULT_NAME);
  }
  return THRED_CREDENTIAL_SUCCESS;
}

static ThredCredentialStatus deliver(const Systemd *systemd, const ThredModuleHost *host,
                                     const char *directory)
{
  const char *first = systemd->uuid_name ? systemd->uuid_name
                      : systemd->name    ? systemd->name
                                         : DEFAULT_NAME;
  char *path = NULL, *key_path = NULL;
  ThredCredentialStatus status = THRED_CREDENTIAL_UNAVAIL;
  if (asprintf(&path, "%s/%s", directory, first) < 0)
    path = NULL;
  if (systemd->key_name && asprintf(&key_path, "%s/%s", directory, systemd->key_name) < 0)
    key_path = NULL;
  if (!path || (systemd->key_name && !key_path))
    module_says(host, status, "out of memory");
  else
    status =
        key_path ? module_deliver_files(host, path, key_path) : module_deliver_file(host, path);
  free(path);
  free(key_path);
  return status;
}

static ThredCredentialStatus systemd_get(void *instance, const ThredModuleHost *host,
                                         int64_t deadline_ms)
{
  (void)deadline_ms; /* a local file does not wait */
  const Systemd *systemd = instance;
  const char *directory = host->at_secure ? NULL : getenv(DIRECTORY);
  if (host->at_secure)
    return module_says(host, THRED_CREDENTIAL_NOTFOUND,
                       "environment variables do not count in a program with AT_SECURE");
  if (!directory || !directory[0])
    return module_says(host, THRED_CREDENTIAL_NOTFOUND,
                       DIRECTORY " is not set: systemd has handed no credential to this process");
  if (directory[0] != '/')
    return module_says(host, THRED_CREDENTIAL_UNAVAIL, DIRECTORY ": '%.128s' is not absolute",
                       directory);
  return deliver(systemd, host, directory);
}

const ThredCredentialModule thred_credential_module = {
    .abi = THRED_CREDENTIAL_MODULE_ABI,
    .struct_size = sizeof(ThredCredentialModule),
    .name = "systemd",
    .open = systemd_open,
    .identity = systemd_identity,
    .get = systemd_get,
    .close = systemd_close,
    .flags = THRED_CREDENTIAL_MODULE_LOCAL,
};
