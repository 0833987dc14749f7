/* SPDX-License-Identifier: MIT */
/*
 * response.h - a 401 to our token, which the program is to see nothing of if the request can be
 * sent again with another token; else all of it, as it came. Under the shim only.
 *
 * The head of such an answer is kept back until its last line. Then it is decided: with another
 * token in the cache, and a body that is rewound, the answer is dropped. libcurl itself sends the
 * request again if it can (options.c), in the same transfer; otherwise the shim runs the transfer
 * again, which it must not where the transfer was redirected: what was before would be done twice.
 * In a loop the transfer is paused while another thread gets the token.
 */
#ifndef THRED_LIB_RESPONSE_H
#define THRED_LIB_RESPONSE_H

#include <stdbool.h>
#include <stddef.h>

#include "lib/preload-abi.h"

typedef enum {
  RESPONSE_PASSES,   /* the program gets it */
  RESPONSE_OPEN,     /* not a line of it is there */
  RESPONSE_KEPT,     /* a 401 to our token: its head is kept back */
  RESPONSE_RELEASED, /* what was kept back is on its way to the program */
  RESPONSE_DROPPED,  /* the request is sent again */
} ResponseState;

typedef struct {
  ResponseState state;
  long status;   /* 0: not known yet */
  char *kept;    /* lines as they came, each with a KeptLine before it */
  size_t length; /* bytes in it */
  size_t given;  /* .. that the program has */
  bool kept_all; /* the line of this very call is among them */
  bool proved;   /* the body has been rewound */
  bool asked;    /* .. and another token asked for, which is waited for */
  bool bound;    /* libcurl has made up its mind: it sends the request again */
} Response;

struct Handle;

/* CURLOPT_HEADERFUNCTION and CURLOPT_WRITEFUNCTION of a handle that is armed or rests; `clientp` is
 * its Handle. */
size_t response_header(char *data, size_t size, size_t count, void *clientp);
size_t response_body(char *data, size_t size, size_t count, void *clientp);

/* Before a transfer, and before each request of it: what was kept back is forgotten. */
void response_begin(struct Handle *handle, ResponseState state);

/* After a transfer: PreloadApi.verdict. */
PreloadVerdict response_verdict(struct Handle *handle, CURLcode result);

#endif
