/* SPDX-License-Identifier: MIT */
#include "lib/fetch/partner.h"

#include <string.h>

#include "lib/clock.h"
#include "lib/fetch/credentials.h"
#include "lib/fetch/oauth.h"
#include "lib/secure.h"

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
      .threads = {request->start, request->wait_begin, request->wait_end, request->note_lost},
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

#define REFUSED_MAX 2 /* the first one, and what the stack had when it was asked again */

typedef struct {
  const FetchRequest *request;
  FetchResult *result;
  Error *error;
  Credential refused[REFUSED_MAX];
  unsigned count;
} Rotation;

static bool was_refused(const Rotation *rotation, const Credential *credential)
{
  for (unsigned i = 0; i < rotation->count; i++)
    if (is_same(credential, &rotation->refused[i]))
      return true;
  return false;
}

static int ask(Rotation *rotation, const Credential *credential, Error *error)
{
  bool key_refused = false;
  int code =
      oauth_ask_partner(rotation->request, credential, rotation->result, &key_refused, error);
  if (code != THRED_OK && key_refused && rotation->count < REFUSED_MAX)
    rotation->refused[rotation->count++] = *credential;
  return code;
}

/*
 * Asks `stack` for a credential that has not been refused, and with that for a token. If it has
 * none, or that is refused too, *code stays what the first one's refusal was, and so does the
 * result: the server's word, which is everyone's until some credential of the two stacks changes.
 * True: the end, one way or the other.
 */
static bool try_stack(Rotation *rotation, SnapshotTable stack, int refused, const char *which,
                      int *code)
{
  Credential credential;
  Error error = ERROR_INIT;
  const unsigned before = rotation->count;
  const CredentialsQuestion question = question_of(rotation->request, stack, refused);
  bool ends = false;
  if (credentials_get(&question, &credential, &error) != THRED_OK) {
    add_sentence(rotation->error, which, error.message);
  } else if (was_refused(rotation, &credential)) {
    add_sentence(rotation->error, which, "it holds the same key");
  } else {
    int answer = ask(rotation, &credential, &error);
    ends = answer == THRED_OK || rotation->count == before;
    if (ends)
      *code = answer;
    if (answer != THRED_OK)
      add_sentence(rotation->error, which, error.message);
  }
  credential_clear(&credential);
  return ends;
}

/* The key was refused. The same stack may have a new one by now: what a file said a moment ago, or
 * what a store keeps for the next rotation. Then `next` is asked. */
static int rotate(Rotation *rotation, int code)
{
  const SnapshotEnvironment *environment =
      snapshot_environment(rotation->request->snapshot, rotation->request->environment);
  if (!try_stack(rotation, environment->credentials, 1, "asked again", &code) &&
      environment->next.count > 0) {
    try_stack(rotation, environment->next, 0, "next", &code);
    rotation->result->from_next = code == THRED_OK;
  }
  return code;
}

int partner_fetch(const FetchRequest *request, FetchResult *result, Error *error)
{
  const SnapshotEnvironment *environment =
      snapshot_environment(request->snapshot, request->environment);
  const CredentialsQuestion question = question_of(request, environment->credentials, 0);
  Credential credential;
  Rotation rotation = {.request = request, .result = result, .error = error};
  int code = credentials_get(&question, &credential, error);
  if (code == THRED_OK)
    code = ask(&rotation, &credential, error);
  if (code != THRED_OK && rotation.count > 0)
    code = rotate(&rotation, code);
  result->rotated = code == THRED_OK && rotation.count > 0;
  credential_clear(&credential);
  secure_wipe(rotation.refused, sizeof rotation.refused);
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
