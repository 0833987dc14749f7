/* SPDX-License-Identifier: MIT */
/* loops.h - the ways in which programs run a multi handle. */
#ifndef TESTS_INTEGRATION_LOOPS_H
#define TESTS_INTEGRATION_LOOPS_H

#include "harness.h"

typedef enum {
  LOOP_PERFORM,      /* perform until nothing runs, then read the messages */
  LOOP_PERFORM_READ, /* .. and read them in each round */
  LOOP_PERFORM_DROP, /* .. and read them when fewer run than before */
  LOOP_SELECT,       /* curl_multi_fdset() and select() */
  LOOP_SOCKETS,      /* socket_action and epoll, messages in each round */
  LOOP_SOCKETS_DROP, /* .. when fewer run than before */
  LOOP_NOTIFIED,     /* perform, messages when libcurl tells of them; see loop_can_notify() */
  LOOP_PATTERNS
} LoopPattern;

extern const char *const loop_names[LOOP_PATTERNS];

typedef struct LoopRun {
  CURLM *multi;
  /* For each message; may take its handle out. */
  void (*done)(struct LoopRun *run, CURL *curl, CURLcode result);
  void *data;
  /* After each round; true ends the loop. NULL: it ends when nothing runs. */
  bool (*round)(struct LoopRun *run, int running);
  int64_t longest_ms; /* the longest call of a curl_multi function */
  unsigned messages;
  unsigned ends; /* LOOP_NOTIFIED: of transfers, that were told of */
  int epoll;
  int64_t timer_ms; /* when the timer is due; -1: never */
} LoopRun;

/* libcurl 8.17 can. */
bool loop_can_notify(void);

/* The multi handle is set up for the pattern (sockets and timer) before handles are added. */
void loop_begin(LoopRun *run, LoopPattern pattern);
/* Until all is done; fails the test after 60 s. */
void loop_run(LoopRun *run, LoopPattern pattern);
void loop_end(LoopRun *run);

#endif
