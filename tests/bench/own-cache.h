/* SPDX-License-Identifier: MIT */
/*
 * own-cache.h - the competitor: what a careful team writes for itself, in each of its programs.
 *
 * The tokens lie in the process behind a mutex, with their expiry; a minute before it, or at half
 * of a short life, a new one is asked for, the business's with the partner's. Who needs it
 * meanwhile waits at the mutex, so a process asks once. A server that is busy is asked again after
 * a pause. A request that is answered 401 is sent once more with a new token. All of it follows
 * Thred's own description of its API; nothing of it is thred-auth's.
 */
#ifndef THRED_TESTS_BENCH_OWN_CACHE_H
#define THRED_TESTS_BENCH_OWN_CACHE_H

#include <curl/curl.h>
#include <stdbool.h>
#include <stddef.h>

#define OWN_HEADER 4096u /* bytes: room for a header */

typedef struct OwnCache OwnCache;

/* In the benchmark: tells the programs that it starts where the harness's emulator is, and the
 * credential. */
void own_cache_prepare(void);

/* In a program: the cache for one business, for all threads. */
OwnCache *own_cache_new(const char *business);
void own_cache_free(OwnCache *cache);

/* "Authorization: Bearer TOKEN". False: there is none to be had. */
bool own_cache_header(OwnCache *cache, char header[OWN_HEADER]);
/* The server refused the token of that header. */
void own_cache_refused(OwnCache *cache, const char *header);

/* A request with it, which a 401 repeats once. *list is the handle's header list, NULL before the
 * first request, and the caller's to free. The status; 0: no answer. */
long own_cache_perform(OwnCache *cache, CURL *curl, struct curl_slist **list);

#endif
