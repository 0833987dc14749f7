/* SPDX-License-Identifier: MIT */
/*
 * script.c - a module that does what its options say.
 *
 *     open, identity, get = a status by number, also one that does not exist
 *     uuid, key           = what get delivers (both are needed)
 *     uuid-length, key-length = deliver so many bytes 'x' instead
 *     null                = yes: deliver NULL pointers
 *     message             = what the operations say; "long": 2000 bytes
 *     open-message        = what open says after that
 *     wrong-call          = yes: calls credential() in open and identity, identity() in get
 *     sleep-ms            = get sleeps so long before it answers
 *     sleep-in            = open, or identity: that one does
 *     echo                = yes: get delivers "refused" or "first" for the key, as it is told
 *     kind, text          = an identity, by number, and its text; text-length: so many bytes of 'x'
 */
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "zoo.h"

typedef struct {
  int open, identity, get;
  char *uuid, *key, *message, *open_message, *text, *sleep_in;
  bool null, wrong_call, echo;
  int kind;
  long sleep_ms;
} Script;

ZooCalls zoo_calls;

static char *filler(const char *length)
{
  size_t n = strtoul(length, NULL, 10);
  char *text = malloc(n + 1);
  memset(text, 'x', n);
  text[n] = 0;
  return text;
}

static void set(char **slot, char *value)
{
  free(*slot);
  *slot = value;
}

static void read_option(Script *script, const char *key, const char *value)
{
  if (strcmp(key, "open") == 0)
    script->open = atoi(value);
  else if (strcmp(key, "identity") == 0)
    script->identity = atoi(value);
  else if (strcmp(key, "get") == 0)
    script->get = atoi(value);
  else if (strcmp(key, "uuid") == 0)
    set(&script->uuid, strdup(value));
  else if (strcmp(key, "key") == 0)
    set(&script->key, strdup(value));
  else if (strcmp(key, "uuid-length") == 0)
    set(&script->uuid, filler(value));
  else if (strcmp(key, "key-length") == 0)
    set(&script->key, filler(value));
  else if (strcmp(key, "message") == 0)
    set(&script->message, strcmp(value, "long") == 0 ? filler("2000") : strdup(value));
  else if (strcmp(key, "open-message") == 0)
    set(&script->open_message, strdup(value));
  else if (strcmp(key, "text") == 0)
    set(&script->text, strdup(value));
  else if (strcmp(key, "text-length") == 0)
    set(&script->text, filler(value));
  else if (strcmp(key, "kind") == 0)
    script->kind = atoi(value);
  else if (strcmp(key, "null") == 0)
    script->null = true;
  else if (strcmp(key, "wrong-call") == 0)
    script->wrong_call = true;
  else if (strcmp(key, "sleep-ms") == 0)
    script->sleep_ms = atol(value);
  else if (strcmp(key, "sleep-in") == 0)
    set(&script->sleep_in, strdup(value));
  else if (strcmp(key, "echo") == 0)
    script->echo = true;
}

static void script_free(Script *script)
{
  free(script->uuid);
  free(script->key);
  free(script->message);
  free(script->open_message);
  free(script->text);
  free(script->sleep_in);
  free(script);
}

static void rest(const Script *script, const char *operation)
{
  const char *where = script->sleep_in ? script->sleep_in : "get";
  if (script->sleep_ms && strcmp(where, operation) == 0)
    nanosleep(&(struct timespec){script->sleep_ms / 1000, script->sleep_ms % 1000 * 1000000}, NULL);
}

static void speak(const Script *script, const ThredModuleHost *host)
{
  host->message(host, NULL);
  if (script->message)
    host->message(host, script->message);
}

static ThredCredentialStatus script_open(const ThredModuleHost *host,
                                         const ThredModuleOption *options, size_t n_options,
                                         void **instance)
{
  Script *script = calloc(1, sizeof *script);
  zoo_calls.open++;
  script->kind = -1;
  for (size_t i = 0; i < n_options; i++)
    read_option(script, options[i].key, options[i].value);
  rest(script, "open");
  speak(script, host);
  if (script->open_message)
    host->message(host, script->open_message);
  if (script->wrong_call && host->credential(host, "wrong", 5, "wrong", 5) == 0)
    abort();
  int status = script->open;
  if (status == THRED_CREDENTIAL_SUCCESS) {
    zoo_calls.instances++;
    *instance = script;
  } else {
    script_free(script);
  }
  return (ThredCredentialStatus)status;
}

static ThredCredentialStatus script_identity(void *instance, const ThredModuleHost *host)
{
  Script *script = instance;
  zoo_calls.identity++;
  rest(script, "identity");
  speak(script, host);
  if (script->wrong_call && host->credential(host, "wrong", 5, "wrong", 5) == 0)
    abort();
  if (script->kind >= 0)
    host->identity(host, (ThredIdentityKind)script->kind, script->text);
  return (ThredCredentialStatus)script->identity;
}

static ThredCredentialStatus script_get(void *instance, const ThredModuleHost *host,
                                        int64_t deadline_ms)
{
  Script *script = instance;
  (void)deadline_ms;
  zoo_calls.get++;
  speak(script, host);
  if (script->wrong_call)
    host->identity(host, THRED_IDENTITY_TEXT, "wrong");
  host->wait(host, 1);
  rest(script, "get");
  host->wait(host, 0);
  if (script->echo)
    set(&script->key, strdup(host->refused ? "refused" : "first"));
  if (script->null)
    host->credential(host, NULL, 4, NULL, 4);
  else if (script->uuid && script->key)
    host->credential(host, script->uuid, strlen(script->uuid), script->key, strlen(script->key));
  return (ThredCredentialStatus)script->get;
}

static void script_close(void *instance)
{
  zoo_calls.close++;
  zoo_calls.instances--;
  script_free(instance);
}

const ThredCredentialModule thred_credential_module = {
    .abi = THRED_CREDENTIAL_MODULE_ABI,
    .struct_size = sizeof(ThredCredentialModule),
    .name = ZOO_NAME,
    .open = script_open,
    .identity = script_identity,
    .get = script_get,
    .close = script_close,
    .flags = ZOO_FLAGS,
};
