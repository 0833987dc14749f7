/* SPDX-License-Identifier: MIT */
#include "run.h"

#include "channel.h"
#include "complain.h"
#include "descriptor-limit.h"
#include "files.h"
#include "isolate.h"
#include "minder.h"
#include "report.h"
#include "service.h"
#include "signals.h"
#include "trust.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

typedef struct Run {
  const Options *options;
  Signals signals;
  Service service;
  char *dir; /* --dir, or a temporary one */
  pid_t minder;
  int channel; /* to it; -1: there is none */
} Run;

static bool fail(GError **error, const char *what)
{
  int reason = errno;
  g_set_error(error, G_FILE_ERROR, g_file_error_from_errno(reason), "%s: %s", what,
              g_strerror(reason));
  return false;
}

static bool choose_directory(Run *run, GError **error)
{
  run->dir = run->options->dir ? g_strdup(run->options->dir)
                               : g_dir_make_tmp("thred-emulator-XXXXXX", error);
  return run->dir != NULL;
}

/* ---- the minder ---- */

static bool start_minder(Run *run, bool isolate, const char *proxy, GError **error)
{
  int ends[2];
  Errand errand = {.command = run->options->command,
                   .dir = run->service.dir,
                   .temporary = !run->options->dir,
                   .isolate = isolate,
                   .names = run->options->names,
                   .proxy = proxy,
                   .signals = &run->signals};
  if (!channel_open(ends))
    return fail(error, "cannot make a socket");
  run->minder = fork();
  if (run->minder == 0) {
    close(ends[0]);
    errand.channel = ends[1];
    minder_run(&errand);
  }
  int reason = errno;
  close(ends[1]);
  run->channel = ends[0];
  errno = reason;
  return run->minder > 0 || fail(error, "cannot start a process");
}

static void lose_minder(Run *run)
{
  if (run->channel >= 0)
    close(run->channel); /* which it takes for our end */
  run->channel = -1;
  if (run->minder > 0)
    (void)waitpid(run->minder, NULL, 0);
  run->minder = 0;
}

/* What it could not do, and what on this machine stands behind it. */
static void explain(const Word *word, GError **error)
{
  g_autofree char *reason = word->number ? isolate_reason(word->number) : NULL;
  g_set_error(error, G_FILE_ERROR, G_FILE_ERROR_FAILED, "no namespaces for the command: %s%s%s%s%s",
              word->text, word->number ? ": " : "", word->number ? g_strerror(word->number) : "",
              reason ? ": " : "", reason ? reason : "");
}

/* Its first word. */
static bool hear_ready(Run *run, Word *word, GError **error)
{
  *word = (Word){0};
  if (channel_receive(run->channel, word) && word->kind == WORD_READY)
    return true;
  if (word->kind == WORD_TROUBLE)
    explain(word, error);
  else
    g_set_error_literal(error, G_FILE_ERROR, G_FILE_ERROR_FAILED,
                        "the process that minds the command has ended");
  return false;
}

static void adopt(Run *run, const Word *word)
{
  int https[FAMILIES], http[FAMILIES];
  unsigned families = word->socket_count / 2;
  for (unsigned i = 0; i < families; i++) {
    https[i] = word->sockets[2 * i];
    http[i] = word->sockets[2 * i + 1];
  }
  service_adopt(&run->service, https, http, families);
}

static bool launch_isolated(Run *run, GError **error)
{
  Word word;
  bool ready = start_minder(run, true, NULL, error) && hear_ready(run, &word, error);
  if (ready)
    adopt(run, &word);
  else
    lose_minder(run);
  return ready;
}

static bool launch_beside(Run *run, GError **error)
{
  Word word;
  if (!service_listen(&run->service, error))
    return false;
  const Listener *listener = &run->service.proxy;
  g_autofree char *proxy =
      listener->fd < 0 ? NULL : g_strdup_printf("http://%s:%u", listener->address, listener->port);
  return start_minder(run, false, proxy, error) && hear_ready(run, &word, error);
}

/* Before the first thread: the minder is a fork of this process. */
static bool launch(Run *run, GError **error)
{
  g_autoptr(GError) refused = NULL;
  if (run->options->isolate == ISOLATE_OFF)
    return launch_beside(run, error);
  if (launch_isolated(run, &refused))
    return true;
  if (run->options->isolate == ISOLATE_REQUIRED) {
    g_propagate_error(error, g_steal_pointer(&refused));
    return false;
  }
  fprintf(
      stderr,
      "thred-emulator: %s\n"
      "thred-emulator: going on with a proxy and environment variables (--isolate=off); a "
      "program that reads no proxy variable does not reach the emulator, and one that reads no "
      "CURL_CA_BUNDLE, SSL_CERT_FILE or the like does not trust it (libcurl alone reads none; see "
      "thred-emulator(1))\n",
      refused->message);
  return launch_beside(run, error);
}

/* ---- while it runs ---- */

/* What a terminal sends, the command has got from the terminal. */
static void hand_on(const Run *run, const siginfo_t *info)
{
  if (info->si_code <= 0)
    (void)kill(run->minder, info->si_signo);
}

static void wait_for_minder(Run *run)
{
  siginfo_t info;
  for (;;) {
    int signal = sigwaitinfo(&run->signals.awaited, &info);
    if (signal == SIGCHLD && waitpid(run->minder, NULL, WNOHANG) == run->minder)
      break;
    if (signal > 0 && signal != SIGCHLD)
      hand_on(run, &info);
  }
  run->minder = 0;
}

static void judge(Run *run, Outcome *outcome, GError **error)
{
  Word word = {0};
  if (!channel_receive(run->channel, &word) || word.kind != WORD_ENDED) {
    g_set_error_literal(error, G_FILE_ERROR, G_FILE_ERROR_FAILED,
                        "the process that minds the command was killed, and so is the command");
    return;
  }
  outcome->run = true;
  outcome->signal = WIFSIGNALED(word.number) ? WTERMSIG(word.number) : 0;
  outcome->status = outcome->signal ? 128 + outcome->signal : WEXITSTATUS(word.number);
}

static void serve(Run *run, Outcome *outcome, GError **error)
{
  Word go = {.kind = WORD_GO};
  Service *service = &run->service;
  if (!choose_directory(run, error) || !service_prepare(service, run->dir, error) ||
      !trust_write(service->dir, service->certificates.ca, error) || !launch(run, error) ||
      !service_publish(service, error))
    return;
  raise_descriptor_limit();
  if (!service_start(service, error))
    return;
  outcome->isolated = service_is_on_443(service);
  (void)channel_send(run->channel, &go); /* if it is gone, that shows at once */
  wait_for_minder(run);
  judge(run, outcome, error);
}

static void complain_of(GError *error)
{
  if (error)
    complain("%s", error->message);
}

/* A report that cannot be written is a failure, but not one to hide the command's own. */
static void report(Run *run, int fd, Outcome *outcome)
{
  g_autoptr(GError) error = NULL;
  if (fd < 0 || !run->service.emulator || report_write(fd, run->service.emulator, outcome, &error))
    return;
  complain_of(error);
  if (outcome->status == 0)
    outcome->status = RUN_FAILED;
}

int run_command(const Options *options)
{
  g_autoptr(GError) error = NULL;
  Outcome outcome = {.status = RUN_FAILED};
  Run run = {.options = options, .channel = -1};
  int report_fd = -1;
  signals_take(&run.signals, true);
  service_init(&run.service, options);
  if (!options->report || (report_fd = report_open(options->report, &error)) >= 0)
    serve(&run, &outcome, &error);
  complain_of(error);
  report(&run, report_fd, &outcome);
  lose_minder(&run);
  service_stop(&run.service);
  if (run.dir && !options->dir)
    files_remove(run.dir);
  g_free(run.dir);
  return outcome.status;
}
