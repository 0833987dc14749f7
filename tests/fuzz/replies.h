/* SPDX-License-Identifier: MIT */
/*
 * replies.h - servers that answer what the input says: http_send() in place of lib/fetch/http.c.
 *
 * Each reply is a line with its status (0: the connection fails), and a body up to a form feed. Of
 * each request it is asserted that no line of it can be made two.
 */
#ifndef THRED_TESTS_FUZZ_REPLIES_H
#define THRED_TESTS_FUZZ_REPLIES_H

#include "tests/fuzz/fuzz.h"

/* The rest of the input, up to the next call; more requests than that are not answered. */
void replies_set(const FuzzInput *input);

/* No eight bytes of `secret` stand in the text. */
bool replies_hide(const char *text, const char *secret);

#endif
