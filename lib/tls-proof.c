/* SPDX-License-Identifier: MIT */
#include "lib/tls-proof.h"

#include <dlfcn.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "lib/ascii.h"
#include "lib/link-map.h"
#include "lib/log.h"
#include "lib/objects.h"
#include "lib/symbols.h"
#include "lib/tls-chain.h"

/* Of openssl/ssl.h and openssl/x509_vfy.h, and gnutls/gnutls.h: the library found at run time need
 * not be the one whose headers are here. */
#define SSL_VERIFY_PEER_BIT 1
#define X509_RESULT_OK      0
#define TLS_HOST_NAME       0

/* gnutls_datum_t */
typedef struct {
  unsigned char *data;
  unsigned size;
} Datum;

/* The functions of the TLS library behind one libcurl. Immutable once published. */
typedef struct Inspector {
  const void *libcurl; /* address of its curl_easy_getinfo */
  unsigned curl_version;
  const struct Inspector *next;
  int (*ssl_get_verify_mode)(const void *ssl);
  long (*ssl_get_verify_result)(const void *ssl);
  const char *(*ssl_get_servername)(const void *ssl, int type);
  void *(*ssl_get1_peer_certificate)(const void *ssl);
  int (*x509_check_host)(void *x509, const char *name, size_t length, unsigned flags, char **peer);
  void (*x509_free)(void *x509);
  TlsChain chain;
  bool has_chain;
  size_t (*ssl_get_client_random)(const void *ssl, unsigned char *out, size_t size);
  int (*gnutls_verify_peers3)(void *session, const char *host, unsigned *status);
  void (*gnutls_get_random)(void *session, Datum *client, Datum *server);
} Inspector;

/* Where the functions of one libcurl's TLS library are looked for: among the objects that it was
 * linked with; or, if `handle` is there, among those that these were linked with, too. */
typedef struct {
  Objects objects;
  void *handle;
} Scope;

/* The symbol as the libcurl of `data`, a Scope, is bound to it: found among its own dependencies,
 * and not another one where the global scope has the name too (a program with its own OpenSSL
 * inside). */
static void *bound_symbol(void *data, const char *name)
{
  const Scope *scope = data;
  void *global = dlsym(RTLD_DEFAULT, name);
  if (!scope->handle) {
    const Object *owner = global ? objects_at(&scope->objects, (uintptr_t)global) : NULL;
    return owner && owner->linked ? global : NULL;
  }
  void *own = dlsym(scope->handle, name);
  return global && global != own ? NULL : own;
}

/* An Inspector's members are function pointers of their own types; POSIX lets dlsym's answer be
 * one. */
#define BIND(inspector, member, handle, name)                                                      \
  do {                                                                                             \
    void *symbol = bound_symbol(handle, name);                                                     \
    memcpy(&(inspector)->member, &symbol, sizeof symbol);                                          \
  } while (0)

/* True: there is a TLS library whose sessions can be looked at. */
static bool bind_from(Inspector *inspector, Scope *scope)
{
  BIND(inspector, ssl_get_verify_mode, scope, "SSL_get_verify_mode");
  BIND(inspector, ssl_get_verify_result, scope, "SSL_get_verify_result");
  BIND(inspector, ssl_get_servername, scope, "SSL_get_servername");
  BIND(inspector, ssl_get1_peer_certificate, scope, "SSL_get1_peer_certificate"); /* 3.0 */
  if (!inspector->ssl_get1_peer_certificate)
    BIND(inspector, ssl_get1_peer_certificate, scope, "SSL_get_peer_certificate"); /* 1.x */
  BIND(inspector, x509_check_host, scope, "X509_check_host");
  BIND(inspector, x509_free, scope, "X509_free");
  BIND(inspector, ssl_get_client_random, scope, "SSL_get_client_random");
  inspector->has_chain = tls_chain_bind(&inspector->chain, bound_symbol, scope);
  BIND(inspector, gnutls_verify_peers3, scope, "gnutls_certificate_verify_peers3");
  BIND(inspector, gnutls_get_random, scope, "gnutls_session_get_random");
  return (inspector->ssl_get_verify_mode && inspector->x509_free && inspector->has_chain) ||
         inspector->gnutls_verify_peers3;
}

/* A libcurl whose TLS library is not in the global scope, as a plugin's, or that was not linked
 * with it directly, is opened for it: at that the loader goes through all of its dependencies,
 * which takes longer than everything else here. */
static void bind_all(Inspector *inspector, const struct link_map *map)
{
  Scope scope = {.handle = NULL};
  Object *libcurl = objects_list(&scope.objects) ? objects_with(&scope.objects, map->l_ld) : NULL;
  if (libcurl)
    objects_mark_linked(&scope.objects, libcurl, false);
  if (!bind_from(inspector, &scope) && (scope.handle = link_map_open(map))) {
    bind_from(inspector, &scope);
    /* The program's own reference keeps it; its code is on our caller's stack. */
    dlclose(scope.handle);
  }
  dlerror(); /* what was not found is not the program's to find */
  objects_free(&scope.objects);
}

/* What this libcurl calls of the TLS library is that library's: else its sessions are another's,
 * and not for these functions. */
static bool calls_its_own(const struct link_map *map, const Inspector *inspector)
{
  Error error = ERROR_INIT;
  const void *openssl, *gnutls;
  memcpy(&openssl, &inspector->ssl_get_verify_mode, sizeof openssl);
  memcpy(&gnutls, &inspector->gnutls_verify_peers3, sizeof gnutls);
  if ((!openssl || !symbols_check_into(map, openssl, &error)) &&
      (!gnutls || !symbols_check_into(map, gnutls, &error)))
    return true;
  const LogFields fields = {.event = EVENT_PROGRAM_UNREACHABLE, .reason = "clash"};
  log_event(&fields, "no token over this libcurl: %s", error.message);
  return false;
}

static const Inspector *inspector_of(const ThredCurlApi *api)
{
  static _Atomic(const Inspector *) known; /* one or two, never freed */
  const void *libcurl;
  memcpy(&libcurl, &api->easy_getinfo, sizeof libcurl);
  for (const Inspector *i = atomic_load_explicit(&known, memory_order_acquire); i; i = i->next)
    if (i->libcurl == libcurl)
      return i;
  Inspector *inspector = calloc(1, sizeof *inspector);
  const struct link_map *map = inspector ? link_map_of(libcurl) : NULL;
  if (!map) {
    free(inspector);
    return NULL;
  }
  bind_all(inspector, map);
  if (!calls_its_own(map, inspector))
    *inspector = (Inspector){0};
  inspector->libcurl = libcurl;
  inspector->curl_version = api->version_info(CURLVERSION_FIRST)->version_num;
  inspector->next = atomic_load(&known);
  while (!atomic_compare_exchange_weak(&known, &inspector->next, inspector))
    ;
  return inspector;
}

/* NULL: the certificate is the host's, and good. */
static const char *inspect_certificate(const Inspector *tls, void *ssl, const char *host)
{
  const char *why = NULL;
  void *certificate = tls->ssl_get1_peer_certificate(ssl);
  if (!certificate)
    return "the server has no certificate";
  if (tls->x509_check_host(certificate, host, strlen(host), 0, NULL) != 1)
    why = "the server's certificate is for another host";
  else if (!tls_chain_is_good(&tls->chain, ssl, certificate))
    why = "the server's certificate does not stand a second look (SSL_CTX_FUNCTION)";
  tls->x509_free(certificate);
  return why;
}

#define CURL_VERSION_OWN_VERDICT 0x081100 /* 8.17.0 */

/*
 * NULL: proved. SSL_get_verify_result is X509_V_OK also when nobody verified, hence the mode.
 * From 8.17 on libcurl always sets SSL_VERIFY_NONE and judges by the result itself
 * (vtls/openssl.c): a chain that OpenSSL was given nothing to trust for has a result other than
 * X509_V_OK then, too.
 */
static const char *inspect_openssl(const Inspector *tls, void *ssl, const char *host, bool known)
{
  if (!tls->ssl_get_verify_mode || !tls->ssl_get_verify_result || !tls->x509_free ||
      !tls->ssl_get_servername || !tls->ssl_get1_peer_certificate || !tls->x509_check_host ||
      !tls->has_chain)
    return "the OpenSSL of this libcurl cannot be inspected";
  if (tls->curl_version < CURL_VERSION_OWN_VERDICT &&
      !(tls->ssl_get_verify_mode(ssl) & SSL_VERIFY_PEER_BIT))
    return "certificate verification is switched off";
  if (tls->ssl_get_verify_result(ssl) != X509_RESULT_OK)
    return "the server's certificate was not verified";
  /* The host that libcurl has made this connection for, in its own words: with CURLOPT_CURLU,
   * libcurl below 8.12 can report another URL than the one it requests. */
  const char *server_name = tls->ssl_get_servername(ssl, TLS_HOST_NAME);
  if (!server_name || (strcmp(server_name, host) != 0 && !ascii_equal(server_name, host)))
    return "the connection was made for another host than the URL says";
  return known ? NULL : inspect_certificate(tls, ssl, host);
}

/* GnuTLS keeps no verdict of libcurl's check, so the chain and the name are checked again against
 * what the session trusts: with verification switched off, libcurl gave it nothing to trust. */
static const char *inspect_gnutls(const Inspector *tls, void *session, const char *host, bool known)
{
  unsigned status = 1;
  if (!tls->gnutls_verify_peers3)
    return "the GnuTLS of this libcurl cannot be inspected";
  if (known)
    return NULL;
  if (tls->gnutls_verify_peers3(session, host, &status) < 0 || status != 0)
    return "the server's certificate was not verified for this host";
  return NULL;
}

static const char *inspect(const Inspector *tls, const struct curl_tlssessioninfo *session,
                           const char *host, bool known)
{
  if (session->backend == CURLSSLBACKEND_OPENSSL)
    return inspect_openssl(tls, session->internals, host, known);
  if (session->backend == CURLSSLBACKEND_GNUTLS)
    return inspect_gnutls(tls, session->internals, host, known);
  return "the TLS library of this libcurl is neither OpenSSL nor GnuTLS";
}

/* What this handshake began with, which no other did. False: nobody tells. */
static bool get_random(const Inspector *tls, const struct curl_tlssessioninfo *session,
                       unsigned char random[TLS_RANDOM_SIZE])
{
  Datum client = {NULL, 0}, server = {NULL, 0};
  if (session->backend == CURLSSLBACKEND_OPENSSL && tls->ssl_get_client_random)
    return tls->ssl_get_client_random(session->internals, random, TLS_RANDOM_SIZE) ==
           TLS_RANDOM_SIZE;
  if (session->backend != CURLSSLBACKEND_GNUTLS || !tls->gnutls_get_random)
    return false;
  tls->gnutls_get_random(session->internals, &client, &server);
  if (client.size != TLS_RANDOM_SIZE)
    return false;
  memcpy(random, client.data, TLS_RANDOM_SIZE);
  return true;
}

static bool is_known(const TlsProof *proof, const TlsProof *now, const char *host)
{
  return proof->session == now->session && strcmp(proof->host, host) == 0 &&
         memcmp(proof->random, now->random, sizeof now->random) == 0;
}

bool tls_is_proved(const ThredCurlApi *api, CURL *curl, const char *host, TlsProof *proof,
                   const char **why)
{
  const struct curl_tlssessioninfo *session = NULL;
  TlsProof now = {0};
  if (api->easy_getinfo(curl, CURLINFO_TLS_SSL_PTR, &session) || !session || !session->internals) {
    *why = "there is no TLS session on the connection";
    return false;
  }
  const Inspector *tls = inspector_of(api);
  if (!tls) {
    *why = "this libcurl cannot be inspected";
    return false;
  }
  now.session = session->internals;
  const bool tells = get_random(tls, session, now.random);
  const bool known = tells && is_known(proof, &now, host);
  *why = inspect(tls, session, host, known);
  if (*why || known)
    return *why == NULL;
  if (tells && strlen(host) < sizeof now.host) {
    memcpy(now.host, host, strlen(host) + 1);
    *proof = now;
  }
  return true;
}
