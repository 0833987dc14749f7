/* SPDX-License-Identifier: MIT */
#include "tests/stand-ins/vault-internal.h"

#include <string.h>

#define HUGE_BODY (1024u * 1024u)

/* ---- what tests may do ---- */

void vault_reset(VaultStandIn *vault)
{
  pthread_mutex_lock(&vault->lock);
  vault->fault = (VaultFault){0};
  vault->fault_number++;
  pthread_cond_broadcast(&vault->changed);
  vault->counters = (VaultCounters){0};
  api_reset_tokens(vault);
  g_string_truncate(vault->log, 0);
  pthread_mutex_unlock(&vault->lock);
  vault_set_life(vault, 2764790, 2764800, 2764800, true);
}

void vault_set_life(VaultStandIn *vault, int ttl, int creation_ttl, int max, bool renewable)
{
  pthread_mutex_lock(&vault->lock);
  Token *token = api_find_token(vault, VAULT_TOKEN_OK);
  if (token) {
    token->ttl = ttl;
    token->creation_ttl = creation_ttl;
    token->max = max;
    token->renewable = renewable;
  }
  pthread_mutex_unlock(&vault->lock);
}

void vault_set_fault(VaultStandIn *vault, const VaultFault *fault)
{
  pthread_mutex_lock(&vault->lock);
  vault->fault = *fault;
  vault->fault_number++;
  pthread_cond_broadcast(&vault->changed);
  pthread_mutex_unlock(&vault->lock);
}

VaultCounters vault_counters(VaultStandIn *vault)
{
  pthread_mutex_lock(&vault->lock);
  VaultCounters counters = vault->counters;
  pthread_mutex_unlock(&vault->lock);
  return counters;
}

char *vault_log(VaultStandIn *vault)
{
  pthread_mutex_lock(&vault->lock);
  char *log = g_strdup(vault->log->str);
  pthread_mutex_unlock(&vault->lock);
  return log;
}

/* ---- a request ---- */

static enum MHD_Result send_text(struct MHD_Connection *connection, unsigned status, char *text,
                                 size_t length, const char *header)
{
  struct MHD_Response *response =
      MHD_create_response_from_buffer(length, text, MHD_RESPMEM_MUST_FREE);
  MHD_add_response_header(response, "Content-Type", "application/json");
  MHD_add_response_header(response, "Cache-Control", "no-store");
  if (header) {
    char **parts = g_strsplit(header, ": ", 2);
    MHD_add_response_header(response, parts[0], parts[1]);
    g_strfreev(parts);
  }
  enum MHD_Result result = MHD_queue_response(connection, status, response);
  MHD_destroy_response(response);
  return result;
}

/* With the lock. */
static enum MHD_Result play_fault(VaultStandIn *vault, struct MHD_Connection *connection)
{
  const VaultFault fault = vault->fault;
  unsigned number = vault->fault_number;
  if (fault.kind == VAULT_FAULT_HUGE) {
    char *text = g_malloc(HUGE_BODY);
    memset(text, ' ', HUGE_BODY);
    return send_text(connection, 200, text, HUGE_BODY, NULL);
  }
  while (fault.kind == VAULT_FAULT_HANG && vault->fault_number == number)
    pthread_cond_wait(&vault->changed, &vault->lock);
  return fault.kind == VAULT_FAULT_ANSWER
             ? send_text(connection, fault.status, g_strdup(fault.body), strlen(fault.body),
                         fault.header)
             : MHD_NO;
}

static const char *header_of(struct MHD_Connection *connection, const char *name)
{
  return MHD_lookup_connection_value(connection, MHD_HEADER_KIND, name);
}

/* With the lock. */
static enum MHD_Result reply_to(VaultStandIn *vault, struct MHD_Connection *connection,
                                const Request *request)
{
  vault->counters.requests++;
  vault->counters.odd += !request->asked || header_of(connection, "Authorization") ||
                         header_of(connection, "Cookie") || strchr(request->target, '?');
  g_string_append_printf(vault->log, "%s %s\n", request->method, request->target);
  if (vault->fault.kind != VAULT_FAULT_NONE && strstr(request->target, vault->fault.part))
    return play_fault(vault, connection);
  Reply reply = api_answer(vault, request);
  return send_text(connection, reply.status, reply.body, strlen(reply.body), NULL);
}

static void *on_target(void *cls, const char *target, struct MHD_Connection *connection)
{
  (void)cls, (void)connection;
  Request *request = g_new0(Request, 1);
  request->target = g_strdup(target);
  return request;
}

static void on_completed(void *cls, struct MHD_Connection *connection, void **context,
                         enum MHD_RequestTerminationCode code)
{
  (void)cls, (void)connection, (void)code;
  Request *request = *context;
  if (request && request->body)
    g_string_free(request->body, TRUE);
  if (request)
    g_free(request->target);
  g_free(request);
  *context = NULL;
}

static enum MHD_Result on_request(void *cls, struct MHD_Connection *connection, const char *url,
                                  const char *method, const char *version, const char *data,
                                  size_t *size, void **context)
{
  VaultStandIn *vault = cls;
  Request *request = *context;
  (void)version;
  if (!request->body) {
    request->body = g_string_new(NULL);
    return MHD_YES;
  }
  if (*size > 0) {
    g_string_append_len(request->body, data, (gssize)*size);
    *size = 0;
    return MHD_YES;
  }
  const char *namespace = header_of(connection, "X-Vault-Namespace");
  const char *asked = header_of(connection, "X-Vault-Request");
  char *trimmed = g_strdup(namespace ? namespace : "");
  if (g_str_has_suffix(trimmed, "/")) /* "ns1/ns2/" is the same as "ns1/ns2" */
    trimmed[strlen(trimmed) - 1] = 0;
  request->method = method;
  request->path = url;
  request->token = header_of(connection, "X-Vault-Token");
  request->asked = asked && strcmp(asked, "true") == 0;
  request->namespace = g_intern_string(trimmed);
  g_free(trimmed);
  pthread_mutex_lock(&vault->lock);
  enum MHD_Result result = reply_to(vault, connection, request);
  pthread_mutex_unlock(&vault->lock);
  return result;
}

/* ---- start and stop ---- */

static struct MHD_Daemon *serve(VaultStandIn *vault, Listener *listener, bool tls)
{
  struct MHD_OptionItem items[] = {
      {MHD_OPTION_HTTPS_MEM_KEY, 0, vault->certificates.key},
      {MHD_OPTION_HTTPS_MEM_CERT, 0, vault->certificates.server},
      {MHD_OPTION_END, 0, NULL},
  };
  unsigned flags = MHD_USE_THREAD_PER_CONNECTION | MHD_USE_INTERNAL_POLLING_THREAD | MHD_USE_POLL;
  struct MHD_Daemon *daemon = MHD_start_daemon(
      flags | (tls ? (unsigned)MHD_USE_TLS : 0), (uint16_t)listener->port, NULL, NULL, on_request,
      vault, MHD_OPTION_LISTEN_SOCKET, listener->fd, MHD_OPTION_CONNECTION_MEMORY_LIMIT,
      (size_t)256 * 1024, MHD_OPTION_URI_LOG_CALLBACK, on_target, vault,
      MHD_OPTION_NOTIFY_COMPLETED, on_completed, vault, MHD_OPTION_ARRAY, tls ? items : items + 2,
      MHD_OPTION_END);
  if (daemon)
    listener->fd = -1;
  return daemon;
}

VaultStandIn *vault_start(const char *ca_file)
{
  char name[] = "127.0.0.1", *names[] = {name, NULL};
  VaultStandIn *vault = g_new0(VaultStandIn, 1);
  vault->https.fd = vault->http.fd = -1;
  vault->log = g_string_new(NULL);
  pthread_mutex_init(&vault->lock, NULL);
  pthread_cond_init(&vault->changed, NULL);
  if (listener_open(&vault->https, "127.0.0.1", 0, NULL) &&
      listener_open(&vault->http, "127.0.0.1", 0, NULL) &&
      certificates_make(&vault->certificates, names, false, NULL) &&
      g_file_set_contents(ca_file, vault->certificates.ca, -1, NULL)) {
    vault->port = vault->https.port;
    vault->http_port = vault->http.port;
    vault->https_daemon = serve(vault, &vault->https, true);
    vault->http_daemon = serve(vault, &vault->http, false);
  }
  if (vault->https_daemon && vault->http_daemon) {
    vault_reset(vault);
    return vault;
  }
  vault_stop(vault);
  return NULL;
}

void vault_stop(VaultStandIn *vault)
{
  if (!vault)
    return;
  vault_set_fault(vault, &(VaultFault){0});
  if (vault->https_daemon)
    MHD_stop_daemon(vault->https_daemon);
  if (vault->http_daemon)
    MHD_stop_daemon(vault->http_daemon);
  listener_clear(&vault->https);
  listener_clear(&vault->http);
  certificates_clear(&vault->certificates);
  g_string_free(vault->log, TRUE);
  pthread_cond_destroy(&vault->changed);
  pthread_mutex_destroy(&vault->lock);
  g_free(vault);
}

unsigned vault_port(const VaultStandIn *vault)
{
  return vault->port;
}

unsigned vault_http_port(const VaultStandIn *vault)
{
  return vault->http_port;
}
