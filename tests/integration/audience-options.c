/* SPDX-License-Identifier: MIT */
/* audience-options.c - header fields, ways that are no proxy, files that libcurl reads: what else
 * changes where a request goes, or what a server takes it for. */
#include "audience.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "unix-relay.h"

#define COUNT(rows) (sizeof(rows) / sizeof(rows)[0])

/* ---- header fields ---- */

static const struct {
  const char *line, *due;
} fields[] = {
    {"X-One: 1", "B"},
    {"Host: " HOST, "B"},
    {"Host: " HOST ":443", "B"},
    {"host:sandbox.thredfi.com", "B"},
    {"Host: SANDBOX.thredfi.com", "b"},
    {"Host: " EVIL, ""},
    {"HOST: " EVIL, ""},
    {"Host:" EVIL, ""},
    {"Host:\t" EVIL, ""},
    {"Host : " EVIL, ""},
    {"Host\t: " EVIL, ""},
    {"Host: " HOST "." EVIL, ""},
    {"Host: " EVIL "/" HOST, ""},
    {"Host: " HOST "@" EVIL, ""},
    {"Host: " HOST "," EVIL, ""},
    {"Host: " HOST " " EVIL, ""},
    {"Host: " HOST ".", ""},
    {"Host: " HOST ":4430", ""},
    {"Host: " HOST ":80", ""},
    {"Host: " SIBLING, ""},
    {"Host:", ""},
    {"Host;", ""},
    {"X-One: 1\r\nHost: " EVIL, ""},
    {"X-One: 1\nHost: " EVIL, ""},
    {"X-One: 1\r\n\thost : " EVIL, "b"}, /* a folded line, of X-One's value */
    {"Host: " HOST "\r\nHost: " EVIL, ""},
    {"X-One: 1\r\n\r\nGET " INVOICES " HTTP/1.1\r\nHost: " EVIL "\r\n", ""},
    {"Host: " HOST "\r\n\r\nGET " INVOICES_2 " HTTP/1.1\r\nHost: " HOST, ""},
    {"Host: " HOST "\n\nGET " INVOICES_2 " HTTP/1.1\nHost: " HOST, ""},
    {"Host: " HOST "\r\nX-One: 1", ""},
    {"X-Forwarded-Host: " EVIL, "b"},
    {"Authorization: Basic dTpw", ""},
    {"authorization:", ""},
    {"Authorization;", ""},
    {"X-One: 1\r\nAuthorization: Basic dTpw", ""},
    {"Proxy-Authorization: Basic dTpw", "b"},
    {":authority: " EVIL, "b"},
};

static void try_field(Attack *attack, size_t i)
{
  attack_named(attack, "field '%s'", fields[i].line);
  attack->due = fields[i].due;
  attack_open(attack, GOOD_URL, NULL);
  attack_set_headers(attack, attack_list(attack, fields[i].line));
  curl_easy_setopt(attack->client.curl, CURLOPT_TIMEOUT_MS, 2000L);
  attack_run(attack);
}

/* ---- other ways ---- */

static Attack *current;
static UnixRelay relay;

static void set_line(CURL *curl, CURLoption option, const char *format, unsigned port)
{
  char line[160];
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
  snprintf(line, sizeof line, format, port);
#pragma GCC diagnostic pop
  curl_easy_setopt(curl, option, attack_list(current, line));
}

static void by_resolve(CURL *curl)
{
  set_line(curl, CURLOPT_CONNECT_TO, "::" HOST ":%u", world.right);
  set_line(curl, CURLOPT_RESOLVE, HOST ":%u:127.0.0.1", world.right);
}

static void by_socket(CURL *curl, bool abstract, unsigned port)
{
  char path[96];
  snprintf(path, sizeof path, abstract ? "@thred-audience-%d" : "/tmp/thred-audience-%d",
           (int)getpid());
  unix_relay_start(&relay, path, port);
  curl_easy_setopt(curl, CURLOPT_CONNECT_TO, NULL);
  curl_easy_setopt(curl, CURLOPT_FORBID_REUSE, 1L); /* the relay takes one at a time */
  if (abstract)
    curl_easy_setopt(curl, CURLOPT_ABSTRACT_UNIX_SOCKET, path + 1);
  else
    curl_easy_setopt(curl, CURLOPT_UNIX_SOCKET_PATH, path);
}

static void unix_socket(CURL *curl)
{
  by_socket(curl, false, world.right);
}

static void abstract_socket(CURL *curl)
{
  by_socket(curl, true, world.right);
}

static void false_server(void)
{
  certificates_use(world.impostor.tls, certificate_named("for another host"));
  current->uses_impostor = true;
}

static void unix_socket_to_impostor(CURL *curl)
{
  false_server();
  by_socket(curl, false, world.impostor.port);
}

static void unverified_unix_socket_to_impostor(CURL *curl)
{
  unix_socket_to_impostor(curl);
  curl_easy_setopt(curl, CURLOPT_SSL_VERIFYPEER, 0L);
  curl_easy_setopt(curl, CURLOPT_SSL_VERIFYHOST, 0L);
}

static void write_file(const char *name, const char *text, char *path, size_t size)
{
  snprintf(path, size, "%s/%s", emulator.dir, name);
  int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
  close(fd);
}

static void alt_svc_at(CURL *curl, unsigned port)
{
  char path[128], text[160];
  snprintf(text, sizeof text, "h1 " HOST " 443 h1 127.0.0.1 %u \"20901231 00:00:00\" 0 0\n", port);
  write_file("alt-svc", text, path, sizeof path);
  curl_easy_setopt(curl, CURLOPT_CONNECT_TO, NULL);
  curl_easy_setopt(curl, CURLOPT_ALTSVC_CTRL, (long)(CURLALTSVC_H1 | CURLALTSVC_READONLYFILE));
  curl_easy_setopt(curl, CURLOPT_ALTSVC, path);
}

static void alt_svc(CURL *curl)
{
  alt_svc_at(curl, world.right);
}

static void alt_svc_impostor(CURL *curl)
{
  false_server();
  alt_svc_at(curl, world.impostor.port);
}

static void unverified_alt_svc_impostor(CURL *curl)
{
  alt_svc_impostor(curl);
  curl_easy_setopt(curl, CURLOPT_SSL_VERIFYPEER, 0L);
  curl_easy_setopt(curl, CURLOPT_SSL_VERIFYHOST, 0L);
}

static CURLSTScode https_only(CURL *curl, struct curl_hstsentry *entry, void *data)
{
  static const char *const names[] = {HOST, EVIL};
  (void)curl, (void)data;
  if (current->count >= 2)
    return CURLSTS_DONE;
  snprintf(entry->name, entry->namelen, "%s", names[current->count++]);
  entry->includeSubDomains = 1;
  strcpy(entry->expire, "20901231 00:00:00");
  return CURLSTS_OK;
}

static void hsts(CURL *curl)
{
  curl_easy_setopt(curl, CURLOPT_HSTSREADFUNCTION, https_only);
  curl_easy_setopt(curl, CURLOPT_HSTS_CTRL, (long)CURLHSTS_ENABLE);
}

static void netrc_of(CURL *curl, const char *text)
{
  char path[128];
  write_file("netrc", text, path, sizeof path);
  curl_easy_setopt(curl, CURLOPT_NETRC, (long)CURL_NETRC_OPTIONAL);
  curl_easy_setopt(curl, CURLOPT_NETRC_FILE, path);
}

static void netrc_host(CURL *curl)
{
  netrc_of(curl, "machine " HOST " login someone password theirs\n");
}

static void netrc_elsewhere(CURL *curl)
{
  netrc_of(curl, "machine " EVIL " login someone password theirs\n");
}

static void netrc_default(CURL *curl)
{
  netrc_of(curl, "default login someone password theirs\n");
}

static void default_protocol(CURL *curl)
{
  curl_easy_setopt(curl, CURLOPT_DEFAULT_PROTOCOL, "https");
}

static void request_target(CURL *curl)
{
  curl_easy_setopt(curl, CURLOPT_REQUEST_TARGET, INVOICES_2);
}

static void absolute_target(CURL *curl)
{
  curl_easy_setopt(curl, CURLOPT_REQUEST_TARGET, "https://" EVIL "/");
}

static void port(CURL *curl)
{
  curl_easy_setopt(curl, CURLOPT_PORT, 4430L);
}

static void port_443(CURL *curl)
{
  curl_easy_setopt(curl, CURLOPT_PORT, 443L);
}

static void connect_only(CURL *curl)
{
  curl_easy_setopt(curl, CURLOPT_CONNECT_ONLY, 1L);
}

static void connect_only_for_websocket(CURL *curl)
{
  curl_easy_setopt(curl, CURLOPT_CONNECT_ONLY, 2L);
}

static void signature(CURL *curl)
{
  curl_easy_setopt(curl, CURLOPT_AWS_SIGV4, "aws:amz:us-east-1:s3");
  curl_easy_setopt(curl, CURLOPT_USERPWD, "key:secret");
}

static void version_1_0(CURL *curl)
{
  curl_easy_setopt(curl, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_0);
}

static void version_2(CURL *curl)
{
  curl_easy_setopt(curl, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_2_0);
}

static void version_3(CURL *curl)
{
  curl_easy_setopt(curl, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_3);
}

static void haproxy(CURL *curl)
{
  curl_easy_setopt(curl, CURLOPT_HAPROXYPROTOCOL, 1L);
  curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, 100L); /* the server waits for TLS in vain */
}

static void tls_1_2(CURL *curl)
{
  curl_easy_setopt(curl, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_MAX_TLSv1_2);
}

static void no_early_proof(CURL *curl)
{
  curl_easy_setopt(curl, CURLOPT_SSL_SESSIONID_CACHE, 0L);
}

static void false_start(CURL *curl)
{
  curl_easy_setopt(curl, CURLOPT_SSL_FALSESTART, 1L);
}

static void use_ssl_none(CURL *curl)
{
  curl_easy_setopt(curl, CURLOPT_USE_SSL, (long)CURLUSESSL_NONE);
}

static void other_verifications_off(CURL *curl)
{
  curl_easy_setopt(curl, CURLOPT_PROXY_SSL_VERIFYPEER, 0L);
  curl_easy_setopt(curl, CURLOPT_PROXY_SSL_VERIFYHOST, 0L);
  curl_easy_setopt(curl, CURLOPT_DOH_SSL_VERIFYPEER, 0L);
  curl_easy_setopt(curl, CURLOPT_DOH_SSL_VERIFYHOST, 0L);
}

/* The rest of a request, and another one that the token would go along with. */
#define ANOTHER "one\r\nHost: " HOST "\r\n\r\nGET " INVOICES_2 " HTTP/1.1\r\nX-One: 1"

static void smuggled_by_agent(CURL *curl)
{
  curl_easy_setopt(curl, CURLOPT_USERAGENT, ANOTHER);
}

static void smuggled_by_referer(CURL *curl)
{
  curl_easy_setopt(curl, CURLOPT_REFERER, ANOTHER);
}

static void smuggled_by_cookie(CURL *curl)
{
  curl_easy_setopt(curl, CURLOPT_COOKIE, ANOTHER);
}

static void smuggled_by_range(CURL *curl)
{
  curl_easy_setopt(curl, CURLOPT_RANGE, ANOTHER);
}

static void smuggled_by_encoding(CURL *curl)
{
  curl_easy_setopt(curl, CURLOPT_ACCEPT_ENCODING, "gzip\nX-One: 1");
}

static void fields_without_line_ends(CURL *curl)
{
  smuggled_by_agent(curl), smuggled_by_referer(curl), smuggled_by_cookie(curl);
  curl_easy_setopt(curl, CURLOPT_USERAGENT, "one");
  curl_easy_setopt(curl, CURLOPT_REFERER, NULL);
  curl_easy_setopt(curl, CURLOPT_COOKIE, "a=b");
}

static void plain(CURL *curl)
{
  (void)curl;
}

typedef struct Row {
  const char *name;
  void (*set)(CURL *curl);
  const char *url, *due;
  bool watched_only; /* thred.h: must not be used on an attached handle, which cannot see it */
} Row;

static const Row rows[] = {
    {"RESOLVE", by_resolve, GOOD_URL, "BB", false},
    {"UNIX_SOCKET_PATH", unix_socket, GOOD_URL, "BB", false},
    {"ABSTRACT_UNIX_SOCKET", abstract_socket, GOOD_URL, "BB", false},
    {"UNIX_SOCKET_PATH, http", unix_socket, "http://" HOST INVOICES, "", false},
    {"UNIX_SOCKET_PATH, elsewhere", unix_socket, "https://" EVIL INVOICES, "", false},
    {"UNIX_SOCKET_PATH, false", unix_socket_to_impostor, GOOD_URL, "", false},
    {"UNIX_SOCKET_PATH, false, not verified", unverified_unix_socket_to_impostor, GOOD_URL, "",
     false},
    {"ALTSVC", alt_svc, GOOD_URL, "BB", false},
    {"ALTSVC, false", alt_svc_impostor, GOOD_URL, "", false},
    {"ALTSVC, false, not verified", unverified_alt_svc_impostor, GOOD_URL, "", false},
    {"HSTS, http", hsts, "http://" HOST INVOICES, "~bb", false},
    {"HSTS, http with a port", hsts, "http://" HOST ":80" INVOICES, "~bb", false},
    {"HSTS, http elsewhere", hsts, "http://" EVIL INVOICES, "", false},
    {"HSTS, http below", hsts, "http://a." HOST INVOICES, "", false},
    {"netrc", netrc_host, GOOD_URL, "~bb", false},
    {"netrc, elsewhere", netrc_elsewhere, GOOD_URL, "BB", false},
    {"netrc, and it goes elsewhere", netrc_elsewhere, "https://" EVIL INVOICES, "", false},
    {"netrc, default", netrc_default, GOOD_URL, "~bb", false},
    {"DEFAULT_PROTOCOL", default_protocol, HOST INVOICES, "~bb", false},
    {"REQUEST_TARGET", request_target, GOOD_URL, "", true},
    {"REQUEST_TARGET, absolute", absolute_target, GOOD_URL, "", true},
    {"PORT", port, GOOD_URL, "", true},
    {"PORT 443", port_443, GOOD_URL, "BB", false},
    {"PORT 443, and another in the URL", port_443, "https://" HOST ":4430" INVOICES, "", false},
    {"CONNECT_ONLY", connect_only, GOOD_URL, "", false},
    {"CONNECT_ONLY 2", connect_only_for_websocket, GOOD_URL, "", true},
    {"AWS_SIGV4", signature, GOOD_URL, "", true},
    {"HTTP/1.0", version_1_0, GOOD_URL, "BB", false},
    {"HTTP/2", version_2, GOOD_URL, "bb", false},
    {"HTTP/3", version_3, GOOD_URL, "bb", false},
    {"HAPROXYPROTOCOL", haproxy, GOOD_URL, "", false},
    {"TLS 1.2", tls_1_2, GOOD_URL, "BB", false},
    {"no TLS sessions", no_early_proof, GOOD_URL, "BB", false},
    {"TLS false start", false_start, GOOD_URL, "BB", false},
    {"USE_SSL none", use_ssl_none, GOOD_URL, "BB", false},
    {"USE_SSL none, http", use_ssl_none, "http://" HOST INVOICES, "", false},
    {"other verifications off", other_verifications_off, GOOD_URL, "BB", false},
    {"a request in USERAGENT", smuggled_by_agent, GOOD_URL, "", true},
    {"a request in REFERER", smuggled_by_referer, GOOD_URL, "", true},
    {"a request in COOKIE", smuggled_by_cookie, GOOD_URL, "", true},
    {"a request in RANGE", smuggled_by_range, GOOD_URL, "", true},
    {"a line in ACCEPT_ENCODING", smuggled_by_encoding, GOOD_URL, "", true},
    {"fields without", fields_without_line_ends, GOOD_URL, "BB", false},
    {"nothing", plain, GOOD_URL, "BB", false},
};

/* Options before the handle is attached, and after. */
static void try_row(Attack *attack, size_t i)
{
  const Row *row = &rows[i / 2];
  attack_named(attack, "%s%s", row->name, i % 2 ? ", set before" : "");
  attack->left_out = row->watched_only && world.linked;
  if (attack->left_out)
    return;
  current = attack;
  attack->due = row->due;
  if (i % 2) {
    client_open_plain(&attack->client, &emulator, attack->mode, row->url);
    attack_set_way(&attack->client);
    row->set(attack->client.curl);
    attack_attach(&attack->client);
  } else {
    attack_open(attack, row->url, NULL);
    row->set(attack->client.curl);
  }
  attack_run(attack);
  attack_run(attack);
  if (relay.path[0])
    unix_relay_stop(&relay);
  relay.path[0] = '\0';
}

const Family families_options[] = {
    {"header fields", COUNT(fields), 100, false, 1, try_field},
    {"options, files, other ways", 2 * COUNT(rows), 70, false, 1, try_row},
    {NULL, 0, 0, false, 0, NULL},
};
