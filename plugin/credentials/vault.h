/* SPDX-License-Identifier: MIT */
/*
 * vault.h - the parts of the module `vault`: its options, and one `get` on its way.
 *
 * vault.c            what a `get` consists of
 * vault-options.c    what the options may be, and what an answer depends on
 * vault-address.c    where the server is: addresses, paths, and what may not stand in them
 * vault-request.c    one request, and what the answers of every endpoint have in common
 * vault-login.c      where the token comes from: environment, file, AppRole, Kubernetes
 * vault-token.c      how long the token lives: look-up, renewal, revocation
 * vault-read.c       the secret itself
 *
 * The wire is that of https://developer.hashicorp.com/vault/api-docs, which OpenBao keeps to.
 */
#ifndef THRED_CREDENTIALS_VAULT_H
#define THRED_CREDENTIALS_VAULT_H

#include "lib/fetch/http.h"
#include "lib/fetch/secret-json.h"
#include "plugin/credentials/module.h"

typedef struct {
  char *address, *namespace, *ca_file;
  char *mount, *kv, *path, *uuid_field, *key_field;
  char *auth, *token_file, *role_id, *secret_id_file, *role, *jwt_file, *auth_mount;
} Vault;

/* The module's operations (vault-options.c). */
ThredCredentialStatus vault_open(const ThredModuleHost *host, const ThredModuleOption *options,
                                 size_t n_options, void **instance);
ThredCredentialStatus vault_identity(void *instance, const ThredModuleHost *host);
void vault_close(void *instance);

#define VAULT_ADDRESS_VARIABLE   "VAULT_ADDR"
#define VAULT_NAMESPACE_VARIABLE "VAULT_NAMESPACE"
#define VAULT_TOKEN_VARIABLE     "VAULT_TOKEN"

/* ---- one `get` ---- */

typedef struct {
  const Vault *vault;
  const ThredModuleHost *host;
  int64_t deadline_ms;   /* of the requests now */
  char *base;            /* the address, without a slash at its end */
  char shown[160];       /* scheme, host and port: for messages */
  bool plain;            /* http, or an address of this machine */
  const char *namespace; /* NULL: none */
  ModuleSecret token;    /* X-Vault-Token; none before the login */
  ModuleSecret login;    /* the secret ID, or the service account's token */
  int status;            /* of HTTP, of the last answer; 0: there was none */
  bool vaults;           /* the last answer is in Vault's form */
  char said[400];        /* what is to be said at the end, or "" */
} VaultCall;

/* A library that is older than the member has none. */
#define VAULT_HOST_HAS(host, member)                                                               \
  ((host)->size >= offsetof(ThredModuleHost, member) + sizeof((host)->member) && (host)->member)

/* Notes one sentence for the end of the call, and is the status. */
__attribute__((format(printf, 3, 4))) ThredCredentialStatus
vault_says(VaultCall *call, ThredCredentialStatus status, const char *format, ...);

/* ---- addresses (vault-address.c) ---- */

/* What is wrong with a path, a namespace or a mount, or NULL. `slash` allows one at the end. */
const char *vault_path_problem(const char *path, bool slash);

/* The same for a namespace, which goes into a header. */
const char *vault_namespace_problem(const char *namespace);

/* What is wrong with an address, or NULL. */
const char *vault_address_problem(const char *address);

/* Sets base, shown and plain from an address without a problem. False: out of memory. */
bool vault_set_address(VaultCall *call, const char *address);

/* BASE/v1/PATH, percent-encoded, to be freed with free(). NULL: out of memory. */
char *vault_url(const VaultCall *call, const char *path);

/* ---- requests (vault-request.c) ---- */

typedef struct {
  HttpReply reply;
  SecretJson json;     /* of a body that is one JSON object */
  const char *trouble; /* else what the body is */
} VaultAnswer;

/* A body to be sent, with secrets in it. */
typedef struct {
  char *text;
  size_t length, size;
} VaultBody;

/*
 * Sends a request to /v1/PATH with the token, if there is one. SUCCESS: there is an answer,
 * whatever its status. Else it has been said why not. vault_answer_clear() is due either way.
 */
ThredCredentialStatus vault_send(VaultCall *call, const char *method, const char *path,
                                 const VaultBody *body, VaultAnswer *answer);
void vault_answer_clear(VaultAnswer *answer);

/* The body has the form of Vault's answers, and not only some JSON of a proxy or gateway. */
bool vault_is_vaults(const VaultAnswer *answer);

#define VAULT_WORDS_SIZE 128

/*
 * " (HTTP 403, it says: permission denied)". The server's own words only if they are short,
 * printable and repeat no secret that was sent.
 */
const char *vault_words(const VaultCall *call, const VaultAnswer *answer,
                        char words[VAULT_WORDS_SIZE]);

/* The answer's `errors` or `warnings`, as named, have this text in them. */
bool vault_mentions(const VaultAnswer *answer, const char *list, const char *text);

/* Says what a status means that means the same for every request; `what` was asked for. */
ThredCredentialStatus vault_status(VaultCall *call, const char *what, const VaultAnswer *answer);

/* ---- tokens ---- */

/* From the environment or the token file (vault-login.c). */
ThredCredentialStatus vault_take_token(VaultCall *call);
/* By AppRole or Kubernetes (vault-login.c). */
ThredCredentialStatus vault_login(VaultCall *call);
bool vault_logs_in(const Vault *vault);

/* What lookup-self says of a token (vault-token.c). */
typedef struct {
  bool refused; /* by Vault itself, with 403: the token is none, or has no policy for this */
  bool known;
  bool renewable, renewed;
  int64_t ttl, creation_ttl; /* seconds; 0: without an end */
} VaultLife;

/* Looks at the token, and renews it if more than half of its life is gone. Says nothing. */
void vault_tend_token(VaultCall *call, VaultLife *life);
/* Gives back the token of a login. Says nothing. */
void vault_revoke_token(VaultCall *call);

/* ---- the secret (vault-read.c) ---- */

/* Delivers it; what went wrong has been said. */
ThredCredentialStatus vault_read(VaultCall *call);

#endif
