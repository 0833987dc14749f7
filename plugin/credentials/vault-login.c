/* SPDX-License-Identifier: MIT */
/*
 * Where the token comes from. AppRole: https://developer.hashicorp.com/vault/api-docs/auth/approle,
 * "Login with AppRole"; Kubernetes: .../auth/kubernetes, "Login".
 */
#include <stdlib.h>
#include <string.h>

#include "lib/secure.h"
#include "plugin/credentials/vault.h"

/* ---- a token as it is ---- */

/* It becomes a header line. */
static const char *token_problem(const char *token, size_t length)
{
  if (length == 0)
    return "is empty";
  if (length >= MODULE_FILE_MAX)
    return "is longer than 16 KiB";
  for (size_t i = 0; i < length; i++)
    if (token[i] <= 0x20 || token[i] > 0x7e)
      return "has a byte in it that no token has";
  return NULL;
}

/* As large as module_secret_clear() wipes. */
static bool set_token(VaultCall *call, const char *token, size_t length)
{
  call->token.room = MODULE_FILE_MAX + 2;
  call->token.bytes = calloc(1, call->token.room);
  if (!call->token.bytes)
    return false;
  memcpy(call->token.bytes, token, length);
  call->token.length = length;
  return true;
}

static ThredCredentialStatus token_from_environment(VaultCall *call)
{
  const char *token = getenv(VAULT_TOKEN_VARIABLE);
  if (call->host->at_secure)
    return vault_says(call, THRED_CREDENTIAL_UNAVAIL,
                      VAULT_TOKEN_VARIABLE
                      " does not count in a program with AT_SECURE: use another auth");
  if (!token || !token[0])
    return vault_says(call, THRED_CREDENTIAL_UNAVAIL,
                      VAULT_TOKEN_VARIABLE
                      " is not set: set it, or use another auth (token-file, approle, "
                      "kubernetes)");
  const char *problem = token_problem(token, strlen(token));
  if (problem)
    return vault_says(call, THRED_CREDENTIAL_UNAVAIL, VAULT_TOKEN_VARIABLE " %s", problem);
  return set_token(call, token, strlen(token))
             ? THRED_CREDENTIAL_SUCCESS
             : vault_says(call, THRED_CREDENTIAL_UNAVAIL, "out of memory");
}

/* A missing file is no "holds none" here: what the store holds is not known. It has been said. */
static ThredCredentialStatus unavail(ThredCredentialStatus status)
{
  return status == THRED_CREDENTIAL_SUCCESS ? status : THRED_CREDENTIAL_UNAVAIL;
}

static ThredCredentialStatus token_from_file(VaultCall *call)
{
  const char *path = call->vault->token_file;
  ThredCredentialStatus status = module_read_secret(call->host, path, &call->token);
  if (status != THRED_CREDENTIAL_SUCCESS)
    return unavail(status);
  module_trim_secret(&call->token);
  const char *problem = token_problem(call->token.bytes, call->token.length);
  return problem ? vault_says(call, THRED_CREDENTIAL_UNAVAIL, "%.200s: the token %s", path, problem)
                 : THRED_CREDENTIAL_SUCCESS;
}

ThredCredentialStatus vault_take_token(VaultCall *call)
{
  return strcmp(call->vault->auth, "token") == 0 ? token_from_environment(call)
                                                 : token_from_file(call);
}

/* ---- what a login sends ---- */

/* Adds a JSON string (RFC 8259, 7) without control characters. By hand, since json-c would leave
 * copies of the secret behind in each buffer that it outgrows. */
static void add_string(VaultBody *body, const char *text)
{
  body->text[body->length++] = '"';
  for (; *text; text++) {
    if (*text == '"' || *text == '\\')
      body->text[body->length++] = '\\';
    body->text[body->length++] = *text;
  }
  body->text[body->length++] = '"';
}

static bool make_body(VaultBody *body, const char *const *pairs, size_t n)
{
  body->size = 2 * n + 2;
  for (size_t i = 0; i < n; i++)
    body->size += 2 * strlen(pairs[i]) + 2;
  body->text = malloc(body->size);
  body->length = 0;
  if (!body->text)
    return false;
  for (size_t i = 0; i < n; i++) {
    body->text[body->length++] = (char)(i == 0 ? '{' : i % 2 ? ':' : ',');
    add_string(body, pairs[i]);
  }
  body->text[body->length++] = '}';
  return true;
}

static void clear_body(VaultBody *body)
{
  if (body->text)
    secure_wipe(body->text, body->size);
  free(body->text);
}

/* The file's content is text of one line. */
static ThredCredentialStatus take_login(VaultCall *call, const char *path)
{
  ModuleSecret *login = &call->login;
  module_trim_secret(login);
  if (login->length == 0)
    return vault_says(call, THRED_CREDENTIAL_UNAVAIL, "%.300s: is empty", path);
  for (size_t i = 0; i < login->length; i++)
    if ((unsigned char)login->bytes[i] < 0x20 || login->bytes[i] == 0x7f)
      return vault_says(call, THRED_CREDENTIAL_UNAVAIL,
                        "%.300s: has a control character in it, or more than one line", path);
  return THRED_CREDENTIAL_SUCCESS;
}

/* ---- what it answers ---- */

static ThredCredentialStatus login_refused(VaultCall *call, const char *path,
                                           const VaultAnswer *answer)
{
  const Vault *vault = call->vault;
  char words[VAULT_WORDS_SIZE];
  vault_words(call, answer, words);
  if (answer->reply.status == 404)
    return vault_says(call, THRED_CREDENTIAL_UNAVAIL,
                      "%s: there is no auth method to log in with at %.120s%s: see auth-mount",
                      call->shown, path, words);
  return vault_says(call, THRED_CREDENTIAL_UNAVAIL, "%s: the login at %.120s is refused%s: see %s",
                    call->shown, path, words,
                    vault->role ? "role, jwt-file and auth-mount"
                                : "role-id, secret-id-file and auth-mount");
}

static ThredCredentialStatus take_login_answer(VaultCall *call, const char *path,
                                               const VaultAnswer *answer)
{
  int status = answer->reply.status;
  if (vault_is_vaults(answer) && (status == 400 || status == 403 || status == 404))
    return login_refused(call, path, answer);
  json_object *auth = secret_json_member(answer->json.object, "auth");
  if (status == 200 && secret_json_member(auth, "mfa_requirement"))
    return vault_says(call, THRED_CREDENTIAL_UNAVAIL,
                      "%s: the login at %.120s wants a second factor (MFA), which nobody can give",
                      call->shown, path);
  size_t length = 0;
  const char *token = secret_json_string(auth, "client_token", &length);
  if (status != 200 || !token || token_problem(token, length))
    return vault_status(call, "the login", answer);
  return set_token(call, token, length)
             ? THRED_CREDENTIAL_SUCCESS
             : vault_says(call, THRED_CREDENTIAL_UNAVAIL, "out of memory");
}

static ThredCredentialStatus log_in(VaultCall *call, const char *const *pairs, size_t n)
{
  char path[1100];
  VaultBody body = {0};
  VaultAnswer answer = {0};
  snprintf(path, sizeof path, "auth/%s/login", call->vault->auth_mount);
  ThredCredentialStatus status = make_body(&body, pairs, n)
                                     ? vault_send(call, "POST", path, &body, &answer)
                                     : vault_says(call, THRED_CREDENTIAL_UNAVAIL, "out of memory");
  if (status == THRED_CREDENTIAL_SUCCESS)
    status = take_login_answer(call, path, &answer);
  vault_answer_clear(&answer);
  clear_body(&body);
  return status;
}

/* ---- the two ways ---- */

/* A role with bind_secret_id = false has no secret ID. */
static ThredCredentialStatus by_approle(VaultCall *call)
{
  const Vault *vault = call->vault;
  if (vault->secret_id_file) {
    ThredCredentialStatus status =
        module_read_secret(call->host, vault->secret_id_file, &call->login);
    if (status == THRED_CREDENTIAL_SUCCESS)
      status = take_login(call, vault->secret_id_file);
    if (status != THRED_CREDENTIAL_SUCCESS)
      return unavail(status);
  }
  const char *pairs[] = {"role_id", vault->role_id, "secret_id", call->login.bytes};
  return log_in(call, pairs, vault->secret_id_file ? 4 : 2);
}

static ThredCredentialStatus by_kubernetes(VaultCall *call)
{
  const Vault *vault = call->vault;
  ThredCredentialStatus status =
      module_read_file(call->host, vault->jwt_file, SECURE_CONFIG, MODULE_FILE_MAX, &call->login);
  if (status == THRED_CREDENTIAL_SUCCESS)
    status = take_login(call, vault->jwt_file);
  if (status != THRED_CREDENTIAL_SUCCESS)
    return unavail(status);
  const char *pairs[] = {"role", vault->role, "jwt", call->login.bytes};
  return log_in(call, pairs, 4);
}

bool vault_logs_in(const Vault *vault)
{
  return vault->auth_mount != NULL;
}

ThredCredentialStatus vault_login(VaultCall *call)
{
  return strcmp(call->vault->auth, "approle") == 0 ? by_approle(call) : by_kubernetes(call);
}
