/* SPDX-License-Identifier: MIT */
/*
 * credential-pass.c - a credential module to begin from: the API key is the first line of a file,
 * the partner UUID stands in the configuration.
 *
 *     [environment sandbox]
 *     credentials = pass
 *
 *     [credentials pass]
 *     uuid = 3c90c3cc-0d44-4b50-8888-8dd25736052a
 *     file = /run/secrets/thred-api-key
 *
 *     cc -std=c11 -fPIC -shared -fvisibility=hidden -o pass.so credential-pass.c \
 *        $(pkg-config --cflags thred-auth)
 *     install -m 644 pass.so "$(pkg-config --variable=moduledir thred-auth)"
 *
 * One rule before all others: this runs inside other people's programs.
 */
#define _GNU_SOURCE /* explicit_bzero */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <thred/credential-module.h>

typedef struct {
  char *uuid, *file;
} Pass;

static ThredCredentialStatus say(const ThredModuleHost *host, ThredCredentialStatus status,
                                 const char *text)
{
  host->message(host, text); /* for the log and `thredctl check`; never a secret */
  return status;
}

static void pass_close(void *instance)
{
  Pass *pass = instance;
  free(pass->uuid);
  free(pass->file);
  free(pass);
}

/* Options come with their file and line, for messages. What is unknown is an error. */
static ThredCredentialStatus pass_open(const ThredModuleHost *host,
                                       const ThredModuleOption *options, size_t n_options,
                                       void **instance)
{
  Pass *pass = calloc(1, sizeof *pass);
  if (!pass)
    return say(host, THRED_CREDENTIAL_UNAVAIL, "out of memory");
  for (size_t i = 0; i < n_options; i++) {
    char **slot = strcmp(options[i].key, "uuid") == 0   ? &pass->uuid
                  : strcmp(options[i].key, "file") == 0 ? &pass->file
                                                        : NULL;
    char text[400];
    if (slot) {
      free(*slot);
      *slot = strdup(options[i].value);
      continue;
    }
    snprintf(text, sizeof text, "%s:%u: the module pass has no option '%.64s' (it has: uuid, file)",
             options[i].file, options[i].line, options[i].key);
    pass_close(pass);
    return say(host, THRED_CREDENTIAL_UNAVAIL, text);
  }
  if (!pass->uuid || !pass->file || pass->file[0] != '/') {
    pass_close(pass);
    return say(host, THRED_CREDENTIAL_UNAVAIL,
               "the module pass needs uuid, and file as an absolute path");
  }
  *instance = pass;
  return THRED_CREDENTIAL_SUCCESS;
}

/* All that the answer depends on: two processes share a token only if this is the same in both. */
static ThredCredentialStatus pass_identity(void *instance, const ThredModuleHost *host)
{
  const Pass *pass = instance;
  host->identity(host, THRED_IDENTITY_TEXT, pass->uuid);
  host->identity(host, THRED_IDENTITY_FILE, pass->file);
  return THRED_CREDENTIAL_SUCCESS;
}

static ThredCredentialStatus pass_get(void *instance, const ThredModuleHost *host,
                                      int64_t deadline_ms)
{
  const Pass *pass = instance;
  char key[THRED_API_KEY_MAX + 2], text[400];
  (void)deadline_ms; /* see THRED_CREDENTIAL_MODULE_LOCAL below */
  FILE *file = fopen(pass->file, "re");
  if (!file) {
    const ThredCredentialStatus status =
        errno == ENOENT ? THRED_CREDENTIAL_NOTFOUND : THRED_CREDENTIAL_UNAVAIL;
    snprintf(text, sizeof text, "%.300s: cannot be opened", pass->file);
    return say(host, status, text);
  }
  setvbuf(file, NULL, _IONBF, 0); /* no copy of the secret in a buffer of stdio's */
  size_t length = fread(key, 1, sizeof key - 1, file);
  fclose(file);
  key[length] = 0;
  length = strcspn(key, "\r\n");
  ThredCredentialStatus status =
      host->credential(host, pass->uuid, strlen(pass->uuid), key, length) == 0
          ? THRED_CREDENTIAL_SUCCESS
          : THRED_CREDENTIAL_UNAVAIL; /* credential() has said why */
  explicit_bzero(key, sizeof key);
  return status;
}

const ThredCredentialModule thred_credential_module = {
    .abi = THRED_CREDENTIAL_MODULE_ABI,
    .struct_size = sizeof(ThredCredentialModule),
    .name = "pass", /* the file's name without ".so" */
    .open = pass_open,
    .identity = pass_identity,
    .get = pass_get,
    .close = pass_close,
    /* It reads a local file and does not wait. Leave it out if `get` may: it then runs in a thread
     * of its own, should tell host->wait() when it does nothing but wait, and must be back by the
     * deadline. */
    .flags = THRED_CREDENTIAL_MODULE_LOCAL,
};
