/* SPDX-License-Identifier: MIT */
/*
 * cache-layout.h - the shared segment, byte for byte.
 *
 *   header | buckets | entries | big buffers | configuration blocks
 *
 * Fixed-width fields, 8-byte aligned, no pointers. The segment's name carries everything that two
 * processes must have in common to share it (cache-segment.c), so a layout never meets another one.
 *
 * Who may write what, and when:
 *   - everything but the fields marked (any) is written only under `header.lock`;
 *   - the bytes of a version are written while it is NOT the one that `generation` selects, and
 *     `generation` is stored last, with release;
 *   - readers take no lock. They copy, then look whether `generation` moved, then check the tag,
 * which binds key, generation, times and token together. Any doubt is a miss. Peers are processes
 * of the same user, but they may be broken: every length and index that comes out of the segment is
 * checked on the reader's own copy.
 */
#ifndef THRED_LIB_CACHE_LAYOUT_H
#define THRED_LIB_CACHE_LAYOUT_H

#include <pthread.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#define CACHE_MAGIC       0x3148434144524854u /* "THRDACH1", little-endian */
#define CACHE_LAYOUT      1u                  /* also in the segment's name */
#define CACHE_WAYS        8u                  /* entries a bucket */
#define CACHE_INLINE      1024u               /* bytes of a token that lie in its entry */
#define CACHE_BIG         32768u              /* bytes of a big buffer: the largest token */
#define CACHE_CONFIGS     8u                  /* configuration blocks */
#define CACHE_CONFIG_SIZE 65536u              /* bytes; a larger block is not shared */
#define CACHE_ENTRIES_MIN 16u
#define CACHE_ENTRIES_MAX 131072u

/* Everywhere a word that another process may be writing is touched as one of these, relaxed unless
 * a comment says otherwise. */
typedef _Atomic uint64_t CacheWord;
typedef _Atomic uint32_t CacheHalf;
_Static_assert(ATOMIC_LLONG_LOCK_FREE == 2, "an atomic with a lock table is private to a process");
_Static_assert(sizeof(CacheWord) == 8 && sizeof(CacheHalf) == 4, "atomics of their plain size");

typedef enum { CACHE_LIVE = 1, CACHE_RETIRED = 2 } CacheState;

typedef struct {
  CacheWord magic;              /* stored last, with release, before the file gets its name */
  uint32_t layout;              /* CACHE_LAYOUT */
  CacheHalf state;              /* (any) CacheState; RETIRED is final: leave and attach anew */
  uint64_t size;                /* of the file, bytes */
  uint32_t buckets;             /* entries = buckets * CACHE_WAYS */
  uint32_t big_count;           /* big buffers */
  uint8_t salt[16];             /* random; in every digest of this segment */
  CacheHalf lock_failures;      /* (any) timed-out attempts since the last success */
  CacheHalf clock_hand;         /* of the big buffers */
  CacheWord counters[8];        /* (any) CacheCounter; for people, decides nothing */
  CacheHalf entry_hand;         /* of the ways: where the search for one to evict begins */
  CacheHalf lock_failing_since; /* (any) CLOCK_BOOTTIME s of the first of them */
  union {
    pthread_mutex_t lock; /* robust, process-shared, NORMAL; held for microseconds */
    uint8_t lock_bytes[64];
  };
} CacheHeader;

typedef enum {
  CACHE_COUNT_CLAIMS,
  CACHE_COUNT_PUBLISHED,
  CACHE_COUNT_FAILED,
  CACHE_COUNT_REFUSED,
  CACHE_COUNT_EVICTED,
  CACHE_COUNT_REPAIRED
} CacheCounter;

/* The first 8 bytes of the keys of a bucket's entries; 0: empty. One cache line. */
typedef struct {
  CacheWord fingerprint[CACHE_WAYS];
} CacheBucket;

/* One of the two token buffers of an entry, without the bytes. */
typedef struct {
  uint64_t generation; /* of this token; must equal the entry's for the version to count */
  int64_t boot_ms;     /* when the request for it was sent, CLOCK_BOOTTIME */
  int64_t real_ms;     /* the same, CLOCK_REALTIME */
  int64_t lifetime_ms; /* from then on */
  uint32_t length;     /* of the token, bytes */
  uint32_t big;        /* index + 1 of the big buffer that holds it; 0: inline */
  uint8_t nonce[12];   /* room for a sealed token */
  uint32_t key_id;     /* likewise; 0: not sealed */
  uint8_t tag[16];     /* SHA-256 over salt, key, this struct up to here and the token, truncated */
} CacheVersion;

typedef struct {
  uint8_t key[32];         /* the whole digest (bearer.c); the fingerprint is its first 8 bytes */
  CacheWord generation;    /* 0: never published. Never goes back, not even for another key */
  CacheWord refused;       /* generation that a server answered 401 to; that version is a miss */
  CacheWord lease_until;   /* CLOCK_BOOTTIME ms; 0: free. Beyond CACHE_LEASE_MAX ahead: free */
  CacheWord lease_epoch;   /* counts claims; a publish with an older one is refused */
  CacheHalf changes;       /* futex: moves at each publish, failure and release */
  CacheHalf referenced;    /* (any) CLOCK bit, stored only when clear */
  uint32_t failure;        /* ThredError that the server's last answer meant; 0: none */
  uint32_t failure_status; /* its HTTP status */
  CacheWord failure_until; /* CLOCK_BOOTTIME ms: nobody asks again before */
  uint32_t failures;       /* in a row */
  uint32_t refetches;      /* since refetch_window, after a 401 */
  int64_t refetch_window;  /* CLOCK_BOOTTIME ms */
  CacheWord hits;          /* (any) first reads of a process; for people */
  uint32_t kind;           /* SnapshotToken, for people, as are the next three */
  char business[40];
  char host[64];
  char environment[44];
  CacheVersion version[2]; /* by generation & 1 */
  uint8_t reserved[72];
  CacheWord data[2][CACHE_INLINE / 8];
} CacheEntry;

typedef struct {
  CacheHalf owner; /* entry index + 1; 0: free */
  uint32_t reserved;
  CacheWord data[CACHE_BIG / 8];
} CacheBig;

/* A configuration block (snapshot-layout.h) for processes with the same origin. Written in place
 * under the lock; a torn read fails the digest. */
typedef struct {
  uint8_t origin[32]; /* digest of SnapshotOrigin and version; all 0: empty */
  uint8_t digest[32]; /* over salt, origin, size and data */
  CacheWord stored;   /* CLOCK_BOOTTIME ms; the oldest is replaced */
  uint32_t size;
  uint32_t reserved;
  CacheWord data[CACHE_CONFIG_SIZE / 8];
} CacheConfig;

_Static_assert(offsetof(CacheHeader, layout) == 8, "CacheHeader.layout");
_Static_assert(offsetof(CacheHeader, state) == 12, "CacheHeader.state");
_Static_assert(offsetof(CacheHeader, size) == 16, "CacheHeader.size");
_Static_assert(offsetof(CacheHeader, buckets) == 24, "CacheHeader.buckets");
_Static_assert(offsetof(CacheHeader, salt) == 32, "CacheHeader.salt");
_Static_assert(offsetof(CacheHeader, lock_failures) == 48, "CacheHeader.lock_failures");
_Static_assert(offsetof(CacheHeader, counters) == 56, "CacheHeader.counters");
_Static_assert(offsetof(CacheHeader, lock) == 128, "CacheHeader.lock: its own cache line");
_Static_assert(sizeof(CacheHeader) == 192, "CacheHeader");
_Static_assert(sizeof(CacheBucket) == 64, "CacheBucket");
_Static_assert(sizeof(CacheVersion) == 72, "CacheVersion");
_Static_assert(offsetof(CacheVersion, tag) == 56, "CacheVersion.tag");
_Static_assert(offsetof(CacheEntry, generation) == 32, "CacheEntry.generation");
_Static_assert(offsetof(CacheEntry, changes) == 64, "CacheEntry.changes");
_Static_assert(offsetof(CacheEntry, failure_until) == 80, "CacheEntry.failure_until");
_Static_assert(offsetof(CacheEntry, hits) == 104, "CacheEntry.hits");
_Static_assert(offsetof(CacheEntry, version) == 264, "CacheEntry.version");
_Static_assert(offsetof(CacheEntry, data) == 480, "CacheEntry.data");
_Static_assert(sizeof(CacheEntry) == 2528, "CacheEntry");
_Static_assert(sizeof(CacheBig) == 8 + CACHE_BIG, "CacheBig");
_Static_assert(sizeof(CacheConfig) == 80 + CACHE_CONFIG_SIZE, "CacheConfig");

/* Where the parts lie; a pure function of two numbers of the header. */
typedef struct {
  size_t buckets, entries, big, configs, size;
} CacheShape;

static inline CacheShape cache_shape(uint32_t buckets, uint32_t big_count)
{
  CacheShape shape;
  shape.buckets = sizeof(CacheHeader);
  shape.entries = shape.buckets + (size_t)buckets * sizeof(CacheBucket);
  shape.big = shape.entries + (size_t)buckets * CACHE_WAYS * sizeof(CacheEntry);
  shape.configs = shape.big + (size_t)big_count * sizeof(CacheBig);
  shape.size = (shape.configs + CACHE_CONFIGS * sizeof(CacheConfig) + 4095) / 4096 * 4096;
  return shape;
}

#endif
