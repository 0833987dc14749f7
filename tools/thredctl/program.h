/* SPDX-License-Identifier: MIT */
/* program.h - which file is executed in the end: PATH, scripts and their interpreters, env(1). */
#ifndef THREDCTL_PROGRAM_H
#define THREDCTL_PROGRAM_H

#include <glib.h>
#include <stdbool.h>

typedef struct {
  GPtrArray *chain;   /* files, from the one that was asked for to the one that is a program */
  char *name;         /* the last one's name as it was called: without its folders */
  bool cleared;       /* env(1) in between takes LD_PRELOAD away */
  const char *reason; /* NULL, or a word for why there is no such program */
  char *problem;      /* the same as a sentence */
} Program;

/* As execvp(3) would find and run it. */
Program *program_find(const char *command);
const char *program_path(const Program *program); /* the last of the chain */
void program_free(Program *program);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Program, program_free)

#endif
