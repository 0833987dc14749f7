/* SPDX-License-Identifier: MIT */
#include "tools/thredctl/remedy.h"

#include <curl/curl.h>
#include <openssl/x509_vfy.h>
#include <string.h>
#include <sys/stat.h>

#include "lib/process.h"
#include "lib/secure.h"

#define MAKE(cause_, ...) ((Remedy){cause_, g_strdup_printf(__VA_ARGS__)})

/* ---- the way to the host ---- */

static char *clock_now(void)
{
  g_autoptr(GDateTime) now = g_date_time_new_now_utc();
  return g_date_time_format(now, "%Y-%m-%d %H:%M UTC");
}

static Remedy no_name(const RemedyPlace *place)
{
  if (place->connect_to)
    return MAKE(g_strdup_printf("the name that connect-to leads to does not resolve: %s",
                                place->connect_to),
                "mend `connect-to` in [environment %s], or take it out", place->environment);
  return MAKE(g_strdup("the name does not resolve"),
              "see that this machine may ask a name server (/etc/resolv.conf): 'getent hosts %s' "
              "asks as programs do",
              place->host);
}

/* The variables that libcurl reads for an https URL (CURLOPT_PROXY(3)). libcurl does not tell
 * whether it used one (before 8.7), and no_proxy is not weighed here. */
static const char *proxy_variable(void)
{
  static const char *const names[] = {"https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"};
  for (size_t i = 0; i < G_N_ELEMENTS(names); i++)
    if (process_env(names[i]))
      return names[i];
  return NULL;
}

static Remedy no_connection(const RemedyPlace *place, char *cause)
{
  const char *proxy = proxy_variable();
  if (proxy)
    return MAKE(cause,
                "%s is set: start that proxy, or unset it, or name %s in no_proxy if it is to be "
                "reached without",
                proxy, place->host);
  if (place->connect_to)
    return MAKE(cause, "start what `connect-to` in [environment %s] leads to (%s), or mend it",
                place->environment, place->connect_to);
  return MAKE(cause, "let this machine reach %s port 443 (firewall, routes), or set https_proxy",
              place->host);
}

/* libcurl's errno is that of the address tried last. */
static Remedy refused(const RemedyPlace *place, const Contact *contact)
{
  return no_connection(
      place, g_strdup_printf("no connection: %s",
                             contact->os_error ? g_strerror(contact->os_error) : contact->said));
}

static Remedy timed_out(const RemedyPlace *place, const Contact *contact)
{
  if (!contact->resolved_us)
    return MAKE(g_strdup_printf("no name server answered within %u s", place->connect_timeout),
                "see that this machine may ask a name server (/etc/resolv.conf): 'getent hosts %s' "
                "asks as programs do",
                place->host);
  if (!contact->connected)
    return no_connection(
        place, g_strdup_printf("nothing answered within %u s: packets are dropped on the way",
                               place->connect_timeout));
  return MAKE(
      g_strdup_printf("the connection stands, and the other side says nothing of TLS within "
                      "%u s",
                      place->connect_timeout),
      "see what answers there in Thred's place; a slow line needs a larger "
      "`connect-timeout` in [environment %s]",
      place->environment);
}

static Remedy untrusted(const RemedyPlace *place)
{
  char *cause = g_strdup("its certificate comes from an authority that is not trusted here");
  if (place->ca_file)
    return MAKE(cause,
                "put that authority's certificate (PEM) into `ca-file` of [environment %s], %s",
                place->environment, place->ca_file);
  return MAKE(cause,
              "install ca-certificates; if a proxy of yours makes its own certificates, name its "
              "authority in `ca-file` of [environment %s]",
              place->environment);
}

static Remedy wrong_time(const RemedyPlace *place, const char *what)
{
  g_autofree char *now = clock_now();
  return MAKE(g_strdup_printf("its certificate %s by the clock of this machine (%s)", what, now),
              "set the clock if it is wrong (timedatectl); if it is right, whoever runs %s must "
              "renew the certificate",
              place->connect_to ? "what `connect-to` leads to" : place->host);
}

/* OpenSSL's words and libcurl's, as libcurl gives them (openssl: ssl/ssl_err.c). */
static bool says(const Contact *contact, const char *words)
{
  return strstr(contact->said, words) != NULL;
}

static Remedy wrong_host(const RemedyPlace *place)
{
  char *cause = g_strdup("its certificate is another host's");
  if (place->connect_to)
    return MAKE(
        cause,
        "let `connect-to` in [environment %s] lead to a server that has a certificate for %s",
        place->environment, place->host);
  return MAKE(cause, "see where the name leads ('getent hosts %s'): something else answers there",
              place->host);
}

static Remedy bad_certificate(const RemedyPlace *place, const Contact *contact)
{
  if (says(contact, "subject name")) /* libcurl compares the names itself: OpenSSL has no code */
    return wrong_host(place);
  switch (contact->verify) {
  case X509_V_ERR_CERT_HAS_EXPIRED:
    return wrong_time(place, "has expired");
  case X509_V_ERR_CERT_NOT_YET_VALID:
    return wrong_time(place, "is not valid yet");
  case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
  case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
  case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
  case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
  case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
    return untrusted(place);
  default:
    return MAKE(g_strdup_printf("its certificate is not good: %s",
                                X509_verify_cert_error_string(contact->verify)),
                "tell whoever runs %s", place->host);
  }
}

static Remedy no_tls(const RemedyPlace *place, const Contact *contact)
{
  if (says(contact, "protocol version") || says(contact, "unsupported protocol"))
    return MAKE(g_strdup("the server speaks no TLS 1.2, which is the least that is taken"),
                "whoever runs %s must switch on TLS 1.2 or 1.3", place->host);
  if (says(contact, "wrong version number") || says(contact, "packet length too long"))
    return MAKE(g_strdup("what answers there speaks no TLS"),
                "see what listens there in Thred's place%s",
                place->connect_to ? ": the port of `connect-to` is one without TLS" : "");
  if (says(contact, "SSL_ERROR_SYSCALL") || says(contact, "unexpected eof"))
    return MAKE(g_strdup("the other side ended the connection in the middle of TLS"),
                "see what listens there in Thred's place, and whether it has TLS at all");
  return MAKE(
      g_strdup_printf("TLS failed: %s", contact->said[0] ? contact->said : "it was cut off"),
      "see what stands between this machine and %s (a proxy, a firewall that inspects TLS)",
      place->host);
}

static Remedy no_tunnel(const RemedyPlace *place, const Contact *contact)
{
  return MAKE(g_strdup_printf("the proxy answered CONNECT with HTTP %d", contact->tunnel),
              "have the proxy let %s port 443 through, or put the host into no_proxy", place->host);
}

/* Most often for the file of authorities, which is read before anybody is asked. */
static Remedy untried(const RemedyPlace *place, const char *message)
{
  struct stat st;
  char *cause = g_strdup(message);
  if (!place->ca_file)
    return MAKE(cause, "ask again: it was a matter of this process");
  const bool there = stat(place->ca_file, &st) == 0;
  const char *remedy = there ? secure_remedy(SECURE_CONFIG, &st) : NULL;
  if (remedy)
    return MAKE(cause, "%s %s", remedy, place->ca_file);
  return MAKE(cause,
              "put the certificates of the authorities (PEM) there, or take `ca-file` out: then "
              "the system's count");
}

Remedy remedy_of_contact(const RemedyPlace *place, const Contact *contact, const char *message)
{
  if (!contact->tried)
    return untried(place, message);
  if (contact->tunnel && contact->tunnel / 100 != 2)
    return no_tunnel(place, contact);
  switch (contact->result) {
  case CURLE_COULDNT_RESOLVE_PROXY:
    return MAKE(g_strdup("the proxy's name does not resolve"),
                "mend or unset https_proxy (HTTPS_PROXY, ALL_PROXY) in the programs' environment");
  case CURLE_COULDNT_RESOLVE_HOST:
    return no_name(place);
  case CURLE_COULDNT_CONNECT:
    return refused(place, contact);
  case CURLE_OPERATION_TIMEDOUT:
    return timed_out(place, contact);
  case CURLE_PEER_FAILED_VERIFICATION:
    return bad_certificate(place, contact);
  case CURLE_SSL_CONNECT_ERROR:
    return no_tls(place, contact);
  case CURLE_SSL_CACERT_BADFILE:
  case CURLE_SSL_CERTPROBLEM:
    return MAKE(g_strdup_printf("no authority's certificate can be read from %s",
                                place->ca_file ? place->ca_file : "the system's files"),
                "%s",
                place->ca_file ? "put certificates (PEM) there, or take `ca-file` out: then the "
                                 "system's count"
                               : "install ca-certificates");
  default:
    return MAKE(g_strdup(message), "see what stands between this machine and %s", place->host);
  }
}

/* ---- what the endpoint answered ---- */

static Remedy partner_refused(int status, const char *message)
{
  if (status == 403)
    return MAKE(g_strdup(message),
                "ask Thred what this partner may do: the key is known, and not let in");
  return MAKE(g_strdup(message),
              "put the partner's UUID and its valid API key where the source that is used reads "
              "them (the key of another environment is refused, too)");
}

static Remedy busy(const FetchResult *result, const char *message)
{
  g_autofree char *when = result->retry_after
                              ? g_strdup_printf("in %ld s", (long)result->retry_after)
                              : g_strdup("in a minute");
  if (result->http_status == 429)
    return MAKE(
        g_strdup(message),
        "ask again %s; one token request an hour is normal: see whether these machines have "
        "no /dev/shm, or something asks past thred-auth",
        when);
  return MAKE(g_strdup(message), "ask again %s; if it stays so, tell Thred", when);
}

static Remedy business_refused(const RemedyPlace *place, const char *message)
{
  return MAKE(g_strdup(message),
              "set `business` in [environment %s] to the UUID of one of this partner's businesses "
              "(GET /v1/platform/businesses/ lists them)",
              place->environment);
}

Remedy remedy_of_answer(const RemedyPlace *place, const Contact *contact, const char *business,
                        int code, const FetchResult *result, const char *message)
{
  const int status = result->http_status;
  if (code == THRED_E_NETWORK || (code == THRED_E_TIMEOUT && !contact->secured_us))
    return remedy_of_contact(place, contact, message);
  if (code == THRED_E_TIMEOUT)
    return MAKE(g_strdup(message),
                "ask again; if it stays so, tell Thred, or raise `timeout` in [environment %s] (%u "
                "s)",
                place->environment, place->timeout);
  if (status == 429 || (status >= 500 && status <= 599))
    return busy(result, message);
  if (business && (status == 400 || status == 403 || status == 404 || status == 409))
    return business_refused(place, message);
  if (code == THRED_E_REFUSED)
    return partner_refused(status, message);
  if (code == THRED_E_SERVER || code == THRED_E_TOO_LARGE)
    return MAKE(g_strdup(message),
                "see what answers in Thred's place: a proxy's page, a login's, a wrong `hosts`%s",
                place->connect_to ? " or `connect-to`" : "");
  const char *change = remedy_of_error(code);
  return MAKE(g_strdup(message), "%s", change ? change : "ask again");
}

/* ---- where less is known ---- */

const char *remedy_of_error(int code)
{
  switch ((ThredError)code) {
  case THRED_E_INVALID:
    return "a business is named by its UUID, like 3c90c3cc-0d44-4b50-8888-8dd25736052a";
  case THRED_E_DISABLED:
    return "unset THRED_DISABLE";
  case THRED_E_CONFIG:
    return "'thredctl check' lists what is wrong with the configuration, and what to do";
  case THRED_E_NOT_ALLOWED:
    return "ask for another token, or mend the line that is named";
  case THRED_E_CREDENTIALS:
    return "put the partner UUID and the API key where one of these sources looks; 'thredctl "
           "check' "
           "asks each of them";
  case THRED_E_REFUSED:
    return "put the partner's valid API key where the credentials come from; 'thredctl check' says "
           "which source is used";
  case THRED_E_BUSINESS_NOT_FOUND:
    return "name one of this partner's businesses (GET /v1/platform/businesses/ lists them)";
  case THRED_E_SERVER:
  case THRED_E_TOO_LARGE:
    return "'thredctl check' asks again at once, and says what to do";
  case THRED_E_NETWORK:
  case THRED_E_TIMEOUT:
    return "'thredctl check' goes the same way step by step, and says what to do";
  case THRED_E_INTERNAL:
    return "install thred-auth anew, all of it";
  default:
    return NULL;
  }
}
