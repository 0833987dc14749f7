/* SPDX-License-Identifier: MIT */
#include "capture.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "harness.h"

typedef CaptureConnection Connection;

/* ---- bytes ---- */

/* False: the capture is to stop. */
static bool wait_readable(const Connection *connection)
{
  struct pollfd fds[] = {{connection->capture->stop[0], POLLIN, 0}, {connection->fd, POLLIN, 0}};
  if (connection->ssl && SSL_pending(connection->ssl))
    return true;
  return poll(fds, 2, connection->capture->patience_ms) > 0 && !fds[0].revents;
}

static void keep_raw(char **raw, size_t *raw_length, const char *data, size_t length)
{
  char *grown = realloc(*raw, *raw_length + length + 1);
  if (!grown)
    abort(); /* a byte that is not looked at must not pass for one that did not come */
  memcpy(grown + *raw_length, data, length);
  *raw = grown;
  *raw_length += length;
  grown[*raw_length] = '\0';
}

bool capture_receive(Connection *connection)
{
  char *to = connection->bytes + connection->length;
  size_t room = sizeof connection->bytes - 1 - connection->length;
  if (room == 0 || !wait_readable(connection))
    return false;
  ssize_t length =
      connection->ssl ? SSL_read(connection->ssl, to, (int)room) : read(connection->fd, to, room);
  if (length <= 0)
    return false;
  keep_raw(&connection->raw, &connection->raw_length, to, (size_t)length);
  connection->length += (size_t)length;
  connection->bytes[connection->length] = '\0';
  return true;
}

bool capture_send(const Connection *connection, const void *data, size_t length)
{
  ssize_t sent = connection->ssl ? SSL_write(connection->ssl, data, (int)length)
                                 : send(connection->fd, data, length, MSG_NOSIGNAL);
  return sent == (ssize_t)length;
}

static bool answer(const Connection *connection, const char *text)
{
  return capture_send(connection, text, strlen(text));
}

/* ---- requests ---- */

/* The bytes of the first whole request, 0: it is not whole yet. Bodies come with their length. */
static size_t whole_request(const Connection *connection)
{
  const char *end = strstr(connection->bytes, "\r\n\r\n");
  const char *field = strcasestr(connection->bytes, "\r\nContent-Length:");
  if (!end)
    return 0;
  size_t length = (size_t)(end - connection->bytes) + 4;
  if (field && field < end)
    length += strtoul(field + strlen("\r\nContent-Length:"), NULL, 10);
  return length <= connection->length ? length : 0;
}

static void keep(const Connection *connection, size_t length)
{
  Capture *capture = connection->capture;
  const char *name =
      connection->ssl ? SSL_get_servername(connection->ssl, TLSEXT_NAMETYPE_host_name) : "-";
  int line = snprintf(capture->text + capture->length, sizeof capture->text - capture->length,
                      "[%u %s]\n%.*s", connection->number, name ? name : "", (int)length,
                      connection->bytes);
  if (line > 0 && capture->length + (size_t)line < sizeof capture->text)
    capture->length += (size_t)line;
}

/* Takes the first request out of the bytes; the answer that it gets. */
static const char *take_request(Connection *connection, size_t length)
{
  static const char good[] = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
  Capture *capture = connection->capture;
  pthread_mutex_lock(&capture->lock);
  keep(connection, length);
  const char *text = capture->answers && *capture->answers ? *capture->answers++ : good;
  pthread_mutex_unlock(&capture->lock);
  connection->length -= length;
  memmove(connection->bytes, connection->bytes + length, connection->length + 1);
  return text;
}

static void serve_requests(Connection *connection)
{
  for (;;) {
    size_t length = whole_request(connection);
    if (length ? !answer(connection, take_request(connection, length))
               : !capture_receive(connection))
      return;
  }
}

/* ---- connections ---- */

/* False: TLS failed. */
static bool begin_tls(Connection *connection)
{
  char first = 0;
  if (!wait_readable(connection) || recv(connection->fd, &first, 1, MSG_PEEK) != 1)
    return false;
  if (first != 0x16) /* RFC 8446, 5.1: a handshake record */
    return true;
  connection->ssl = SSL_new(connection->capture->tls);
  return connection->ssl && SSL_set_fd(connection->ssl, connection->fd) &&
         SSL_accept(connection->ssl) == 1;
}

static void *serve(void *data)
{
  Connection *connection = data;
  Capture *capture = connection->capture;
  if (begin_tls(connection))
    capture->speak ? capture->speak(connection) : serve_requests(connection);
  pthread_mutex_lock(&capture->lock);
  keep_raw(&capture->raw, &capture->raw_length, connection->raw ? connection->raw : "",
           connection->raw_length);
  pthread_mutex_unlock(&capture->lock);
  SSL_free(connection->ssl);
  close(connection->fd);
  free(connection->raw);
  free(connection);
  OPENSSL_thread_stop();
  atomic_fetch_sub(&capture->serving, 1);
  return NULL;
}

static void begin(Capture *capture, int fd)
{
  pthread_t thread;
  /* Or an answer behind TLS's session tickets would wait for their acknowledgement, 40 ms. */
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
  Connection *connection = calloc(1, sizeof *connection);
  if (!connection) {
    close(fd);
    return;
  }
  connection->capture = capture;
  connection->fd = fd;
  pthread_mutex_lock(&capture->lock);
  connection->number = ++capture->connections;
  pthread_mutex_unlock(&capture->lock);
  atomic_fetch_add(&capture->serving, 1);
  if (pthread_create(&thread, NULL, serve, connection) == 0)
    pthread_detach(thread);
  else
    serve(connection);
}

static void *accept_all(void *data)
{
  Capture *capture = data;
  for (;;) {
    struct pollfd fds[] = {{capture->stop[0], POLLIN, 0}, {capture->listener, POLLIN, 0}};
    if (poll(fds, 2, -1) < 0 || fds[0].revents)
      return NULL;
    int fd = accept4(capture->listener, NULL, NULL, SOCK_CLOEXEC);
    if (fd >= 0)
      begin(capture, fd);
  }
}

/* ---- the server ---- */

static struct sockaddr_in loopback(unsigned port)
{
  return (struct sockaddr_in){.sin_family = AF_INET,
                              .sin_addr = {htonl(INADDR_LOOPBACK)},
                              .sin_port = htons((uint16_t)port)};
}

static void listen_somewhere(Capture *capture)
{
  struct sockaddr_in address = loopback(0);
  socklen_t size = sizeof address;
  capture->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  assert_true(capture->listener >= 0);
  assert_int_equal(bind(capture->listener, (struct sockaddr *)&address, size), 0);
  assert_int_equal(listen(capture->listener, 16), 0);
  assert_int_equal(getsockname(capture->listener, (struct sockaddr *)&address, &size), 0);
  capture->port = ntohs(address.sin_port);
}

void capture_start(Capture *capture, const char *pem)
{
  memset(capture, 0, sizeof *capture);
  capture->patience_ms = -1;
  pthread_mutex_init(&capture->lock, NULL);
  signal(SIGPIPE, SIG_IGN); /* OpenSSL writes without MSG_NOSIGNAL */
  capture->tls = SSL_CTX_new(TLS_server_method());
  assert_non_null(capture->tls);
  assert_int_equal(SSL_CTX_use_certificate_chain_file(capture->tls, pem), 1);
  assert_int_equal(SSL_CTX_use_PrivateKey_file(capture->tls, pem, SSL_FILETYPE_PEM), 1);
  listen_somewhere(capture);
  assert_int_equal(pipe2(capture->stop, O_CLOEXEC), 0);
  assert_int_equal(pthread_create(&capture->thread, NULL, accept_all, capture), 0);
}

static bool is_idle(void *capture)
{
  return atomic_load(&((Capture *)capture)->serving) == 0;
}

/* A connection that says nothing, and is the last one: when it is answered, all are accepted. */
static void come_last(const Capture *capture)
{
  struct sockaddr_in address = loopback(capture->port);
  char byte;
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof address), 0);
  assert_int_equal(shutdown(fd, SHUT_WR), 0);
  (void)!read(fd, &byte, 1);
  close(fd);
}

void capture_settle(Capture *capture)
{
  come_last(capture);
  for (int i = 0; i < 1000 && !is_idle(capture); i++)
    sched_yield(); /* most often it is a matter of microseconds */
  wait_until(is_idle, capture);
}

void capture_stop(Capture *capture)
{
  close(capture->stop[1]);
  assert_int_equal(pthread_join(capture->thread, NULL), 0);
  wait_until(is_idle, capture);
  close(capture->stop[0]);
  close(capture->listener);
  SSL_CTX_free(capture->tls);
  free(capture->raw);
  capture->raw = NULL;
  pthread_mutex_destroy(&capture->lock);
}

void capture_reset(Capture *capture, const char *const *answers)
{
  pthread_mutex_lock(&capture->lock);
  capture->answers = answers;
  capture->connections = 0;
  capture->length = capture->raw_length = 0;
  capture->text[0] = '\0';
  pthread_mutex_unlock(&capture->lock);
}

const char *capture_text(const Capture *capture)
{
  return capture->text;
}

unsigned capture_count(const Capture *capture, const char *text)
{
  unsigned count = 0;
  for (const char *at = capture->text; (at = strcasestr(at, text)); at += strlen(text))
    count++;
  return count;
}
