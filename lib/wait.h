/* SPDX-License-Identifier: MIT */
/*
 * wait.h - how a handle gets its token where nobody may be held up: it waits, and another thread
 * (job.h) gets the token into the cache. Without a loop, the caller is held up.
 */
#ifndef THRED_LIB_WAIT_H
#define THRED_LIB_WAIT_H

#include "lib/handle.h"

/* Before a transfer, in a loop. True: it will need a token that has to be fetched, and waits. */
bool wait_is_needed(Handle *handle);

/* What the configuration says is not at hand: it waits for that instead, where it is asked again
 * (PRELOAD_JUDGE). False: it cannot. */
bool wait_for_config(Handle *handle);

/* Nothing has been sent yet: a transfer in a loop may be ended, and begin again when what it needs
 * is there. */
bool wait_may_begin_again(const Handle *handle);

/* Does it still? Begins to get the token when asked first. The error of one that was not to be had
 * is in handle->no_token. */
PreloadWait wait_goes_on(Handle *handle);

/* It waits no more, whatever becomes of its token. Nothing happens to one that does not. */
void wait_end(Handle *handle);

/* After a 401 to the token that was sent: THRED_OK when another one is in the cache. In a loop
 * THRED_E_AGAIN first: it waits, and is to ask again when it does no more. */
int wait_for_another(Handle *handle, Error *error);

/* For the request that is about to be sent. THRED_E_AGAIN in a loop: it is not to be sent now; the
 * transfer begins again when there is a token. */
int wait_get(Handle *handle, const BearerRequest *request, CacheToken *token, Error *error);

#endif
