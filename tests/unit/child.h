/* SPDX-License-Identifier: MIT */
/*
 * child.h - parts of a test that run in processes of their own.
 *
 * In a child cmocka's assert_* would go on with the next test; require() ends the child, and the
 * parent's test fails.
 */
#ifndef THRED_TESTS_UNIT_CHILD_H
#define THRED_TESTS_UNIT_CHILD_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include <cmocka.h>

typedef void (*ChildBody)(void *data);

/* Runs `body` in a forked child, which is killed if it takes a minute or its parent dies. */
pid_t child_start(ChildBody body, void *data);

/* The child's exit status, or 128 + signal. */
int child_wait(pid_t pid);

/* Both; fails the test unless the child went through. */
void child_run(ChildBody body, void *data);

/* Ends the child with the place that failed. */
__attribute__((noreturn)) void child_fail(const char *file, int line, const char *what);

#define require(condition)                                                                         \
  do {                                                                                             \
    if (!(condition))                                                                              \
      child_fail(__FILE__, __LINE__, #condition);                                                  \
  } while (0)

/* Zeroed memory that the children share with the test. Never unmapped. */
void *child_shared(size_t size);

/* Waits until *flag is at least `value`: looks again each millisecond, for 20 s at most. */
bool child_await(_Atomic(int) *flag, int value);

#endif
