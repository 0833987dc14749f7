/* SPDX-License-Identifier: MIT */
/* cgi - runs a program by the Common Gateway Interface (RFC 3875) and reads what it answers. */
#ifndef EMULATOR_CGI_H
#define EMULATOR_CGI_H

#include "reply.h"

typedef struct CgiCall {
  const char *const *argv;        /* argv[0] is searched in PATH */
  const char *const *environment; /* all of it */
  const void *body;
  size_t body_length;
  int stop_event; /* readable: the program is killed */
} CgiCall;

/*
 * Waits until the program has ended. Its stderr is ours. False, and no reply, if it could not be
 * run, was silent for two minutes, or answered no CGI header.
 */
bool cgi_run(const CgiCall *call, Reply *reply);

#endif
