/* SPDX-License-Identifier: MIT */
#include "minder.h"

#include "channel.h"
#include "complain.h"
#include "files.h"
#include "inside.h"
#include "surroundings.h"
#include "sweep.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

/* As the shell's, and those of env(1), nohup(1) and timeout(1). */
enum { CANNOT_RUN = 126, NOT_FOUND = 127 };

typedef struct Minder {
  const Errand *errand;
  int signal_fd;
  pid_t command; /* 0: it has ended .. */
  int status;    /* .. with this, as waitpid(2) has it */
} Minder;

static bool isolate(const Errand *errand, Word *word, Trouble *trouble)
{
  int https[2], http[2];
  Inside inside = {.dir = errand->dir, .names = errand->names};
  if (!isolate_enter(&inside.foreign_root, trouble) ||
      !isolate_listen(https, http, &inside.families, trouble) || !inside_furnish(&inside, trouble))
    return false;
  for (unsigned i = 0; i < inside.families; i++) {
    word->sockets[word->socket_count++] = https[i];
    word->sockets[word->socket_count++] = http[i];
  }
  return true;
}

/* The servers' sockets leave with the word: here they would be held open for nobody. */
static void get_ready(const Errand *errand)
{
  Word word = {.kind = WORD_READY};
  Trouble trouble = {0};
  if (errand->isolate && !isolate(errand, &word, &trouble)) {
    word = (Word){.kind = WORD_TROUBLE, .number = trouble.error};
    (void)g_strlcpy(word.text, trouble.what, sizeof word.text);
  }
  bool said = channel_send(errand->channel, &word);
  if (!said || word.kind != WORD_READY)
    _exit(1);
  for (unsigned i = 0; i < word.socket_count; i++)
    close(word.sockets[i]);
}

G_GNUC_NORETURN
static void become_command(const Errand *errand, pid_t minder)
{
  /* The minder is not to be survived, whoever kills it. */
  (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (getppid() != minder)
    _exit(CANNOT_RUN);
  signals_give_back(errand->signals);
  execvp(errand->command[0], errand->command);
  int reason = errno;
  complain("cannot run '%s': %s", errand->command[0], g_strerror(reason));
  _exit(reason == ENOENT ? NOT_FOUND : CANNOT_RUN);
}

static void reap(Minder *minder)
{
  int status;
  pid_t pid;
  while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
    if (pid != minder->command)
      continue;
    minder->command = 0;
    minder->status = status;
  }
}

/*
 * What a terminal sends, the command gets from the terminal; what a process sent to the emulator
 * came from there (kill(2): ssi_code is not the kernel's).
 */
static void take_signal(Minder *minder)
{
  struct signalfd_siginfo info;
  if (read(minder->signal_fd, &info, sizeof info) != (ssize_t)sizeof info)
    return;
  if (info.ssi_signo == SIGCHLD)
    reap(minder);
  else if (minder->command && info.ssi_code <= 0)
    (void)kill(minder->command, (int)info.ssi_signo);
}

/* Until the command has ended; false: the emulator is gone. */
static bool mind(Minder *minder)
{
  struct pollfd events[] = {{minder->signal_fd, POLLIN, 0}, {minder->errand->channel, POLLIN, 0}};
  while (minder->command) {
    if (poll(events, G_N_ELEMENTS(events), -1) < 0)
      continue;
    if (events[1].revents)
      return false;
    if (events[0].revents)
      take_signal(minder);
  }
  return true;
}

G_GNUC_NORETURN
static void finish(const Minder *minder, bool emulator_lives)
{
  const Errand *errand = minder->errand;
  Word word = {.kind = WORD_ENDED, .number = minder->status};
  sweep_children();
  if (emulator_lives)
    emulator_lives = channel_send(errand->channel, &word);
  if (!emulator_lives && errand->temporary)
    files_remove(errand->dir);
  _exit(0);
}

void minder_run(const Errand *errand)
{
  Word word;
  Minder minder = {.errand = errand};
  /* Orphans of the command's fall to this process (prctl(2)). */
  (void)prctl(PR_SET_CHILD_SUBREAPER, 1);
  minder.signal_fd = signalfd(-1, &errand->signals->awaited, SFD_CLOEXEC);
  get_ready(errand);
  if (!channel_receive(errand->channel, &word) || minder.signal_fd < 0)
    finish(&minder, false);
  surroundings_set(errand->dir, errand->isolate ? NULL : errand->proxy);
  pid_t self = getpid();
  minder.command = fork();
  if (minder.command == 0)
    become_command(errand, self);
  if (minder.command < 0) {
    complain("cannot start a process: %s", g_strerror(errno));
    minder.command = 0;
    minder.status = CANNOT_RUN << 8;
  }
  finish(&minder, mind(&minder));
}
