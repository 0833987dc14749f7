/* SPDX-License-Identifier: MIT */
/*
 * watch.h - what the shim knows of each CURL and CURLM handle of the program: which libcurl made
 * it, and what has been set on it.
 *
 * The table is shared by all threads and has no lock: a Watch is claimed and given up by one atomic
 * store of its key and is never freed, so the copy that a fork makes is whole. All else in a Watch
 * belongs to the thread that uses the handle, as libcurl asks of its users (libcurl-thread(3));
 * only `multi` is read, and `members` changed, by others.
 */
#ifndef PLUGIN_PRELOAD_WATCH_H
#define PLUGIN_PRELOAD_WATCH_H

#include <stdatomic.h>
#include <stdbool.h>

#include "lib/preload-abi.h"
#include "plugin/preload/library.h"

/* No token ever leaves this domain (lib/route.h): who does not name it in a URL is left alone. */
#define WATCH_DOMAIN "thredfi.com"

/* The argument of curl_easy_setopt: a long or a pointer, else (options from 30000 on) a curl_off_t.
 */
typedef struct {
  void *pointer; /* as it came; the long, if the option takes one */
  curl_off_t large;
} Argument;

/* What the program has given for CURLMOPT_NOTIFYFUNCTION (notify.h). */
typedef struct {
  void (*function)(CURLM *multi, unsigned notification, CURL *curl, void *data);
  void *data;
  unsigned enabled; /* a bit for each notification */
  bool told;        /* that there are messages */
} Notify;

typedef struct Watch {
  _Atomic(void *) key; /* the handle; NULL: free for another one */
  struct Watch *next;  /* in its bucket; never changes */
  const Library *library;
  bool ours; /* a handle of thred-auth's own: passed through */

  /* Of a CURLM. */
  atomic_uint members; /* handles that were added and not taken out */
  struct Loop *loop;   /* loop.h; NULL: none of them was ever for Thred */
  long limit;          /* MAX_TOTAL_CONNECTIONS; 0: none */
  Notify notify;

  /* Of a CURL. */
  _Atomic(void *) multi; /* the CURLM that it was added to, or NULL */
  PreloadProgram program;
  char *url, *netrc_file; /* what `program` points to */
  bool has_fields;        /* POSTFIELDS */
  bool may_be_thred;      /* the URL has the domain in it somewhere */
  bool unknown;           /* memory was out: not all is known, so it is left alone */
  PreloadHandle *handle;  /* the library's state, or NULL */
  bool armed;
  bool resting; /* not armed; what is ours is still on it (preload-abi.h) */
  bool settled; /* nothing that may matter was set since it was armed */
  bool judged;  /* by curl_easy_perform, for the transfer that it runs */
  int paused;   /* CURLPAUSE_* that the program has set */

  /* Of a CURL in a loop (loop.c). */
  struct Watch *next_waiting, *next_done;
  bool waiting;    /* for a token; in the loop's list */
  bool parked;     /* .. before its transfer: libcurl does not know that it was added */
  bool changed;    /* .. and is to be judged again before that begins */
  bool ended;      /* libcurl is done with it, we are not */
  bool is_done;    /* its message is in the loop's list */
  bool untold;     /* .. and libcurl tells nobody of it */
  unsigned hidden; /* the step in which it ended for libcurl, and not for the program */
  CURLMsg message; /* how it ended, for the program */
} Watch;

Watch *watch_find(const void *key);

/* Begins to watch, or begins anew (the state in `handle` has been given up). NULL: out of memory:
 * the handle is not watched, and passed through. */
Watch *watch_add(void *key, const Library *library);

/* Ends it. Before the handle is freed: from then on another thread may get its address. The
 * library's state (`handle`) has been given up. */
void watch_remove(Watch *watch);

/* Forgets what is set: as after curl_easy_reset. */
void watch_reset(Watch *watch);

/* `copy` gets what `from` has. False: out of memory. */
bool watch_copy(Watch *copy, const Watch *from);

/* The handle of `watch` is in `multi` now; NULL: in none. */
void watch_set_multi(Watch *watch, void *multi);
/* Calls `act` for each handle that is in the CURLM of `multi`. */
void watch_each_of(Watch *multi, void (*act)(Watch *));

/* Does this option matter to us? */
typedef enum {
  WATCH_IGNORES,
  WATCH_NOTES,  /* only to know */
  WATCH_TAKES,  /* what libcurl has is ours, as long as arm_takes_answer() */
  WATCH_READS,  /* .. if it counts_reads, else only to know */
  WATCH_JUDGES, /* whether the handle is for Thred may depend on it */
} WatchCare;
WatchCare watch_cares(CURLoption option);

/* Takes down its new value, once libcurl has taken it. */
void watch_note(Watch *watch, CURLoption option, Argument argument);

#endif
