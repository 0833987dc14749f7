/* SPDX-License-Identifier: MIT */
#include "lib/fetch/source.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "lib/clock.h"
#include "lib/fetch/credentials-load.h"
#include "lib/fetch/text.h"
#include "lib/secure.h"

#define IDENTITY_MAX   4096u /* bytes of one identity text: PATH_MAX */
#define IDENTITIES_MAX 256u  /* and one more says that there are too many */
#define GRACE_MS       250   /* after its deadline a module is still waited for so long */

typedef struct {
  ThredIdentityKind kind;
  char *text;
} Identity;

/* A question under way. All of it is its own: it may outlive whoever asked. */
typedef struct {
  ThredModuleHost host;
  char said[ERROR_MESSAGE_SIZE];
  const ThredCredentialModule *module;
  void *instance;
  ThredModuleOption *options; /* deep copies */
  size_t n_options;
  int64_t deadline_ms;
  GuardThreads threads;
  void (*note)(const char *text);
  bool gets; /* else it is `identity` */
  bool in_get, in_identity;
  ThredCredentialStatus status;
  Credential credential;
  bool delivered;
  Identity identities[IDENTITIES_MAX + 1];
  size_t n_identities;
  bool bad_identity;
} Source;

static void say(Source *source, const char *text)
{
  text_copy(source->said, sizeof source->said, text, strlen(text));
}

/* ---- the library's side of a call (ThredModuleHost) ---- */

static void host_message(const ThredModuleHost *host, const char *text)
{
  if (text)
    say(host->data, text);
}

static void add_identity(Source *source, ThredIdentityKind kind, const char *text)
{
  if (source->n_identities > IDENTITIES_MAX)
    return;
  Identity *identity = &source->identities[source->n_identities];
  *identity = (Identity){kind, strdup(text)};
  if (identity->text)
    source->n_identities++;
  else
    source->bad_identity = true;
}

static bool is_known(ThredIdentityKind kind)
{
  return kind == THRED_IDENTITY_ENV || kind == THRED_IDENTITY_FILE || kind == THRED_IDENTITY_TEXT ||
         kind == THRED_IDENTITY_ENV_FILE;
}

/* A relative path would name another file in each process that reads the configuration. */
static bool is_found(ThredIdentityKind kind, const char *text)
{
  if (kind == THRED_IDENTITY_FILE)
    return text[0] == '/';
  const char *mark = text + strcspn(text, ":/");
  return kind != THRED_IDENTITY_ENV_FILE ||
         (mark > text &&
          (*mark == '/' ? mark[1] != 0
                        : *mark == ':' && (mark[1] == '/' || strncmp(mark + 1, "~/", 2) == 0)));
}

static void host_identity(const ThredModuleHost *host, ThredIdentityKind kind, const char *text)
{
  Source *source = host->data;
  if (!source->in_identity)
    return;
  if (!is_known(kind) || !text || !text[0] || strnlen(text, IDENTITY_MAX) == IDENTITY_MAX ||
      !is_found(kind, text)) {
    source->bad_identity = true;
    return;
  }
  add_identity(source, kind, text);
}

static bool has_control(const char *text, size_t length)
{
  for (size_t i = 0; i < length; i++)
    if (text_is_control((unsigned char)text[i]))
      return true;
  return false;
}

/* RFC 7617, 2: the user has no colon, and neither user nor password has control characters. Any
 * other byte is the server's business. */
static const char *credential_problem(const char *uuid, size_t uuid_length, const char *key,
                                      size_t key_length)
{
  if (!uuid || uuid_length == 0)
    return "the partner UUID is empty";
  if (uuid_length > THRED_PARTNER_UUID_MAX)
    return "the partner UUID is longer than 128 bytes";
  if (memchr(uuid, ':', uuid_length))
    return "the partner UUID has a colon in it";
  if (has_control(uuid, uuid_length))
    return "the partner UUID has a control character in it";
  if (!key || key_length == 0)
    return "the API key is empty";
  if (key_length > THRED_API_KEY_MAX)
    return "the API key is longer than 4096 bytes";
  if (has_control(key, key_length))
    return "the API key has a control character in it";
  return NULL;
}

static int host_credential(const ThredModuleHost *host, const char *uuid, size_t uuid_length,
                           const char *key, size_t key_length)
{
  Source *source = host->data;
  Credential *credential = &source->credential;
  if (!source->in_get)
    return -1;
  credential_clear(credential);
  const char *problem = credential_problem(uuid, uuid_length, key, key_length);
  source->delivered = problem == NULL;
  if (problem) {
    say(source, problem);
    return -1;
  }
  memcpy(credential->partner_uuid, uuid, uuid_length);
  credential->partner_uuid_length = uuid_length;
  memcpy(credential->api_key, key, key_length);
  credential->api_key_length = key_length;
  return 0;
}

static void host_wait(const ThredModuleHost *host, int begins)
{
  const Source *source = host->data;
  if (!source->in_get)
    return;
  if (begins && source->threads.wait_begin)
    source->threads.wait_begin();
  else if (!begins && source->threads.wait_end)
    source->threads.wait_end();
}

static void host_note(const ThredModuleHost *host, const char *text)
{
  const Source *source = host->data;
  char tame[ERROR_MESSAGE_SIZE];
  if (!source->in_get || !source->note || !text)
    return;
  int length = snprintf(tame, sizeof tame, "%s: ", source->module->name);
  text_copy(tame + length, sizeof tame - (size_t)length, text, strlen(text));
  source->note(tame);
}

/* ---- one question ---- */

static const char *default_words(ThredCredentialStatus status)
{
  switch (status) {
  case THRED_CREDENTIAL_SUCCESS:
    return "delivered";
  case THRED_CREDENTIAL_NOTFOUND:
    return "holds no credential";
  case THRED_CREDENTIAL_TRYAGAIN:
    return "is busy or cannot be reached now";
  case THRED_CREDENTIAL_UNAVAIL:
    break;
  }
  return "cannot be used";
}

/* A status from outside the enum would index outside the stack's actions. */
static ThredCredentialStatus checked_status(Source *source, int status, const char *operation)
{
  if (status < THRED_CREDENTIAL_SUCCESS || status > THRED_CREDENTIAL_TRYAGAIN) {
    snprintf(source->said, sizeof source->said,
             "the module '%s' is broken: its '%s' answered status %d, which does not exist",
             source->module->name, operation, status);
    return THRED_CREDENTIAL_UNAVAIL;
  }
  if (status != THRED_CREDENTIAL_SUCCESS && !source->said[0])
    say(source, default_words((ThredCredentialStatus)status));
  return (ThredCredentialStatus)status;
}

static ThredCredentialStatus get(Source *source)
{
  source->in_get = true;
  int status = source->module->get(source->instance, &source->host, source->deadline_ms);
  source->in_get = false;
  ThredCredentialStatus checked = checked_status(source, status, "get");
  if (checked == THRED_CREDENTIAL_SUCCESS && !source->delivered) {
    char said[ERROR_MESSAGE_SIZE];
    snprintf(said, sizeof said, "%s", source->said);
    snprintf(source->said, sizeof source->said,
             "the module '%s' is broken: it answered success without a usable credential%s%.300s",
             source->module->name, said[0] ? ": " : "", said);
    checked = THRED_CREDENTIAL_UNAVAIL;
  }
  return checked;
}

static ThredCredentialStatus identity(Source *source)
{
  source->in_identity = true;
  int status = source->module->identity(source->instance, &source->host);
  source->in_identity = false;
  ThredCredentialStatus checked = checked_status(source, status, "identity");
  if (checked == THRED_CREDENTIAL_SUCCESS && source->bad_identity) {
    snprintf(source->said, sizeof source->said,
             "the module '%s' is broken: it declared an identity of an unknown kind, without "
             "text, too long, or with a path that is not absolute",
             source->module->name);
    checked = THRED_CREDENTIAL_UNAVAIL;
  }
  return checked;
}

/* In whatever thread. */
static void work(void *data)
{
  Source *source = data;
  int status =
      source->module->open(&source->host, source->options, source->n_options, &source->instance);
  source->status = checked_status(source, status, "open");
  if (source->status != THRED_CREDENTIAL_SUCCESS)
    return;
  source->said[0] = 0;
  source->status = source->gets ? get(source) : identity(source);
  source->module->close(source->instance);
}

static void free_source(Source *source)
{
  for (size_t i = 0; i < source->n_options; i++) {
    free((char *)(uintptr_t)source->options[i].key);
    free((char *)(uintptr_t)source->options[i].value);
    free((char *)(uintptr_t)source->options[i].file);
  }
  free(source->options);
  for (size_t i = 0; i < source->n_identities; i++)
    free(source->identities[i].text);
  credential_clear(&source->credential);
  free(source);
}

/* It came back after all. */
static void release(void *data)
{
  Source *source = data;
  credentials_note_hanging(source->module, false);
  free_source(source);
}

static bool copy_option(const ThredModuleOption *option, ThredModuleOption *copy)
{
  char *key = strdup(option->key), *value = strdup(option->value), *file = strdup(option->file);
  copy->key = key;
  copy->value = value;
  copy->file = file;
  copy->line = option->line;
  return key && value && file;
}

static bool copy_options(Source *source, const SourceQuestion *question)
{
  source->options = calloc(question->n_options + 1, sizeof *source->options);
  for (size_t i = 0; source->options && i < question->n_options; i++) {
    source->n_options++;
    if (!copy_option(&question->options[i], &source->options[i]))
      return false;
  }
  return source->options != NULL;
}

/* NULL, and one sentence: out of memory, or no module. */
static Source *new_source(const SourceQuestion *question, bool gets, char said[ERROR_MESSAGE_SIZE])
{
  char why[ERROR_MESSAGE_SIZE] = "out of memory";
  Source *source = calloc(1, sizeof *source);
  if (source && copy_options(source, question)) {
    source->module = credentials_load(question->module_dir, question->module, why, sizeof why);
    if (source->module && gets && credentials_is_hanging(source->module)) {
      snprintf(why, sizeof why, "the module '%s' still hangs in an earlier call",
               source->module->name);
      source->module = NULL;
    }
  }
  if (!source || !source->module) {
    text_copy(said, ERROR_MESSAGE_SIZE, why, strlen(why));
    if (source)
      free_source(source);
    return NULL;
  }
  source->host = (ThredModuleHost){.size = sizeof(ThredModuleHost),
                                   .data = source,
                                   .message = host_message,
                                   .identity = host_identity,
                                   .credential = host_credential,
                                   .at_secure = question->at_secure,
                                   .refused = question->refused,
                                   .wait = host_wait,
                                   .note = host_note};
  source->gets = gets;
  source->deadline_ms = question->deadline_ms;
  source->threads = question->threads;
  source->note = question->note;
  return source;
}

/* False: it hangs, and is not the caller's any more. */
static bool answer(Source *source, const SourceQuestion *question, char said[ERROR_MESSAGE_SIZE])
{
  const ThredCredentialModule *module = source->module;
  if (module->flags & THRED_CREDENTIAL_MODULE_LOCAL) {
    work(source);
  } else if (!guard_run(&question->threads, work, release, source,
                        question->deadline_ms + GRACE_MS)) {
    credentials_note_hanging(module, true);
    snprintf(said, ERROR_MESSAGE_SIZE,
             "the module '%s' is broken: it had not come back %d ms after its deadline",
             module->name, GRACE_MS);
    return false;
  }
  memcpy(said, source->said, ERROR_MESSAGE_SIZE);
  return true;
}

ThredCredentialStatus source_get(const SourceQuestion *question, Credential *credential,
                                 char said[ERROR_MESSAGE_SIZE])
{
  ThredCredentialStatus status = THRED_CREDENTIAL_UNAVAIL;
  credential_clear(credential);
  Source *source = new_source(question, true, said);
  if (!source || !answer(source, question, said))
    return status;
  status = source->status;
  if (status == THRED_CREDENTIAL_SUCCESS)
    *credential = source->credential;
  free_source(source);
  return status;
}

ThredCredentialStatus source_identity(const SourceQuestion *question, CredentialsIdentityFunc each,
                                      void *data, char said[ERROR_MESSAGE_SIZE])
{
  ThredCredentialStatus status = THRED_CREDENTIAL_UNAVAIL;
  Source *source = new_source(question, false, said);
  if (!source || !answer(source, question, said))
    return status;
  status = source->status;
  for (size_t i = 0; status == THRED_CREDENTIAL_SUCCESS && i < source->n_identities; i++)
    each(source->identities[i].kind, source->identities[i].text, data);
  free_source(source);
  return status;
}
