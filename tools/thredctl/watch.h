/* SPDX-License-Identifier: MIT */
/*
 * watch.h - the same again and again: in place on a terminal, one after the other elsewhere.
 *
 * On a terminal the signals that end or stop a program are held from watch_begin() on, until
 * watch_wait() has given it back. One watch a process; its only thread.
 */
#ifndef THREDCTL_WATCH_H
#define THREDCTL_WATCH_H

#include <stdbool.h>
#include <stdint.h>

/* `screen`: use the whole of a terminal, if standard output is one that can. */
void watch_begin(bool screen);

/* True: it is a terminal's screen, and what is shown is cut to it. */
bool watch_has_screen(void);

/* Shows `text` in place of what was there before. False: it cannot be written; the terminal is as
 * it was. */
bool watch_show(const char *text);

/* Sleeps. A signal ends the program as it would have without us. */
void watch_wait(int64_t milliseconds);

#endif
