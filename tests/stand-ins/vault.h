/* SPDX-License-Identifier: MIT */
/*
 * vault.h - a server that speaks the documented HTTP API of Vault as far as the module `vault`
 * goes: https://developer.hashicorp.com/vault/api-docs: secret/kv/kv-v1, kv-v2, auth/approle,
 * auth/kubernetes, auth/token. Over TLS with a CA of its own, and over plain HTTP, on free ports of
 * the loopback address, in threads of the test's process.
 *
 * What it holds is fixed (see vault-api.c): tests choose by path, mount, namespace, role and token.
 * Secrets have the names of what is the matter with them.
 */
#ifndef TESTS_STAND_INS_VAULT_H
#define TESTS_STAND_INS_VAULT_H

#include <stdbool.h>

#define VAULT_UUID "3c90c3cc-0d44-4b50-8888-8dd25736052a"
#define VAULT_KEY  "s3cret-api-key"

/* Tokens that are there from the start: */
#define VAULT_ROOT_TOKEN  "hvs.root0f4c9d2e7b815a63" /* lives for ever, may do everything */
#define VAULT_TOKEN_OK    "hvs.CAESIG9wZW5zZXNhbWU"  /* the one whose life is vault_set_life() */
#define VAULT_OTHER_TOKEN "hvs.b3RoZXJwb2xpY3kxMjM"  /* valid; its policies let it read nothing */
#define VAULT_TEAM_TOKEN  "hvs.dGVhbW5hbWVzcGFjZTE"  /* of the namespace team/a */

/* What logs in: */
#define VAULT_ROLE_ID   "b7f3c1d0-9a52-4e6c-8d3f-5e21a7c4f900"
#define VAULT_SECRET_ID "e1a9d8c7-\"quoted\\-4b3a-2f1e0d9c8b7a"
#define VAULT_JWT       "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJzeXN0ZW0ifQ.c2lnbmF0dXJl"

typedef struct VaultStandIn VaultStandIn;

/* Writes its CA to `ca_file`. NULL: it could not be started. */
VaultStandIn *vault_start(const char *ca_file);
void vault_stop(VaultStandIn *vault);                /* NULL is fine */
unsigned vault_port(const VaultStandIn *vault);      /* https */
unsigned vault_http_port(const VaultStandIn *vault); /* http */

/* As after the start: no faults, no log, counters at 0, only the tokens above. */
void vault_reset(VaultStandIn *vault);

/* VAULT_TOKEN_OK: seconds left, of how many. `max` is what a renewal gives. */
void vault_set_life(VaultStandIn *vault, int ttl, int creation_ttl, int max, bool renewable);

typedef enum {
  VAULT_FAULT_NONE,
  VAULT_FAULT_ANSWER, /* `status`, `body`, and `header`, if any: "Name: value" */
  VAULT_FAULT_HANG,   /* no answer, until the fault is another */
  VAULT_FAULT_DROP,   /* the connection is closed without one */
  VAULT_FAULT_HUGE,   /* 200 and a megabyte */
} VaultFaultKind;

/* What is answered to requests whose target has `part` in it. One fault at a time. The texts stay
 * the caller's. */
typedef struct VaultFault {
  VaultFaultKind kind;
  const char *part;
  unsigned status;
  const char *body, *header;
} VaultFault;
void vault_set_fault(VaultStandIn *vault, const VaultFault *fault);

typedef struct VaultCounters {
  int requests, reads, logins, look_ups, renewals, revocations;
  int leases; /* tokens of logins that live */
  int odd;    /* requests without X-Vault-Request: true, or with what no client needs to send */
} VaultCounters;
VaultCounters vault_counters(VaultStandIn *vault);

/* "GET /v1/secret/data/thred/api\n...": the targets as they came over the wire; to be freed. */
char *vault_log(VaultStandIn *vault);

#endif
