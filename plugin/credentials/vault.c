/* SPDX-License-Identifier: MIT */
/*
 * vault - the credential from a key-value store of HashiCorp Vault or OpenBao.
 *
 * With a token of one's own it reads the secret, looks at the token and renews it when half of its
 * life is gone. With AppRole or Kubernetes it logs in, reads, and gives the token back. Nothing is
 * kept between two calls.
 */
#include "plugin/credentials/vault.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "lib/clock.h"

#define ASIDE_MS 2000 /* at most, for what is not the secret itself */
#define SOON     3600 /* seconds; what a token of Thred's lives, hence until the next get */

ThredCredentialStatus vault_says(VaultCall *call, ThredCredentialStatus status, const char *format,
                                 ...)
{
  va_list args;
  va_start(args, format);
  (void)vsnprintf(call->said, sizeof call->said, format, args);
  va_end(args);
  return status;
}

/* ---- where the server is ---- */

static const char *variable(const ThredModuleHost *host, const char *name)
{
  const char *value = host->at_secure ? NULL : getenv(name);
  return value && value[0] ? value : NULL;
}

/* The environment is read here and not by open: processes share what a configuration was parsed to,
 * but not their variables. */
static ThredCredentialStatus find_server(VaultCall *call)
{
  const Vault *vault = call->vault;
  const char *address =
      vault->address ? vault->address : variable(call->host, VAULT_ADDRESS_VARIABLE);
  if (!address)
    return vault_says(call, THRED_CREDENTIAL_UNAVAIL,
                      "no address: neither the option address is set nor " VAULT_ADDRESS_VARIABLE
                      "%s",
                      call->host->at_secure ? " counts (AT_SECURE)" : "");
  const char *problem = vault->address ? NULL : vault_address_problem(address);
  if (problem)
    return vault_says(call, THRED_CREDENTIAL_UNAVAIL, VAULT_ADDRESS_VARIABLE " %s", problem);
  call->namespace =
      vault->namespace ? vault->namespace : variable(call->host, VAULT_NAMESPACE_VARIABLE);
  problem = vault->namespace || !call->namespace ? NULL : vault_namespace_problem(call->namespace);
  if (problem)
    return vault_says(call, THRED_CREDENTIAL_UNAVAIL, VAULT_NAMESPACE_VARIABLE " %s", problem);
  return vault_set_address(call, address)
             ? THRED_CREDENTIAL_SUCCESS
             : vault_says(call, THRED_CREDENTIAL_UNAVAIL, "out of memory");
}

/* ---- get ---- */

/* A deadline for what may not cost the secret its time. */
static int64_t aside(int64_t deadline_ms)
{
  int64_t soon = clock_monotonic_ms() + ASIDE_MS;
  return soon < deadline_ms ? soon : deadline_ms;
}

/* What is to be said of a token that will be gone before the next call, or "". */
static void life_words(const VaultLife *life, char *words, size_t size)
{
  words[0] = 0;
  if (life->known && life->ttl > 0 && life->ttl < SOON)
    snprintf(words, size, "; the token expires in %lld s%s", (long long)life->ttl,
             life->renewed     ? ""
             : life->renewable ? " and was not renewed"
                               : " and cannot be renewed");
}

/* The look at the token adds to what was said of the secret; if nothing was, it is for the log. A
 * valid token without the policy default may not look at itself: Vault answers it as it does one
 * that it does not know. */
static void add_life(VaultCall *call, const VaultLife *life)
{
  char words[96];
  size_t used = strlen(call->said);
  if (call->status == 403 && !life->known)
    snprintf(words, sizeof words,
             "; or the token expired or was revoked: lookup-self did not tell");
  else
    life_words(life, words, sizeof words);
  if (life->refused && call->status == 403)
    vault_says(call, THRED_CREDENTIAL_UNAVAIL,
               "%s: the token is not accepted, neither for the secret nor for lookup-self (HTTP "
               "403): it expired or was revoked (put a new one in its place), or its policies "
               "allow neither (one has to allow \"read\" on the secret)",
               call->shown);
  else if (used)
    snprintf(call->said + used, sizeof call->said - used, "%s", words);
  else if (words[0] && VAULT_HOST_HAS(call->host, note)) {
    char line[sizeof call->shown + sizeof words];
    snprintf(line, sizeof line, "%s%s", call->shown, words);
    call->host->note(call->host, line);
  }
}

/* A server that is in trouble, and what may be none at all, does not get the token a second time.
 */
static bool is_worth_a_look(const VaultCall *call)
{
  int http = call->status;
  return call->vaults && (http == 200 || http == 400 || http == 403 || http == 404);
}

/* The look comes after the secret, so that it costs none of its time. */
static ThredCredentialStatus get_with_token(VaultCall *call)
{
  ThredCredentialStatus status = vault_take_token(call);
  if (status != THRED_CREDENTIAL_SUCCESS)
    return status;
  status = vault_read(call);
  int http = call->status;
  if (!is_worth_a_look(call))
    return status;
  VaultLife life;
  call->deadline_ms = aside(call->deadline_ms);
  vault_tend_token(call, &life);
  call->status = http;
  add_life(call, &life);
  return status;
}

/* Some of the time is kept for giving the token back: each that is not is a lease in the server
 * until it expires. */
static ThredCredentialStatus get_with_login(VaultCall *call)
{
  int64_t end = call->deadline_ms, eighth = (end - clock_monotonic_ms()) / 8;
  call->deadline_ms -= eighth < ASIDE_MS ? eighth : ASIDE_MS;
  ThredCredentialStatus status = vault_login(call);
  if (status == THRED_CREDENTIAL_SUCCESS)
    status = vault_read(call);
  if (call->token.bytes) {
    call->deadline_ms = aside(end);
    vault_revoke_token(call);
  }
  return status;
}

static ThredCredentialStatus vault_get(void *instance, const ThredModuleHost *host,
                                       int64_t deadline_ms)
{
  VaultCall call = {.vault = instance, .host = host, .deadline_ms = deadline_ms};
  ThredCredentialStatus status = find_server(&call);
  if (status == THRED_CREDENTIAL_SUCCESS)
    status = vault_logs_in(call.vault) ? get_with_login(&call) : get_with_token(&call);
  if (status != THRED_CREDENTIAL_SUCCESS && call.said[0])
    module_says(host, status, "%s", call.said);
  module_secret_clear(&call.token);
  module_secret_clear(&call.login);
  free(call.base);
  return status;
}

const ThredCredentialModule thred_credential_module = {
    .abi = THRED_CREDENTIAL_MODULE_ABI,
    .struct_size = sizeof(ThredCredentialModule),
    .name = "vault",
    .open = vault_open,
    .identity = vault_identity,
    .get = vault_get,
    .close = vault_close,
};
