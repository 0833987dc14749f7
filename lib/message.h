/* SPDX-License-Identifier: MIT */
/* message.h - the end of a public function: keeps the sentence of a failure for this thread. */
#ifndef THRED_LIB_MESSAGE_H
#define THRED_LIB_MESSAGE_H

#include "lib/error.h"

/* Stores error->message for thred_last_message() if there is a failure; returns `code`. */
int message_return(int code, const Error *error);

/* What a ThredError is called in the log (THRED_REASON), for programs: these words stay. */
const char *message_word(int error);

#endif
