/* SPDX-License-Identifier: MIT */
/*
 * test-preload-loop.c - event loops under the shim: nobody waits for a token but the transfers that
 * need it, and the program sees nothing of the waiting. The token endpoint takes a second here;
 * a loop that it held up would show in one call that takes as long. How long the calls take in
 * truth is measured by scripts/bench.
 */
#include <dirent.h>
#include <string.h>
#include <unistd.h>

#include "loops.h"
#include "preload-client.h"
#include "upload.h"

#define SLOW_MS  1000
#define HELD_MS  900 /* a call that took this long has waited */
#define THREDS   3   /* transfers for Thred: two tokens */
#define OTHERS   3
#define EVERYONE (THREDS + OTHERS)

static void slow_tokens(void)
{
  control(&emulator, "DELETE", "fault");
  control(&emulator, "POST", "fault?path=token:partner&action=delay&delay_ms=%d&times=0", SLOW_MS);
  control(&emulator, "POST", "fault?path=token:business&action=delay&delay_ms=%d&times=0", SLOW_MS);
}

static unsigned open_descriptors(void)
{
  unsigned count = 0;
  DIR *folder = opendir("/proc/self/fd");
  assert_non_null(folder);
  while (readdir(folder))
    count++;
  closedir(folder);
  return count;
}

/* ---- a crowd: some for Thred, some not ---- */

typedef struct Crowd {
  LoopRun run;
  Client clients[EVERYONE];
  unsigned done[EVERYONE];
  CURLcode results[EVERYONE];
  int64_t done_ms[EVERYONE];
} Crowd;

static const char *const urls[EVERYONE] = {BASE INVOICES,
                                           BASE BUSINESSES,
                                           BASE INVOICES,
                                           "https://evil.example/1",
                                           "https://evil.example/2",
                                           "https://evil.example/3"};

static void note_done(LoopRun *run, CURL *curl, CURLcode result)
{
  Crowd *crowd = run->data;
  for (unsigned i = 0; i < EVERYONE; i++)
    if (crowd->clients[i].curl == curl) {
      crowd->done[i]++;
      crowd->results[i] = result;
      crowd->done_ms[i] = now_ms();
      assert_int_equal(curl_multi_remove_handle(run->multi, curl), CURLM_OK);
    }
}

static void add_everyone(Crowd *crowd)
{
  for (unsigned i = 0; i < EVERYONE; i++) {
    crowd->done[i] = 0;
    client_clear(&crowd->clients[i]);
    int64_t since = now_ms();
    assert_int_equal(curl_multi_add_handle(crowd->run.multi, crowd->clients[i].curl), CURLM_OK);
    assert_true(now_ms() - since < HELD_MS);
  }
}

static void gather(Crowd *crowd, LoopPattern pattern, Mode mode)
{
  *crowd = (Crowd){.run.done = note_done, .run.data = crowd};
  loop_begin(&crowd->run, pattern);
  for (unsigned i = 0; i < EVERYONE; i++)
    client_open_plain(&crowd->clients[i], &emulator, mode, urls[i]);
}

static void expect_everyone(const Crowd *crowd, long thred_status)
{
  for (unsigned i = 0; i < EVERYONE; i++) {
    assert_int_equal(crowd->done[i], 1);
    assert_int_equal(crowd->results[i], CURLE_OK);
    assert_int_equal(client_status(&crowd->clients[i]), i < THREDS ? thred_status : 200);
  }
}

static void part(Crowd *crowd)
{
  loop_end(&crowd->run);
  for (unsigned i = 0; i < EVERYONE; i++)
    client_close(&crowd->clients[i]);
}

/* Cold, then with revoked tokens that libcurl answers, then with such that it does not. */
static void nobody_is_held_up(LoopPattern pattern, Mode mode)
{
  Crowd crowd;
  const unsigned descriptors = open_descriptors();
  gather(&crowd, pattern, mode);
  for (int round = 0; round < 3; round++) {
    slow_tokens();
    if (round > 0)
      control(&emulator, "POST", "revoke");
    if (round == 2)
      control(&emulator, "POST", "set?www_authenticate=no");
    add_everyone(&crowd);
    loop_run(&crowd.run, pattern);
    if (crowd.run.longest_ms >= HELD_MS || crowd.run.messages != EVERYONE * (round + 1u))
      print_error("%s, round %d: held up for %d ms, %u messages\n", loop_names[pattern], round,
                  (int)crowd.run.longest_ms, crowd.run.messages);
    expect_everyone(&crowd, 200);
    assert_true(crowd.run.longest_ms < HELD_MS);
    assert_int_equal(crowd.run.messages, EVERYONE * (round + 1));
    /* libcurl does not tell of a handle that was taken out meanwhile. */
    assert_true(crowd.run.ends <= crowd.run.messages);
    assert_int_equal(crowd.run.ends > 0, pattern == LOOP_NOTIFIED);
    for (unsigned i = 0; i < THREDS; i++)
      preload_expect_good_body(&crowd.clients[i]);
  }
  expect_no_leak(&emulator);
  part(&crowd);
  if (!mode.h2)
    assert_in_range(open_descriptors(), descriptors - 1, descriptors);
}

/* ---- a configuration that has to be read ---- */

#define NEW_CONF  "90-new.conf"
#define NOTICE_US 1100000 /* files are looked at once a second */

static void expect_round(Crowd *crowd, LoopPattern pattern, unsigned messages)
{
  loop_run(&crowd->run, pattern);
  expect_everyone(crowd, 200);
  assert_int_equal(crowd->run.messages, messages);
  for (unsigned i = 0; i < THREDS; i++)
    preload_expect_good_body(&crowd->clients[i]);
}

/* Before the transfers are added, or between that and their first requests, which are put off then.
 */
static void a_new_configuration(LoopPattern pattern, Mode mode)
{
  Crowd crowd;
  gather(&crowd, pattern, mode);
  add_everyone(&crowd);
  expect_round(&crowd, pattern, EVERYONE);
  emulator_configure(&emulator, NEW_CONF, "# new\n");
  usleep(NOTICE_US);
  add_everyone(&crowd);
  expect_round(&crowd, pattern, 2 * EVERYONE);
  add_everyone(&crowd);
  emulator_configure(&emulator, NEW_CONF, "# another one\n");
  usleep(NOTICE_US);
  expect_round(&crowd, pattern, 3 * EVERYONE);
  expect_counter(&emulator, "token_requests.partner", 1);
  expect_no_leak(&emulator);
  part(&crowd);
  emulator_unconfigure(&emulator, NEW_CONF);
}

static void new_configuration_in_perform(void **state)
{
  a_new_configuration(LOOP_PERFORM, MODE(state));
}

static void new_configuration_in_sockets(void **state)
{
  a_new_configuration(LOOP_SOCKETS_DROP, MODE(state));
}

/* ---- one that gives up ---- */

#define VERY_SLOW_MS 3000
#define PATIENCE_MS  300

typedef struct Impatient {
  LoopRun run;
  Client client;
  CURLcode result;
} Impatient;

static void note_result(LoopRun *run, CURL *curl, CURLcode result)
{
  Impatient *impatient = run->data;
  assert_ptr_equal(curl, impatient->client.curl);
  impatient->result = result;
  assert_int_equal(curl_multi_remove_handle(run->multi, curl), CURLM_OK);
}

static CURLcode run_with_timeout(Impatient *impatient, LoopPattern pattern, long timeout_ms)
{
  CURL *curl = impatient->client.curl;
  client_clear(&impatient->client);
  curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, timeout_ms);
  assert_int_equal(curl_multi_add_handle(impatient->run.multi, curl), CURLM_OK);
  loop_run(&impatient->run, pattern);
  return impatient->result;
}

/* TIMEOUT holds for the wait, too: the loop is woken when it is over. Whoever has more patience
 * gets the token. */
static void waits_no_longer_than_timeout(LoopPattern pattern, Mode mode)
{
  Impatient impatient = {.run.done = note_result, .run.data = &impatient};
  control(&emulator, "POST", "fault?path=token:partner&action=delay&delay_ms=%d&times=0",
          VERY_SLOW_MS);
  loop_begin(&impatient.run, pattern);
  client_open_plain(&impatient.client, &emulator, mode, BASE BUSINESSES);
  const int64_t since = now_ms();
  assert_int_equal(run_with_timeout(&impatient, pattern, PATIENCE_MS), CURLE_OPERATION_TIMEDOUT);
  assert_in_range(now_ms() - since, PATIENCE_MS, VERY_SLOW_MS - 1);
  expect_counter(&emulator, "requests", 0);
  assert_int_equal(run_with_timeout(&impatient, pattern, 60000), CURLE_OK);
  assert_int_equal(client_status(&impatient.client), 200);
  expect_counter(&emulator, "token_requests.partner", 1);
  loop_end(&impatient.run);
  client_close(&impatient.client);
}

static void timeout_in_perform(void **state)
{
  waits_no_longer_than_timeout(LOOP_PERFORM, MODE(state));
}

static void timeout_in_select(void **state)
{
  waits_no_longer_than_timeout(LOOP_SELECT, MODE(state));
}

static void timeout_in_sockets(void **state)
{
  waits_no_longer_than_timeout(LOOP_SOCKETS_DROP, MODE(state));
}

static void timeout_when_told(void **state)
{
  if (!loop_can_notify())
    skip();
  waits_no_longer_than_timeout(LOOP_NOTIFIED, MODE(state));
}

/* ---- the patterns ---- */

static void perform_until_zero(void **state)
{
  nobody_is_held_up(LOOP_PERFORM, MODE(state));
}

static void perform_and_read(void **state)
{
  nobody_is_held_up(LOOP_PERFORM_READ, MODE(state));
}

static void perform_and_read_on_drop(void **state)
{
  nobody_is_held_up(LOOP_PERFORM_DROP, MODE(state));
}

static void fdset_and_select(void **state)
{
  nobody_is_held_up(LOOP_SELECT, MODE(state));
}

static void sockets(void **state)
{
  nobody_is_held_up(LOOP_SOCKETS, MODE(state));
}

static void sockets_and_read_on_drop(void **state)
{
  nobody_is_held_up(LOOP_SOCKETS_DROP, MODE(state));
}

static void told_of_messages(void **state)
{
  if (!loop_can_notify())
    skip();
  nobody_is_held_up(LOOP_NOTIFIED, MODE(state));
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      IN_MODE(perform_until_zero, multi),
      IN_MODE(perform_and_read, multi),
      IN_MODE(perform_and_read_on_drop, multi),
      IN_MODE(fdset_and_select, multi),
      IN_MODE(sockets, multi),
      IN_MODE(sockets_and_read_on_drop, multi),
      IN_MODE(told_of_messages, multi),
      IN_MODE(told_of_messages, multi_h2),
      IN_MODE(timeout_when_told, multi),
      IN_MODE(new_configuration_in_perform, multi),
      IN_MODE(new_configuration_in_sockets, multi),
      IN_MODE(timeout_in_perform, multi),
      IN_MODE(timeout_in_select, multi),
      IN_MODE(timeout_in_sockets, multi),
      IN_MODE(perform_until_zero, multi_h2),
      IN_MODE(sockets_and_read_on_drop, multi_h2),
  };
  return PRELOAD_MAIN_RUN(tests);
}
