/* SPDX-License-Identifier: MIT */
/*
 * file - the credential from files: one of KEY=value lines,
 *
 *     # comment
 *     THRED_PARTNER_UUID=3c90c3cc-0d44-4b50-8888-8dd25736052a
 *     THRED_API_KEY=...
 *
 * (values are verbatim, quotes included, but for blanks at both ends), or two that hold nothing but
 * the value, as Kubernetes mounts the keys of a Secret.
 */
#include <stdlib.h>
#include <string.h>

#include "config.h"
#include "plugin/credentials/module.h"

typedef struct {
  char *path, *uuid_path, *key_path;
} File;

static const ModuleRule rules[] = {
    {"path", offsetof(File, path), MODULE_PATH, NULL},
    {"uuid-path", offsetof(File, uuid_path), MODULE_PATH, NULL},
    {"key-path", offsetof(File, key_path), MODULE_PATH, NULL},
    MODULE_RULES_END,
};

static void file_close(void *instance)
{
  module_free(rules, instance);
}

static const char *problem(const File *file, size_t n_options)
{
  if (!file->uuid_path != !file->key_path)
    return "uuid-path and key-path go together";
  if (file->path && file->key_path)
    return "it is either path, or uuid-path and key-path";
  return n_options > 0 && !file->path && !file->key_path ? "no path" : NULL;
}

static ThredCredentialStatus file_open(const ThredModuleHost *host,
                                       const ThredModuleOption *options, size_t n_options,
                                       void **instance)
{
  File *file = calloc(1, sizeof *file);
  const char *why = NULL;
  if (!file)
    return module_says(host, THRED_CREDENTIAL_UNAVAIL, "out of memory");
  if (module_read(host, "file", rules, file, options, n_options)) {
    why = problem(file, n_options);
    if (why)
      module_says(host, THRED_CREDENTIAL_UNAVAIL, "%s:%u: the module file: %s", options[0].file,
                  options[0].line, why);
    else if (n_options == 0 && !(file->path = strdup(THRED_DEFAULT_CREDENTIALS)))
      module_says(host, THRED_CREDENTIAL_UNAVAIL, "out of memory");
    if (!why && (file->path || file->key_path)) {
      *instance = file;
      return THRED_CREDENTIAL_SUCCESS;
    }
  }
  file_close(file);
  return THRED_CREDENTIAL_UNAVAIL;
}

static ThredCredentialStatus file_identity(void *instance, const ThredModuleHost *host)
{
  const File *file = instance;
  if (file->path)
    host->identity(host, THRED_IDENTITY_FILE, file->path);
  if (file->key_path) {
    host->identity(host, THRED_IDENTITY_FILE, file->uuid_path);
    host->identity(host, THRED_IDENTITY_FILE, file->key_path);
  }
  return THRED_CREDENTIAL_SUCCESS;
}

static ThredCredentialStatus file_get(void *instance, const ThredModuleHost *host,
                                      int64_t deadline_ms)
{
  (void)deadline_ms; /* a local file does not wait */
  const File *file = instance;
  return file->path ? module_deliver_file(host, file->path)
                    : module_deliver_files(host, file->uuid_path, file->key_path);
}

const ThredCredentialModule thred_credential_module = {
    .abi = THRED_CREDENTIAL_MODULE_ABI,
    .struct_size = sizeof(ThredCredentialModule),
    .name = "file",
    .open = file_open,
    .identity = file_identity,
    .get = file_get,
    .close = file_close,
    .flags = THRED_CREDENTIAL_MODULE_LOCAL,
};
