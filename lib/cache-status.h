/* SPDX-License-Identifier: MIT */
/*
 * cache-status.h - a look at a segment from outside: for `thredctl status`.
 *
 * It never comes into the segment: it takes no lock and no lease, makes no file and no key, and
 * maps nothing, so that it neither waits nor dies (SIGBUS) when somebody shortens the file
 * meanwhile. It reads with pread(2) into memory of its own and judges what it has got there, byte
 * for byte, as whoever wrote it may be broken. The part in which the tokens lie is not read at all.
 *
 * What it finds is of several moments, and nobody vouches for it: the seal that binds a token's
 * times to it is not opened. Times are milliseconds from now, or before now.
 */
#ifndef THRED_LIB_CACHE_STATUS_H
#define THRED_LIB_CACHE_STATUS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/cache-internal.h"

#define CACHE_STATUS_COUNTERS 7u   /* as in CacheCounter */
#define CACHE_STATUS_UNKNOWN  (-1) /* a time that makes no sense */

typedef enum {
  CACHE_TOKEN_NONE,    /* there is none: it was forgotten, evicted, or never came */
  CACHE_TOKEN_GOOD,    /* it may be used */
  CACHE_TOKEN_EXPIRED, /* .. no longer */
  CACHE_TOKEN_REFUSED  /* a server answered 401 to it */
} CacheTokenState;

typedef enum {
  CACHE_OWNER_UNKNOWN, /* it has not the lock that would tell */
  CACHE_OWNER_LIVES,
  CACHE_OWNER_DIED /* the next one who asks takes the lease over */
} CacheOwner;

typedef struct {
  uint32_t index;
  /* Printable ASCII, NUL-terminated; what was not is '?'. "": none. */
  char environment[sizeof(((CacheEntry *)0)->environment) + 1];
  char host[sizeof(((CacheEntry *)0)->host) + 1];
  char business[sizeof(((CacheEntry *)0)->business) + 1];
  SnapshotToken kind; /* SNAPSHOT_TOKEN_NONE: garbage */
  CacheTokenState state;
  uint64_t generation;
  int64_t age_ms;       /* since it was asked for; CACHE_STATUS_UNKNOWN */
  int64_t lifetime_ms;  /* 0: there is no token */
  int64_t remaining_ms; /* that it may be used; <= 0: over */
  uint64_t hits;        /* see CacheEntry */
  uint32_t publishes, refusals;
  /* What the server answered last, if that was no token. */
  uint32_t failure; /* for bearer_failure(); 0: none */
  uint32_t failure_status, failures;
  int64_t failed_ms;  /* since then; CACHE_STATUS_UNKNOWN */
  int64_t retry_ms;   /* until somebody asks again; 0: the next one does */
  uint32_t postponed; /* renewals that came to nothing otherwise, in a row */
  int64_t renew_ms;   /* until the next one; 0: now */
  int64_t limited_ms; /* until a token is fetched after so many 401s; 0: now */
  bool leased;        /* somebody is fetching */
  uint32_t lease_pid; /* 0: not known */
  int64_t leased_ms;  /* since then; CACHE_STATUS_UNKNOWN */
  int64_t lease_ms;   /* until it ends */
  CacheOwner lease_owner;
} CacheStatusEntry;

typedef enum {
  CACHE_SEGMENT_NONE, /* there is no file at its name */
  CACHE_SEGMENT_GOOD,
  CACHE_SEGMENT_RETIRED, /* given up: the next program that comes makes another */
  CACHE_SEGMENT_SPOILED, /* no segment, or not any more; likewise */
  CACHE_SEGMENT_FOREIGN, /* not a file that would be taken: programs cache for themselves */
  CACHE_SEGMENT_UNREAD   /* it could not be looked at: `error` */
} CacheSegmentState;

/* What follows `file` counts if the segment is GOOD or RETIRED. */
typedef struct {
  CacheKind kind;
  char path[CACHE_PATH_SIZE];
  CacheSegmentState state;
  int error;        /* errno; 0 */
  struct stat file; /* unless there is none, or it is UNREAD */
  int key_error;    /* of a sealed one: 0: its key is there, ENOKEY: it is gone; else why unknown */
  size_t size;
  uint32_t entries, entries_used;
  uint32_t chunks, chunks_used;
  uint32_t configs_used; /* of CACHE_CONFIGS */
  uint32_t lock_failures;
  uint64_t counters[CACHE_STATUS_COUNTERS];
  CacheStatusEntry *list; /* by environment, host, kind and business */
  size_t count;           /* fewer than entries_used: some are changing hands, or garbage */
} CacheStatus;

/* Looks at the segment of this user and namespace. To be cleared, whatever was found. */
void cache_status_read(CacheKind kind, CacheStatus *status);

/* The same of the first `size` bytes of an open file, whosever it is; *status is zeroed but for
 * `kind`. */
void cache_status_read_file(int fd, size_t size, CacheStatus *status);

void cache_status_clear(CacheStatus *status);

#endif
