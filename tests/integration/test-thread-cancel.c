/* SPDX-License-Identifier: MIT */
/* test-thread-cancel.c - a thread that is cancelled while it gets its first token takes nothing
 * with it that others wait for. */
#include <stdio.h>

#include "client.h"
#include "run-probe.h"

#define ROUNDS 20

/* From the first instruction to well after the last of both token requests. */
static void at_any_moment(void **state)
{
  (void)state;
  for (int i = 0; i < ROUNDS; i++) {
    char moment[16], comment[32];
    Outcome outcome;
    snprintf(moment, sizeof moment, "%d", i * i * 400); /* 0 to 144 ms */
    snprintf(comment, sizeof comment, "# round %d\n", i);
    const Probe probe = {.arguments = {"cancel", moment, FIRST}};
    harness_fresh(state);
    emulator_configure(&emulator, "60-round.conf", comment); /* to be read anew, too */
    control(&emulator, "POST", "set?delay_ms=40");
    probe_run(&probe, &outcome);
    if (outcome.status || *outcome.err)
      print_error("after %s us: %s%s", moment, outcome.out, outcome.err);
    assert_string_equal(outcome.out, "0\n0\n0\n");
    assert_int_equal(outcome.status, 0);
    assert_in_range(counter(&emulator, "token_requests.partner"), 1, 2);
    assert_in_range(counter(&emulator, "token_requests.business"), 1, 2);
  }
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      IN_MODE(at_any_moment, easy),
  };
  harness_require_installation();
  return cmocka_run_group_tests(tests, harness_start, harness_stop);
}
