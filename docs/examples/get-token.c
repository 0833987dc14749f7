/* SPDX-License-Identifier: MIT */
/*
 * get-token.c - the `getToken` endpoint of a front end: hands a browser the token of the one
 * business that its user may see, and never the partner's. Usage: get-token PORT SESSIONS
 *
 *     cc get-token.c -o get-token \
 *        $(pkg-config --cflags --libs thred-auth libcurl libmicrohttpd json-c glib-2.0)
 *     ./get-token 8080 /run/my-application/sessions
 *
 * Three things keep the partner token in: the request asks for a business token; the business comes
 * from the session and not from the browser; and the configuration of the user that runs this says
 *
 *     [environment sandbox]
 *     allow = business;
 *
 * with which the library gives a partner token to nobody, whatever asks for it.
 *
 * It serves 127.0.0.1 without TLS: put it behind the server that has the application's certificate.
 * No CORS header, so that scripts of other sites cannot read the answer; the session's cookie
 * should be Secure, HttpOnly and SameSite=Strict.
 */
#include <arpa/inet.h>
#include <glib.h>
#include <json-c/json.h>
#include <microhttpd.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <thred/thred.h>

#define WAITING_THREADS 4 /* all who wait for one token share its fetch, so few are enough */
#define UUID_LENGTH     36

typedef struct {
  const char *sessions; /* the file that the hook reads */
  GThreadPool *waiting;
} Service;

/* One request while it is under way. */
typedef struct {
  struct MHD_Connection *connection;
  char business[UUID_LENGTH + 1];
  ThredToken token;
  int error, fetched;
} Call;

/* How long it takes tells nothing of how much of a cookie was right; its length is no secret. */
static int same(const char *one, const char *two)
{
  const size_t length = strlen(one);
  unsigned char differ = 0;
  if (strlen(two) != length)
    return 0;
  for (size_t i = 0; i < length; i++)
    differ |= (unsigned char)(one[i] ^ two[i]);
  return differ == 0;
}

/*
 * THE HOOK: who asks, and which business may they see? Ask your own session store here. This one
 * reads a file of lines "COOKIE BUSINESS_ID", anew for each request, so that a line that is taken
 * out is a logout. Returns 0, or -1 for nobody we know.
 */
static int business_of_session(const Service *service, struct MHD_Connection *connection,
                               char business[UUID_LENGTH + 1])
{
  const char *cookie = MHD_lookup_connection_value(connection, MHD_COOKIE_KIND, "session");
  char known[129], id[UUID_LENGTH + 1];
  int found = -1;
  FILE *file = cookie && strlen(cookie) >= 32 ? fopen(service->sessions, "re") : NULL;
  if (!file)
    return -1;
  while (fscanf(file, "%128s %36s", known, id) == 2)
    if (same(known, cookie)) {
      memcpy(business, id, sizeof id);
      found = 0;
    }
  fclose(file);
  return found;
}

static enum MHD_Result answer(struct MHD_Connection *connection, unsigned status, const char *body,
                              const char *name, const char *value)
{
  struct MHD_Response *response =
      MHD_create_response_from_buffer(strlen(body), (void *)body, MHD_RESPMEM_MUST_COPY);
  if (!response)
    return MHD_NO;
  MHD_add_response_header(response, "Content-Type", "application/json");
  MHD_add_response_header(response, "Cache-Control", "no-store"); /* RFC 6749, 5.1 */
  if (name)
    MHD_add_response_header(response, name, value);
  const enum MHD_Result result = MHD_queue_response(connection, status, response);
  MHD_destroy_response(response);
  return result;
}

static enum MHD_Result answer_token(struct MHD_Connection *connection, const ThredToken *token)
{
  struct json_object *object = json_object_new_object();
  if (!object)
    return MHD_NO;
  json_object_object_add(object, "access_token", json_object_new_string(token->value));
  json_object_object_add(object, "expires_in", json_object_new_int(token->expires_in));
  const enum MHD_Result result =
      answer(connection, MHD_HTTP_OK,
             json_object_to_json_string_ext(object, JSON_C_TO_STRING_PLAIN), NULL, NULL);
  json_object_put(object);
  return result;
}

/* What went wrong is for our log. The browser learns whether to come again. */
static enum MHD_Result answer_error(struct MHD_Connection *connection, int error)
{
  if (error == THRED_E_BUSINESS_NOT_FOUND || error == THRED_E_NOT_ALLOWED)
    return answer(connection, MHD_HTTP_FORBIDDEN, "{\"error\":\"no such business\"}", NULL, NULL);
  return answer(connection, MHD_HTTP_SERVICE_UNAVAILABLE, "{\"error\":\"no token now\"}",
                MHD_HTTP_HEADER_RETRY_AFTER, "1");
}

static ThredTokenRequest business_token(const Call *call)
{
  return (ThredTokenRequest){.size = sizeof(ThredTokenRequest),
                             .kind = THRED_TOKEN_BUSINESS,
                             .business_id = call->business};
}

/* In a thread of the pool: here waiting holds nobody up. */
static void fetch(gpointer data, gpointer unused)
{
  Call *call = data;
  const ThredTokenRequest request = business_token(call);
  (void)unused;
  call->error = thred_token_get(&request, &call->token);
  if (call->error != THRED_OK)
    fprintf(stderr, "get-token: %s\n", thred_last_message());
  call->fetched = 1;
  MHD_resume_connection(call->connection); /* handle() is called again */
}

/* A token that is in the cache is answered at once; a request for another one steps aside. */
static enum MHD_Result get_token(const Service *service, Call *call)
{
  const ThredTokenRequest request = business_token(call);
  if (!call->fetched)
    call->error = thred_token_try_get(&request, &call->token);
  if (call->error == THRED_OK)
    return answer_token(call->connection, &call->token);
  if (call->fetched || (call->error != THRED_E_AGAIN && call->error != THRED_E_WOULD_BLOCK)) {
    if (!call->fetched)
      fprintf(stderr, "get-token: %s\n", thred_last_message());
    return answer_error(call->connection, call->error);
  }
  MHD_suspend_connection(call->connection);
  g_thread_pool_push(service->waiting, call, NULL);
  return MHD_YES;
}

static enum MHD_Result handle(void *data, struct MHD_Connection *connection, const char *path,
                              const char *method, const char *version, const char *body,
                              size_t *body_length, void **state)
{
  const Service *service = data;
  Call *call = *state;
  (void)version, (void)body;
  if (!call) { /* the head is in: the answer comes with the next call */
    if (!(call = calloc(1, sizeof *call)))
      return MHD_NO;
    call->connection = connection;
    call->token.size = sizeof call->token;
    *state = call;
    return MHD_YES;
  }
  if (*body_length > 0) { /* nothing that the browser says counts */
    *body_length = 0;
    return MHD_YES;
  }
  if (call->fetched)
    return get_token(service, call);
  if (strcmp(path, "/getToken") != 0)
    return answer(connection, MHD_HTTP_NOT_FOUND, "{\"error\":\"not found\"}", NULL, NULL);
  if (strcmp(method, MHD_HTTP_METHOD_POST) != 0) /* no link and no image sends one */
    return answer(connection, MHD_HTTP_METHOD_NOT_ALLOWED, "{\"error\":\"use POST\"}",
                  MHD_HTTP_HEADER_ALLOW, MHD_HTTP_METHOD_POST);
  if (business_of_session(service, connection, call->business) != 0)
    return answer(connection, MHD_HTTP_UNAUTHORIZED, "{\"error\":\"no session\"}", NULL, NULL);
  return get_token(service, call);
}

static void completed(void *data, struct MHD_Connection *connection, void **state,
                      enum MHD_RequestTerminationCode code)
{
  Call *call = *state;
  (void)data, (void)connection, (void)code;
  if (!call)
    return;
  thred_token_clear(&call->token); /* wipes it */
  free(call);
  *state = NULL;
}

static volatile sig_atomic_t ended;

static void end(int signal_number)
{
  (void)signal_number;
  ended = 1;
}

int main(int argc, char **argv)
{
  const long port = argc == 3 ? strtol(argv[1], NULL, 10) : -1;
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  Service service = {.sessions = argv[argc - 1]};
  if (port < 0 || port > 65535) {
    fprintf(stderr, "usage: %s PORT SESSIONS\n", argv[0]);
    return 2;
  }
  address.sin_port = htons((uint16_t)port);
  struct MHD_Daemon *daemon =
      MHD_start_daemon(MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME, (uint16_t)port, NULL, NULL, handle,
                       &service, MHD_OPTION_SOCK_ADDR, &address, MHD_OPTION_NOTIFY_COMPLETED,
                       completed, NULL, MHD_OPTION_CONNECTION_TIMEOUT, 30U, MHD_OPTION_END);
  if (!daemon) {
    perror("get-token: cannot serve");
    return 1;
  }
  signal(SIGTERM, end);
  signal(SIGINT, end);
  service.waiting = g_thread_pool_new(fetch, NULL, WAITING_THREADS, FALSE, NULL);
  printf("http://127.0.0.1:%u/getToken\n",
         (unsigned)MHD_get_daemon_info(daemon, MHD_DAEMON_INFO_BIND_PORT)->port);
  fflush(stdout);
  while (!ended)
    MHD_run_wait(daemon, 500);
  g_thread_pool_free(service.waiting, FALSE, TRUE); /* all are resumed, as stop_daemon wants it */
  MHD_stop_daemon(daemon);
  return 0;
}
