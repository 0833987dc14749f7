/* SPDX-License-Identifier: MIT */
#include "harness.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <libgen.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "isolation.h"
#include "process.h"
#include "under-shim.h"

#define PATIENCE_MS 20000
#define SKIPPED     77 /* meson's word for it */

Emulator emulator;

/* ---- where things are ---- */

void harness_require_installation(void)
{
  if (access(harness_installed("bin/thred-emulator"), X_OK) == 0) {
    shim_enter_if_asked();
    return;
  }
  fprintf(stderr, "skipped: THRED_TEST_ROOT names no installation; run 'meson install' first\n");
  exit(SKIPPED);
}

const char *harness_installed(const char *name)
{
  static char path[PATH_MAX];
  const char *root = getenv("THRED_TEST_ROOT");
  snprintf(path, sizeof path, "%s/%s", root ? root : "", name);
  return path;
}

const char *harness_beside(const char *name)
{
  static char path[PATH_MAX];
  char self[PATH_MAX] = "";
  /* Not by /proc/self/exe: in a chroot that is a path of the outside. */
  assert_non_null(realpath(program_invocation_name, self));
  assert_true(snprintf(path, sizeof path, "%s/%s", dirname(self), name) < (int)sizeof path);
  return path;
}

/* ---- waiting ---- */

int64_t now_ms(void)
{
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

void wait_until(bool (*condition)(void *data), void *data)
{
  int64_t end = now_ms() + PATIENCE_MS;
  while (!condition(data)) {
    assert_true(now_ms() < end);
    poll(NULL, 0, 5);
  }
}

/* ---- one emulator ---- */

static unsigned read_port(const Emulator *one, const char *name)
{
  char path[128];
  unsigned port = 0;
  snprintf(path, sizeof path, "%s/%s", one->dir, name);
  FILE *file = fopen(path, "re");
  if (file) {
    if (fscanf(file, "%u", &port) != 1)
      port = 0;
    fclose(file);
  }
  return port;
}

static bool is_up(void *data)
{
  Emulator *one = data;
  assert_int_equal(waitpid(one->pid, NULL, WNOHANG), 0); /* it is still there */
  one->port = read_port(one, "port");
  one->http_port = read_port(one, "http-port");
  return one->port && one->http_port;
}

static void make_paths(Emulator *one)
{
  strcpy(one->dir, "/tmp/thred-test-XXXXXX");
  assert_non_null(mkdtemp(one->dir));
  snprintf(one->ca, sizeof one->ca, "%s/ca.pem", one->dir);
  snprintf(one->conf_dir, sizeof one->conf_dir, "%s/conf.d", one->dir);
  snprintf(one->credentials, sizeof one->credentials, "%s/credentials", one->dir);
}

void emulator_start(Emulator *one, const char *const *arguments)
{
  const char *argv[16] = {NULL, "--listen", "127.0.0.1:0", "--dir", one->dir};
  char *program = strdup(harness_installed("bin/thred-emulator"));
  *one = (Emulator){0};
  make_paths(one);
  argv[0] = program;
  for (size_t i = 5; arguments && *arguments && i < 15; i++)
    argv[i] = *arguments++;
  int quiet = open("/dev/null", O_WRONLY | O_CLOEXEC);
  one->pid = process_start(argv, quiet, -1);
  close(quiet);
  free(program);
  wait_until(is_up, one);
}

static int remove_entry(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
  (void)st, (void)type, (void)ftw;
  return remove(path);
}

void emulator_stop(Emulator *one)
{
  curl_easy_cleanup(one->control);
  one->control = NULL;
  if (one->pid > 0)
    process_stop(one->pid);
  one->pid = 0;
  if (one->dir[0])
    nftw(one->dir, remove_entry, 8, FTW_DEPTH | FTW_PHYS);
}

/* The time of change is part of what a cached token belongs to. One of our own: the kernel's clock
 * for files stands still for milliseconds. */
void emulator_forget_tokens(const Emulator *one)
{
  static long step;
  struct timespec times[2];
  clock_gettime(CLOCK_REALTIME, &times[0]);
  times[0].tv_nsec = times[0].tv_nsec / 100000 * 100000 + ++step % 100000;
  times[1] = times[0];
  assert_int_equal(utimensat(AT_FDCWD, one->credentials, times, 0), 0);
}

void emulator_configure(const Emulator *one, const char *name, const char *text)
{
  char path[256];
  snprintf(path, sizeof path, "%s/%s", one->conf_dir, name);
  int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  assert_true(fd >= 0);
  assert_int_equal(write(fd, text, strlen(text)), strlen(text));
  close(fd);
}

void emulator_unconfigure(const Emulator *one, const char *name)
{
  char path[256];
  snprintf(path, sizeof path, "%s/%s", one->conf_dir, name);
  assert_int_equal(unlink(path), 0);
}

/* ---- fixtures ---- */

static void clean_environment(void)
{
  static const char *const names[] = {
      "http_proxy",        "https_proxy",    "all_proxy",          "no_proxy",
      "HTTP_PROXY",        "HTTPS_PROXY",    "ALL_PROXY",          "NO_PROXY",
      "THRED_LOG",         "THRED_DISABLE",  "THRED_PARTNER_UUID", "THRED_API_KEY",
      "THRED_BUSINESS_ID", "THRED_CONF_DIR", "THRED_MODULE_DIR",   "SSL_CERT_FILE",
      "SSL_CERT_DIR",      "SSLKEYLOGFILE",  "LD_PRELOAD"};
  for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
    unsetenv(names[i]);
}

int harness_start(void **state)
{
  (void)state;
  isolate_cache();
  clean_environment();
  emulator_start(&emulator, NULL);
  return setenv("THRED_CONF_DIR", emulator.conf_dir, 1);
}

int harness_stop(void **state)
{
  (void)state;
  emulator_stop(&emulator);
  return 0;
}

int harness_fresh(void **state)
{
  (void)state;
  control(&emulator, "POST", "reset");
  emulator_forget_tokens(&emulator);
  return 0;
}
