/* SPDX-License-Identifier: MIT */
#include "server.h"

#include "exchange.h"

#include <microhttpd.h>
#include <netdb.h>
#include <string.h>
#include <sys/socket.h>

/* Of each listener. */
#define MAX_CONNECTIONS   8192U
/* Headers of 40 KiB must fit, with what MHD keeps beside them. Pages are taken when written to. */
#define CONNECTION_MEMORY ((size_t)256 * 1024)

struct Server {
  Emulator *emulator;
  bool tls;
  struct MHD_Daemon *daemon;
};

static enum MHD_Result add_header(void *cls, enum MHD_ValueKind kind, const char *key,
                                  const char *value)
{
  (void)kind;
  request_add_header(cls, key, value);
  return MHD_YES;
}

/* The first word of a request: MHD hands out the target undecoded only here. */
static void *on_target(void *cls, const char *target, struct MHD_Connection *connection)
{
  (void)cls, (void)connection;
  return request_new(target);
}

/* The text of a huge answer: JSON that has not ended yet. */
static ssize_t read_huge(void *cls, uint64_t position, char *buffer, size_t size)
{
  static const char start[] = "{\"access_token\":\"";
  (void)cls;
  if (position >= HUGE_BODY)
    return MHD_CONTENT_READER_END_OF_STREAM;
  size_t length = (size_t)MIN((uint64_t)size, HUGE_BODY - position);
  memset(buffer, 'A', length);
  for (size_t i = 0; i < length && position + i < sizeof start - 1; i++)
    buffer[i] = start[position + i];
  return (ssize_t)length;
}

static void set_header(struct MHD_Response *response, const char *name, const char *value)
{
  if (value)
    (void)MHD_add_response_header(response, name, value);
}

/* The response takes over the reply's body. */
static struct MHD_Response *make_response(Reply *reply)
{
  struct MHD_Response *response =
      reply->huge
          ? MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, (size_t)64 * 1024, read_huge, NULL,
                                              NULL)
          : MHD_create_response_from_buffer(reply->length, reply->body, MHD_RESPMEM_MUST_FREE);
  if (!response)
    return NULL;
  /* GLib's allocator is malloc (since 2.46), so MHD may free this. */
  if (!reply->huge)
    reply->body = NULL;
  set_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, reply->content_type);
  set_header(response, MHD_HTTP_HEADER_WWW_AUTHENTICATE, reply->challenge);
  set_header(response, MHD_HTTP_HEADER_ALLOW, reply->allow);
  set_header(response, MHD_HTTP_HEADER_LOCATION, reply->location);
  set_header(response, MHD_HTTP_HEADER_RETRY_AFTER, reply->retry_after);
  set_header(response, MHD_HTTP_HEADER_CACHE_CONTROL, reply->no_store ? "no-store" : NULL);
  for (char **field = reply->headers; field && field[0]; field += 2)
    set_header(response, field[0], field[1]);
  return response;
}

static enum MHD_Result send_reply(struct MHD_Connection *connection, Reply *reply)
{
  enum MHD_Result result = MHD_NO; /* closes the connection */
  struct MHD_Response *response = reply->drop ? NULL : make_response(reply);
  if (response) {
    result = MHD_queue_response(connection, reply->status, response);
    MHD_destroy_response(response);
  }
  reply_clear(reply);
  return result;
}

static Connection *connection_of(struct MHD_Connection *connection)
{
  const union MHD_ConnectionInfo *info =
      MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
  return info ? info->socket_context : NULL;
}

/* Called once with the headers, then with each piece of the body, then with none. */
static enum MHD_Result on_request(void *cls, struct MHD_Connection *connection, const char *url,
                                  const char *method, const char *version, const char *data,
                                  size_t *size, void **context)
{
  Server *server = cls;
  Request *request = *context;
  (void)url, (void)version;
  if (!request)
    return MHD_NO;
  if (!request->begun) {
    MHD_get_connection_values(connection, MHD_HEADER_KIND, add_header, request);
    request_begin(request, method, connection_of(connection));
    exchange_begin(server->emulator, request);
    return MHD_YES;
  }
  if (*size > 0) {
    request_add_body(request, data, *size);
    *size = 0;
    return MHD_YES;
  }
  Reply reply = {0};
  exchange_answer(server->emulator, request, &reply);
  return send_reply(connection, &reply);
}

static void on_completed(void *cls, struct MHD_Connection *connection, void **context,
                         enum MHD_RequestTerminationCode code)
{
  Server *server = cls;
  (void)connection, (void)code;
  if (*context)
    exchange_abandon(server->emulator, *context);
  request_free(*context);
  *context = NULL;
}

static void name_peer(Connection *made, struct MHD_Connection *connection)
{
  const union MHD_ConnectionInfo *info =
      MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
  if (!info)
    return;
  socklen_t size = info->client_addr->sa_family == AF_INET6 ? sizeof(struct sockaddr_in6)
                                                            : sizeof(struct sockaddr_in);
  if (getnameinfo(info->client_addr, size, made->peer, sizeof made->peer, NULL, 0,
                  NI_NUMERICHOST) != 0)
    made->peer[0] = '\0';
}

static void on_connection(void *cls, struct MHD_Connection *connection, void **context,
                          enum MHD_ConnectionNotificationCode code)
{
  const Server *server = cls;
  if (code == MHD_CONNECTION_NOTIFY_STARTED) {
    Connection *made = g_new0(Connection, 1);
    made->tls = server->tls;
    name_peer(made, connection);
    *context = made;
  } else {
    g_free(*context);
    *context = NULL;
  }
}

Server *server_start(Emulator *emulator, Listener *listener, const Certificates *certificates)
{
  Server *server = g_new0(Server, 1);
  server->emulator = emulator;
  server->tls = certificates != NULL;
  struct MHD_OptionItem tls_options[] = {
      {MHD_OPTION_HTTPS_MEM_KEY, 0, server->tls ? certificates->key : NULL},
      {MHD_OPTION_HTTPS_MEM_CERT, 0, server->tls ? certificates->server : NULL},
      {MHD_OPTION_END, 0, NULL}};
  if (!server->tls)
    tls_options[0] = (struct MHD_OptionItem){MHD_OPTION_END, 0, NULL};
  /* poll(2): select(2) cannot watch more than 1,024 descriptors. */
  unsigned flags = MHD_USE_THREAD_PER_CONNECTION | MHD_USE_INTERNAL_POLLING_THREAD | MHD_USE_POLL |
                   (server->tls ? (unsigned)MHD_USE_TLS : 0U);
  server->daemon = MHD_start_daemon(
      flags, (uint16_t)listener->port, NULL, NULL, on_request, server, MHD_OPTION_LISTEN_SOCKET,
      listener->fd, MHD_OPTION_CONNECTION_LIMIT, MAX_CONNECTIONS,
      MHD_OPTION_CONNECTION_MEMORY_LIMIT, CONNECTION_MEMORY, MHD_OPTION_URI_LOG_CALLBACK, on_target,
      server, MHD_OPTION_NOTIFY_COMPLETED, on_completed, server, MHD_OPTION_NOTIFY_CONNECTION,
      on_connection, server, MHD_OPTION_ARRAY, tls_options, MHD_OPTION_END);
  if (!server->daemon) {
    g_free(server);
    return NULL;
  }
  listener->fd = -1;
  return server;
}

void server_stop(Server *server)
{
  if (!server)
    return;
  MHD_stop_daemon(server->daemon);
  g_free(server);
}
