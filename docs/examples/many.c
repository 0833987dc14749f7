/* SPDX-License-Identifier: MIT */
/*
 * many.c - many requests at once from one event loop that never waits for a token: libcurl's
 * multi_socket interface over epoll(7). Usage: many COUNT URL...
 *
 *     cc many.c $(pkg-config --cflags --libs thred-auth libcurl) -pthread -o many
 *     ./many 100 https://sandbox.thredfi.com/v1/platform/businesses/
 *
 * A token that is in the cache costs the loop microseconds. One that has to be fetched would hold
 * it up, so each handle first goes to a thread, which calls thred_curl_prepare() on it, and only
 * then into the multi handle. A handle belongs to one thread at a time (libcurl-thread(3)): the
 * queues below pass it on. What is left is a token that is revoked while requests are under way:
 * its 401 is answered inside the loop, which waits for one token request then. (Under the shim,
 * `thredctl exec`, no loop waits even for that.)
 *
 * The ten-millisecond clock is here to show it: its longest pause is how long the loop was held up.
 */
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/timerfd.h>
#include <thred/thred.h>
#include <time.h>
#include <unistd.h>

#define AT_ONCE 8L /* connections to one host; the other transfers wait inside libcurl */

typedef struct Transfer {
  struct Transfer *next;
  CURL *curl;
  const char *url;
} Transfer;

typedef struct {
  pthread_mutex_t lock;
  pthread_cond_t more;
  Transfer *first;
  int closed;
} Queue;

typedef struct {
  CURLM *multi;
  int epoll, timer, clock, ready_fd; /* timer: libcurl's; ready_fd: something is in `ready` */
  Queue unprepared, ready;
  long unfinished, good;
  int64_t last_tick, longest_pause; /* milliseconds */
} Loop;

static int64_t now_ms(void)
{
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return now.tv_sec * 1000LL + now.tv_nsec / 1000000;
}

/* At the front: the order means nothing here. */
static void queue_put(Queue *queue, Transfer *transfer)
{
  pthread_mutex_lock(&queue->lock);
  transfer->next = queue->first;
  queue->first = transfer;
  pthread_cond_signal(&queue->more);
  pthread_mutex_unlock(&queue->lock);
}

/* The next one; NULL if there is none and, with `wait`, none will come. */
static Transfer *queue_take(Queue *queue, int wait)
{
  pthread_mutex_lock(&queue->lock);
  while (wait && !queue->first && !queue->closed)
    pthread_cond_wait(&queue->more, &queue->lock);
  Transfer *transfer = queue->first;
  if (transfer)
    queue->first = transfer->next;
  pthread_mutex_unlock(&queue->lock);
  return transfer;
}

static void queue_close(Queue *queue)
{
  pthread_mutex_lock(&queue->lock);
  queue->closed = 1;
  pthread_cond_broadcast(&queue->more);
  pthread_mutex_unlock(&queue->lock);
}

/* The thread that may wait. One is enough: all but the first find the token in the cache. */
static void *prepare(void *data)
{
  Loop *loop = data;
  Transfer *transfer;
  while ((transfer = queue_take(&loop->unprepared, 1))) {
    /* Not fatal: the request goes on without a token, and its answer says the rest. */
    if (thred_curl_prepare(transfer->curl, transfer->url) != THRED_OK)
      fprintf(stderr, "many: %s: %s\n", transfer->url, thred_last_message());
    queue_put(&loop->ready, transfer);
    if (eventfd_write(loop->ready_fd, 1) != 0)
      perror("many: eventfd");
  }
  return NULL;
}

/* A descriptor that epoll watches, as libcurl asks. */
static int watch_socket(CURL *curl, curl_socket_t socket, int what, void *data, void *known)
{
  Loop *loop = data;
  struct epoll_event event = {.data.fd = socket};
  (void)curl;
  if (what == CURL_POLL_REMOVE) {
    epoll_ctl(loop->epoll, EPOLL_CTL_DEL, socket, NULL);
    return 0;
  }
  event.events = (what & CURL_POLL_IN ? EPOLLIN : 0U) | (what & CURL_POLL_OUT ? EPOLLOUT : 0U);
  curl_multi_assign(loop->multi, socket, loop); /* `known` the next time: it is in the set */
  return epoll_ctl(loop->epoll, known ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, socket, &event);
}

static void set_timer(int fd, long ms, long again_ms)
{
  const struct itimerspec when = {
      .it_value = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000},
      .it_interval = {.tv_sec = again_ms / 1000, .tv_nsec = again_ms % 1000 * 1000000}};
  timerfd_settime(fd, 0, &when, NULL);
}

static int watch_timer(CURLM *multi, long ms, void *data)
{
  Loop *loop = data;
  (void)multi;
  /* libcurl's "at once" is 0, which would switch the timer off; its "never" is -1. */
  set_timer(loop->timer, ms == 0 ? 1 : ms < 0 ? 0 : ms, 0);
  return 0;
}

static size_t ignore(char *bytes, size_t size, size_t items, void *data)
{
  (void)bytes, (void)data;
  return size * items;
}

static void transfer_free(Transfer *transfer)
{
  thred_curl_detach(transfer->curl);
  curl_easy_cleanup(transfer->curl);
  free(transfer);
}

static Transfer *transfer_new(const char *url)
{
  Transfer *transfer = calloc(1, sizeof *transfer);
  if (!transfer || !(transfer->curl = curl_easy_init())) {
    free(transfer);
    return NULL;
  }
  transfer->url = url;
  curl_easy_setopt(transfer->curl, CURLOPT_URL, url);
  curl_easy_setopt(transfer->curl, CURLOPT_PRIVATE, transfer);
  curl_easy_setopt(transfer->curl, CURLOPT_WRITEFUNCTION, ignore);
  if (getenv("CURL_CA_BUNDLE")) /* as curl(1) does: thred-emulator has a CA of its own */
    curl_easy_setopt(transfer->curl, CURLOPT_CAINFO, getenv("CURL_CA_BUNDLE"));
  if (thred_curl_attach(transfer->curl) != THRED_OK)
    fprintf(stderr, "many: %s\n", thred_last_message());
  return transfer;
}

/* Handles that have their token go into the multi handle. */
static void add_ready(Loop *loop)
{
  Transfer *transfer;
  while ((transfer = queue_take(&loop->ready, 0)))
    if (curl_multi_add_handle(loop->multi, transfer->curl) != CURLM_OK) {
      transfer_free(transfer);
      loop->unfinished--;
    }
}

static void take_finished(Loop *loop)
{
  const CURLMsg *message;
  int left;
  while ((message = curl_multi_info_read(loop->multi, &left))) {
    CURL *curl = message->easy_handle;
    const CURLcode result = message->data.result; /* `message` ends with remove_handle */
    Transfer *transfer = NULL;
    long status = 0;
    curl_easy_getinfo(curl, CURLINFO_PRIVATE, &transfer);
    curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
    if (result != CURLE_OK)
      fprintf(stderr, "many: %s: %s\n", transfer->url, curl_easy_strerror(result));
    else if (status >= 400)
      fprintf(stderr, "many: %s: status %ld\n", transfer->url, status);
    else
      loop->good++;
    curl_multi_remove_handle(loop->multi, curl);
    transfer_free(transfer);
    loop->unfinished--;
  }
}

static void tick(Loop *loop)
{
  const int64_t now = now_ms();
  if (now - loop->last_tick > loop->longest_pause)
    loop->longest_pause = now - loop->last_tick;
  loop->last_tick = now;
}

static void handle_event(Loop *loop, const struct epoll_event *event)
{
  uint64_t count;
  int running;
  const int fd = event->data.fd;
  if (fd == loop->timer || fd == loop->clock || fd == loop->ready_fd) {
    if (read(fd, &count, sizeof count) < 0)
      return; /* it was set anew meanwhile */
    if (fd == loop->clock)
      tick(loop);
    else if (fd == loop->ready_fd)
      add_ready(loop);
    else
      curl_multi_socket_action(loop->multi, CURL_SOCKET_TIMEOUT, 0, &running);
    return;
  }
  const int what = (event->events & EPOLLIN ? CURL_CSELECT_IN : 0) |
                   (event->events & EPOLLOUT ? CURL_CSELECT_OUT : 0) |
                   (event->events & (EPOLLERR | EPOLLHUP) ? CURL_CSELECT_ERR : 0);
  curl_multi_socket_action(loop->multi, fd, what, &running);
}

static void run(Loop *loop)
{
  struct epoll_event events[16];
  loop->last_tick = now_ms();
  while (loop->unfinished > 0) {
    const int n = epoll_wait(loop->epoll, events, 16, -1);
    for (int i = 0; i < n; i++)
      handle_event(loop, &events[i]);
    take_finished(loop);
  }
}

static int loop_open(Loop *loop)
{
  loop->multi = curl_multi_init();
  loop->epoll = epoll_create1(EPOLL_CLOEXEC);
  loop->timer = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
  loop->clock = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
  loop->ready_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
  const int fds[] = {loop->timer, loop->clock, loop->ready_fd};
  for (int i = 0; i < 3; i++) {
    struct epoll_event event = {.events = EPOLLIN, .data.fd = fds[i]};
    if (!loop->multi || epoll_ctl(loop->epoll, EPOLL_CTL_ADD, fds[i], &event) != 0)
      return -1;
  }
  set_timer(loop->clock, 10, 10);
  curl_multi_setopt(loop->multi, CURLMOPT_SOCKETFUNCTION, watch_socket);
  curl_multi_setopt(loop->multi, CURLMOPT_SOCKETDATA, loop);
  curl_multi_setopt(loop->multi, CURLMOPT_TIMERFUNCTION, watch_timer);
  curl_multi_setopt(loop->multi, CURLMOPT_TIMERDATA, loop);
  curl_multi_setopt(loop->multi, CURLMOPT_MAX_HOST_CONNECTIONS, AT_ONCE);
  return 0;
}

static void loop_close(Loop *loop)
{
  curl_multi_cleanup(loop->multi);
  const int fds[] = {loop->epoll, loop->timer, loop->clock, loop->ready_fd};
  for (int i = 0; i < 4; i++)
    if (fds[i] >= 0)
      close(fds[i]);
}

/* As many as there is memory for: what is missing is none that succeeded. */
static void fill(Loop *loop, long count, char **urls, long n_urls)
{
  Transfer *transfer;
  for (long i = 0; i < count && (transfer = transfer_new(urls[i % n_urls])); i++) {
    loop->unfinished++;
    queue_put(&loop->unprepared, transfer);
  }
}

int main(int argc, char **argv)
{
  Loop loop = {.unprepared = {.lock = PTHREAD_MUTEX_INITIALIZER, .more = PTHREAD_COND_INITIALIZER},
               .ready = {.lock = PTHREAD_MUTEX_INITIALIZER, .more = PTHREAD_COND_INITIALIZER}};
  const long count = argc > 2 ? strtol(argv[1], NULL, 10) : 0;
  pthread_t thread;
  if (count < 1) {
    fprintf(stderr, "usage: %s COUNT URL...\n", argv[0]);
    return 2;
  }
  if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
    return 1;
  if (loop_open(&loop) != 0 || pthread_create(&thread, NULL, prepare, &loop) != 0) {
    perror("many");
    loop_close(&loop);
    curl_global_cleanup();
    return 1;
  }
  fill(&loop, count, argv + 2, argc - 2);
  run(&loop);
  queue_close(&loop.unprepared);
  pthread_join(thread, NULL);
  loop_close(&loop);
  curl_global_cleanup();
  printf("%ld of %ld requests succeeded; the loop was held up for %lld ms at most\n", loop.good,
         count, (long long)loop.longest_pause);
  return loop.good != count;
}
