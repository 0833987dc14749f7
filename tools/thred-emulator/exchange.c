/* SPDX-License-Identifier: MIT */
#include "exchange.h"

#include "api.h"
#include "auth.h"
#include "control.h"

void exchange_begin(Emulator *emulator, Request *request)
{
  if (!request->control)
    counters_arrival(emulator->counters, request);
}

/* Takes the faults that are meant for the request, in order, up to the first that answers it. */
static bool suffer_faults(Emulator *emulator, const Request *request, Reply *reply)
{
  bool answered = false;
  guint64 last = 0;
  Fault *fault;
  while (!answered && (fault = faults_take(emulator->faults, request, last))) {
    last = fault->id;
    if (fault->delay_ms)
      emulator_pause(emulator, fault->delay_ms);
    if (fault->action == FAULT_REVOKE)
      (void)tokens_revoke(emulator->tokens, fault->revoked_kind,
                          *fault->revoked_business ? fault->revoked_business : NULL);
    counters_add(emulator->counters, COUNT_FAULTS);
    answered = !fault_passes(fault);
    if (answered)
      fault_reply(fault, reply);
    fault_free(fault);
  }
  return answered;
}

static void decide_challenge(Emulator *emulator, Reply *reply)
{
  bool wanted = reply->challenge_rule == CHALLENGE_DEFAULT
                    ? settings_values(emulator->settings).www_authenticate
                    : reply->challenge_rule == CHALLENGE_ALWAYS;
  if (!wanted)
    reply->challenge = NULL;
}

static void record(Emulator *emulator, Request *request, unsigned status)
{
  counters_outcome(emulator->counters, request, status);
  journal_add(emulator->journal, request, status);
  tally_add(emulator->tally, request, status);
  request->journaled = true;
}

void exchange_answer(Emulator *emulator, Request *request, Reply *reply)
{
  request_finish_body(request);
  if (request->control) {
    control_answer(emulator, request, reply);
    return;
  }
  guint64 delay = api_delay_ms(emulator, request);
  if (delay)
    emulator_pause(emulator, delay);
  bool answered = suffer_faults(emulator, request, reply);
  /* After the pauses: a token may have been revoked, or run out, meanwhile. */
  auth_examine(emulator, request);
  if (!answered)
    api_answer(emulator, request, reply);
  decide_challenge(emulator, reply);
  /* Before the answer goes out, so that whoever got it finds it in the log. */
  record(emulator, request, reply->drop ? 0 : reply->status);
}

void exchange_abandon(Emulator *emulator, Request *request)
{
  if (!request->begun || request->control || request->journaled)
    return;
  request_finish_body(request);
  auth_examine(emulator, request);
  record(emulator, request, 0);
}
