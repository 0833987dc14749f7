/* SPDX-License-Identifier: MIT */
/*
 * snapshot-layout.h - the configuration as one flat block of bytes.
 *
 * Written once by lib/fetch/config (the miss part), read by every process from then on, out of the
 * shared segment: offsets instead of pointers, fixed-width fields, the same on every ABI that
 * shares a segment. Immutable. A `string` is the offset of a NUL-terminated string from the start
 * of the block; 0 means "not set". A table is (offset, count) of fixed-size records, 8-byte
 * aligned.
 *
 * A block is valid while every source it names still has the identity that it recorded, and it was
 * made for the same SnapshotOrigin (see snapshot.h).
 */
#ifndef THRED_LIB_SNAPSHOT_LAYOUT_H
#define THRED_LIB_SNAPSHOT_LAYOUT_H

#include <stddef.h>
#include <stdint.h>

#define SNAPSHOT_MAGIC  0x31504e5344524854u /* "THRDSNP1", little-endian */
#define SNAPSHOT_LAYOUT 3u
#define SNAPSHOT_MAX    (256u * 1024u) /* bytes; a larger configuration is refused */
#define SNAPSHOT_NONE   0xffffffffu    /* "no such index" */

typedef struct {
  uint32_t offset; /* of the first record, from the start of the block */
  uint32_t count;
} SnapshotTable;

typedef struct {
  uint64_t magic;
  uint32_t layout;
  uint32_t size;                /* of the whole block, bytes */
  SnapshotTable sources;        /* SnapshotSource: what the block was made from */
  SnapshotTable environments;   /* SnapshotEnvironment, in name order */
  SnapshotTable hosts;          /* SnapshotHost, of all environments */
  SnapshotTable routes;         /* SnapshotRoute, most specific first: the first match wins */
  SnapshotTable stack;          /* SnapshotStackEntry, of all environments */
  SnapshotTable options;        /* SnapshotOption, of all stack entries */
  SnapshotTable identities;     /* SnapshotIdentity, of all stack entries */
  SnapshotTable problems;       /* SnapshotProblem: every refusal, in reading order */
  uint32_t default_environment; /* index, or SNAPSHOT_NONE */
  uint32_t log;                 /* SnapshotLog */
  uint32_t seal;                /* SnapshotSeal */
  uint32_t entries;             /* of the cache */
} SnapshotHeader;

typedef enum {
  SNAPSHOT_LOG_ERROR,
  SNAPSHOT_LOG_WARNING,
  SNAPSHOT_LOG_INFO,
  SNAPSHOT_LOG_DEBUG
} SnapshotLog;
typedef enum { SNAPSHOT_SEAL_AUTO, SNAPSHOT_SEAL_REQUIRED, SNAPSHOT_SEAL_OFF } SnapshotSeal;

/* A file or directory that was looked at, as stat(2) saw it (links followed), or that was absent.
 */
typedef struct {
  uint64_t device, inode, size;
  int64_t mtime_ns, ctime_ns; /* since the epoch */
  uint32_t path;              /* string, absolute */
  uint32_t present;           /* 0: it did not exist (or could not be looked at) */
} SnapshotSource;

enum { SNAPSHOT_ALLOW_PARTNER = 1, SNAPSHOT_ALLOW_BUSINESS = 2 };
enum { SNAPSHOT_EXISTING_KEEP = 0, SNAPSHOT_EXISTING_REPLACE = 1 };

typedef struct {
  uint32_t name;       /* string */
  uint32_t active;     /* 1: some file gives it credentials and nothing disabled it */
  uint32_t first_host; /* index into hosts; its default host */
  uint32_t host_count;
  uint32_t business;               /* string: default business, lower-case UUID, or 0 */
  uint32_t pin_business;           /* 0 or 1 */
  uint32_t allow;                  /* SNAPSHOT_ALLOW_* */
  uint32_t existing_authorization; /* SNAPSHOT_EXISTING_* */
  uint32_t refresh_before;         /* seconds */
  uint32_t connect_timeout;        /* seconds */
  uint32_t timeout;                /* seconds */
  uint32_t key_created;            /* string YYYY-MM-DD, or 0 */
  uint32_t ca_file;                /* string, or 0 */
  uint32_t connect_to;             /* string as CURLOPT_CONNECT_TO takes it, or 0 */
  SnapshotTable credentials;       /* a run of `stack` (offset here: index of the first entry) */
  SnapshotTable next;              /* the second stack; count 0: none */
  uint32_t file, line; /* where `credentials` was set: string, number; else where the group was */
  uint32_t allow_file, allow_line; /* where `allow` was set; 0, 0: nowhere */
  uint32_t pin_file, pin_line;     /* where `pin-business` was; likewise */
} SnapshotEnvironment;

typedef struct {
  uint32_t name;        /* string, lower-case, exact */
  uint32_t environment; /* index */
} SnapshotHost;

typedef enum { SNAPSHOT_TOKEN_NONE, SNAPSHOT_TOKEN_PARTNER, SNAPSHOT_TOKEN_BUSINESS } SnapshotToken;

typedef struct {
  uint32_t name;       /* string: the group's name without "route " */
  uint32_t methods;    /* string: "*" or "GET;POST;" (each ends with ';') */
  uint32_t path;       /* string: "/v1/platform/businesses/{business_id}", no trailing slash */
  uint32_t token;      /* SnapshotToken */
  uint32_t file, line; /* where its path was set */
} SnapshotRoute;

typedef enum { SNAPSHOT_ACTION_RETURN, SNAPSHOT_ACTION_CONTINUE } SnapshotAction;

/* One word of a stack: a module with its options. */
typedef struct {
  uint32_t name;            /* string: the word */
  uint32_t module;          /* string: the module's name */
  uint32_t action[4];       /* SnapshotAction by ThredCredentialStatus */
  SnapshotTable options;    /* a run of `options` (offset: index) */
  SnapshotTable identities; /* a run of `identities` (offset: index) */
  uint32_t unidentified;    /* 1: the module could not tell them; nobody asks it then, for tokens of
                               different credentials would be one */
  uint32_t reserved;        /* 0 */
} SnapshotStackEntry;

typedef struct {
  uint32_t key, value, file; /* strings */
  uint32_t line;
} SnapshotOption;

typedef struct {
  uint32_t kind; /* ThredIdentityKind */
  uint32_t text; /* string */
} SnapshotIdentity;

typedef struct {
  uint32_t file, line; /* string (or 0), number (0: the whole file) */
  uint32_t text;       /* string: "FILE:LINE: [group] key: what and why", ready to print */
} SnapshotProblem;

_Static_assert(sizeof(SnapshotHeader) == 96, "SnapshotHeader");
_Static_assert(offsetof(SnapshotHeader, sources) == 16, "SnapshotHeader.sources");
_Static_assert(offsetof(SnapshotHeader, default_environment) == 80,
               "SnapshotHeader.default_environment");
_Static_assert(sizeof(SnapshotSource) == 48, "SnapshotSource");
_Static_assert(sizeof(SnapshotEnvironment) == 96, "SnapshotEnvironment");
_Static_assert(offsetof(SnapshotEnvironment, credentials) == 56, "SnapshotEnvironment.credentials");
_Static_assert(sizeof(SnapshotHost) == 8, "SnapshotHost");
_Static_assert(sizeof(SnapshotRoute) == 24, "SnapshotRoute");
_Static_assert(sizeof(SnapshotStackEntry) == 48, "SnapshotStackEntry");
_Static_assert(sizeof(SnapshotOption) == 16, "SnapshotOption");
_Static_assert(sizeof(SnapshotIdentity) == 8, "SnapshotIdentity");
_Static_assert(sizeof(SnapshotProblem) == 12, "SnapshotProblem");

#endif
