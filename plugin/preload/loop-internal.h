/* SPDX-License-Identifier: MIT */
/* loop-internal.h - what the files of a loop (loop.c, doorbell.c, messages.c) share. */
#ifndef PLUGIN_PRELOAD_LOOP_INTERNAL_H
#define PLUGIN_PRELOAD_LOOP_INTERNAL_H

#include "plugin/preload/loop.h"

/* A message of a handle that nobody watches. */
typedef struct Stray {
  struct Stray *next;
  CURLMsg message;
} Stray;

typedef struct Loop {
  PreloadLoop preload; /* what the library knows of it */
  const Library *library;
  CURLM *multi;
  Watch *waiting;     /* parked, paused or ended */
  unsigned listed;    /* .. so many */
  unsigned parked;    /* .. of them parked */
  unsigned ended;     /* .. and ended for libcurl, not for the program */
  CURL *doorbell;     /* NULL: nobody waits */
  int64_t until_ms;   /* it ends then, to wake who gives up; INT64_MAX: it does not .. */
  bool over;          /* .. it has ended .. */
  bool broken;        /* .. for another reason */
  unsigned steps;     /* so many have begun, and one */
  int failed;         /* transfers that have ended here since libcurl counted */
  long limit;         /* MAX_TOTAL_CONNECTIONS of the program; 0: none */
  Watch *done;        /* handles with a message for the program, the first one first .. */
  Watch **done_end;   /* .. and where the next one goes */
  Stray *strays;      /* messages after those */
  Stray *given_stray; /* the program's until it reads the next one */
} Loop;

/* ---- the doorbell (doorbell.c): a transfer of ours in the program's multi handle, which whoever
 * has something to tell to the program's loop answers (lib/bell.h). Not in a callback. ---- */

/* There is one, and it ends in time for whoever gives up first. */
bool doorbell_is_out(const Loop *loop);

/* In place of one that is there. False: there is none, and nobody may wait for it. */
bool doorbell_hang_out(Loop *loop);

/* Nobody waits any more. */
void doorbell_hang_up(Loop *loop);

/* ---- messages for the program (messages.c) ---- */

/* That the transfer of `watch` has ended, as watch->message says; and not after all. */
void messages_add(Loop *loop, Watch *watch);
void messages_take_back(Loop *loop, Watch *watch);

/* Of a handle that nobody watches. False: memory is out. */
bool messages_add_stray(Loop *loop, const CURLMsg *message);

/* The next one, for the program until it takes another; NULL: there is none. */
CURLMsg *messages_take(Watch *multi, int *left);

/* Tells a program that waits to be told what libcurl does not tell it. It may take handles out
 * then. */
void messages_tell(Watch *multi);

void messages_free(Loop *loop);

#endif
