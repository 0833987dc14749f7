/* SPDX-License-Identifier: MIT */
/*
 * fetch-abi.h - the boundary between the hot part and the miss part.
 *
 * libthred-auth.so.0 opens libthred-fetch.so when a configuration must be parsed or a token fetched
 * and takes one symbol from it. Both are built from one tree and installed together; `abi` and
 * `size` catch a mixture of two installations. The miss part calls nothing of the hot part but the
 * functions of a FetchRequest.
 *
 * All functions are thread-safe. None keeps a pointer past its return.
 */
#ifndef THRED_LIB_FETCH_ABI_H
#define THRED_LIB_FETCH_ABI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/contact.h"
#include "lib/error.h"
#include "lib/snapshot.h"

#define FETCH_ABI    5u
#define FETCH_SYMBOL "thred_fetch"
#define TOKEN_MAX    (32u * 1024u) /* bytes of one token */

/* What a token endpoint answered, or why nobody was asked. */
typedef struct {
  char *token;      /* malloc'ed, NUL-terminated; the caller wipes and frees it; NULL on failure */
  size_t length;    /* bytes without the NUL */
  int64_t lifetime; /* seconds from the moment the request was sent */
  int shared_failure;  /* 1: the server said so, everyone may be told; 0: local */
  int http_status;     /* of the last token request, 0 if none was answered */
  int64_t retry_after; /* seconds, from Retry-After (RFC 9110, 10.2.3); 0: not said */
  int rotated;         /* 1: the first key was refused, and another one got the token */
  int from_next;       /* 1: the server refused the key of `credentials`, and took that of `next` */
} FetchResult;

typedef struct {
  const Snapshot *snapshot;
  uint32_t environment;      /* index of an active environment */
  const char *host;          /* one of its hosts */
  const char *business_id;   /* NULL: the partner token; else that business's */
  const char *partner_token; /* for a business token: the bearer of the request */
  int64_t deadline_ms;       /* CLOCK_MONOTONIC: whatever happens, back by then */
  const char *module_dir;    /* where credential modules are */
  int at_secure;             /* 1: environment variables do not count */
  void (*wait_begin)(void);  /* around what only waits, with nothing locked (worker.h) */
  void (*wait_end)(void);
  bool (*start)(void (*function)(void *data), void *data); /* a thread (worker.h) */
  void (*note_lost)(bool is_lost);                         /* .. that is left behind */
  void (*note)(const char *text); /* a line for the log, at `info`, without secrets */
  Contact *contact; /* how far the last request came, if somebody wants to know; else NULL */
} FetchRequest;

/* What one source answered, for whoever asks why. The texts live as long as the call. */
typedef struct {
  bool next;                 /* of the second stack */
  const char *name, *module; /* the stack's word, and the module behind it */
  const char *status;        /* SUCCESS, NOTFOUND, UNAVAIL or TRYAGAIN */
  const char *said;          /* one sentence; "" on SUCCESS */
  bool returns;              /* the stack ends with it */
} FetchAnswer;

/*
 * What explain_config() tells; the texts live as long as the call. `level` is "shipped",
 * "administrator" or "user".
 */
typedef struct {
  const char *path; /* of a file; or of a directory that is missing or refused */
  const char *level;
  const char *fate; /* "read", "masked", "replaced", "refused" or "missing" */
  const char *why;  /* NULL: it was read */
} FetchFile;

typedef struct {
  const char *kind, *name; /* "environment" and "sandbox"; "thred" and "" */
  const char *state; /* of an environment "active" or "inactive", else "in-force"; "disabled" by
                        an error, which stands at: */
  const char *file;  /* or NULL */
  uint32_t line;     /* 0: the whole file */
} FetchGroup;

typedef struct {
  const char *key;   /* NULL: hidden, as the value is */
  const char *value; /* NULL: not set, and nothing holds in its place; or hidden */
  bool hidden;       /* it may be a secret, and is not told */
  const char *fate;  /* "in-force"; of what is not: "overridden", "refused" (it would widen what a
                        user  may not), "replaced" (with its file) or "disabled" (with its group) */
  const char *level; /* or "default", without file and line */
  const char *file;
  uint32_t line;
} FetchValue;

typedef struct {
  void (*file)(const FetchFile *file, void *data);
  void (*group)(const FetchGroup *group, void *data);
  void (*value)(const FetchValue *value, void *data);
  void (*problem)(const char *file, uint32_t line, const char *text, void *data);
} FetchExplain;

typedef struct {
  uint32_t abi;
  uint32_t size; /* sizeof(FetchApi) */

  /*
   * Reads conf.d and makes the block. On THRED_OK *block is malloc'ed and passes snapshot_check();
   * problems inside it do not fail the call (they are listed in the block). Fails only with
   * THRED_E_NO_MEMORY or THRED_E_CONFIG (larger than SNAPSHOT_MAX).
   */
  int (*load_config)(const SnapshotOrigin *origin, void **block, size_t *size, Error *error);

  /*
   * Reads conf.d and tells what became of it: the files in reading order; each group, followed by
   * its values: every key, first what is in force (or holds by default), then what that stands in
   * for, the latest first; the problems. No secret is told. Fails as load_config() does.
   */
  int (*explain_config)(const SnapshotOrigin *origin, const FetchExplain *each, void *data,
                        Error *error);

  /*
   * One token. The partner token: runs the stack of modules, asks, and when the key is refused
   * does the same with `next`. A business token: asks with partner_token.
   * THRED_E_REFUSED for a business token means that the partner token was refused (401).
   */
  int (*fetch_token)(const FetchRequest *request, FetchResult *result, Error *error);

  /*
   * Asks each source of both stacks of the request's environment, also those that a fetch would not
   * come to, and hands its answer to `each`. No token is asked for, and no credential leaves.
   */
  void (*ask_sources)(const FetchRequest *request,
                      void (*each)(const FetchAnswer *answer, void *data), void *data);

  /*
   * Goes as far as a token request would before it is sent: name, connection, TLS, with the same
   * settings. No credential is needed for it. THRED_OK, or what fetch_token would have failed with.
   */
  int (*connect)(const FetchRequest *request, Error *error);
} FetchApi;

#endif
