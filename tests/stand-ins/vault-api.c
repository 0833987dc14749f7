/* SPDX-License-Identifier: MIT */
/* What the stand-in holds, and what its endpoints answer. */
#include "tests/stand-ins/vault-internal.h"

#include <json-c/json.h>
#include <string.h>

#define REQUEST_ID "5d2a4e1c-0000-4000-8000-6b1f3d9a7c20"

/* ---- what it holds ---- */

typedef struct {
  const char *namespace; /* "": the root's */
  const char *path;      /* with a slash at its end */
  int version;
} Mount;

static const Mount mounts[] = {
    {"", "secret/", 2},
    {"", "kv1/", 1},
    {"", "a b/\xc3\xbc/", 2},
    {"team/a", "secret/", 2},
};

#define GOOD "{\"partner_uuid\":\"" VAULT_UUID "\",\"api_key\":\"" VAULT_KEY "\",\"note\":\"x\"}"

/* Data of NULL: no version of it can be read; `gone` says why. */
typedef struct {
  const char *path, *data, *deletion_time;
  bool destroyed;
} Secret;

static const Secret secrets[] = {
    {"thred/api", GOOD, "", false},
    {"with blank/\xc3\xa4+&=", GOOD, "", false},
    {"team", GOOD, "", false},
    {"other-names", "{\"id\":\"" VAULT_UUID "\",\"secret\":\"" VAULT_KEY "\"}", "", false},
    {"no-uuid", "{\"api_key\":\"" VAULT_KEY "\"}", "", false},
    {"no-key", "{\"partner_uuid\":\"" VAULT_UUID "\"}", "", false},
    {"number", "{\"partner_uuid\":\"" VAULT_UUID "\",\"api_key\":123456789}", "", false},
    {"null", "{\"partner_uuid\":null,\"api_key\":\"" VAULT_KEY "\"}", "", false},
    {"empty", "{\"partner_uuid\":\"" VAULT_UUID "\",\"api_key\":\"\"}", "", false},
    {"colon", "{\"partner_uuid\":\"a:b\",\"api_key\":\"" VAULT_KEY "\"}", "", false},
    {"nul", "{\"partner_uuid\":\"" VAULT_UUID "\",\"api_key\":\"s3cret\\u0000x\"}", "", false},
    {"deleted", NULL, "2026-03-01T10:00:00.123456789Z", false},
    {"destroyed", NULL, "", true},
};

/* ---- tokens ---- */

static void add_token(VaultStandIn *vault, const char *id, const char *namespace, bool reads)
{
  Token *token = &vault->tokens[vault->n_tokens++];
  *token = (Token){.namespace = namespace, .reads = reads};
  g_strlcpy(token->id, id, sizeof token->id);
}

Token *api_find_token(VaultStandIn *vault, const char *id)
{
  for (int i = 0; id && i < vault->n_tokens; i++)
    if (strcmp(vault->tokens[i].id, id) == 0)
      return &vault->tokens[i];
  return NULL;
}

static void drop_token(VaultStandIn *vault, Token *token)
{
  vault->counters.leases -= token->of_login;
  *token = vault->tokens[--vault->n_tokens];
}

void api_reset_tokens(VaultStandIn *vault)
{
  vault->n_tokens = 0;
  add_token(vault, VAULT_ROOT_TOKEN, "", true);
  add_token(vault, VAULT_TOKEN_OK, "", true);
  add_token(vault, VAULT_OTHER_TOKEN, "", false);
  add_token(vault, VAULT_TEAM_TOKEN, "team/a", true);
}

/* ---- answers ---- */

/* The server's encoder ends each answer with a newline. */
static Reply errors(unsigned status, const char *format, ...) G_GNUC_PRINTF(2, 3);
static Reply errors(unsigned status, const char *format, ...)
{
  va_list args;
  va_start(args, format);
  char *text = g_strdup_vprintf(format, args);
  va_end(args);
  Reply reply = {status, text[0] ? g_strdup_printf("{\"errors\":[\"%s\"]}\n", text)
                                 : g_strdup("{\"errors\":[]}\n")};
  g_free(text);
  return reply;
}

/* `data`, `warnings` and `auth` are JSON. */
static Reply answer(unsigned status, const char *data, const char *warnings, const char *auth)
{
  return (Reply){status, g_strdup_printf("{\"request_id\":\"" REQUEST_ID "\",\"lease_id\":\"\","
                                         "\"renewable\":false,\"lease_duration\":0,\"data\":%s,"
                                         "\"wrap_info\":null,\"warnings\":%s,\"auth\":%s}\n",
                                         data, warnings, auth)};
}

static Reply denied(void)
{
  return errors(403, "1 error occurred:\\n\\t* permission denied\\n\\n");
}

/* ---- auth/token ---- */

static Reply look_up(VaultStandIn *vault, const Token *token)
{
  vault->counters.look_ups++;
  char *data = g_strdup_printf("{\"accessor\":\"8609694a-cdbc-db9b\",\"creation_time\":1523979354,"
                               "\"creation_ttl\":%d,\"display_name\":\"token\",\"entity_id\":\"\","
                               "\"expire_time\":null,\"explicit_max_ttl\":0,\"id\":\"%s\","
                               "\"meta\":null,\"num_uses\":0,\"orphan\":true,\"path\":\"\","
                               "\"policies\":[\"default\"],\"renewable\":%s,\"ttl\":%d,"
                               "\"type\":\"service\"}",
                               token->creation_ttl, token->id, token->renewable ? "true" : "false",
                               token->ttl);
  Reply reply = answer(200, data, "null", "null");
  g_free(data);
  return reply;
}

static Reply give(const Token *token)
{
  char *auth = g_strdup_printf("{\"client_token\":\"%s\",\"accessor\":\"B6oixijqmeR4bsLOJH88Ska9\","
                               "\"policies\":[\"default\",\"thred\"],\"token_policies\":"
                               "[\"default\",\"thred\"],\"metadata\":{},\"lease_duration\":%d,"
                               "\"renewable\":%s,\"entity_id\":\"\",\"token_type\":\"service\","
                               "\"orphan\":true,\"mfa_requirement\":null,\"num_uses\":0}",
                               token->id, token->ttl, token->renewable ? "true" : "false");
  Reply reply = answer(200, "null", "null", auth);
  g_free(auth);
  return reply;
}

static Reply renew(VaultStandIn *vault, Token *token)
{
  if (!token->renewable)
    return errors(400, "lease is not renewable");
  vault->counters.renewals++;
  token->ttl = token->max;
  return give(token);
}

static Reply revoke_self(VaultStandIn *vault, Token *token)
{
  vault->counters.revocations++;
  drop_token(vault, token);
  return (Reply){204, g_strdup("")};
}

static Reply token_endpoint(VaultStandIn *vault, const Request *request, Token *token)
{
  const char *what = request->path + strlen("auth/token/");
  bool get = strcmp(request->method, "GET") == 0;
  if (get && strcmp(what, "lookup-self") == 0)
    return look_up(vault, token);
  if (!get && strcmp(what, "renew-self") == 0)
    return renew(vault, token);
  if (!get && strcmp(what, "revoke-self") == 0)
    return revoke_self(vault, token);
  return errors(405, "unsupported operation");
}

/* ---- logins ---- */

static Reply logged_in(VaultStandIn *vault, const char *namespace, bool reads)
{
  char id[64];
  if (vault->n_tokens == TOKENS)
    return errors(500, "too many tokens");
  g_snprintf(id, sizeof id, "hvs.login-%d-aGVsbG8gd29ybGQ", ++vault->made);
  add_token(vault, id, namespace, reads);
  Token *token = &vault->tokens[vault->n_tokens - 1];
  token->of_login = token->renewable = true;
  token->ttl = token->creation_ttl = 1200;
  vault->counters.logins++;
  vault->counters.leases++;
  return give(token);
}

static const char *member(json_object *body, const char *name)
{
  json_object *value = NULL;
  return json_object_object_get_ex(body, name, &value) &&
                 json_object_is_type(value, json_type_string)
             ? json_object_get_string(value)
             : "";
}

/* The role IDs: the one of vault.h; "bare", which needs no secret ID; "weak", which may read
 * nothing. */
static Reply approle(VaultStandIn *vault, const Request *request, json_object *body)
{
  const char *role = member(body, "role_id"), *secret = member(body, "secret_id");
  if (!role[0])
    return errors(400, "missing role_id");
  if (strcmp(role, "bare") == 0 && !secret[0])
    return logged_in(vault, request->namespace, true);
  if (!secret[0])
    return errors(400, "missing secret_id");
  bool weak = strcmp(role, "weak") == 0;
  if ((strcmp(role, VAULT_ROLE_ID) != 0 && !weak) || strcmp(secret, VAULT_SECRET_ID) != 0)
    return errors(400, "invalid role or secret ID");
  return logged_in(vault, request->namespace, !weak);
}

static Reply kubernetes(VaultStandIn *vault, const Request *request, json_object *body)
{
  const char *role = member(body, "role"), *jwt = member(body, "jwt");
  if (strcmp(role, "thred") != 0)
    return errors(400, "invalid role name \\\"%s\\\"", role);
  if (strcmp(jwt, VAULT_JWT) != 0)
    return errors(403, "permission denied");
  return logged_in(vault, request->namespace, true);
}

static Reply login(VaultStandIn *vault, const Request *request)
{
  json_object *body = json_tokener_parse(request->body->str);
  Reply reply;
  if (!json_object_is_type(body, json_type_object))
    reply = errors(400, "error parsing JSON");
  else if (strcmp(request->path, "auth/approle/login") == 0 ||
           strcmp(request->path, "auth/team/approle/login") == 0)
    reply = approle(vault, request, body);
  else if (strcmp(request->path, "auth/kubernetes/login") == 0)
    reply = kubernetes(vault, request, body);
  else
    reply = errors(404, "no handler for route \\\"%s\\\". route entry not found.", request->path);
  json_object_put(body);
  return reply;
}

/* ---- secrets ---- */

static const Secret *find_secret(const char *path)
{
  for (size_t i = 0; i < G_N_ELEMENTS(secrets); i++)
    if (strcmp(secrets[i].path, path) == 0)
      return &secrets[i];
  return NULL;
}

static Reply read_v1(const char *path)
{
  const Secret *secret = find_secret(path);
  return secret && secret->data ? answer(200, secret->data, "null", "null") : errors(404, "%s", "");
}

static Reply read_v2(const char *path)
{
  if (!g_str_has_prefix(path, "data/"))
    return answer(404, "null",
                  "[\"Invalid path for a versioned K/V secrets engine. See the API docs for the "
                  "appropriate API endpoints to use. If using the Vault CLI, use 'vault kv get' "
                  "for this operation.\"]",
                  "null");
  const Secret *secret = find_secret(path + strlen("data/"));
  if (!secret)
    return errors(404, "%s", "");
  char *data =
      g_strdup_printf("{\"data\":%s,\"metadata\":{\"created_time\":\"2026-02-01T10:00:00Z\","
                      "\"custom_metadata\":null,\"deletion_time\":\"%s\",\"destroyed\":%s,"
                      "\"version\":3}}",
                      secret->data ? secret->data : "null", secret->deletion_time,
                      secret->destroyed ? "true" : "false");
  Reply reply = answer(secret->data ? 200 : 404, data, "null", "null");
  g_free(data);
  return reply;
}

/* Only the root token learns that nothing is mounted: for all others no policy names the path. */
static Reply read_secret(VaultStandIn *vault, const Request *request, const Token *token)
{
  vault->counters.reads++;
  if (!token->reads)
    return denied();
  for (size_t i = 0; i < G_N_ELEMENTS(mounts); i++)
    if (strcmp(mounts[i].namespace, request->namespace) == 0 &&
        g_str_has_prefix(request->path, mounts[i].path)) {
      const char *path = request->path + strlen(mounts[i].path);
      return mounts[i].version == 2 ? read_v2(path) : read_v1(path);
    }
  if (strcmp(token->id, VAULT_ROOT_TOKEN) != 0)
    return denied();
  return errors(404, "no handler for route \\\"%s\\\". route entry not found.", request->path);
}

/* ---- a request ---- */

static Reply dispatch(VaultStandIn *vault, const Request *request)
{
  bool get = strcmp(request->method, "GET") == 0;
  if (!get && g_str_has_suffix(request->path, "/login"))
    return login(vault, request);
  Token *token = api_find_token(vault, request->token);
  if (!request->token)
    return errors(400, "missing client token");
  if (!token)
    return errors(403, "2 errors occurred:\\n\\t* permission denied\\n\\t* invalid token\\n\\n");
  if (strcmp(token->namespace, request->namespace) != 0)
    return denied();
  if (g_str_has_prefix(request->path, "auth/token/"))
    return token_endpoint(vault, request, token);
  return get ? read_secret(vault, request, token) : errors(405, "unsupported operation");
}

/* Of the request `path` is still the whole one. */
Reply api_answer(VaultStandIn *vault, const Request *request)
{
  Request below = *request;
  if (!request->asked)
    return errors(412, "missing X-Vault-Request");
  if (!g_str_has_prefix(request->path, "/v1/"))
    return errors(404, "%s", "");
  below.path += strlen("/v1/");
  return dispatch(vault, &below);
}
