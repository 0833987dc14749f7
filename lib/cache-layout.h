/* SPDX-License-Identifier: MIT */
/*
 * cache-layout.h - the shared segment, byte for byte.
 *
 *   header | buckets | entries | links | chunks | configuration blocks
 *
 * An entry is a key with its lease and two versions of its token; the bytes of a token lie in a
 * chain of chunks, so that an ordinary one takes 1 KiB and the largest 32. Fixed-width fields,
 * 8-byte aligned, no pointers. The segment's name carries everything that two processes must have
 * in common to share it (cache-name.c), so a layout never meets another one.
 *
 * Who may write what, and when:
 *   - everything but the fields marked (any) is written only under `header.lock`;
 *   - a version and its chunks are written while it is NOT the one that `generation` selects, and
 *     `generation` is stored last, with release; chunks that a version gives up may go to another
 *     entry at once, but only after `generation` has left that version;
 *   - whenever what `generation` selects stops being a token (evicted, flushed), it moves on, so
 *     that a private copy of it (cache-copies.h) is no longer used; it never goes back;
 *   - readers take no lock. They copy, then look whether `generation` moved, then open the seal,
 *     whose tag binds key, generation, times and token together. Any doubt is a miss. Peers are
 *     processes of the same user, but they may be broken: every length and index that comes out of
 *     the segment is checked on the reader's own copy.
 *
 * The bytes of a token are sealed (AES-256-GCM). The key of a segment lies in the user's kernel
 * keyring (seal-key.h); that of an unsealed one, which has another name, is a digest of the salt,
 * so that the tag is as good against a torn read, and the token can be read by whoever has the
 * file.
 */
#ifndef THRED_LIB_CACHE_LAYOUT_H
#define THRED_LIB_CACHE_LAYOUT_H

#include <pthread.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#define CACHE_MAGIC       0x3448434144524854u /* "THRDACH4", little-endian */
#define CACHE_LAYOUT      4u                  /* also in the segment's name */
#define CACHE_WAYS        8u                  /* entries a bucket */
#define CACHE_CHUNK       1024u               /* bytes of a token in one chunk */
#define CACHE_CHUNKS_MIN  256u                /* eight of the largest tokens */
#define CACHE_CONFIGS     8u                  /* configuration blocks */
#define CACHE_CONFIG_SIZE 65536u              /* bytes; a larger block is not shared */
#define CACHE_ENTRIES_MIN 16u
#define CACHE_ENTRIES_MAX 131072u

/* What a robust mutex and the atomics mean depends on these; in the segment's name and header. */
#ifdef __GLIBC__
#define CACHE_LIBC 1u
#else
#define CACHE_LIBC 2u
#endif
#define CACHE_ABI                                                                                  \
  ((uint64_t)CACHE_LIBC << 48 | (uint64_t)sizeof(void *) << 32 |                                   \
   (uint64_t) _Alignof(pthread_mutex_t) << 16 | (uint64_t)sizeof(pthread_mutex_t))

/* Everywhere a word that another process may be writing is touched as one of these, relaxed unless
 * a comment says otherwise. */
typedef _Atomic uint64_t CacheWord;
typedef _Atomic uint32_t CacheHalf;
_Static_assert(ATOMIC_LLONG_LOCK_FREE == 2, "an atomic with a lock table is private to a process");
_Static_assert(sizeof(CacheWord) == 8 && sizeof(CacheHalf) == 4, "atomics of their plain size");

typedef enum { CACHE_LIVE = 1, CACHE_RETIRED = 2 } CacheState;

typedef struct {
  CacheWord magic;  /* stored last, with release, before the file gets its name */
  uint32_t layout;  /* CACHE_LAYOUT */
  CacheHalf state;  /* (any) CacheState; RETIRED is final: leave and attach anew */
  uint64_t size;    /* of the file, bytes */
  uint64_t abi;     /* CACHE_ABI */
  uint32_t buckets; /* entries = buckets * CACHE_WAYS */
  uint32_t chunks;
  uint8_t salt[16];             /* random; in every digest and seal of this segment */
  CacheHalf lock_failures;      /* (any) timed-out attempts since the last success */
  CacheHalf lock_failing_since; /* (any) of the first of them, CLOCK_BOOTTIME ms | 1; 0: none */
  CacheWord counters[8];        /* (any) CacheCounter; for people, decides nothing */
  union {
    pthread_mutex_t lock; /* robust, process-shared, NORMAL; held for microseconds */
    uint8_t lock_bytes[64];
  };
  CacheHalf free_chunk;      /* first of the free ones, index + 1; 0: none */
  CacheHalf free_chunks;     /* how many; a hint, the list decides */
  CacheHalf entry_hand;      /* where the search for a way to evict begins */
  CacheHalf chunk_hand;      /* where the search for chunks to take away begins */
  uint64_t first_generation; /* of an entry; random, so that no two segments have the same ones */
  uint8_t reserved[40];
} CacheHeader;

typedef enum {
  CACHE_COUNT_CLAIMS,
  CACHE_COUNT_PUBLISHED,
  CACHE_COUNT_FAILED,
  CACHE_COUNT_REFUSED,
  CACHE_COUNT_EVICTED,
  CACHE_COUNT_REPAIRED,
  CACHE_COUNT_STOLEN /* leases taken over from an owner that had died */
} CacheCounter;

/* The first 8 bytes of the keys of a bucket's entries; 0: empty. One cache line. */
typedef struct {
  CacheWord fingerprint[CACHE_WAYS];
} CacheBucket;

/* One of the two tokens of an entry, without its bytes, which are sealed. */
typedef struct {
  uint64_t generation; /* of this token; must equal the entry's for the version to count */
  int64_t boot_ms;     /* when the request for it was sent, CLOCK_BOOTTIME */
  int64_t real_ms;     /* the same, CLOCK_REALTIME */
  int64_t lifetime_ms; /* from then on */
  uint32_t length;     /* of the token, bytes; 0: no token */
  uint32_t reserved;   /* 0 */
  uint8_t nonce[12];   /* random, at each publish */
  uint8_t tag[16];     /* binds layout, salt, key and this struct up to the nonce to the token */
  uint32_t chunk;      /* the first one, index + 1; 0: none */
} CacheVersion;

/* A lease is one word, so that it is free, or whole: its end (CLOCK_BOOTTIME ms) above CACHE_ALIVE,
 * which says that its owner holds the liveness lock (cache-liveness.h). 0: free. */
#define CACHE_ALIVE 1u

typedef struct {
  /* One cache line: all that the use of a private copy reads. */
  CacheWord generation;    /* 0: never used */
  CacheWord refused;       /* (any) generation that a server answered 401 to: it is a miss */
  CacheWord lease;         /* see CACHE_ALIVE; further ahead than CACHE_LEASE_MAX_MS: free */
  CacheWord lease_epoch;   /* counts claims; a publish with an older one is refused */
  CacheWord failure_until; /* CLOCK_BOOTTIME ms: nobody asks again before */
  CacheWord renew_after;   /* CLOCK_BOOTTIME ms: nobody renews ahead of expiry before */
  CacheHalf changes;       /* futex: moves at each publish, failure and release */
  CacheHalf referenced;    /* (any) CLOCK bit, stored only when clear */
  uint32_t failure;        /* ThredError that the server's last answer meant; 0: none */
  uint32_t failure_status; /* its HTTP status */
  /* The rest. */
  uint8_t key[32];         /* the whole digest (bearer.c); the fingerprint is its first 8 bytes */
  int64_t refetch_window;  /* CLOCK_BOOTTIME ms */
  uint32_t refetches;      /* since refetch_window, after a 401 */
  uint32_t failures;       /* in a row, of the server */
  uint32_t postponed;      /* in a row, renewals that failed for another reason */
  uint32_t kind;           /* SnapshotToken, for people, as is all that follows but `version` */
  CacheWord hits;          /* (any) first reads of a process */
  CacheVersion version[2]; /* by generation & 1 */
  char business[40];
  char host[64];
  char environment[44];
  /* Decide nothing: whoever is killed on the way leaves a number that is wrong, or another's. */
  uint32_t publishes;    /* tokens that were put here */
  CacheWord lease_since; /* CLOCK_BOOTTIME ms of the last claim; goes with lease_epoch */
  CacheHalf lease_owner; /* its process, in the PID namespace that the segment's name binds */
  CacheHalf refusals;    /* (any) generations that were refused */
  CacheWord failed_at;   /* CLOCK_BOOTTIME ms of `failure` */
} CacheEntry;

/* Of the chunk with the same index. */
typedef struct {
  CacheHalf next;  /* index + 1; 0: the last one. Of a chain, or of the free ones */
  CacheHalf owner; /* entry index + 1; 0: free */
} CacheLink;

typedef struct {
  CacheWord data[CACHE_CHUNK / 8];
} CacheChunk;

/* A configuration block (snapshot-layout.h) for processes with the same origin. Written in place
 * under the lock; a torn read fails the digest. */
typedef struct {
  uint8_t origin[32]; /* digest of SnapshotOrigin and version; all 0: empty */
  uint8_t digest[32]; /* over salt, origin, size and data */
  CacheWord stored;   /* CLOCK_BOOTTIME ms; the oldest is replaced */
  CacheHalf size;
  uint32_t reserved;
  CacheWord data[CACHE_CONFIG_SIZE / 8];
} CacheConfig;

#define CACHE_AT(type, field, offset)                                                              \
  _Static_assert(offsetof(type, field) == (offset), #type "." #field)
CACHE_AT(CacheHeader, magic, 0);
CACHE_AT(CacheHeader, layout, 8);
CACHE_AT(CacheHeader, state, 12);
CACHE_AT(CacheHeader, size, 16);
CACHE_AT(CacheHeader, abi, 24);
CACHE_AT(CacheHeader, buckets, 32);
CACHE_AT(CacheHeader, chunks, 36);
CACHE_AT(CacheHeader, salt, 40);
CACHE_AT(CacheHeader, lock_failures, 56);
CACHE_AT(CacheHeader, lock_failing_since, 60);
CACHE_AT(CacheHeader, counters, 64);
CACHE_AT(CacheHeader, lock, 128); /* a cache line of its own */
CACHE_AT(CacheHeader, free_chunk, 192);
CACHE_AT(CacheHeader, free_chunks, 196);
CACHE_AT(CacheHeader, entry_hand, 200);
CACHE_AT(CacheHeader, chunk_hand, 204);
CACHE_AT(CacheHeader, first_generation, 208);
CACHE_AT(CacheHeader, reserved, 216);
_Static_assert(sizeof(CacheHeader) == 256, "CacheHeader");
CACHE_AT(CacheBucket, fingerprint, 0);
_Static_assert(sizeof(CacheBucket) == 64, "CacheBucket");
CACHE_AT(CacheVersion, generation, 0);
CACHE_AT(CacheVersion, boot_ms, 8);
CACHE_AT(CacheVersion, real_ms, 16);
CACHE_AT(CacheVersion, lifetime_ms, 24);
CACHE_AT(CacheVersion, length, 32);
CACHE_AT(CacheVersion, reserved, 36);
CACHE_AT(CacheVersion, nonce, 40);
CACHE_AT(CacheVersion, tag, 52);
CACHE_AT(CacheVersion, chunk, 68);
_Static_assert(sizeof(CacheVersion) == 72, "CacheVersion");
CACHE_AT(CacheEntry, generation, 0);
CACHE_AT(CacheEntry, refused, 8);
CACHE_AT(CacheEntry, lease, 16);
CACHE_AT(CacheEntry, lease_epoch, 24);
CACHE_AT(CacheEntry, failure_until, 32);
CACHE_AT(CacheEntry, renew_after, 40);
CACHE_AT(CacheEntry, changes, 48);
CACHE_AT(CacheEntry, referenced, 52);
CACHE_AT(CacheEntry, failure, 56);
CACHE_AT(CacheEntry, failure_status, 60);
CACHE_AT(CacheEntry, key, 64);
CACHE_AT(CacheEntry, refetch_window, 96);
CACHE_AT(CacheEntry, refetches, 104);
CACHE_AT(CacheEntry, failures, 108);
CACHE_AT(CacheEntry, postponed, 112);
CACHE_AT(CacheEntry, kind, 116);
CACHE_AT(CacheEntry, hits, 120);
CACHE_AT(CacheEntry, version, 128);
CACHE_AT(CacheEntry, business, 272);
CACHE_AT(CacheEntry, host, 312);
CACHE_AT(CacheEntry, environment, 376);
CACHE_AT(CacheEntry, publishes, 420);
CACHE_AT(CacheEntry, lease_since, 424);
CACHE_AT(CacheEntry, lease_owner, 432);
CACHE_AT(CacheEntry, refusals, 436);
CACHE_AT(CacheEntry, failed_at, 440);
_Static_assert(sizeof(CacheEntry) == 448, "CacheEntry: whole cache lines");
CACHE_AT(CacheLink, next, 0);
CACHE_AT(CacheLink, owner, 4);
_Static_assert(sizeof(CacheLink) == 8, "CacheLink");
_Static_assert(sizeof(CacheChunk) == CACHE_CHUNK, "CacheChunk");
CACHE_AT(CacheConfig, origin, 0);
CACHE_AT(CacheConfig, digest, 32);
CACHE_AT(CacheConfig, stored, 64);
CACHE_AT(CacheConfig, size, 72);
CACHE_AT(CacheConfig, reserved, 76);
CACHE_AT(CacheConfig, data, 80);
_Static_assert(sizeof(CacheConfig) == 80 + CACHE_CONFIG_SIZE, "CacheConfig");
#undef CACHE_AT

/* Where the parts lie; a pure function of two numbers of the header. */
typedef struct {
  size_t buckets, entries, links, chunks, configs, size;
} CacheShape;

static inline CacheShape cache_shape(uint32_t buckets, uint32_t chunks)
{
  CacheShape shape;
  shape.buckets = sizeof(CacheHeader);
  shape.entries = shape.buckets + (size_t)buckets * sizeof(CacheBucket);
  shape.links = shape.entries + (size_t)buckets * CACHE_WAYS * sizeof(CacheEntry);
  shape.chunks = (shape.links + (size_t)chunks * sizeof(CacheLink) + 4095) / 4096 * 4096;
  shape.configs = shape.chunks + (size_t)chunks * sizeof(CacheChunk);
  shape.size = (shape.configs + CACHE_CONFIGS * sizeof(CacheConfig) + 4095) / 4096 * 4096;
  return shape;
}

/* Half as many chunks again as entries: every entry has room for an ordinary token, and the rest
 * serves large ones and the moment in which an entry has an old and a new one. */
static inline uint32_t cache_chunks_for(uint32_t buckets)
{
  uint32_t chunks = buckets * CACHE_WAYS / 2 * 3;
  return chunks < CACHE_CHUNKS_MIN ? CACHE_CHUNKS_MIN : chunks;
}

#endif
