/* SPDX-License-Identifier: MIT */
/* git - the repositories of --git, over git's smart HTTP protocol: git-http-backend(1) does it. */
#ifndef EMULATOR_GIT_H
#define EMULATOR_GIT_H

#include "emulator.h"
#include "reply.h"

/* The absolute path of --git DIR; NULL if it is no directory, or there is no git to serve it. */
char *git_find_root(const char *dir, GError **error);

/* For a request of ROUTE_GIT whose token was found good; emulator->git_root is set. */
void git_answer(Emulator *emulator, const Request *request, Reply *reply);

#endif
