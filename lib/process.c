/* SPDX-License-Identifier: MIT */
#include "lib/process.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/stat.h>
#include <unistd.h>

#include "config.h"
#include "lib/clock.h"
#include "lib/secure.h"

bool process_at_secure(void)
{
  return getauxval(AT_SECURE) != 0;
}

const char *process_env(const char *name)
{
  const char *value = process_at_secure() ? NULL : getenv(name);
  return value && *value ? value : NULL;
}

#define DISABLE  "THRED_DISABLE"
#define BUSINESS "THRED_BUSINESS_ID"

static bool says_disabled(const char *value)
{
  return value && strcmp(value, "1") == 0;
}

bool process_disabled(void)
{
  return says_disabled(process_env(DISABLE));
}

/* ---- variables that are wanted often ---- */

#define LOOK_EVERY_MS 1000

/* A name is found by reading all strings before it: each is in another place. */
static uint64_t mark_of_environment(void)
{
  uint64_t mark = 1;
  for (char **entry = environ; entry && *entry; entry++)
    mark = (mark << 7 | mark >> 57) + (uintptr_t)*entry;
  return mark | 1;
}

/* The same string may be in the environment, and say something else by now. */
static bool is_still(const char *value, const char *name)
{
  const size_t length = strlen(name);
  return !value || (strncmp(value - length - 1, name, length) == 0 && value[-1] == '=');
}

void process_look(ProcessVariables *variables)
{
  const uint64_t mark = mark_of_environment();
  const int64_t now = clock_coarse_ms();
  if (variables->mark == mark && now - variables->looked_ms < LOOK_EVERY_MS &&
      is_still(variables->disable, DISABLE) && is_still(variables->business, BUSINESS))
    return;
  const bool counts = !process_at_secure();
  *variables = (ProcessVariables){.mark = mark,
                                  .looked_ms = now,
                                  .disable = counts ? getenv(DISABLE) : NULL,
                                  .business = counts ? getenv(BUSINESS) : NULL};
}

bool process_says_disabled(const ProcessVariables *variables)
{
  return says_disabled(variables->disable);
}

const char *process_says_business(const ProcessVariables *variables)
{
  const char *value = variables->business;
  return value && *value ? value : NULL;
}

/* ---- paths ---- */

static char *joined(const char *a, const char *b)
{
  char *text = NULL;
  return asprintf(&text, "%s%s", a, b) < 0 ? NULL : text;
}

/* $XDG_CONFIG_HOME/thred/conf.d or ~/.config/thred/conf.d. A relative XDG_CONFIG_HOME is to be
 * ignored (XDG Base Directory Specification). HOME rather than the passwd entry: NSS is foreign
 * code that a library should not run in a stranger's process. */
static char *user_directory(void)
{
  if (geteuid() == 0 || process_at_secure())
    return NULL;
  const char *config = process_env("XDG_CONFIG_HOME"), *home = process_env("HOME");
  if (config && config[0] == '/')
    return joined(config, "/thred/conf.d");
  return home && home[0] == '/' ? joined(home, "/.config/thred/conf.d") : NULL;
}

/* THRED_MODULE_DIR, if it is root's or ours and nobody else can write to it. */
static const char *module_directory_override(void)
{
  const char *directory = process_env("THRED_MODULE_DIR");
  struct stat st;
  char why[256];
  if (!directory || directory[0] != '/')
    return NULL;
  int fd = secure_open(directory, SECURE_DIRECTORY, &st, why, sizeof why);
  if (fd < 0)
    return NULL;
  close(fd);
  return directory;
}

bool process_paths(ProcessPaths *paths)
{
  const char *conf_dir = process_env("THRED_CONF_DIR");
  const char *module_dir = module_directory_override();
  memset(paths, 0, sizeof *paths);
  paths->admin = strdup(conf_dir ? conf_dir : THRED_ADMIN_CONF_DIR);
  paths->user = conf_dir ? NULL : user_directory();
  paths->modules = strdup(module_dir ? module_dir : THRED_MODULE_DIR);
  /* The miss part lies beside the modules' directory, in the build tree as when installed. */
  paths->fetch_object =
      module_dir ? joined(module_dir, "/../libthred-fetch.so") : strdup(THRED_FETCH_OBJECT);
  paths->origin = (SnapshotOrigin){
      .shipped = THRED_SHIPPED_CONF_DIR,
      .admin = paths->admin,
      .user = paths->user,
      .modules = paths->modules,
      .uid = (uint32_t)geteuid(),
      .at_secure = process_at_secure(),
  };
  return paths->admin && paths->modules && paths->fetch_object;
}

void process_paths_clear(ProcessPaths *paths)
{
  free(paths->admin);
  free(paths->user);
  free(paths->modules);
  free(paths->fetch_object);
  memset(paths, 0, sizeof *paths);
}

/* ---- locks ---- */

static atomic_uint forks;

unsigned process_forks(void)
{
  return atomic_load_explicit(&forks, memory_order_relaxed);
}

static _Atomic(ProcessLock *) taken_locks;

/* In the child only this thread lives; whoever held a lock is gone. Runs async-signal-safe code. */
static void after_fork_in_child(void)
{
  atomic_fetch_add(&forks, 1);
  for (ProcessLock *lock = atomic_load(&taken_locks); lock; lock = lock->next)
    lock->mutex = (pthread_mutex_t)PTHREAD_MUTEX_INITIALIZER;
}

/* A constructor, not a first use: two threads cannot race for it, and a library that is never used
 * pays 20 ns. Like everything here it is never unregistered (-z nodelete). */
__attribute__((constructor)) static void register_fork_handler(void)
{
  pthread_atfork(NULL, NULL, after_fork_in_child);
}

void process_lock(ProcessLock *lock)
{
  /* Listed before it is taken for the first time, or a fork in between would leave it taken. */
  if (!atomic_load_explicit(&lock->registered, memory_order_relaxed) &&
      !atomic_exchange(&lock->registered, 1)) {
    lock->next = atomic_load(&taken_locks);
    while (!atomic_compare_exchange_weak(&taken_locks, &lock->next, lock))
      ;
  }
  pthread_mutex_lock(&lock->mutex);
}

void process_unlock(ProcessLock *lock)
{
  pthread_mutex_unlock(&lock->mutex);
}
