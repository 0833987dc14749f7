/* SPDX-License-Identifier: MIT */
/*
 * worker.h - a thread for as long as a token request takes.
 *
 * A token request lasts half a second, runs GLib, OpenSSL and credential modules, and needs a deep
 * stack. A callback of libcurl's may have 8 KiB of stack and an event loop behind it that must not
 * wait. So it is made elsewhere, like libcurl's own name lookups. The thread blocks every signal
 * and ends with its work.
 *
 * Two things may not happen to a process while such a thread is anywhere: a fork, whose child would
 * find OpenSSL's and GLib's locks taken by nobody, and exit(3), whose handlers take OpenSSL to
 * pieces. Both are held off, for a moment, until the thread does nothing but wait: that is what
 * worker_wait_begin and worker_wait_end tell. After exit(3) has begun, it never comes back from
 * waiting.
 */
#ifndef THRED_LIB_WORKER_H
#define THRED_LIB_WORKER_H

#include <stdbool.h>

/* Runs function(data) in a new thread. False: there is none to be had (limits, seccomp, exit). */
bool worker_start(void (*function)(void *data), void *data);

/* A worker has been left behind in foreign code that does not come back; or has come back after
 * all. While it hangs neither fork nor exit waits for it. */
void worker_note_lost(bool is_lost);

/* Around a call that only waits: no lock is held, nothing of OpenSSL's or GLib's is in use. Nothing
 * happens on any other thread than a worker. They do not nest. */
void worker_wait_begin(void);
void worker_wait_end(void);

#endif
