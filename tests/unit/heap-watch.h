/* SPDX-License-Identifier: MIT */
/*
 * heap-watch.h - looks for secrets in the memory that a module, or json-c for it, gives back. (What
 * libcurl and OpenSSL free is theirs: lib/fetch/http.h.)
 *
 * The program's free(3) and realloc(3) stand in front of the C library's for every object, so it is
 * linked with --export-dynamic. All memory is overwritten as it is freed: what is found was put
 * there by its last owner. A sanitizer has a free() of its own; there everything counts as clean.
 */
#ifndef THRED_TESTS_UNIT_HEAP_WATCH_H
#define THRED_TESTS_UNIT_HEAP_WATCH_H

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define HEAP_UNWATCHED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define HEAP_UNWATCHED 1
#endif
#endif
#ifndef HEAP_UNWATCHED
#define HEAP_UNWATCHED 0
#endif

/* From now on, in every thread: what the object whose path has `module` in it frees, which is
 * loaded, and json-c. `secrets` ends with a NULL and stays the caller's. */
void heap_watch(const char *module, const char *const *secrets);

/* The same of the calling thread alone, where a stand-in's threads have the secrets, too. */
void heap_watch_here(const char *module, const char *const *secrets);

/* No more. Fails the test (cmocka) if a secret was found, or if nothing was freed. */
void heap_expect_clean(void);

#endif
