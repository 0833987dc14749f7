/* SPDX-License-Identifier: MIT */
/*
 * How long a token lives: https://developer.hashicorp.com/vault/api-docs/auth/token. None of this
 * may fail a `get`: what goes wrong is left for the next one.
 */
#include <string.h>

#include "plugin/credentials/vault.h"

/* A number of seconds of the answer; false: it has none of this name. */
static bool seconds(json_object *object, const char *name, int64_t *to)
{
  json_object *value = secret_json_member(object, name);
  if (!json_object_is_type(value, json_type_int))
    return false;
  *to = json_object_get_int64(value);
  return *to >= 0;
}

static void take_life(const VaultAnswer *answer, VaultLife *life)
{
  json_object *data = secret_json_member(answer->json.object, "data");
  json_object *renewable = secret_json_member(data, "renewable");
  life->known = answer->reply.status == 200 && seconds(data, "ttl", &life->ttl) &&
                seconds(data, "creation_ttl", &life->creation_ttl);
  life->renewable =
      json_object_is_type(renewable, json_type_boolean) && json_object_get_boolean(renewable);
  life->refused = answer->reply.status == 403 && vault_is_vaults(answer);
}

/* What was said before stays: it is about the secret. */
static ThredCredentialStatus send_quietly(VaultCall *call, const char *method, const char *path,
                                          const VaultBody *body, VaultAnswer *answer)
{
  char said[sizeof call->said];
  memcpy(said, call->said, sizeof said);
  ThredCredentialStatus status = vault_send(call, method, path, body, answer);
  memcpy(call->said, said, sizeof said);
  return status;
}

static void renew(VaultCall *call, VaultLife *life)
{
  VaultAnswer answer;
  VaultBody body = {.text = (char[]){"{}"}, .length = 2, .size = 3};
  int64_t ttl = 0;
  if (send_quietly(call, "POST", "auth/token/renew-self", &body, &answer) ==
          THRED_CREDENTIAL_SUCCESS &&
      answer.reply.status == 200 &&
      seconds(secret_json_member(answer.json.object, "auth"), "lease_duration", &ttl)) {
    life->renewed = ttl > life->ttl;
    life->ttl = ttl;
  }
  vault_answer_clear(&answer);
}

void vault_tend_token(VaultCall *call, VaultLife *life)
{
  VaultAnswer answer;
  *life = (VaultLife){0};
  if (send_quietly(call, "GET", "auth/token/lookup-self", NULL, &answer) ==
      THRED_CREDENTIAL_SUCCESS)
    take_life(&answer, life);
  vault_answer_clear(&answer);
  /* A root token's times are 0: it has no end. */
  if (life->known && life->renewable && life->ttl < life->creation_ttl - life->ttl)
    renew(call, life);
}

void vault_revoke_token(VaultCall *call)
{
  VaultAnswer answer;
  send_quietly(call, "POST", "auth/token/revoke-self", NULL, &answer);
  vault_answer_clear(&answer);
}
