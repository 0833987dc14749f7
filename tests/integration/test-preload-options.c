/* SPDX-License-Identifier: MIT */
/*
 * test-preload-options.c - options of libcurl that change where a request goes, over what, or who
 * looked at the certificate: with each, an unchanged program gets its token or none. The rows of
 * the table in docs/architecture.md.
 */
#include <fcntl.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "false-trust.h"
#include "preload-client.h"
#include "unix-relay.h"

#define EVERYBODYS "/etc/ssl/certs/ca-certificates.crt" /* does not have the emulator's */

/* ---- what a row may need, until the next one ---- */

static struct curl_slist *list, *way;
static CURLSH *share;
static UnixRelay relay;

static void put_away(void)
{
  curl_slist_free_all(list);
  curl_slist_free_all(way);
  list = way = NULL;
  curl_share_cleanup(share);
  share = NULL;
  if (relay.path[0])
    unix_relay_stop(&relay);
  relay.path[0] = '\0';
}

static void set_list(CURL *curl, CURLoption option, const char *line)
{
  list = curl_slist_append(list, line);
  assert_int_equal(curl_easy_setopt(curl, option, list), CURLE_OK);
}

/* ---- verification ---- */

static void verify_peer_off(CURL *curl)
{
  curl_easy_setopt(curl, CURLOPT_SSL_VERIFYPEER, 0L);
}

static void verify_host_off(CURL *curl)
{
  curl_easy_setopt(curl, CURLOPT_SSL_VERIFYHOST, 0L);
}

static void verify_status_off(CURL *curl)
{
  assert_int_equal(curl_easy_setopt(curl, CURLOPT_SSL_VERIFYSTATUS, 0L), CURLE_OK);
}

static void doh_verify_peer_off(CURL *curl)
{
  assert_int_equal(curl_easy_setopt(curl, CURLOPT_DOH_SSL_VERIFYPEER, 0L), CURLE_OK);
}

static void doh_verify_host_off(CURL *curl)
{
  assert_int_equal(curl_easy_setopt(curl, CURLOPT_DOH_SSL_VERIFYHOST, 0L), CURLE_OK);
}

static void doh_verify_status_off(CURL *curl)
{
  assert_int_equal(curl_easy_setopt(curl, CURLOPT_DOH_SSL_VERIFYSTATUS, 0L), CURLE_OK);
}

static void proxy_verify_peer_off(CURL *curl)
{
  assert_int_equal(curl_easy_setopt(curl, CURLOPT_PROXY_SSL_VERIFYPEER, 0L), CURLE_OK);
}

static void proxy_verify_host_off(CURL *curl)
{
  assert_int_equal(curl_easy_setopt(curl, CURLOPT_PROXY_SSL_VERIFYHOST, 0L), CURLE_OK);
}

static X509 *authority(void)
{
  FILE *file = fopen(emulator.ca, "re");
  assert_non_null(file);
  X509 *certificate = PEM_read_X509(file, NULL, NULL, NULL);
  fclose(file);
  return certificate;
}

static CURLcode trust_one_more(CURL *curl, void *context, void *data)
{
  X509 *certificate = authority();
  (void)curl, (void)data;
  X509_STORE_add_cert(SSL_CTX_get_cert_store(context), certificate);
  X509_free(certificate);
  return CURLE_OK;
}

static void trust_everybodys(CURL *curl, curl_ssl_ctx_callback callback)
{
  curl_easy_setopt(curl, CURLOPT_CAINFO, EVERYBODYS);
  assert_int_equal(curl_easy_setopt(curl, CURLOPT_SSL_CTX_FUNCTION, callback), CURLE_OK);
}

static void own_trust(CURL *curl)
{
  trust_everybodys(curl, trust_one_more);
}

static void own_verify(CURL *curl)
{
  trust_everybodys(curl, false_trust_verify);
}

static void own_store_verify(CURL *curl)
{
  trust_everybodys(curl, false_trust_store);
}

static void own_cert_verify(CURL *curl)
{
  trust_everybodys(curl, false_trust_at_once);
}

static void own_cert_verify_after_all(CURL *curl)
{
  trust_everybodys(curl, false_trust_after_a_look);
}

static void ca_blob(CURL *curl)
{
  char text[16384];
  int fd = open(emulator.ca, O_RDONLY | O_CLOEXEC);
  ssize_t length = read(fd, text, sizeof text);
  close(fd);
  assert_true(length > 0);
  struct curl_blob blob = {text, (size_t)length, CURL_BLOB_COPY};
  curl_easy_setopt(curl, CURLOPT_CAINFO, NULL);
  assert_int_equal(curl_easy_setopt(curl, CURLOPT_CAINFO_BLOB, &blob), CURLE_OK);
}

/* ---- the way there ---- */

static void connect_to(CURL *curl)
{
  (void)curl; /* as every test does */
}

static void resolve(CURL *curl)
{
  char line[96];
  snprintf(line, sizeof line, "::" HOST ":%u", emulator.port);
  way = curl_slist_append(NULL, line);
  curl_easy_setopt(curl, CURLOPT_CONNECT_TO, way);
  snprintf(line, sizeof line, HOST ":%u:127.0.0.1", emulator.port);
  set_list(curl, CURLOPT_RESOLVE, line);
}

static void unix_socket(CURL *curl)
{
  char path[96];
  snprintf(path, sizeof path, "%s/relay", emulator.dir);
  unix_relay_start(&relay, path, emulator.port);
  curl_easy_setopt(curl, CURLOPT_CONNECT_TO, NULL);
  curl_easy_setopt(curl, CURLOPT_FORBID_REUSE, 1L); /* the relay takes one at a time */
  assert_int_equal(curl_easy_setopt(curl, CURLOPT_UNIX_SOCKET_PATH, path), CURLE_OK);
}

static void abstract_unix_socket(CURL *curl)
{
  char name[64];
  snprintf(name, sizeof name, "@thred-test-%d", (int)getpid());
  unix_relay_start(&relay, name, emulator.port);
  curl_easy_setopt(curl, CURLOPT_CONNECT_TO, NULL);
  curl_easy_setopt(curl, CURLOPT_FORBID_REUSE, 1L);
  assert_int_equal(curl_easy_setopt(curl, CURLOPT_ABSTRACT_UNIX_SOCKET, name + 1), CURLE_OK);
}

static curl_socket_t open_one(void *data, curlsocktype purpose, struct curl_sockaddr *address)
{
  (void)data, (void)purpose;
  return socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
}

static void own_socket(CURL *curl)
{
  assert_int_equal(curl_easy_setopt(curl, CURLOPT_OPENSOCKETFUNCTION, open_one), CURLE_OK);
}

static void alt_svc(CURL *curl)
{
  char path[96], text[160];
  snprintf(path, sizeof path, "%s/alt-svc", emulator.dir);
  int length =
      snprintf(text, sizeof text, "h1 " HOST " 443 h1 127.0.0.1 %u \"20901231 00:00:00\" 0 0\n",
               emulator.port);
  int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  assert_int_equal(write(fd, text, (size_t)length), length);
  close(fd);
  curl_easy_setopt(curl, CURLOPT_CONNECT_TO, NULL);
  assert_int_equal(
      curl_easy_setopt(curl, CURLOPT_ALTSVC_CTRL, (long)(CURLALTSVC_H1 | CURLALTSVC_READONLYFILE)),
      CURLE_OK);
  assert_int_equal(curl_easy_setopt(curl, CURLOPT_ALTSVC, path), CURLE_OK);
}

static CURLSTScode https_only(CURL *curl, struct curl_hstsentry *entry, void *data)
{
  int *calls = data;
  (void)curl;
  if ((*calls)++)
    return CURLSTS_DONE;
  snprintf(entry->name, entry->namelen, HOST);
  entry->includeSubDomains = 0;
  strcpy(entry->expire, "20901231 00:00:00");
  return CURLSTS_OK;
}

/* http:// becomes https:// inside libcurl. */
static void hsts(CURL *curl)
{
  static int calls;
  calls = 0;
  curl_easy_setopt(curl, CURLOPT_HSTSREADFUNCTION, https_only);
  curl_easy_setopt(curl, CURLOPT_HSTSREADDATA, &calls);
  assert_int_equal(curl_easy_setopt(curl, CURLOPT_HSTS_CTRL, CURLHSTS_ENABLE), CURLE_OK);
}

/* Where libcurl has no HTTP/3 it says so, and the request goes as before. */
static void http_3(CURL *curl)
{
  curl_easy_setopt(curl, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_3);
}

static void shared(CURL *curl)
{
  share = curl_share_init();
  curl_share_setopt(share, CURLSHOPT_SHARE, CURL_LOCK_DATA_CONNECT);
  curl_share_setopt(share, CURLSHOPT_SHARE, CURL_LOCK_DATA_SSL_SESSION);
  curl_share_setopt(share, CURLSHOPT_SHARE, CURL_LOCK_DATA_DNS);
  assert_int_equal(curl_easy_setopt(curl, CURLOPT_SHARE, share), CURLE_OK);
}

static void connect_only_for_websocket(CURL *curl)
{
  curl_easy_setopt(curl, CURLOPT_CONNECT_ONLY, 2L);
}

/* ---- what is asked for ---- */

static void nothing(CURL *curl)
{
  (void)curl;
}

static void request_target(CURL *curl)
{
  curl_easy_setopt(curl, CURLOPT_REQUEST_TARGET, INVOICES);
}

static void path_as_is(CURL *curl)
{
  assert_int_equal(curl_easy_setopt(curl, CURLOPT_PATH_AS_IS, 1L), CURLE_OK);
}

static void default_protocol(CURL *curl)
{
  curl_easy_setopt(curl, CURLOPT_DEFAULT_PROTOCOL, "https");
}

static void method(CURL *curl)
{
  curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, "GET");
}

static void method_and_more(CURL *curl)
{
  curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, "GET " INVOICES_2 " HTTP/1.1\r\nX-Rest:");
}

static void host_of_its_own(CURL *curl)
{
  set_list(curl, CURLOPT_HTTPHEADER, "Host: " HOST ":443");
}

static void other_host(CURL *curl)
{
  set_list(curl, CURLOPT_HTTPHEADER, "Host: evil.example");
}

static void other_host_behind_another(CURL *curl)
{
  set_list(curl, CURLOPT_HTTPHEADER, "X-One: 1\r\nhost : evil.example");
}

static void no_host(CURL *curl)
{
  set_list(curl, CURLOPT_HTTPHEADER, "Host:");
}

static void negotiate(CURL *curl)
{
  curl_easy_setopt(curl, CURLOPT_HTTPAUTH, (long)CURLAUTH_NEGOTIATE);
}

/* ---- what the program gets to see ---- */

static void aliases(CURL *curl)
{
  set_list(curl, CURLOPT_HTTP200ALIASES, "ICY 200 OK");
}

static void no_connect_headers(CURL *curl)
{
  assert_int_equal(curl_easy_setopt(curl, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L), CURLE_OK);
}

static int look(CURL *curl, curl_infotype type, char *data, size_t size, void *to)
{
  (void)curl, (void)type, (void)data, (void)size, (void)to;
  return 0;
}

static void debug(CURL *curl)
{
  curl_easy_setopt(curl, CURLOPT_DEBUGFUNCTION, look);
  curl_easy_setopt(curl, CURLOPT_VERBOSE, 1L);
}

/* ---- the table ---- */

typedef struct Row {
  const char *option;
  void (*set)(CURL *curl);
  bool token;
  const char *url; /* NULL: the usual one */
} Row;

static const Row rows[] = {
    {"SSL_VERIFYPEER", verify_peer_off, false},
    {"SSL_VERIFYHOST", verify_host_off, false},
    {"SSL_VERIFYSTATUS", verify_status_off, true},
    {"DOH_SSL_VERIFYPEER", doh_verify_peer_off, true},
    {"DOH_SSL_VERIFYHOST", doh_verify_host_off, true},
    {"DOH_SSL_VERIFYSTATUS", doh_verify_status_off, true},
    {"PROXY_SSL_VERIFYPEER", proxy_verify_peer_off, true},
    {"PROXY_SSL_VERIFYHOST", proxy_verify_host_off, true},
    {"SSL_CTX_FUNCTION: one more authority", own_trust, true},
    {"SSL_CTX_FUNCTION: SSL_CTX_set_verify", own_verify, false},
    {"SSL_CTX_FUNCTION: X509_STORE_set_verify_cb", own_store_verify, false},
    {"SSL_CTX_FUNCTION: SSL_CTX_set_cert_verify_callback", own_cert_verify, false},
    {"SSL_CTX_FUNCTION: the same, after a look", own_cert_verify_after_all, false},
    {"CAINFO_BLOB", ca_blob, true},
    {"CONNECT_TO", connect_to, true},
    {"RESOLVE", resolve, true},
    {"UNIX_SOCKET_PATH", unix_socket, true},
    {"ABSTRACT_UNIX_SOCKET", abstract_unix_socket, true},
    {"OPENSOCKETFUNCTION", own_socket, true},
    {"ALTSVC", alt_svc, true},
    {"HSTS", hsts, false, "http://" HOST INVOICES},
    {"HTTP_VERSION 3", http_3, true},
    {"SHARE", shared, true},
    {"CONNECT_ONLY 2", connect_only_for_websocket, false},
    {"wss:", nothing, false, "wss://" HOST INVOICES},
    {"ws:", nothing, false, "ws://" HOST INVOICES},
    {"REQUEST_TARGET", request_target, false},
    {"PATH_AS_IS", path_as_is, true},
    {"PATH_AS_IS: dots", path_as_is, false, BASE BUSINESSES SECOND "/../" FIRST "/invoices/"},
    {"DEFAULT_PROTOCOL", default_protocol, false, HOST INVOICES},
    {"CUSTOMREQUEST", method, true},
    {"CUSTOMREQUEST: and more", method_and_more, false},
    {"HTTPHEADER: Host", host_of_its_own, true},
    {"HTTPHEADER: another Host", other_host, false},
    {"HTTPHEADER: another Host behind a field", other_host_behind_another, false},
    {"HTTPHEADER: no Host", no_host, false},
    {"HTTPAUTH: Negotiate alone", negotiate, false},
    {"HTTP200ALIASES", aliases, true},
    {"SUPPRESS_CONNECT_HEADERS", no_connect_headers, true},
    {"DEBUGFUNCTION", debug, true},
};

/* Nothing was fetched (but for a multi handle, before there is a connection) and nothing sent. */
static bool is_untouched(Mode mode)
{
  json_object *log = request_log(&emulator);
  bool untouched = true;
  for (size_t i = 0; i < json_object_array_length(log); i++) {
    const char *value = log_authorization(log, i);
    if (strstr(log_text(log, i, "target"), "/oauth2/token/")) {
      untouched &= mode.multi;
      continue;
    }
    untouched &= (log_authorizations(log, i) == 0 || strncmp(value, "Negotiate ", 10) == 0);
  }
  json_object_put(log);
  return untouched;
}

static bool is_as_it_says(const Row *row, Mode mode)
{
  Client client;
  bool good = true;
  harness_fresh(NULL);
  client_open_plain(&client, &emulator, mode, row->url ? row->url : BASE INVOICES);
  row->set(client.curl);
  for (int i = 0; i < 2; i++) {
    CURLcode code = client_run(&client);
    if (row->token)
      good &= code == CURLE_OK && client_status(&client) == 200;
  }
  good &= row->token ? counter(&emulator, "ok") == 2 : is_untouched(mode);
  if (!good)
    print_error("%s: status %ld %s\n", row->option, client_status(&client), client.trouble);
  client_close(&client);
  put_away();
  return good;
}

static void each_row(void **state)
{
  unsigned wrong = 0;
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
    wrong += !is_as_it_says(&rows[i], MODE(state));
  assert_int_equal(wrong, 0);
}

/* Or the rows would say nothing: the requests that get no token do reach the server. */
static void they_arrive(void **state)
{
  static const char *const arriving[] = {"SSL_VERIFYPEER",
                                         "SSL_VERIFYHOST",
                                         "SSL_CTX_FUNCTION: SSL_CTX_set_verify",
                                         "SSL_CTX_FUNCTION: X509_STORE_set_verify_cb",
                                         "SSL_CTX_FUNCTION: SSL_CTX_set_cert_verify_callback",
                                         "SSL_CTX_FUNCTION: the same, after a look",
                                         "HSTS",
                                         "REQUEST_TARGET",
                                         "HTTPHEADER: another Host"};
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
    for (size_t k = 0; k < sizeof arriving / sizeof arriving[0]; k++) {
      Client client;
      if (strcmp(rows[i].option, arriving[k]) != 0)
        continue;
      client_open_plain(&client, &emulator, MODE(state), rows[i].url ? rows[i].url : BASE INVOICES);
      rows[i].set(client.curl);
      assert_int_equal(client_run(&client), CURLE_OK);
      assert_true(client_status(&client) > 0);
      client_close(&client);
      put_away();
    }
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      EASY_AND_MULTI(each_row),
      EASY_AND_MULTI(they_arrive),
  };
  return PRELOAD_MAIN_RUN(tests);
}
