/* SPDX-License-Identifier: MIT */
#include "loops.h"

#include <dlfcn.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/select.h>
#include <unistd.h>

const char *const loop_names[LOOP_PATTERNS] = {
    [LOOP_PERFORM] = "perform until zero",
    [LOOP_PERFORM_READ] = "perform, messages in each round",
    [LOOP_PERFORM_DROP] = "perform, messages when fewer run",
    [LOOP_SELECT] = "fdset and select",
    [LOOP_SOCKETS] = "socket_action, messages in each round",
    [LOOP_SOCKETS_DROP] = "socket_action, messages when fewer run",
    [LOOP_NOTIFIED] = "perform, messages when told",
};

static bool has_sockets(LoopPattern pattern)
{
  return pattern == LOOP_SOCKETS || pattern == LOOP_SOCKETS_DROP;
}

/* ---- what libcurl tells a program with sockets ---- */

static int watch_socket(CURL *curl, curl_socket_t socket, int what, void *data, void *known)
{
  LoopRun *run = data;
  (void)curl;
  struct epoll_event event = {.data.fd = socket};
  if (what == CURL_POLL_REMOVE) {
    epoll_ctl(run->epoll, EPOLL_CTL_DEL, socket, &event);
    return 0;
  }
  if (what & CURL_POLL_IN)
    event.events |= EPOLLIN;
  if (what & CURL_POLL_OUT)
    event.events |= EPOLLOUT;
  assert_int_equal(epoll_ctl(run->epoll, known ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, socket, &event), 0);
  curl_multi_assign(run->multi, socket, run);
  return 0;
}

static int set_timer(CURLM *multi, long milliseconds, void *data)
{
  LoopRun *run = data;
  (void)multi;
  run->timer_ms = milliseconds < 0 ? -1 : now_ms() + milliseconds;
  return 0;
}

static void read_messages(LoopRun *run);

/* Of curl/multi.h, from 8.17 on. */
#define NOTIFY_FUNCTION ((CURLMoption)(CURLOPTTYPE_FUNCTIONPOINT + 18))
#define NOTIFY_DATA     ((CURLMoption)(CURLOPTTYPE_OBJECTPOINT + 19))
#define INFO_READ       0u
#define EASY_DONE       1u

static void hear(CURLM *multi, unsigned notification, CURL *curl, void *data)
{
  LoopRun *run = data;
  (void)curl;
  assert_ptr_equal(multi, run->multi);
  if (notification == EASY_DONE)
    run->ends++;
  else if (notification == INFO_READ)
    read_messages(run);
}

bool loop_can_notify(void)
{
  return curl_version_info(CURLVERSION_NOW)->version_num >= 0x081100;
}

static void ask_for_notifications(LoopRun *run)
{
  CURLMcode (*enable)(CURLM *, unsigned);
  void *symbol = dlsym(RTLD_DEFAULT, "curl_multi_notify_enable");
  assert_non_null(symbol);
  memcpy(&enable, &symbol, sizeof symbol);
  assert_int_equal(curl_multi_setopt(run->multi, NOTIFY_FUNCTION, hear), CURLM_OK);
  assert_int_equal(curl_multi_setopt(run->multi, NOTIFY_DATA, run), CURLM_OK);
  assert_int_equal(enable(run->multi, INFO_READ), CURLM_OK);
  assert_int_equal(enable(run->multi, EASY_DONE), CURLM_OK);
}

void loop_begin(LoopRun *run, LoopPattern pattern)
{
  run->multi = curl_multi_init();
  assert_non_null(run->multi);
  run->epoll = -1;
  run->timer_ms = -1;
  if (pattern == LOOP_NOTIFIED)
    ask_for_notifications(run);
  if (!has_sockets(pattern))
    return;
  run->epoll = epoll_create1(EPOLL_CLOEXEC);
  assert_true(run->epoll >= 0);
  curl_multi_setopt(run->multi, CURLMOPT_SOCKETFUNCTION, watch_socket);
  curl_multi_setopt(run->multi, CURLMOPT_SOCKETDATA, run);
  curl_multi_setopt(run->multi, CURLMOPT_TIMERFUNCTION, set_timer);
  curl_multi_setopt(run->multi, CURLMOPT_TIMERDATA, run);
}

void loop_end(LoopRun *run)
{
  assert_int_equal(curl_multi_cleanup(run->multi), CURLM_OK);
  if (run->epoll >= 0)
    close(run->epoll);
}

/* ---- rounds ---- */

static void note_time(LoopRun *run, int64_t since_ms)
{
  int64_t took = now_ms() - since_ms;
  if (took > run->longest_ms)
    run->longest_ms = took;
}

static void read_messages(LoopRun *run)
{
  CURLMsg *message;
  int left;
  for (;;) {
    int64_t since = now_ms();
    message = curl_multi_info_read(run->multi, &left);
    note_time(run, since);
    if (!message)
      return;
    assert_int_equal(message->msg, CURLMSG_DONE);
    run->messages++;
    if (run->done)
      run->done(run, message->easy_handle, message->data.result);
  }
}

static int perform(LoopRun *run)
{
  int running = -1;
  int64_t since = now_ms();
  assert_int_equal(curl_multi_perform(run->multi, &running), CURLM_OK);
  note_time(run, since);
  assert_true(running >= 0);
  return running;
}

static int act(LoopRun *run, curl_socket_t socket, int events)
{
  int running = -1;
  int64_t since = now_ms();
  assert_int_equal(curl_multi_socket_action(run->multi, socket, events, &running), CURLM_OK);
  note_time(run, since);
  assert_true(running >= 0);
  return running;
}

static void wait_with_select(CURLM *multi)
{
  fd_set in, out, broken;
  int highest = -1;
  long wait_ms = -1;
  FD_ZERO(&in);
  FD_ZERO(&out);
  FD_ZERO(&broken);
  assert_int_equal(curl_multi_fdset(multi, &in, &out, &broken, &highest), CURLM_OK);
  assert_int_equal(curl_multi_timeout(multi, &wait_ms), CURLM_OK);
  if (highest < 0 && (wait_ms < 0 || wait_ms > 100))
    wait_ms = 100; /* as curl_multi_fdset(3) says */
  if (wait_ms < 0 || wait_ms > 5000)
    wait_ms = 5000;
  struct timeval time = {wait_ms / 1000, wait_ms % 1000 * 1000};
  select(highest + 1, &in, &out, &broken, &time);
}

/* Nothing but the sockets and the timer brings it on: no wait ends by itself. */
static int round_of_sockets(LoopRun *run)
{
  struct epoll_event events[16];
  int64_t left = run->timer_ms < 0 ? -1 : run->timer_ms - now_ms();
  int count =
      left == -1 || left > 0 ? epoll_wait(run->epoll, events, 16, left < 0 ? 20000 : (int)left) : 0;
  int running = -1;
  for (int i = 0; i < count; i++)
    running = act(run, events[i].data.fd,
                  (events[i].events & EPOLLIN ? CURL_CSELECT_IN : 0) |
                      (events[i].events & EPOLLOUT ? CURL_CSELECT_OUT : 0) |
                      (events[i].events & (EPOLLERR | EPOLLHUP) ? CURL_CSELECT_ERR : 0));
  if (count <= 0) {
    assert_true(run->timer_ms >= 0); /* else the loop has gone to sleep for good */
    run->timer_ms = -1;
    running = act(run, CURL_SOCKET_TIMEOUT, 0);
  }
  return running;
}

static int one_round(LoopRun *run, LoopPattern pattern)
{
  if (has_sockets(pattern))
    return round_of_sockets(run);
  int running = perform(run);
  if (running && pattern == LOOP_SELECT)
    wait_with_select(run->multi);
  else if (running)
    assert_int_equal(curl_multi_poll(run->multi, NULL, 0, 5000, NULL), CURLM_OK);
  return running;
}

void loop_run(LoopRun *run, LoopPattern pattern)
{
  const int64_t until = now_ms() + 60000;
  int running, before = has_sockets(pattern) ? act(run, CURL_SOCKET_TIMEOUT, 0) : 0;
  bool ended;
  do {
    running = one_round(run, pattern);
    if (pattern == LOOP_PERFORM_READ || pattern == LOOP_SOCKETS || pattern == LOOP_SELECT ||
        ((pattern == LOOP_PERFORM_DROP || pattern == LOOP_SOCKETS_DROP) && running < before))
      read_messages(run);
    before = running;
    if (now_ms() >= until)
      print_error("%s: %d running, %u messages\n", loop_names[pattern], running, run->messages);
    assert_true(now_ms() < until);
    ended = run->round ? run->round(run, running) : running == 0;
  } while (!ended);
  if (pattern != LOOP_NOTIFIED)
    read_messages(run);
}
