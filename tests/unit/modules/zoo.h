/* SPDX-License-Identifier: MIT */
/* zoo.h - what the test modules and the tests know of each other. */
#ifndef THRED_TESTS_UNIT_MODULES_ZOO_H
#define THRED_TESTS_UNIT_MODULES_ZOO_H

#include <thred/credential-module.h>

/* How often the operations of script.so ran: its second symbol, `zoo_calls`. Tests take it by dlsym
 * from the object that is already loaded. */
typedef struct {
  int open, identity, get, close;
  int instances; /* opened with success and not closed */
} ZooCalls;

extern THRED_CREDENTIAL_MODULE_EXPORT ZooCalls zoo_calls;

#endif
