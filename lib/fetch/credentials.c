/* SPDX-License-Identifier: MIT */
#include "lib/fetch/credentials.h"

#include <stdlib.h>
#include <string.h>

#include "lib/clock.h"
#include "lib/fetch/source.h"
#include "lib/fetch/text.h"
#include "lib/secure.h"

#define IDENTITY_PATIENCE_MS 2000 /* it touches no network and no secret */

void credential_clear(Credential *credential)
{
  secure_wipe(credential, sizeof *credential);
}

ThredCredentialStatus credentials_identity(const char *module_dir, const char *module,
                                           const ThredModuleOption *options, size_t n_options,
                                           int at_secure, CredentialsIdentityFunc each, void *data,
                                           Error *error)
{
  char said[ERROR_MESSAGE_SIZE] = "";
  const SourceQuestion question = {.module_dir = module_dir,
                                   .module = module,
                                   .options = options,
                                   .n_options = n_options,
                                   .at_secure = at_secure,
                                   .deadline_ms = clock_monotonic_ms() + IDENTITY_PATIENCE_MS};
  ThredCredentialStatus status = source_identity(&question, each, data, said);
  if (status != THRED_CREDENTIAL_SUCCESS)
    error_set(error, THRED_E_CREDENTIALS, "%s", said);
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

static ThredCredentialStatus ask(const CredentialsQuestion *question,
                                 const SnapshotStackEntry *entry, int64_t deadline_ms,
                                 Credential *credential, char said[ERROR_MESSAGE_SIZE])
{
  const Snapshot *snapshot = question->snapshot;
  ThredModuleOption *options = entry_options(snapshot, entry);
  const SourceQuestion one = {.module_dir = question->module_dir,
                              .module = snapshot_string(snapshot, entry->module),
                              .options = options,
                              .n_options = entry->options.count,
                              .at_secure = question->at_secure,
                              .refused = question->refused,
                              .deadline_ms = deadline_ms,
                              .threads = question->threads,
                              .note = question->note};
  said[0] = 0;
  if (!options)
    snprintf(said, ERROR_MESSAGE_SIZE, "out of memory");
  ThredCredentialStatus status =
      options ? source_get(&one, credential, said) : THRED_CREDENTIAL_UNAVAIL;
  if (status == THRED_CREDENTIAL_SUCCESS)
    said[0] = 0;
  free(options);
  if (question->each) {
    const CredentialsAnswer answer = {snapshot_string(snapshot, entry->name), one.module, status,
                                      said, entry->action[status] == SNAPSHOT_ACTION_RETURN};
    question->each(&answer, question->each_data);
  }
  return status;
}

/* `sources` are still to be asked, this one included; then comes the token request. */
static int64_t share_of_time(int64_t deadline_ms, uint32_t sources)
{
  const int64_t now = clock_monotonic_ms();
  return now + (deadline_ms - now) / ((int64_t)sources + 1);
}

/* The cache would not tell its tokens from those of another credential. */
static ThredCredentialStatus pass_over(Credential *credential, char said[ERROR_MESSAGE_SIZE])
{
  credential_clear(credential);
  snprintf(said, ERROR_MESSAGE_SIZE,
           "it could not be used when the configuration was read, and is asked again in a minute");
  return THRED_CREDENTIAL_UNAVAIL;
}

/*
 * nsswitch.conf(5): an action is looked up by what the source answered. After a SUCCESS=continue
 * the last source that delivers wins, and what an earlier one delivered stands if none does.
 */
int credentials_get(const CredentialsQuestion *question, Credential *credential, Error *error)
{
  const SnapshotTable stack = question->stack;
  char said[ERROR_MESSAGE_SIZE];
  Tried tried = {.text = ""};
  Credential found;
  bool have = false, late = false;
  credential_clear(credential);
  credential_clear(&found);

  for (uint32_t i = 0; i < stack.count; i++) {
    const SnapshotStackEntry *entry = snapshot_stack(question->snapshot, stack.offset + i);
    const char *name = snapshot_string(question->snapshot, entry->name);
    tried.left = stack.count - i - 1;
    late = clock_monotonic_ms() >= question->deadline_ms;
    if (late) {
      tried_add(&tried, name, "not asked, the time ran out");
      break;
    }
    ThredCredentialStatus status =
        entry->unidentified
            ? pass_over(&found, said)
            : ask(question, entry, share_of_time(question->deadline_ms, stack.count - i), &found,
                  said);
    if (status == THRED_CREDENTIAL_SUCCESS) {
      *credential = found;
      have = true;
    } else {
      tried_add(&tried, name, said);
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

void credentials_ask_all(const CredentialsQuestion *question)
{
  char said[ERROR_MESSAGE_SIZE];
  Credential credential;
  for (uint32_t i = 0; i < question->stack.count; i++) {
    const SnapshotStackEntry *entry =
        snapshot_stack(question->snapshot, question->stack.offset + i);
    ask(question, entry, share_of_time(question->deadline_ms, question->stack.count - i),
        &credential, said);
    credential_clear(&credential);
  }
}
