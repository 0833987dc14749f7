/* SPDX-License-Identifier: MIT */
/*
 * bearer.h - a token for a decision: from the cache, else by waiting for whoever fetches it, else
 * by fetching it. The only place where cache, configuration and miss part meet.
 */
#ifndef THRED_LIB_BEARER_H
#define THRED_LIB_BEARER_H

#include "lib/cache.h"
#include "lib/error.h"
#include "lib/route.h"
#include "lib/snapshot.h"

/* The key of the last request of a handle. To make one takes a digest and a look at the files of
 * the credentials: that is done once a second, as often as the configuration is looked at. */
typedef struct {
  const Snapshot *snapshot; /* NULL: nothing yet; only compared */
  uint32_t environment;
  SnapshotToken token;
  const char *host;
  char business[UUID_LENGTH + 1];
  int64_t made_ms; /* CLOCK_MONOTONIC_COARSE */
  CacheKey key;
} BearerMemo;

typedef struct {
  const Snapshot *snapshot;
  uint32_t environment;  /* index of an active environment */
  const char *host;      /* as the snapshot spells it */
  SnapshotToken token;   /* PARTNER or BUSINESS */
  const char *business;  /* lower-case UUID for a business token */
  uint64_t refused;      /* not 0: a server answered 401 to this generation */
  int64_t not_before_ms; /* CLOCK_BOOTTIME; not 0: a token requested earlier is under suspicion and
                            is replaced if it can be, once for all who ask */
  BearerMemo *memo;      /* of the caller's thread, or NULL */
  int64_t deadline_ms;   /* CLOCK_MONOTONIC; cut to the environment's `timeout` from now */
} BearerRequest;

/*
 * Gets the token into token->value (TOKEN_MAX + 1 bytes of the caller's, which the caller wipes).
 * Blocks until the deadline at most. THRED_OK, or an error with its sentence; then token->value is
 * empty. Policy (`allow`, `pin-business`) is the caller's: it has decided already.
 */
int bearer_get(const BearerRequest *request, CacheToken *token, Error *error);

/* When bearer_get() would give up, on CLOCK_MONOTONIC. */
int64_t bearer_deadline_ms(const BearerRequest *request);

typedef enum {
  BEARER_GOOD,    /* *token is what bearer_get() would get, at once */
  BEARER_DUE,     /* *token serves; it is time to renew it */
  BEARER_SUSPECT, /* *token may serve; another is wanted (not_before_ms) */
  BEARER_NONE     /* it has to be fetched or waited for; *error if it cannot be */
} BearerLook;

/* What is in the cache. Takes no lock of the segment but for a refusal. */
BearerLook bearer_look(const BearerRequest *request, CacheToken *token, Error *error);

/* Tells everyone that a server answered 401 to request->refused; gets nothing. */
void bearer_refuse(const BearerRequest *request);

/* The same from the cache alone: THRED_E_AGAIN while somebody is fetching it, else
 * THRED_E_WOULD_BLOCK. */
int bearer_try(const BearerRequest *request, CacheToken *token, Error *error);

/* What a failure that the cache tells of means: one of the codes that a server's answer can have,
 * as a broken peer may have written any. */
int bearer_failure(int failure);

#endif
