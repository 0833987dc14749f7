/* SPDX-License-Identifier: MIT */
/*
 * rewind.h - whether the body of a request can be sent once more, whole. A body that begins in the
 * middle, or is empty, would be taken for the program's: what is not proved is not sent.
 */
#ifndef THRED_LIB_REWIND_H
#define THRED_LIB_REWIND_H

#include <stdbool.h>

#include "lib/handle.h"

/* Before a transfer: notes where a FILE stands. `begins`: what the program has given is there. */
void rewind_note(Handle *handle, bool begins);

/* The same moment: can libcurl do it by itself, and fail only where rewind_prove() does? */
bool rewind_is_native(const Handle *handle, bool begins);

/* Now, with the program's own functions. `over`: nothing of it is read any more, and it is left at
 * its beginning. False: it cannot be, or not be told. */
bool rewind_prove(const Handle *handle, bool over);

/* CURLOPT_READFUNCTION of a handle that counts_reads; `clientp` is its Handle. */
size_t rewind_read(char *buffer, size_t size, size_t count, void *clientp);

#endif
