/* SPDX-License-Identifier: MIT */
/* under-shim.h - programs with the installed libthred-preload.so in front of them. */
#ifndef TESTS_INTEGRATION_UNDER_SHIM_H
#define TESTS_INTEGRATION_UNDER_SHIM_H

/* "LD_PRELOAD=...", with what a sanitizer needs before it. Static storage. */
const char *shim_variable(void);

/* First thing in main(): executes the program again, under the shim, unless it is that already.
 * Programs that it starts later are not under it. */
void shim_enter(void);

/* The same if the environment has THRED_TEST_SHIM: for tests that run both ways. */
void shim_enter_if_asked(void);

#endif
