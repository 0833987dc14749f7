/* SPDX-License-Identifier: MIT */
/*
 * preload.c - the library's side of the shim: whether a handle is armed for a transfer. From there
 * on it is a handle like one that the program attached itself (request.c).
 */
#include "lib/preload-abi.h"

#include <dlfcn.h>
#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/ascii.h"
#include "lib/config-current.h"
#include "lib/decision-log.h"
#include "lib/elsewhere.h"
#include "lib/handle.h"
#include "lib/log-state.h"
#include "lib/message.h"
#include "lib/netrc.h"
#include "lib/options.h"
#include "lib/process.h"
#include "lib/request.h"
#include "lib/rewind.h"
#include "lib/wait.h"

/* ---- who else has a say ---- */

/* The program attached this handle itself, through this copy of the library or another one. */
static bool is_attached(CURL *curl, const PreloadProgram *program)
{
  Dl_info info;
  if (handle_find(curl) || program->prereq == request_prereq)
    return true;
  if (!program->prereq || !dladdr((void *)(uintptr_t)program->prereq, &info) || !info.dli_fname)
    return false;
  return strstr(info.dli_fname, "/libthred-auth.so") != NULL;
}

/* What libcurl has from the program to authorise the request with, or NULL. */
static const char *own_credentials(const PreloadProgram *program, const char *host)
{
  if (program->user || program->password)
    return "the program brings its own user or password";
  if (program->bearer)
    return "the program brings its own bearer";
  /* With other methods beside it, it is only used if the server asks for it. */
  if ((program->http_auth & ~CURLAUTH_ONLY) == CURLAUTH_NEGOTIATE)
    return "the program uses Negotiate, which needs no user";
  if (program->netrc != CURL_NETRC_IGNORED && netrc_has_entry(program->netrc_file, host))
    return "the netrc file has an entry for this host";
  return NULL;
}

/* Some variable such as https_proxy, which libcurl reads when it connects. That no_proxy may except
 * a host is libcurl's to work out, for each one that a redirect may lead to. */
static bool environment_names_proxy(void)
{
  for (char **entry = environ; entry && *entry; entry++) {
    const char *end = strchr(*entry, '=');
    size_t length = end ? (size_t)(end - *entry) : 0, suffix = sizeof "_proxy" - 1;
    if (length > suffix && end[1] && ascii_equal_n(end - suffix, "_proxy", suffix) &&
        !(length == suffix + 2 && ascii_equal_n(*entry, "no", 2)))
      return true;
  }
  return false;
}

/*
 * CURLHEADER_UNIFIED shows the program's headers to a proxy, in a CONNECT. While a handle is armed
 * they are SEPARATE, for the token's sake: without a proxy there is no CONNECT, and that is no
 * difference. With one the program would miss its headers there, and gets no token instead.
 */
static bool would_miss_unified(const PreloadProgram *program)
{
  if (program->header_opt == CURLHEADER_SEPARATE)
    return false;
  return program->proxy || program->pre_proxy ||
         (!program->proxy_denied && environment_names_proxy());
}

/* What else rules a token out whatever the URL: options that the hook before each request cannot
 * see. */
static const char *ruled_out(const PreloadProgram *program)
{
  if (program->signature)
    return "the program signs its requests (AWS_SIGV4), our header would be in the signature";
  if (program->message_signature)
    return "the program signs its requests (HTTPSIG_ALGORITHM), and has no other authorisation";
  if (program->connect_only)
    return "the program speaks for itself over the connection (CONNECT_ONLY)";
  if (program->request_target)
    return "the program asks for another target than the URL's (REQUEST_TARGET)";
  if (program->line_ends)
    return REQUEST_LINE_ENDS;
  if (program->port != 0 && program->port != 443)
    return "the program asks for a port other than 443";
  if (would_miss_unified(program))
    return "the program shows its headers to proxies (CURLHEADER_UNIFIED)";
  return NULL;
}

/* ---- the decision ---- */

/* Could any request of a transfer that begins at this URL carry a token? A path without one may
 * lead to another on the same host; another host never may. */
static bool is_known_host(const RouteDecision *decision)
{
  return decision->host != SNAPSHOT_NONE && decision->reason != ROUTE_INACTIVE;
}

static const char *host_of(const Handle *handle)
{
  const Snapshot *snapshot = handle->remembered.snapshot;
  return snapshot_string(snapshot, snapshot_host(snapshot, handle->remembered.decision.host)->name);
}

/* `existing-authorization = replace` for this host. */
static bool is_replaced(const Handle *handle)
{
  return snapshot_environment(handle->remembered.snapshot, handle->remembered.decision.environment)
             ->existing_authorization == SNAPSHOT_EXISTING_REPLACE;
}

/* The program's list may be half made but when a transfer `begins`. PREREQ looks at it again. */
static Objection objection(Handle *handle, const PreloadProgram *program,
                           const RouteDecision *decision, const char *method, bool begins)
{
  if (!is_known_host(decision))
    return objection_of_route(decision->reason);
  if (program->unverified_peer || program->unverified_host)
    return objection_of_connection("certificate verification is switched off");
  const char *why = ruled_out(program);
  if (!why && begins)
    why = elsewhere(method, program->headers, host_of(handle));
  if (why || is_replaced(handle))
    return objection_of_program(why);
  if (handle->own_authorization)
    return objection_of_program("the program brings its own Authorization");
  return objection_of_program(own_credentials(program, host_of(handle)));
}

static const char *method_of(const Handle *handle)
{
  char *method = NULL;
  return handle->api.easy_getinfo(handle->curl, CURLINFO_EFFECTIVE_METHOD, &method) || !method
             ? "GET"
             : method;
}

/* Logs why not. */
static bool may_arm(Handle *handle, const PreloadProgram *program, const char *url, bool begins)
{
  Error error = ERROR_INIT;
  const char *method = method_of(handle);
  const bool may_wait = !begins || !handle->loop || handle->loop->mute;
  const RouteDecision *decision = request_decide(handle, method, url, may_wait, &error);
  if (!decision)
    return false; /* config-current.c has told */
  const Objection why = objection(handle, program, decision, method, begins);
  if (why.reason)
    decision_log_none(handle->remembered.snapshot, decision, method, url, &why);
  return !why.reason;
}

/* ---- arming ---- */

#define CURL_VERSION_CURLU_URL 0x080c00 /* 8.12.0 */
#define CURL_VERSION_SASL      0x081200 /* 8.18.0: CVE-2025-14524 */

static Program program_of(const Handle *handle, const PreloadProgram *program)
{
  bool netrc = program->netrc != CURL_NETRC_IGNORED;
  return (Program){
      .headers = program->headers,
      .prereq = program->prereq,
      .prereq_data = program->prereq_data,
      .sockopt = program->sockopt,
      .sockopt_data = program->sockopt_data,
      .http_auth = program->http_auth,
      .header_opt = program->header_opt,
      .has_bearer = program->bearer,
      /* Without a user of the program's, there is nothing for another method but a netrc file. */
      .beside = netrc ? program->http_auth & CURLAUTH_BASIC : CURLAUTH_NONE,
      .curlu = handle->curl_version < CURL_VERSION_CURLU_URL ? program->curlu : NULL};
}

/*
 * May libcurl answer a 401 with a second request? For that it must believe that it has a bearer,
 * and Bearer must be among its methods. Not where that would change more than the answer: then the
 * shim runs the whole transfer again (response.c).
 *
 * The answer counts as a redirect: where none is allowed, it would become an error.
 *
 * With more than one method, libcurl uses none before it is asked to: a program with credentials of
 * its own (`replace`) must not lose them where we have no token.
 *
 * libcurl below 8.18 takes the bearer along to IMAP and the like, where a redirect may lead.
 *
 * It uses a method of PROXYAUTH that it leaves alone as long as there is no user of any kind.
 *
 * With FAILONERROR, libcurl takes a 401 for the end unless it has a user (http_should_fail in
 * http.c).
 *
 * From 8.21 on it copies the bearer when the connection is set up, before it is known whether a
 * token goes out: a 401 to a request without one would be answered, too.
 *
 * And the body must be one that libcurl can rewind, or it ends with an error in place of the 401.
 */
static bool may_retry(const Handle *handle, const PreloadProgram *program, bool begins)
{
  if (handle->bearer_late || program->fail_on_error || program->max_redirects == 0 ||
      !rewind_is_native(handle, begins))
    return false;
  if (is_replaced(handle) && own_credentials(program, host_of(handle)))
    return false;
  if (program->wide_redirects && handle->curl_version < CURL_VERSION_SASL)
    return false;
  return program->proxy_user || (program->proxy_auth & CURLAUTH_BASIC);
}

/* Nothing outside has a say that a program can change unseen: no file, no stream, no environment
 * but THRED_*, no CURLU. What its header list says now is looked at in PREREQ. */
static bool is_repeatable(const PreloadProgram *program)
{
  return program->netrc == CURL_NETRC_IGNORED && program->header_opt == CURLHEADER_SEPARATE &&
         !program->curlu && (program->body == PRELOAD_NO_BODY || program->body == PRELOAD_FIELDS);
}

static bool take_headers(Handle *handle, struct curl_slist *headers, PreloadMoment moment)
{
  if (moment == PRELOAD_START && !handle_set_headers(handle, headers)) {
    decision_log_failed(THRED_E_NO_MEMORY, "out of memory for a header list");
    return false;
  }
  if (moment != PRELOAD_START) {
    handle_set_headers(handle, NULL);
    handle->node.next = headers; /* read before the request is sent: then it must be there */
  }
  return true;
}

static bool arm_for(Handle *handle, const PreloadProgram *program, const char *url,
                    PreloadMoment moment)
{
  const bool begins = moment == PRELOAD_START;
  if (!take_headers(handle, program->headers, moment))
    return false;
  handle->program = program_of(handle, program);
  handle->watched = program;
  if (!may_arm(handle, program, url, begins))
    return false;
  if (begins)
    handle->in_front = true;
  rewind_note(handle, begins);
  /* What libcurl did not have when it sent the request, it does not answer with. */
  handle->retry_wanted =
      may_retry(handle, program, begins) && (begins || !handle->sent || handle->retry_wanted);
  CURLcode code = options_set(handle);
  if (code) {
    options_put_request_back(handle);
    const LogFields fields = {.event = EVENT_PROGRAM_UNREACHABLE, .reason = "option"};
    log_wrong(&fields, NULL, NULL, "no token: libcurl refused an option (CURLcode %d)", (int)code);
  }
  handle->armed = !code;
  handle->repeatable = begins && handle->armed && is_repeatable(program);
  return handle->armed;
}

/* The URL that the next transfer begins at, or NULL. `*allocated` is libcurl's to free, if not
 * NULL. A CURLU that cannot be read now is taken to hold what it held. */
static const char *url_of(const Handle *handle, const ThredCurlApi *api,
                          const PreloadProgram *program, PreloadMoment moment, char **allocated)
{
  if (!program->curlu)
    return program->url;
  if (moment == PRELOAD_CHANGE_ARMED)
    return handle->remembered.url;
  if (moment == PRELOAD_CHANGE || api->url_get(program->curlu, CURLUPART_URL, allocated, 0))
    return NULL;
  return *allocated;
}

static bool is_supported(const ThredCurlApi *api)
{
  static atomic_flag told = ATOMIC_FLAG_INIT;
  Error error = ERROR_INIT;
  const int code = options_supported(api, &error);
  const LogFields fields = {.event = EVENT_PROGRAM_UNREACHABLE, .reason = message_word(code)};
  if (code && !atomic_flag_test_and_set(&told))
    log_event(&fields, "no token for this program: %s", error.message);
  return code == THRED_OK;
}

static Handle *new_handle(CURL *curl, const ThredCurlApi *api)
{
  Handle *handle = handle_new(curl, api);
  if (!handle) {
    decision_log_failed(THRED_E_NO_MEMORY, "out of memory for a handle's state");
    return NULL;
  }
  handle->unchanged = true;
  handle_register(handle);
  return handle;
}

/* What the transfer before left must not speak for this one. Until its first request is seen, it
 * may be one that has begun elsewhere. */
static void begin(Handle *handle)
{
  handle->origin[0] = 0;
  handle->strayed = true;
  handle->sent = false;
  handle->answered = handle->deferred = false;
  handle->redirects = 0;
  handle->no_token.code = THRED_OK;
  response_begin(handle, RESPONSE_PASSES);
}

/* Nothing of ours is on the handle any more. */
static void leave(PreloadHandle *handle)
{
  int saved = errno;
  options_put_back(handle);
  handle_set_headers(handle, NULL);
  handle->in_front = false;
  handle->watched = NULL;
  handle->loop = NULL;
  errno = saved;
}

/* The next transfer of a handle that rests is armed like the last one. False: it is not known to be
 * like that. */
static bool repeat(Handle *handle, PreloadLoop *loop)
{
  if (!handle->repeatable || !handle->request_on || !handle->response_on ||
      !config_is_current(handle->remembered.snapshot) || !request_has_same_business(handle))
    return false;
  begin(handle);
  handle->loop = loop;
  handle->in_front = true;
  handle->armed = options_set(handle) == CURLE_OK;
  return handle->armed;
}

static bool is_switched_off(Handle *handle)
{
  process_look(&handle->variables);
  return process_says_disabled(&handle->variables);
}

static bool judge(Handle *handle, const PreloadProgram *program, PreloadMoment moment,
                  PreloadLoop *loop)
{
  char *allocated = NULL;
  bool armed = false;
  handle->repeatable = false;
  if (is_attached(handle->curl, program))
    return false;
  const char *url = url_of(handle, &handle->api, program, moment, &allocated);
  if (url) {
    if (moment == PRELOAD_START)
      handle->loop = loop;
    if (moment != PRELOAD_CHANGE_ARMED)
      begin(handle);
    armed = arm_for(handle, program, url, moment);
  }
  if (allocated)
    handle->api.free(allocated);
  return armed || handle->undecided;
}

static bool arm(PreloadHandle **handle, CURL *curl, const ThredCurlApi *api,
                const PreloadProgram *program, PreloadMoment moment, PreloadLoop *loop)
{
  int saved = errno;
  bool armed = false;
  const bool repeats = moment == PRELOAD_REPEAT;
  if (repeats)
    moment = PRELOAD_START;
  if (!*handle && !process_disabled() && is_supported(api))
    *handle = new_handle(curl, api);
  if (*handle && !is_switched_off(*handle))
    armed = (repeats && repeat(*handle, loop)) || judge(*handle, program, moment, loop);
  if (*handle && !armed && moment == PRELOAD_START)
    leave(*handle);
  errno = saved;
  return armed || moment == PRELOAD_CHANGE_ARMED;
}

static void end(Handle *handle)
{
  request_note_refusal(handle);
  handle_clear_token(handle);
  wait_end(handle);
  handle->armed = false;
}

static void suspend(PreloadHandle *handle)
{
  int saved = errno;
  end(handle);
  handle->repeatable = false;
  options_put_request_back(handle);
  errno = saved;
}

/*
 * Taking all off and putting it on again costs more than all else that a request does, and the next
 * transfer is most often like this one. So it stays, if what the program may change meanwhile is
 * watched. Should a transfer come to pass without arm(), it gets nothing of ours: request_prereq()
 * and the functions of response.c pass on to the program, and the node stands empty before its
 * list.
 */
static bool may_rest(const Handle *handle)
{
  return handle->request_on && handle->response_on && !handle->watched->counts_reads &&
         handle->watched->netrc == CURL_NETRC_IGNORED;
}

static bool disarm(PreloadHandle *handle)
{
  int saved = errno;
  const bool rests = may_rest(handle);
  end(handle);
  response_begin(handle, RESPONSE_PASSES);
  handle->node.next = handle->program.headers;
  handle->in_front = false;
  handle->loop = NULL;
  if (!rests)
    leave(handle);
  handle_give_line(handle);
  errno = saved;
  return rests;
}

static bool takes_answer(const PreloadHandle *handle)
{
  return handle->response_on;
}

static void put_back(const PreloadHandle *handle, CURL *copy)
{
  options_give_back(handle, copy);
}

static void forget(PreloadHandle *handle)
{
  handle_unregister_watched(handle);
  handle_free(handle);
}

static PreloadWait waits(PreloadHandle *handle, bool patience)
{
  const bool undecided = handle->undecided;
  if (!patience)
    wait_end(handle);
  return undecided && !patience ? PRELOAD_JUDGE : wait_goes_on(handle);
}

static bool is_waiting(const PreloadHandle *handle)
{
  return handle->waiting;
}

static bool needs_token(PreloadHandle *handle)
{
  int saved = errno;
  bool needs = wait_is_needed(handle);
  errno = saved;
  return needs;
}

static PreloadVerdict verdict(PreloadHandle *handle, CURLcode result)
{
  int saved = errno;
  PreloadVerdict verdict = response_verdict(handle, result);
  errno = saved;
  return verdict;
}

static const char *loop_address(const PreloadLoop *loop)
{
  return loop->bell ? bell_address(loop->bell) : NULL;
}

static void loop_stepped(PreloadLoop *loop)
{
  int saved = errno;
  if (loop->bell)
    bell_answer(loop->bell);
  errno = saved;
}

static void leave_loop(PreloadLoop *loop)
{
  bell_leave(loop->bell);
  loop->bell = NULL;
}

extern const PreloadApi PRELOAD_SYMBOL;
__attribute__((visibility("default"))) const PreloadApi PRELOAD_SYMBOL = {
    .abi = PRELOAD_ABI,
    .size = sizeof(PreloadApi),
    .arm = arm,
    .suspend = suspend,
    .disarm = disarm,
    .takes_answer = takes_answer,
    .leave = leave,
    .put_back = put_back,
    .forget = forget,
    .needs_token = needs_token,
    .waits = waits,
    .is_waiting = is_waiting,
    .verdict = verdict,
    .loop_address = loop_address,
    .loop_stepped = loop_stepped,
    .leave_loop = leave_loop,
};
