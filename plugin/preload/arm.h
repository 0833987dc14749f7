/* SPDX-License-Identifier: MIT */
/*
 * arm.h - a watched handle before and after a transfer. Opens libthred-auth for the first transfer
 * that is headed for thredfi.com, and not before.
 */
#ifndef PLUGIN_PRELOAD_ARM_H
#define PLUGIN_PRELOAD_ARM_H

#include "plugin/preload/watch.h"

/* Before a transfer of `curl`: arms it if it is for Thred; if it is armed already, decides again.
 * `loop` NULL: the caller may be held up. */
void arm(Watch *watch, CURL *curl, PreloadLoop *loop);
/* Could it be? Cheap, and opens nothing. */
bool arm_is_likely(const Watch *watch);

/* Before and after an option is changed; `armed`: it was, until then. */
void arm_suspend(Watch *watch);
void arm_changed(Watch *watch, CURL *curl, bool armed);

/* PreloadApi's functions; false for a handle that is not armed, PRELOAD_READY, PRELOAD_OVER. */
bool arm_needs_token(Watch *watch);
PreloadWait arm_waits(Watch *watch, bool patience);
bool arm_is_waiting(const Watch *watch);
PreloadVerdict arm_verdict(Watch *watch, CURLcode result);
const char *arm_loop_address(const PreloadLoop *loop);
void arm_loop_stepped(PreloadLoop *loop);
void arm_leave_loop(PreloadLoop *loop);

/* This process has made a part of a MIME that may not be rewound; whose, nobody can tell. */
void arm_distrust_mime(void);

/* After it. Nothing happens to a handle that is not armed. One that was may rest from then on. */
void disarm(Watch *watch);

/* Whether the functions that libcurl gives the answer to are ours now (WATCH_TAKES, WATCH_READS).
 */
bool arm_takes_answer(const Watch *watch);

/* Before an option of a handle that rests is changed, if that one is ours or decides whether the
 * handle is for Thred: it rests no more. Nothing happens to others. */
void arm_take_off(Watch *watch);

/* Before curl_easy_reset and curl_easy_cleanup: the library forgets the handle. */
void arm_forget(Watch *watch);

/* The same for a handle that was freed behind our back: it is not touched any more. */
void arm_lose(Watch *watch);

/* `copy` was duplicated from the handle of `watch`: what is ours goes off it. */
void arm_put_back(const Watch *watch, CURL *copy);

#endif
