/* SPDX-License-Identifier: MIT */
#include "lib/fetch/partner.h"

#include <string.h>

#include "lib/clock.h"
#include "lib/fetch/credentials.h"
#include "lib/fetch/oauth.h"

static CredentialsQuestion question_of(const FetchRequest *request, SnapshotTable stack,
                                       int refused)
{
  return (CredentialsQuestion){
      .snapshot = request->snapshot,
      .stack = stack,
      .module_dir = request->module_dir,
      .at_secure = request->at_secure,
      .refused = refused,
      .deadline_ms = request->deadline_ms,
      .threads = {request->start, request->wait_begin, request->wait_end},
      .note = request->note,
  };
}

static bool is_same(const Credential *a, const Credential *b)
{
  return a->partner_uuid_length == b->partner_uuid_length &&
         a->api_key_length == b->api_key_length &&
         memcmp(a->partner_uuid, b->partner_uuid, a->partner_uuid_length) == 0 &&
         memcmp(a->api_key, b->api_key, a->api_key_length) == 0;
}

/* Adds a sentence to the first one, which says what was refused and stays in front. */
static void add_sentence(Error *error, const char *which, const char *text)
{
  if (!error)
    return;
  size_t used = strlen(error->message);
  snprintf(error->message + used, sizeof error->message - used, "; %s: %s", which, text);
}

/* ---- after a refusal ---- */

/* What has been refused so far, and what came of it. */
typedef struct {
  const FetchRequest *request;
  FetchResult *result;
  Error *error;
  Credential *refused;
  bool key_refused; /* the last answer was about the key */
} Rotation;

/*
 * Asks `stack` for another credential than the refused one, and with that for a token. False: it
 * has none, and the refusal stands as it is; *local says that this is our affair, not the server's
 * word.
 */
static bool try_stack(Rotation *rotation, SnapshotTable stack, int refused, const char *which,
                      int *code, bool *local)
{
  Credential credential;
  Error error = ERROR_INIT;
  const CredentialsQuestion question = question_of(rotation->request, stack, refused);
  bool other = false;
  *local = credentials_get(&question, &credential, &error) != THRED_OK;
  if (*local) {
    add_sentence(rotation->error, which, error.message);
  } else if (is_same(&credential, rotation->refused)) {
    add_sentence(rotation->error, which, "it holds the same key");
  } else {
    other = true;
    *code = oauth_ask_partner(rotation->request, &credential, rotation->result,
                              &rotation->key_refused, &error);
    if (*code != THRED_OK)
      add_sentence(rotation->error, which, error.message);
    *rotation->refused = credential;
  }
  credential_clear(&credential);
  return other;
}

/*
 * The key was refused. The same stack may have a new one by now: what a file said a moment ago, or
 * what a store keeps for the next rotation. Then `next` is asked. If neither has anything to offer
 * the refusal stands, and if what kept `next` from helping is local, it is not everyone's.
 */
static int rotate(Rotation *rotation, int code)
{
  const SnapshotEnvironment *environment =
      snapshot_environment(rotation->request->snapshot, rotation->request->environment);
  bool local;
  if (try_stack(rotation, environment->credentials, 1, "asked again", &code, &local) &&
      !rotation->key_refused)
    return code;
  if (environment->next.count == 0)
    return code;
  if (!try_stack(rotation, environment->next, 0, "next", &code, &local) && local)
    rotation->result->shared_failure = 0;
  return code;
}

int partner_fetch(const FetchRequest *request, FetchResult *result, Error *error)
{
  const SnapshotEnvironment *environment =
      snapshot_environment(request->snapshot, request->environment);
  const CredentialsQuestion question = question_of(request, environment->credentials, 0);
  Credential credential;
  Rotation rotation = {
      .request = request, .result = result, .error = error, .refused = &credential};
  int code = credentials_get(&question, &credential, error);
  if (code == THRED_OK)
    code = oauth_ask_partner(request, &credential, result, &rotation.key_refused, error);
  if (code != THRED_OK && rotation.key_refused)
    code = rotate(&rotation, code);
  credential_clear(&credential);
  if (error && code == THRED_OK)
    *error = (Error)ERROR_INIT;
  else if (error)
    error->code = code;
  return code;
}

/* ---- what each source says ---- */

typedef struct {
  bool next;
  void (*each)(const FetchAnswer *answer, void *data);
  void *data;
} Listener;

static void hear(const CredentialsAnswer *answer, void *data)
{
  static const char *const words[] = {"SUCCESS", "NOTFOUND", "UNAVAIL", "TRYAGAIN"};
  const Listener *listener = data;
  const FetchAnswer told = {.next = listener->next,
                            .name = answer->name,
                            .module = answer->module,
                            .status = words[answer->status],
                            .said = answer->said,
                            .returns = answer->returns};
  listener->each(&told, listener->data);
}

void partner_ask_sources(const FetchRequest *request,
                         void (*each)(const FetchAnswer *answer, void *data), void *data)
{
  const SnapshotEnvironment *environment =
      snapshot_environment(request->snapshot, request->environment);
  for (int next = 0; next < 2; next++) {
    Listener listener = {next, each, data};
    CredentialsQuestion question =
        question_of(request, next ? environment->next : environment->credentials, 0);
    question.each = hear;
    question.each_data = &listener;
    credentials_ask_all(&question);
  }
}
