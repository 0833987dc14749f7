/* SPDX-License-Identifier: MIT */
/*
 * job.h - a token got in a thread of its own (worker.h): for a callback of libcurl's, which has
 * little stack, and for an event loop, which must not wait.
 *
 * A job ends with the token in the cache, or with an error. Whoever asks for the same token while
 * it runs joins it: a thousand handles of a loop cost one thread.
 */
#ifndef THRED_LIB_JOB_H
#define THRED_LIB_JOB_H

#include <stdbool.h>

#include "lib/bearer.h"
#include "lib/bell.h"

typedef struct Job Job;

/* Begins or joins; nothing of *request is needed after it. Without a snapshot in it, the job is to
 * get one (config-current.h). `bell` is rung at the end; NULL: none. NULL: no thread or no memory
 * to be had. */
Job *job_begin(const BearerRequest *request, Bell *bell);

/* At its end, or gone: the child of a fork has none of its parent's threads. */
bool job_is_done(const Job *job);

/* Waits for it until `deadline_ms` (CLOCK_MONOTONIC). Its outcome: a ThredError. */
int job_wait(const Job *job, int64_t deadline_ms, Error *error);
int job_outcome(const Job *job, Error *error);

/* The caller forgets it; the job itself goes on. NULL is fine. */
void job_leave(Job *job);

/* Begins to renew a token that still serves, unless it was tried a moment ago. */
void job_renew(const BearerRequest *request);

/*
 * bearer_get() in a thread of its own: what is in the cache is taken at once, what has to be
 * fetched, renewed or waited for is done there. Where there is no thread, here.
 */
int job_get(const BearerRequest *request, CacheToken *token, Error *error);

#endif
