/* SPDX-License-Identifier: MIT */
/* await - waiting for a descriptor, but neither for ever nor beyond the emulator's end. */
#ifndef EMULATOR_AWAIT_H
#define EMULATOR_AWAIT_H

#include <glib.h>
#include <stdbool.h>

/*
 * Until `fd` has one of poll(2)'s `events`, an error included. False when `deadline` (of
 * g_get_monotonic_time()) has passed, or `stop_event` is readable.
 */
bool await_descriptor(int fd, short events, gint64 deadline, int stop_event);

/* The deadline that lies so many seconds ahead. */
gint64 await_deadline(unsigned seconds);

#endif
