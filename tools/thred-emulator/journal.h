/* SPDX-License-Identifier: MIT */
/* journal - the last requests, in the order in which they were answered. Any thread. */
#ifndef EMULATOR_JOURNAL_H
#define EMULATOR_JOURNAL_H

#include "request.h"

typedef struct Journal Journal;

Journal *journal_new(void);
void journal_free(Journal *journal);

/* `status` 0: it got no answer. */
void journal_add(Journal *journal, const Request *request, unsigned status);

void journal_reset(Journal *journal);

/* A JSON array; the caller frees it. */
char *journal_text(Journal *journal, size_t *length);

#endif
