/* SPDX-License-Identifier: MIT */
#include "lib/request.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/bearer.h"
#include "lib/clock.h"
#include "lib/config-current.h"
#include "lib/decision-log.h"
#include "lib/elsewhere.h"
#include "lib/log-state.h"
#include "lib/message.h"
#include "lib/options.h"
#include "lib/process.h"
#include "lib/secure.h"
#include "lib/wait.h"

#if LIBCURL_VERSION_NUM < 0x075000
#define CURL_PREREQFUNC_OK    0
#define CURL_PREREQFUNC_ABORT 1
#endif

/* ---- the decision ---- */

/* The default business: the handle's own, else the process's; NULL: the environment's. Of the last
 * look at the variables. */
static const char *known_business(const Handle *handle)
{
  return handle->business[0] ? handle->business : process_says_business(&handle->variables);
}

static const char *default_business(Handle *handle)
{
  if (!handle->business[0])
    process_look(&handle->variables);
  return known_business(handle);
}

bool request_has_same_business(const Handle *handle)
{
  const char *business = known_business(handle);
  return !handle->remembered.decision.by_default ||
         strcmp(handle->remembered.business, business ? business : "") == 0;
}

static bool is_remembered(const Remembered *last, const Snapshot *snapshot, const char *method,
                          const char *url)
{
  return last->url && last->snapshot == snapshot && strcmp(last->url, url) == 0 &&
         strcmp(last->method, method) == 0;
}

/* Keeps what decided, so that the same request is not parsed again. A method or business too long
 * to keep is simply decided again next time. */
static void remember(Remembered *last, const Snapshot *snapshot, const char *method,
                     const char *url, const char *business)
{
  if (!last->url || strcmp(last->url, url) != 0) {
    free(last->url);
    last->url = strdup(url);
  }
  const Snapshot *old = last->snapshot;
  last->snapshot = config_again(snapshot);
  config_release(old);
  if (strlen(method) < sizeof last->method && strlen(business) < sizeof last->business) {
    strcpy(last->method, method);
    strcpy(last->business, business);
  } else {
    free(last->url);
    last->url = NULL;
  }
}

static bool is_same_token(const RouteDecision *one, const RouteDecision *other)
{
  return one->environment == other->environment && one->token == other->token &&
         strcmp(one->business, other->business) == 0;
}

/* The default business, and with it the environment, is asked for if it has a say. */
static const RouteDecision *decide(Handle *handle, const char *method, const char *url,
                                   const Snapshot *snapshot)
{
  Remembered *last = &handle->remembered;
  const bool same = is_remembered(last, snapshot, method, url);
  if (same && !last->decision.by_default)
    return &last->decision;
  const RouteDecision before = last->decision;
  if (!same)
    last->decision = route_decide(snapshot, &handle->api, method, url, NULL);
  const char *business = last->decision.by_default ? default_business(handle) : NULL;
  if (same && strcmp(last->business, business ? business : "") == 0)
    return &last->decision;
  if (last->decision.by_default) {
    last->decision.business[0] = 0;
    route_apply_policy(snapshot, &last->decision, business);
  }
  if (!is_same_token(&before, &last->decision))
    handle->no_token.code = THRED_OK; /* that was another one */
  remember(last, snapshot, method, url, business ? business : "");
  return &last->decision;
}

/* NULL with an error: THRED_E_AGAIN, and the handle waits for it, if it may not be read here. */
static const Snapshot *acquire(Handle *handle, bool may_wait, Error *error)
{
  const Snapshot *snapshot = may_wait ? NULL : config_at_hand(error);
  if (snapshot || (!may_wait && error->code == THRED_E_AGAIN && wait_for_config(handle)))
    return snapshot;
  error->code = THRED_OK;
  return config_acquire(error);
}

const RouteDecision *request_decide(Handle *handle, const char *method, const char *url,
                                    bool may_wait, Error *error)
{
  const Snapshot *known = handle->remembered.snapshot;
  if (config_is_current(known))
    return decide(handle, method, url, known);
  const Snapshot *snapshot = acquire(handle, may_wait, error);
  const RouteDecision *decision = snapshot ? decide(handle, method, url, snapshot) : NULL;
  config_release(snapshot);
  return decision;
}

/* A program that gives its transfer less time than the configuration does is not kept longer. */
int64_t request_deadline_ms(const Handle *handle)
{
  long timeout_ms = handle->watched ? handle->watched->timeout_ms : 0;
  return timeout_ms > 0 ? clock_monotonic_ms() + timeout_ms : INT64_MAX;
}

BearerRequest request_bearer(Handle *handle)
{
  const Snapshot *snapshot = handle->remembered.snapshot;
  const RouteDecision *decision = &handle->remembered.decision;
  return (BearerRequest){
      .snapshot = snapshot,
      .environment = decision->environment,
      .host = snapshot_string(snapshot, snapshot_host(snapshot, decision->host)->name),
      .token = decision->token,
      .business = decision->business,
      .memo = &handle->memo,
      .deadline_ms = request_deadline_ms(handle)};
}

int request_get_token(Handle *handle, uint64_t refused, int64_t not_before_ms, size_t *length,
                      uint64_t *generation, Error *error)
{
  CacheToken token = {.value = handle_token_room(handle)};
  if (!token.value)
    return error_set(error, THRED_E_NO_MEMORY, "out of memory for a token");
  BearerRequest request = request_bearer(handle);
  request.refused = refused;
  request.not_before_ms = not_before_ms;
  int code = wait_get(handle, &request, &token, error);
  *length = token.length;
  *generation = token.generation;
  return code;
}

void request_note_refusal(Handle *handle)
{
  long status = handle->response.status;
  if (!handle->line_length && !handle->sent)
    return;
  if (status == 0)
    handle->api.easy_getinfo(handle->curl, CURLINFO_RESPONSE_CODE, &status);
  if (status == 0)
    return;
  handle_clear_token(handle); /* it has been sent long since */
  if (!handle->sent || !handle->generation || handle->remembered.decision.reason != ROUTE_TOKEN ||
      status != 401)
    return;
  BearerRequest request = request_bearer(handle);
  request.refused = handle->generation;
  bearer_refuse(&request);
  handle->sent = false;
}

/* ---- one request ---- */

/* What libcurl tells about the request that it is about to send. */
typedef struct {
  char *url, *method;
  char *parsed;   /* the URL if CURLU told it: libcurl's, to be freed; or NULL */
  long redirects; /* so far, authentication retries included */
} Sending;

static bool ask_libcurl(Handle *handle, Sending *sending)
{
  const ThredCurlApi *api = &handle->api;
  return !api->easy_getinfo(handle->curl, CURLINFO_EFFECTIVE_URL, &sending->url) &&
         !api->easy_getinfo(handle->curl, CURLINFO_EFFECTIVE_METHOD, &sending->method) &&
         !api->easy_getinfo(handle->curl, CURLINFO_REDIRECT_COUNT, &sending->redirects) &&
         sending->url && sending->method;
}

/*
 * With CURLOPT_CURLU, libcurl before 8.12 can report the URL of an earlier transfer, and would
 * answer a 401 at that one. The CURLU is there as long as a transfer runs (CURLOPT_CURLU(3)), and
 * tells where the first request goes; redirects are reported well. False: it does not tell.
 */
static bool ask_curlu(Handle *handle, Sending *sending)
{
  CURLU *curlu = handle->program.curlu;
  const char *began = handle->remembered.url; /* when it was armed */
  if (!curlu || sending->redirects > 0)
    return true;
  if (handle->api.url_get(curlu, CURLUPART_URL, &sending->parsed, 0) || !sending->parsed)
    return false;
  if (!began || strcmp(sending->parsed, began) != 0)
    return false; /* changed since, and libcurl may have set out with either */
  if (strcmp(sending->parsed, sending->url) != 0)
    handle->may_answer = false;
  sending->url = sending->parsed;
  return true;
}

/* A program that sets another URL while libcurl is on its way makes it report that one, and ask for
 * the one before. The shim sees it. */
static bool is_set_late(const Handle *handle, const Sending *sending)
{
  const PreloadProgram *watched = handle->watched;
  return watched && !watched->curlu && watched->written == sending->url;
}

/* A token goes only to the host where the transfer began, and no more once it was anywhere else. An
 * authentication retry counts as a redirect in libcurl; it stays on the origin. */
static bool is_at_origin(Handle *handle, const Snapshot *snapshot, const RouteDecision *decision,
                         long redirects)
{
  const char *host = decision->host == SNAPSHOT_NONE
                         ? ""
                         : snapshot_string(snapshot, snapshot_host(snapshot, decision->host)->name);
  if (strlen(host) >= sizeof handle->origin)
    host = "";
  if (redirects == 0) {
    strcpy(handle->origin, host);
    handle->strayed = false;
  } else if (!host[0] || strcmp(handle->origin, host) != 0) {
    handle->strayed = true;
  }
  return !handle->strayed;
}

/* The program's own headers and options. */
static Objection objection_to_program(Handle *handle, const Sending *sending,
                                      const SnapshotEnvironment *environment, const char *host)
{
  /* The program may have appended to its list since. */
  if (!handle_set_headers(handle, handle->program.headers))
    return (Objection){"no-memory", "out of memory for a header list"};
  if (handle->mixed_authorization)
    return objection_of_program("the program brings its own Authorization within another header");
  if (handle->own_authorization && environment->existing_authorization == SNAPSHOT_EXISTING_KEEP)
    return objection_of_program("the program brings its own Authorization");
  if (handle->watched && handle->watched->line_ends) /* set by a callback */
    return objection_of_program(REQUEST_LINE_ENDS);
  return objection_of_program(elsewhere(sending->method, handle->program.headers, host));
}

/* Everything that must hold before a token is even fetched: the first thing that does not. */
static Objection objection(Handle *handle, const Sending *sending, const RouteDecision *decision)
{
  const Snapshot *snapshot = handle->remembered.snapshot;
  const char *why = NULL;
  bool at_origin = is_at_origin(handle, snapshot, decision, sending->redirects);
  if (decision->reason != ROUTE_TOKEN)
    return objection_of_route(decision->reason);
  if (!at_origin)
    return (Objection){"redirected", "the request was reached by a redirect from another origin"};
  const char *host = snapshot_string(snapshot, snapshot_host(snapshot, decision->host)->name);
  const Objection objection = objection_to_program(
      handle, sending, snapshot_environment(snapshot, decision->environment), host);
  if (!objection.reason)
    tls_is_proved(&handle->api, handle->curl, host, &handle->proof, &why);
  return objection.reason ? objection : objection_of_connection(why);
}

/*
 * libcurl remembers over transfers that it has picked Bearer, and takes the next 401 for final
 * (Curl_http_input_auth in http.c of 7.88.1 and 8.21.0). Only a transfer that begins without Bearer
 * among its methods makes it forget (Curl_pretransfer: picked &= want). So the transfer after one
 * that answered a 401 cannot answer another. It takes a token that is newer than that 401 instead,
 * and the one after it is as free as the first.
 *
 * Returns the time that a token of this transfer must not be older than, 0 for any.
 */
static int64_t turn_retry(Handle *handle, const Sending *sending, bool retry)
{
  int64_t not_before_ms = 0;
  if (retry) {
    handle->spent = true;
    handle->answered = true;
    handle->may_answer = false;
  } else if (handle->spent && sending->redirects == 0) {
    handle->spent = false;
    /* Under the shim the transfer can be run again. */
    not_before_ms = handle->unchanged ? 0 : handle->suspect_ms;
  } else {
    return 0;
  }
  options_set_methods(handle);
  return not_before_ms;
}

/* libcurl sends the same request again, after a 401 that it thinks it can answer: which it counts
 * as a redirect, and not a second attempt over a new connection. */
static bool is_retry(const Handle *handle, const Sending *sending)
{
  long status = 0;  /* of the last answer of this transfer; 0: none, or a CONNECT came between */
  long schemes = 0; /* CURLAUTH_* that a 401 of this transfer has asked for */
  if (!handle->sent || sending->redirects <= handle->redirects ||
      handle->api.easy_getinfo(handle->curl, CURLINFO_RESPONSE_CODE, &status) ||
      handle->api.easy_getinfo(handle->curl, CURLINFO_HTTPAUTH_AVAIL, &schemes))
    return false;
  return status == 401 || (status == 0 && (schemes & (long)CURLAUTH_BEARER));
}

/* True: the token stands in the node. */
static bool attach_token(Handle *handle, const Sending *sending)
{
  Error error = ERROR_INIT;
  size_t length = 0;
  uint64_t generation = 0;
  bool retry = is_retry(handle, sending);
  if (!handle->unchanged)
    handle->answered = false; /* the shim tells where a transfer begins */
  handle->redirects = sending->redirects;
  if (sending->redirects == 0)
    handle->origin[0] = 0; /* of the transfer before */
  else
    handle->repeatable = false; /* handle->remembered is of where this one goes */
  int64_t not_before_ms = turn_retry(handle, sending, retry);
  const RouteDecision *decision =
      request_decide(handle, sending->method, sending->url, !wait_may_begin_again(handle), &error);
  if (!decision) {
    handle->strayed = true; /* nobody knows where this one goes */
    handle->deferred = error.code == THRED_E_AGAIN;
    return false; /* config-current.c has told */
  }
  const Objection why = objection(handle, sending, decision);
  if (why.reason) {
    decision_log_none(handle->remembered.snapshot, decision, sending->method, sending->url, &why);
    return false;
  }
  const bool again = retry || (handle->answered && sending->redirects == 0);
  const uint64_t refused = again ? handle->generation : 0;
  int code = request_get_token(handle, refused, not_before_ms, &length, &generation, &error);
  if (retry)
    handle->suspect_ms = clock_boot_ms();
  handle->deferred = code == THRED_E_AGAIN;
  if (code) {
    const Objection failure = {message_word(code), error.message};
    decision_log_none(handle->remembered.snapshot, decision, sending->method, sending->url,
                      &failure);
    return false;
  }
  handle->node.next = handle->own_authorization ? handle->filtered : handle->program.headers;
  handle_show_token(handle, length);
  handle->generation = generation;
  decision_log_sent(handle->remembered.snapshot, decision, sending->method, sending->url,
                    generation);
  return true;
}

/* Decides this request, and writes the node for it. */
static void write_request(Handle *handle)
{
  Sending sending = {0};
  handle->node.next = handle->program.headers;
  bool known = ask_libcurl(handle, &sending);
  if (known && sending.redirects == 0)
    handle->may_answer = handle->retry_wanted && !handle->spent;
  known = known && !is_set_late(handle, &sending) && ask_curlu(handle, &sending);
  handle->sent = known && attach_token(handle, &sending);
  response_begin(handle, handle->sent ? RESPONSE_OPEN : RESPONSE_PASSES);
  handle->was_read = handle->watched && handle->watched->counts_reads && handle->in_front ? 0 : -1;
  handle->read_ended = false;
  if (!handle->sent)
    handle_step_aside(handle);
  options_set_bearer(handle, handle->sent);
  if (sending.parsed)
    handle->api.free(sending.parsed);
}

/* libcurl passes its own field. Another handle's field here: a duplicate that was made behind our
 * back, whose request would carry this handle's node. */
static bool is_own(const Handle *handle, const char *conn_primary_ip)
{
  char *own_ip = NULL;
  return handle->curl && !handle->api.easy_getinfo(handle->curl, CURLINFO_PRIMARY_IP, &own_ip) &&
         own_ip == conn_primary_ip;
}

int request_prereq(void *clientp, char *conn_primary_ip, char *conn_local_ip, int conn_primary_port,
                   int conn_local_port)
{
  Handle *handle = clientp;
  const Program *program = &handle->program;
  const bool unchanged = handle->unchanged;
  if (!is_own(handle, conn_primary_ip)) {
    const LogFields fields = {.event = EVENT_DUPLICATE_HANDLE, .reason = "plain"};
    log_wrong(&fields, NULL, NULL,
              "a transfer was aborted: its handle is a plain curl_easy_duphandle() of an attached "
              "one; use thred_curl_duphandle()");
    return CURL_PREREQFUNC_ABORT;
  }
  handle_clear_token(handle);
  /* An unchanged program may set options there, which then hold for this request too. */
  if (unchanged && program->prereq) {
    int answer = program->prereq(program->prereq_data, conn_primary_ip, conn_local_ip,
                                 conn_primary_port, conn_local_port);
    if (answer != CURL_PREREQFUNC_OK)
      return answer;
  }
  /* No more, or it is gone; or it rests, and nobody has told us of this transfer. */
  if (unchanged && !handle->armed)
    return CURL_PREREQFUNC_OK;
  write_request(handle);
  if (handle->deferred)
    return CURL_PREREQFUNC_ABORT;
  return !unchanged && program->prereq
             ? program->prereq(program->prereq_data, conn_primary_ip, conn_local_ip,
                               conn_primary_port, conn_local_port)
             : CURL_PREREQFUNC_OK;
}

int request_sockopt(void *clientp, curl_socket_t socket, curlsocktype purpose)
{
  Handle *handle = clientp;
  /* One store and no wiping: a duplicate made behind our back may run this in another thread. */
  handle_silence(handle);
  handle->proof.session = NULL;
  const Program *program = &handle->program;
  return program->sockopt ? program->sockopt(program->sockopt_data, socket, purpose)
                          : CURL_SOCKOPT_OK;
}
