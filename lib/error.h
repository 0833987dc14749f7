/* SPDX-License-Identifier: MIT */
/*
 * error.h - a status and the sentence that goes with it, per call.
 *
 * An Error lives on the caller's stack and is handed down; the first failure fills it in. Only the
 * public functions copy it to the thread's last message. Shared by hot part, miss part and tools
 * (layout fixed: it crosses the boundary of fetch-abi.h).
 */
#ifndef THRED_LIB_ERROR_H
#define THRED_LIB_ERROR_H

#include <stdarg.h>
#include <stdio.h>
#include <thred/thred.h>

#define ERROR_MESSAGE_SIZE 512

typedef struct {
  int code; /* a ThredError */
  char message[ERROR_MESSAGE_SIZE];
} Error;

#define ERROR_INIT                                                                                 \
  {                                                                                                \
    THRED_OK, ""                                                                                   \
  }

/* Fills in `error` (may be NULL) and returns `code`, so that a caller can return it at once. */
__attribute__((format(printf, 3, 4))) static inline int error_set(Error *error, int code,
                                                                  const char *format, ...)
{
  if (error) {
    va_list args;
    va_start(args, format);
    error->code = code;
    (void)vsnprintf(error->message, sizeof error->message, format, args);
    va_end(args);
  }
  return code;
}

#endif
