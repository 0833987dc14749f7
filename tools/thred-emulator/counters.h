/* SPDX-License-Identifier: MIT */
/* counters - how many of what since the start or the last reset. Any thread. */
#ifndef EMULATOR_COUNTERS_H
#define EMULATOR_COUNTERS_H

#include "request.h"

typedef enum Counter {
  COUNT_TOKEN_REQUESTS_PARTNER,
  COUNT_TOKEN_REQUESTS_BUSINESS,
  COUNT_TOKENS_ISSUED_PARTNER,
  COUNT_TOKENS_ISSUED_BUSINESS,
  COUNT_REQUESTS,
  COUNT_OK,
  COUNT_UNAUTHORIZED,
  COUNT_FORBIDDEN,
  COUNT_NOT_FOUND,
  COUNT_FOREIGN_REQUESTS,
  COUNT_FOREIGN_AUTHORIZATION,
  COUNT_PLAIN_HTTP_REQUESTS,
  COUNT_CONNECTIONS,
  COUNT_CONNECTS, /* the proxy's, as is the next */
  COUNT_CONNECT_AUTHORIZATION,
  COUNT_FAULTS, /* each time that one applied */
  COUNTERS
} Counter;

typedef struct Counters Counters;

Counters *counters_new(void);
void counters_free(Counters *counters);

void counters_add(Counters *counters, Counter which);

/* What is known as soon as the headers are in, so that it shows while the answer is delayed. */
void counters_arrival(Counters *counters, const Request *request);

/* What its status says about a resource request; token requests and other hosts have no part. */
void counters_outcome(Counters *counters, const Request *request, unsigned status);

void counters_reset(Counters *counters);

/* The caller owns the object. */
struct json_object *counters_json(Counters *counters);

#endif
