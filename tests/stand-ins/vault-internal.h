/* SPDX-License-Identifier: MIT */
/* vault-internal.h - the two halves of the stand-in: what it answers, and how it is asked. */
#ifndef TESTS_STAND_INS_VAULT_INTERNAL_H
#define TESTS_STAND_INS_VAULT_INTERNAL_H

#include <glib.h>
#include <microhttpd.h>
#include <pthread.h>

#include "tests/stand-ins/vault.h"
#include "tools/thred-emulator/ca.h"
#include "tools/thred-emulator/listener.h"

#define TOKENS 256

typedef struct {
  char id[64];
  const char *namespace;
  bool reads, of_login, renewable;
  int ttl, creation_ttl, max; /* seconds */
} Token;

struct VaultStandIn {
  Listener https, http;
  unsigned port, http_port;
  Certificates certificates;
  struct MHD_Daemon *https_daemon, *http_daemon;
  pthread_mutex_t lock;
  pthread_cond_t changed;
  VaultFault fault;
  unsigned fault_number; /* goes up when the fault changes: who hangs, goes on */
  VaultCounters counters;
  Token tokens[TOKENS];
  int n_tokens, made;
  GString *log;
};

typedef struct {
  char *target; /* as it came */
  GString *body;
  const char *method, *path; /* path: decoded */
  const char *token, *namespace;
  bool asked; /* X-Vault-Request: true */
} Request;

typedef struct {
  unsigned status;
  char *body;
} Reply;

/* vault-api.c. All of these with the lock. */
Reply api_answer(VaultStandIn *vault, const Request *request);
Token *api_find_token(VaultStandIn *vault, const char *id);
void api_reset_tokens(VaultStandIn *vault);

#endif
