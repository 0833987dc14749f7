/* SPDX-License-Identifier: MIT */
#include "lib/fetch/credentials.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "lib/clock.h"
#include "lib/fetch/credentials-load.h"
#include "lib/fetch/text.h"
#include "lib/secure.h"

#define IDENTITY_MAX 4096u /* bytes of one identity text: PATH_MAX */

/*
 * One instance of a module and what it said. Each use opens its own instance, so that the module's
 * "one thread at a time" holds without a lock, and nothing is left behind at a fork.
 */
typedef struct {
  ThredModuleHost host;
  char said[ERROR_MESSAGE_SIZE];
  const ThredCredentialModule *module;
  void *instance;
  Credential *credential; /* in `get`: where it goes */
  bool delivered;
  CredentialsIdentityFunc each; /* in `identity`: who takes it */
  void *each_data;
  bool bad_identity;
} Source;

void credential_clear(Credential *credential)
{
  secure_wipe(credential, sizeof *credential);
}

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

static void host_identity(const ThredModuleHost *host, ThredIdentityKind kind, const char *text)
{
  Source *source = host->data;
  if (!source->each)
    return; /* outside `identity` */
  int known =
      kind == THRED_IDENTITY_ENV || kind == THRED_IDENTITY_FILE || kind == THRED_IDENTITY_TEXT;
  /* A relative path would name another file in each process that reads the configuration. */
  if (!known || !text || !text[0] || strnlen(text, IDENTITY_MAX) == IDENTITY_MAX ||
      (kind == THRED_IDENTITY_FILE && text[0] != '/')) {
    source->bad_identity = true;
    return;
  }
  source->each(kind, text, source->each_data);
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
  Credential *credential = source->credential;
  if (!credential)
    return -1; /* outside `get` */
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

/* ---- one source ---- */

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

/* Loads the module and opens an instance. On SUCCESS source_close() is due. */
static ThredCredentialStatus source_open(Source *source, const char *module_dir, const char *module,
                                         const ThredModuleOption *options, size_t n_options,
                                         int at_secure)
{
  char why[ERROR_MESSAGE_SIZE] = "";
  source->module = credentials_load(module_dir, module, why, sizeof why);
  if (!source->module) {
    say(source, why);
    return THRED_CREDENTIAL_UNAVAIL;
  }
  source->host = (ThredModuleHost){.size = sizeof(ThredModuleHost),
                                   .data = source,
                                   .message = host_message,
                                   .identity = host_identity,
                                   .credential = host_credential,
                                   .at_secure = at_secure};
  int status = source->module->open(&source->host, options, n_options, &source->instance);
  return checked_status(source, status, "open");
}

static void source_close(Source *source)
{
  source->module->close(source->instance);
}

static ThredCredentialStatus source_get(Source *source, Credential *credential, int64_t deadline_ms)
{
  source->said[0] = 0;
  source->credential = credential;
  int status = source->module->get(source->instance, &source->host, deadline_ms);
  source->credential = NULL;
  ThredCredentialStatus checked = checked_status(source, status, "get");
  if (checked == THRED_CREDENTIAL_SUCCESS && !source->delivered) {
    char said[ERROR_MESSAGE_SIZE];
    snprintf(said, sizeof said, "%s", source->said);
    snprintf(source->said, sizeof source->said,
             "the module '%s' is broken: it answered success without a usable credential%s%.300s",
             source->module->name, said[0] ? ": " : "", said);
    checked = THRED_CREDENTIAL_UNAVAIL;
  }
  if (checked != THRED_CREDENTIAL_SUCCESS)
    credential_clear(credential);
  return checked;
}

ThredCredentialStatus credentials_identity(const char *module_dir, const char *module,
                                           const ThredModuleOption *options, size_t n_options,
                                           int at_secure, CredentialsIdentityFunc each, void *data,
                                           Error *error)
{
  Source source = {0};
  ThredCredentialStatus status =
      source_open(&source, module_dir, module, options, n_options, at_secure);
  if (status == THRED_CREDENTIAL_SUCCESS) {
    source.said[0] = 0;
    source.each = each;
    source.each_data = data;
    int answer = source.module->identity(source.instance, &source.host);
    source.each = NULL;
    status = checked_status(&source, answer, "identity");
    if (status == THRED_CREDENTIAL_SUCCESS && source.bad_identity) {
      snprintf(source.said, sizeof source.said,
               "the module '%s' is broken: it declared an identity of an unknown kind, without "
               "text, too long, or with a path that is not absolute",
               source.module->name);
      status = THRED_CREDENTIAL_UNAVAIL;
    }
    source_close(&source);
  }
  if (status != THRED_CREDENTIAL_SUCCESS)
    error_set(error, THRED_E_CREDENTIALS, "%s", source.said);
  return status;
}

/* ---- the stack ---- */

#define RESERVED 96u /* bytes of the sentence that are kept free for each source still to come */

/* What the sources said, in their order: "env: ...; file: ...". */
typedef struct {
  char text[ERROR_MESSAGE_SIZE];
  uint32_t left; /* sources that may still have to be named */
} Tried;

/* However much one source says, the later ones are named too. */
static void tried_add(Tried *tried, const char *name, const char *said)
{
  char entry[2 * ERROR_MESSAGE_SIZE];
  size_t used = strlen(tried->text), room = sizeof tried->text - used;
  snprintf(entry, sizeof entry, "%s%.64s: %s", used ? "; " : "", name, said);
  size_t reserved = (size_t)(tried->left > 4 ? 4 : tried->left) * RESERVED;
  text_copy(tried->text + used, room > reserved + RESERVED ? room - reserved : room, entry,
            strlen(entry));
}

/* The options of an entry as modules see them; to be freed with free(). */
static ThredModuleOption *entry_options(const Snapshot *snapshot, const SnapshotStackEntry *entry)
{
  ThredModuleOption *options = calloc((size_t)entry->options.count + 1, sizeof *options);
  for (uint32_t i = 0; options && i < entry->options.count; i++) {
    const SnapshotOption *option = snapshot_option(snapshot, entry->options.offset + i);
    const char *file = snapshot_string(snapshot, option->file);
    options[i] = (ThredModuleOption){.key = snapshot_string(snapshot, option->key),
                                     .value = snapshot_string(snapshot, option->value),
                                     .file = file ? file : "",
                                     .line = option->line};
  }
  return options;
}

/* Asks one entry; what it said on failure is added to `tried`. */
static ThredCredentialStatus ask(const Snapshot *snapshot, const SnapshotStackEntry *entry,
                                 const char *module_dir, int at_secure, int64_t deadline_ms,
                                 Credential *credential, Tried *tried)
{
  Source source = {0};
  ThredCredentialStatus status = THRED_CREDENTIAL_UNAVAIL;
  ThredModuleOption *options = entry_options(snapshot, entry);
  if (!options) {
    say(&source, "out of memory");
  } else {
    status = source_open(&source, module_dir, snapshot_string(snapshot, entry->module), options,
                         entry->options.count, at_secure);
    if (status == THRED_CREDENTIAL_SUCCESS) {
      status = source_get(&source, credential, deadline_ms);
      source_close(&source);
    }
  }
  free(options);
  if (status != THRED_CREDENTIAL_SUCCESS)
    tried_add(tried, snapshot_string(snapshot, entry->name), source.said);
  return status;
}

/*
 * nsswitch.conf(5): an action is looked up by what the source answered. After a SUCCESS=continue
 * the last source that delivers wins, and what an earlier one delivered stands if none does.
 */
int credentials_get(const Snapshot *snapshot, SnapshotTable stack, const char *module_dir,
                    int at_secure, int64_t deadline_ms, Credential *credential, Error *error)
{
  Tried tried = {.text = ""};
  Credential found;
  bool have = false, late = false;
  credential_clear(credential);
  credential_clear(&found);

  for (uint32_t i = 0; i < stack.count; i++) {
    const SnapshotStackEntry *entry = snapshot_stack(snapshot, stack.offset + i);
    tried.left = stack.count - i - 1;
    if (clock_monotonic_ms() >= deadline_ms) {
      late = true;
      tried_add(&tried, snapshot_string(snapshot, entry->name), "not asked, the time ran out");
      break;
    }
    ThredCredentialStatus status =
        ask(snapshot, entry, module_dir, at_secure, deadline_ms, &found, &tried);
    if (status == THRED_CREDENTIAL_SUCCESS) {
      *credential = found;
      have = true;
    }
    if (entry->action[status] == SNAPSHOT_ACTION_RETURN)
      break;
  }
  credential_clear(&found);
  if (have)
    return THRED_OK;
  if (stack.count == 0)
    return error_set(error, THRED_E_CREDENTIALS, "the stack of credentials is empty");
  return error_set(error, late ? THRED_E_TIMEOUT : THRED_E_CREDENTIALS, "%s", tried.text);
}
