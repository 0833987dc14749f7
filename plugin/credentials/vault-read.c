/* SPDX-License-Identifier: MIT */
/*
 * The secret: https://developer.hashicorp.com/vault/api-docs/secret/kv, kv-v1 and kv-v2, "Read
 * secret".
 */
#include <string.h>

#include "plugin/credentials/vault.h"

static bool is_v2(const VaultCall *call)
{
  return call->vault->kv[0] == '2';
}

/* ---- 404 ---- */

/* A version that is deleted or destroyed is answered with 404 and its metadata. */
static const char *gone(const VaultAnswer *answer)
{
  json_object *metadata =
      secret_json_member(secret_json_member(answer->json.object, "data"), "metadata");
  size_t length = 0;
  if (json_object_get_boolean(secret_json_member(metadata, "destroyed")))
    return "was destroyed: write a new one";
  return secret_json_string(metadata, "deletion_time", &length) && length > 0
             ? "was deleted: undelete it, or write a new one"
             : NULL;
}

static ThredCredentialStatus not_found(VaultCall *call, const char *path, const VaultAnswer *answer)
{
  const char *why = gone(answer);
  if (why)
    return vault_says(call, THRED_CREDENTIAL_NOTFOUND,
                      "%s: the current version of the secret at %.160s %s", call->shown, path, why);
  if (vault_mentions(answer, "errors", "no handler for route"))
    return vault_says(call, THRED_CREDENTIAL_NOTFOUND,
                      "%s: nothing is mounted where %.160s would be (HTTP 404): see mount%s",
                      call->shown, path, call->namespace ? " and namespace" : "");
  if (vault_mentions(answer, "warnings", "versioned K/V"))
    return vault_says(call, THRED_CREDENTIAL_NOTFOUND,
                      "%s: the mount of %.160s is of KV version 2 (HTTP 404): say kv = 2",
                      call->shown, path);
  char words[VAULT_WORDS_SIZE];
  return vault_says(call, THRED_CREDENTIAL_NOTFOUND, "%s: there is no secret at %.160s%s%s",
                    call->shown, path, vault_words(call, answer, words),
                    is_v2(call) ? ", or the mount is of KV version 1 (kv = 1)" : "");
}

/* ---- 200 ---- */

static ThredCredentialStatus bad_field(VaultCall *call, const char *path, json_object *data,
                                       const char *field)
{
  bool there = data && json_object_object_get_ex(data, field, NULL);
  return vault_says(call, THRED_CREDENTIAL_UNAVAIL, "%s: the secret at %.160s has %s '%.64s'%s",
                    call->shown, path, there ? "a field" : "no field", field,
                    there ? " that is no text" : "");
}

static ThredCredentialStatus deliver(VaultCall *call, const char *path, const VaultAnswer *answer)
{
  const Vault *vault = call->vault;
  json_object *data = secret_json_member(answer->json.object, "data");
  if (is_v2(call))
    data = secret_json_member(data, "data");
  if (answer->reply.status != 200 || !json_object_is_type(data, json_type_object))
    return vault_status(call, path, answer);
  size_t uuid_length = 0, key_length = 0;
  const char *uuid = secret_json_string(data, vault->uuid_field, &uuid_length);
  const char *key = secret_json_string(data, vault->key_field, &key_length);
  if (!uuid || !key)
    return bad_field(call, path, data, uuid ? vault->key_field : vault->uuid_field);
  return module_deliver(call->host, uuid, uuid_length, key, key_length);
}

ThredCredentialStatus vault_read(VaultCall *call)
{
  const Vault *vault = call->vault;
  char path[2200], words[VAULT_WORDS_SIZE];
  VaultAnswer answer;
  snprintf(path, sizeof path, "%s/%s%s", vault->mount, is_v2(call) ? "data/" : "", vault->path);
  ThredCredentialStatus status = vault_send(call, "GET", path, NULL, &answer);
  if (status == THRED_CREDENTIAL_SUCCESS) {
    if (answer.reply.status == 403 && vault_is_vaults(&answer))
      status = vault_says(call, THRED_CREDENTIAL_UNAVAIL,
                          "%s: the token's policies do not let it read %.160s%s: one has to allow "
                          "\"read\" there, if it is the right mount",
                          call->shown, path, vault_words(call, &answer, words));
    else if (answer.reply.status == 404 && vault_is_vaults(&answer))
      status = not_found(call, path, &answer);
    else
      status = deliver(call, path, &answer);
  }
  vault_answer_clear(&answer);
  return status;
}
