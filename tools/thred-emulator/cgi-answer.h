/* SPDX-License-Identifier: MIT */
/* cgi-answer - what a CGI program wrote, as a reply (RFC 3875, 6). Pure: no state, no I/O. */
#ifndef EMULATOR_CGI_ANSWER_H
#define EMULATOR_CGI_ANSWER_H

#include "reply.h"

/* Takes over `output`, header and body. False, and no reply, if it does not begin with a header. */
bool cgi_answer_read(GByteArray *output, Reply *reply);

#endif
