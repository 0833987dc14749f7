/* SPDX-License-Identifier: MIT */
/* thred-emulator - a local Thred to develop and test against. */
#include "complain.h"
#include "descriptor-limit.h"
#include "options.h"
#include "report.h"
#include "run.h"
#include "service.h"
#include "signals.h"

#include <stdio.h>

static void complain_of(GError **error)
{
  complain("%s", (*error)->message);
  g_clear_error(error);
}

static bool start(Service *service, const Options *options, GError **error)
{
  return service_prepare(service, options->dir, error) && service_listen(service, error) &&
         service_publish(service, error) && service_start(service, error);
}

/* Until a signal comes. */
static int serve(const Options *options)
{
  int status = 1, received = 0, report_fd = -1;
  GError *error = NULL;
  Signals signals;
  Service service;
  Outcome outcome = {0};
  signals_take(&signals, false);
  raise_descriptor_limit();
  service_init(&service, options);
  if ((!options->report || (report_fd = report_open(options->report, &error)) >= 0) &&
      start(&service, options, &error)) {
    printf("thred-emulator: https://%s:%u dir %s\n", service.https[0].address,
           service.https[0].port, service.dir);
    (void)fflush(stdout);
    sigwait(&signals.awaited, &received);
    status = report_fd < 0 || report_write(report_fd, service.emulator, &outcome, &error) ? 0 : 1;
  }
  if (error)
    complain_of(&error);
  service_stop(&service);
  return status;
}

int main(int argc, char **argv)
{
  Options options;
  int status = 0;
  switch (options_parse(&options, &argc, &argv)) {
  case OPTIONS_DONE:
    break;
  case OPTIONS_BAD:
    status = 2;
    break;
  case OPTIONS_BAD_RUN:
    status = RUN_FAILED;
    break;
  case OPTIONS_RUN:
    status = options.command ? run_command(&options) : serve(&options);
    break;
  }
  options_clear(&options);
  return status;
}
