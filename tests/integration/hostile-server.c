/* SPDX-License-Identifier: MIT */
#include "hostile-server.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "harness.h"

#define PATIENCE_MS 30000 /* for a client that neither reads nor goes */

typedef struct Connection {
  HostileServer *server;
  int fd;
  SSL *ssl; /* NULL: plain */
  char bytes[16384];
  size_t length;
} Connection;

/* ---- bytes ---- */

/* False: the server is to stop, or it takes too long. */
static bool wait_for(const Connection *connection, short events, int timeout_ms)
{
  struct pollfd fds[] = {{connection->server->stop[0], POLLIN, 0}, {connection->fd, events, 0}};
  if (events == POLLIN && connection->ssl && SSL_pending(connection->ssl))
    return true;
  return poll(fds, 2, timeout_ms) > 0 && !fds[0].revents;
}

/* False: the server is to stop. */
static bool pause_for(const Connection *connection, int ms)
{
  struct pollfd stop = {connection->server->stop[0], POLLIN, 0};
  return poll(&stop, 1, ms) == 0;
}

static bool put(const Connection *connection, const char *bytes, size_t length)
{
  while (length > 0) {
    if (!wait_for(connection, POLLOUT, PATIENCE_MS))
      return false;
    ssize_t sent = connection->ssl ? SSL_write(connection->ssl, bytes, (int)length)
                                   : send(connection->fd, bytes, length, MSG_NOSIGNAL);
    if (sent <= 0)
      return false;
    bytes += sent;
    length -= (size_t)sent;
  }
  return true;
}

/* One read into the buffer; false: the end. */
static bool get(Connection *connection)
{
  char *to = connection->bytes + connection->length;
  size_t room = sizeof connection->bytes - 1 - connection->length;
  if (room == 0 || !wait_for(connection, POLLIN, PATIENCE_MS))
    return false;
  ssize_t length = connection->ssl ? SSL_read(connection->ssl, to, (int)room)
                                   : recv(connection->fd, to, room, 0);
  if (length <= 0)
    return false;
  connection->length += (size_t)length;
  connection->bytes[connection->length] = '\0';
  return true;
}

static void reset(const Connection *connection)
{
  setsockopt(connection->fd, SOL_SOCKET, SO_LINGER, &(struct linger){1, 0}, sizeof(struct linger));
}

/* Reads what comes until the client goes, so that the end of ours is no reset. */
static void drain(Connection *connection)
{
  do
    connection->length = 0;
  while (get(connection));
}

/* ---- requests ---- */

static bool is_whole(const Connection *connection)
{
  const char *end = strstr(connection->bytes, "\r\n\r\n");
  const char *field = strcasestr(connection->bytes, "\r\nContent-Length:");
  if (!end)
    return false;
  size_t length = (size_t)(end - connection->bytes) + 4;
  if (field && field < end)
    length += strtoul(field + strlen("\r\nContent-Length:"), NULL, 10);
  return length <= connection->length;
}

static void keep_head(const Connection *connection)
{
  HostileServer *server = connection->server;
  pthread_mutex_lock(&server->lock);
  int line = snprintf(server->heads + server->length, sizeof server->heads - server->length, "%s\n",
                      connection->bytes);
  if (line > 0 && server->length + (size_t)line < sizeof server->heads)
    server->length += (size_t)line;
  pthread_mutex_unlock(&server->lock);
}

static bool read_request(Connection *connection)
{
  connection->length = 0;
  while (connection->length == 0 || !is_whole(connection))
    if (!get(connection))
      return false;
  keep_head(connection);
  return true;
}

/* ---- good ---- */

static void be_good(Connection *connection)
{
  char body[256], answer[512];
  while (read_request(connection)) {
    bool is_token = strstr(connection->bytes, "/oauth2/token/") != NULL;
    bool is_let_in = strcasestr(connection->bytes, "authorization: bearer good-") != NULL;
    int status = is_token || is_let_in ? 200 : 401;
    if (is_token)
      snprintf(body, sizeof body,
               "{\"access_token\":\"good-%u\",\"token_type\":\"Bearer\",\"expires_in\":3600}",
               atomic_fetch_add(&connection->server->tokens, 1) + 1);
    else
      snprintf(body, sizeof body, "{}");
    snprintf(answer, sizeof answer,
             "HTTP/1.1 %d Fine\r\nContent-Type: application/json\r\nContent-Length: %zu\r\n\r\n%s",
             status, strlen(body), body);
    if (!put(connection, answer, strlen(answer)))
      return;
  }
}

/* ---- hostile ---- */

static void drip(Connection *connection, const char *bytes, size_t length)
{
  const Hostile *how = &connection->server->how;
  for (size_t i = 0; pause_for(connection, how->pace_ms); i = (i + 1) % length)
    if (!put(connection, bytes + i, 1))
      return;
}

static void flood(Connection *connection)
{
  const Hostile *how = &connection->server->how;
  char block[16384];
  size_t length = 0;
  while (length + how->more_length <= sizeof block) {
    memcpy(block + length, how->more, how->more_length);
    length += how->more_length;
  }
  for (uint64_t sent = 0; sent < how->total; sent += length)
    if (!put(connection, block, length))
      return;
}

static void be_hostile(Connection *connection)
{
  const Hostile *how = &connection->server->how;
  bool reads = how->way != HOSTILE_EARLY && how->way != HOSTILE_NO_TLS && !how->h2;
  if (reads && !read_request(connection))
    return;
  if (!put(connection, how->answer, how->length ? how->length : strlen(how->answer)))
    return;
  if (how->way == HOSTILE_DRIP)
    drip(connection, how->more, how->more_length);
  else if (how->way == HOSTILE_FLOOD)
    flood(connection);
  if (how->way == HOSTILE_KEEP_OPEN || how->way == HOSTILE_EARLY || how->h2) {
    drain(connection);
  } else if (how->way == HOSTILE_RESET) {
    reset(connection);
  } else if (how->way == HOSTILE_ANSWER || how->way == HOSTILE_FLOOD) {
    SSL_shutdown(connection->ssl);
    drain(connection);
  } else {
    shutdown(connection->fd, SHUT_WR);
    drain(connection);
  }
}

/* TLS's own first flight, byte by byte. */
static void drip_hello(Connection *connection)
{
  SSL *ssl = SSL_new(connection->server->hostile);
  BIO *in = BIO_new(BIO_s_mem()), *out = BIO_new(BIO_s_mem());
  char *flight = NULL;
  SSL_set_bio(ssl, in, out);
  SSL_set_accept_state(ssl);
  if (get(connection)) {
    BIO_write(in, connection->bytes, (int)connection->length);
    (void)SSL_do_handshake(ssl);
    long length = BIO_get_mem_data(out, &flight);
    if (length > 0)
      drip(connection, flight, (size_t)length);
  }
  SSL_free(ssl);
}

/* ---- a connection ---- */

/* "P0" or "P1", which is answered with "ok". */
static void take_order(Connection *connection)
{
  while (connection->length < 2)
    if (!get(connection))
      return;
  atomic_store(&connection->server->is_hostile, connection->bytes[1] == '1');
  put(connection, "ok", 2);
}

static bool begin_tls(Connection *connection, SSL_CTX *context)
{
  SSL *ssl = SSL_new(context);
  SSL_set_fd(ssl, connection->fd);
  if (SSL_accept(ssl) == 1) {
    connection->ssl = ssl;
    return true;
  }
  SSL_free(ssl);
  return false;
}

static void serve_hostile(Connection *connection)
{
  HostileServer *server = connection->server;
  atomic_fetch_add(&server->connections, 1);
  switch (server->how.way) {
  case HOSTILE_TCP_RESET:
    reset(connection);
    return;
  case HOSTILE_HELLO_RESET:
    (void)get(connection);
    reset(connection);
    return;
  case HOSTILE_HELLO_END:
    (void)get(connection);
    shutdown(connection->fd, SHUT_WR);
    drain(connection);
    return;
  case HOSTILE_TCP_SILENT:
    drain(connection);
    return;
  case HOSTILE_HELLO_DRIP:
    drip_hello(connection);
    return;
  case HOSTILE_NO_TLS:
    be_hostile(connection);
    return;
  case HOSTILE_DEAF:
    if (begin_tls(connection, server->hostile))
      reset(connection);
    return;
  default:
    if (begin_tls(connection, server->hostile))
      be_hostile(connection);
  }
}

static void *serve(void *data)
{
  Connection *connection = data;
  HostileServer *server = connection->server;
  char first = 0;
  setsockopt(connection->fd, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
  /* The one that is reset unseen is the first after the order. */
  const bool unseen = atomic_load(&server->is_hostile) && server->how.way == HOSTILE_TCP_RESET &&
                      atomic_load(&server->connections) == 0;
  const bool spoke = unseen || (wait_for(connection, POLLIN, PATIENCE_MS) &&
                                recv(connection->fd, &first, 1, MSG_PEEK) == 1);
  if (first == 'P')
    take_order(connection);
  else if (spoke && atomic_load(&server->is_hostile))
    serve_hostile(connection);
  else if (first == 0x16 && begin_tls(connection, server->good)) /* RFC 8446, 5.1: a handshake */
    be_good(connection);
  SSL_free(connection->ssl);
  close(connection->fd);
  free(connection);
  OPENSSL_thread_stop();
  atomic_fetch_sub(&server->serving, 1);
  return NULL;
}

static void begin(HostileServer *server, int fd)
{
  pthread_t thread;
  Connection *connection = calloc(1, sizeof *connection);
  if (!connection) {
    close(fd);
    return;
  }
  connection->server = server;
  connection->fd = fd;
  atomic_fetch_add(&server->serving, 1);
  if (pthread_create(&thread, NULL, serve, connection) == 0)
    pthread_detach(thread);
  else
    serve(connection);
}

static void *accept_all(void *data)
{
  HostileServer *server = data;
  for (;;) {
    struct pollfd fds[] = {{server->stop[0], POLLIN, 0}, {server->listener, POLLIN, 0}};
    if (poll(fds, 2, -1) < 0 || fds[0].revents)
      return NULL;
    int fd = accept4(server->listener, NULL, NULL, SOCK_CLOEXEC);
    if (fd >= 0)
      begin(server, fd);
  }
}

/* ---- the server ---- */

static int choose_h2(SSL *ssl, const unsigned char **out, unsigned char *length,
                     const unsigned char *in, unsigned in_length, void *data)
{
  static const unsigned char h2[] = "\2h2";
  unsigned char *found;
  (void)ssl, (void)data;
  if (SSL_select_next_proto(&found, length, h2, 3, in, in_length) != OPENSSL_NPN_NEGOTIATED)
    return SSL_TLSEXT_ERR_ALERT_FATAL;
  *out = found;
  return SSL_TLSEXT_ERR_OK;
}

static SSL_CTX *make_context(const char *pem, const Hostile *how)
{
  SSL_CTX *context = SSL_CTX_new(TLS_server_method());
  assert_non_null(context);
  assert_int_equal(SSL_CTX_use_certificate_chain_file(context, pem), 1);
  assert_int_equal(SSL_CTX_use_PrivateKey_file(context, pem, SSL_FILETYPE_PEM), 1);
  SSL_CTX_set_options(context, SSL_OP_IGNORE_UNEXPECTED_EOF);
  if (how && how->h2)
    SSL_CTX_set_alpn_select_cb(context, choose_h2, NULL);
  if (how && how->max_version) { /* OpenSSL 3 has none of these above level 0 */
    assert_int_equal(SSL_CTX_set_cipher_list(context, "ALL:@SECLEVEL=0"), 1);
    assert_int_equal(SSL_CTX_set_min_proto_version(context, how->max_version), 1);
    assert_int_equal(SSL_CTX_set_max_proto_version(context, how->max_version), 1);
  }
  return context;
}

static void listen_somewhere(HostileServer *server)
{
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
  socklen_t size = sizeof address;
  server->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  assert_true(server->listener >= 0);
  assert_int_equal(bind(server->listener, (struct sockaddr *)&address, size), 0);
  assert_int_equal(listen(server->listener, 64), 0);
  assert_int_equal(getsockname(server->listener, (struct sockaddr *)&address, &size), 0);
  server->port = ntohs(address.sin_port);
}

void hostile_start(HostileServer *server, const Hostile *how, const char *good, const char *hostile)
{
  memset(server, 0, sizeof *server);
  pthread_mutex_init(&server->lock, NULL);
  signal(SIGPIPE, SIG_IGN); /* OpenSSL writes without MSG_NOSIGNAL */
  if (how)
    server->how = *how;
  server->good = make_context(good, NULL);
  server->hostile = make_context(hostile ? hostile : good, how);
  listen_somewhere(server);
  assert_int_equal(pipe2(server->stop, O_CLOEXEC), 0);
  assert_int_equal(pthread_create(&server->thread, NULL, accept_all, server), 0);
}

static bool is_idle(void *server)
{
  return atomic_load(&((HostileServer *)server)->serving) == 0;
}

void hostile_stop(HostileServer *server)
{
  close(server->stop[1]);
  assert_int_equal(pthread_join(server->thread, NULL), 0);
  wait_until(is_idle, server);
  close(server->stop[0]);
  close(server->listener);
  SSL_CTX_free(server->good);
  SSL_CTX_free(server->hostile);
  pthread_mutex_destroy(&server->lock);
}

unsigned hostile_count(HostileServer *server, const char *text)
{
  unsigned count = 0;
  pthread_mutex_lock(&server->lock);
  for (const char *at = server->heads; (at = strcasestr(at, text)); at += strlen(text))
    count++;
  pthread_mutex_unlock(&server->lock);
  return count;
}
