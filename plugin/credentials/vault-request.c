/* SPDX-License-Identifier: MIT */
#include "plugin/credentials/vault.h"

#include <stdlib.h>
#include <string.h>

#include "lib/fetch/secret-words.h"
#include "lib/secure.h"

/* ---- headers ---- */

/* Copies the line; with a secret in it, the copy is wiped by clear_headers(). */
static bool add_header(struct curl_slist **headers, const char *name, const char *value)
{
  size_t size = strlen(name) + strlen(value) + 3;
  char *line = malloc(size);
  if (!line)
    return false;
  snprintf(line, size, "%s: %s", name, value);
  struct curl_slist *longer = curl_slist_append(*headers, line);
  secure_wipe(line, size);
  free(line);
  if (longer)
    *headers = longer;
  return longer != NULL;
}

static void clear_headers(struct curl_slist *headers)
{
  for (struct curl_slist *each = headers; each; each = each->next)
    secure_wipe(each->data, strlen(each->data));
  curl_slist_free_all(headers);
}

/* X-Vault-Request tells a Vault Agent that no browser was led to it (require_request_header). */
static bool make_headers(const VaultCall *call, const VaultBody *body, struct curl_slist **headers)
{
  return add_header(headers, "X-Vault-Request", "true") &&
         (!call->namespace || add_header(headers, "X-Vault-Namespace", call->namespace)) &&
         (!call->token.bytes || add_header(headers, "X-Vault-Token", call->token.bytes)) &&
         (!body || add_header(headers, "Content-Type", "application/json"));
}

/* ---- a request ---- */

static void tell_wait(void *data, bool begins)
{
  const ThredModuleHost *host = data;
  host->wait(host, begins);
}

/* What says that the certificate or the trust is wrong (libcurl-errors(3)). SSL_CONNECT_ERROR does
 * not: it is also how a connection ends that is reset or dropped during the handshake. */
static bool is_distrust(CURLcode result)
{
  switch (result) {
  case CURLE_PEER_FAILED_VERIFICATION:
  case CURLE_SSL_CACERT_BADFILE:
  case CURLE_SSL_CERTPROBLEM:
  case CURLE_SSL_ISSUER_ERROR:
  case CURLE_SSL_INVALIDCERTSTATUS:
    return true;
  default:
    return false;
  }
}

/* No answer. A server that is not there now may be there later; one whose certificate is wrong will
 * not mend it. */
static ThredCredentialStatus no_answer(VaultCall *call, int code, CURLcode result,
                                       const Error *error)
{
  bool network = code == THRED_E_NETWORK || code == THRED_E_TIMEOUT;
  if (network && is_distrust(result))
    return vault_says(call, THRED_CREDENTIAL_UNAVAIL,
                      "%s (TLS: does ca-file, or the system's CAs, vouch for this name?)",
                      error->message);
  if (network && result == CURLE_SSL_CONNECT_ERROR)
    return vault_says(call, THRED_CREDENTIAL_TRYAGAIN,
                      "%s (TLS: the handshake did not come to an end; is TLS spoken there?)",
                      error->message);
  return vault_says(call, network ? THRED_CREDENTIAL_TRYAGAIN : THRED_CREDENTIAL_UNAVAIL, "%s",
                    error->message);
}

static const char *body_trouble(VaultAnswer *answer)
{
  const HttpReply *reply = &answer->reply;
  size_t at;
  if (reply->encoded)
    return "a Content-Encoding that was not asked for";
  if (reply->length == 0)
    return "no body";
  if (reply->body[0] == '<')
    return "a web page";
  return secret_json_read(&answer->json, reply->body, reply->length, &at)
             ? "something that is no JSON object"
             : NULL;
}

static ThredCredentialStatus send_to(VaultCall *call, const char *method, const char *url,
                                     struct curl_slist *headers, const VaultBody *body,
                                     VaultAnswer *answer)
{
  const ThredModuleHost *host = call->host;
  bool waits = VAULT_HOST_HAS(host, wait);
  HttpRequest request = {.what = "the request",
                         .host = call->shown,
                         .url = url,
                         .method = method,
                         .headers = headers,
                         .body = body ? body->text : NULL,
                         .body_length = body ? body->length : 0,
                         .ca_file = call->vault->ca_file,
                         .deadline_ms = call->deadline_ms,
                         .at_secure = host->at_secure,
                         .plain = call->plain,
                         .wait = waits ? tell_wait : NULL,
                         .wait_data = (void *)(uintptr_t)host};
  Error error = ERROR_INIT;
  int code = http_send(&request, &answer->reply, &error);
  call->status = code == THRED_OK ? answer->reply.status : 0;
  if (code != THRED_OK)
    return no_answer(call, code, answer->reply.result, &error);
  answer->trouble = body_trouble(answer);
  call->vaults = vault_is_vaults(answer);
  return THRED_CREDENTIAL_SUCCESS;
}

ThredCredentialStatus vault_send(VaultCall *call, const char *method, const char *path,
                                 const VaultBody *body, VaultAnswer *answer)
{
  *answer = (VaultAnswer){0};
  call->status = 0;
  call->vaults = false;
  struct curl_slist *headers = NULL;
  char *url = vault_url(call, path);
  ThredCredentialStatus status = url && make_headers(call, body, &headers)
                                     ? send_to(call, method, url, headers, body, answer)
                                     : vault_says(call, THRED_CREDENTIAL_UNAVAIL, "out of memory");
  clear_headers(headers);
  free(url);
  return status;
}

void vault_answer_clear(VaultAnswer *answer)
{
  secret_json_done(&answer->json);
  http_reply_clear(&answer->reply);
}

/* ---- the server's own words ---- */

#define WORDS_MAX 100 /* bytes that are quoted */

/* Vault lists several errors over several lines, with tabs: "1 error occurred:\n\t* denied\n\n". */
static bool one_line(const char *text, size_t length, char to[WORDS_MAX + 1])
{
  size_t n = 0;
  for (size_t i = 0; i < length; i++) {
    bool blank = text[i] == ' ' || text[i] == '\n' || text[i] == '\t';
    if (blank && (n == 0 || to[n - 1] == ' '))
      continue;
    if (n == WORDS_MAX || (!blank && (text[i] < 0x20 || text[i] > 0x7e)))
      return false;
    to[n++] = (char)(blank ? ' ' : text[i]);
  }
  while (n > 0 && to[n - 1] == ' ')
    n--;
  to[n] = 0;
  return n > 0;
}

static json_object *listed(const VaultAnswer *answer, const char *list, size_t i)
{
  json_object *all = secret_json_member(answer->json.object, list);
  json_object *each = json_object_is_type(all, json_type_array) && i < json_object_array_length(all)
                          ? json_object_array_get_idx(all, i)
                          : NULL;
  return json_object_is_type(each, json_type_string) ? each : NULL;
}

/* https://developer.hashicorp.com/vault/api-docs, "Error response": {"errors": [texts]}, or []. All
 * other answers have data and auth, of which null is what they have not. */
bool vault_is_vaults(const VaultAnswer *answer)
{
  json_object *object = answer->json.object, *value;
  if (answer->trouble || !object)
    return false;
  if (json_object_object_get_ex(object, "errors", &value))
    return json_object_is_type(value, json_type_array) &&
           (json_object_array_length(value) == 0 || listed(answer, "errors", 0));
  return (json_object_object_get_ex(object, "data", &value) ||
          json_object_object_get_ex(object, "auth", &value)) &&
         (!value || json_object_is_type(value, json_type_object));
}

const char *vault_words(const VaultCall *call, const VaultAnswer *answer,
                        char words[VAULT_WORDS_SIZE])
{
  char text[WORDS_MAX + 1];
  json_object *first = listed(answer, "errors", 0);
  bool fit =
      first &&
      one_line(json_object_get_string(first), (size_t)json_object_get_string_len(first), text) &&
      !secret_words_repeat(text, call->token.bytes) &&
      !secret_words_repeat(text, call->login.bytes) &&
      !secret_words_repeat(text, call->vault->role_id) && !secret_words_look_encoded(text);
  if (fit)
    snprintf(words, VAULT_WORDS_SIZE, " (HTTP %d: %s)", answer->reply.status, text);
  else
    snprintf(words, VAULT_WORDS_SIZE, " (HTTP %d)", answer->reply.status);
  return words;
}

bool vault_mentions(const VaultAnswer *answer, const char *list, const char *text)
{
  json_object *each;
  for (size_t i = 0; i < 8 && (each = listed(answer, list, i)); i++)
    if (strcasestr(json_object_get_string(each), text))
      return true;
  return false;
}

/* ---- statuses that mean the same everywhere ---- */

/* https://developer.hashicorp.com/vault/api-docs, "HTTP status codes", and /sys/health for 472 to
 * 474. NULL: not one of those that pass. */
static const char *passing(const VaultAnswer *answer)
{
  int status = answer->reply.status;
  switch (status) {
  case 412:
    return "is not up to date yet";
  case 429:
    if (vault_mentions(answer, "errors", "quota"))
      return "is asked too often";
    return "is asked too often, or is a standby that does not answer";
  case 472:
  case 473:
  case 474:
    return "is a standby that does not answer";
  case 501:
    return "is not initialised: run `vault operator init`";
  case 503:
    return vault_mentions(answer, "errors", "sealed") ? "is sealed: it has to be unsealed"
                                                      : "is down for maintenance, or sealed";
  default:
    return status >= 500 ? "has trouble of its own" : NULL;
  }
}

ThredCredentialStatus vault_status(VaultCall *call, const char *what, const VaultAnswer *answer)
{
  char words[VAULT_WORDS_SIZE];
  int status = answer->reply.status;
  const char *passes = passing(answer);
  vault_words(call, answer, words);
  if (passes)
    return vault_says(call, THRED_CREDENTIAL_TRYAGAIN, "%s %s%s", call->shown, passes, words);
  if (status >= 300 && status < 400)
    return vault_says(call, THRED_CREDENTIAL_UNAVAIL,
                      "%s answered %s with a redirect (HTTP %d), which is not followed: give the "
                      "address of the active server",
                      call->shown, what, status);
  const char *trouble = answer->trouble                 ? answer->trouble
                        : !vault_is_vaults(answer)      ? "an object that is none of Vault's"
                        : status >= 200 && status < 300 ? "an object that has not what it should"
                                                        : NULL;
  if (trouble)
    return vault_says(call, THRED_CREDENTIAL_UNAVAIL,
                      "%s answered %s with %s (HTTP %d): is it a Vault server?", call->shown, what,
                      trouble, status);
  return vault_says(call, THRED_CREDENTIAL_UNAVAIL, "%s refuses %s%s", call->shown, what, words);
}
