/* SPDX-License-Identifier: MIT */
#include "sweep.h"

#include <errno.h>
#include <glib.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define PATIENCE_US (2 * G_USEC_PER_SEC)
/* A process that cannot even be killed (in an uninterruptible sleep) is not waited for. */
#define GIVE_UP_US  (10 * G_USEC_PER_SEC)

/* proc(5): "PID (NAME) STATE PPID ..", and the name may hold anything. */
static pid_t parent_of(const char *pid)
{
  g_autofree char *path = g_build_filename("/proc", pid, "stat", NULL);
  g_autofree char *text = NULL;
  if (!g_file_get_contents(path, &text, NULL, NULL))
    return 0;
  const char *name_end = strrchr(text, ')');
  return name_end && strlen(name_end) > 4 ? (pid_t)g_ascii_strtoll(name_end + 4, NULL, 10) : 0;
}

/* Of each process once, unless `again`. (/proc/PID/task/TID/children is not in every kernel.) */
static void signal_children(int signal, GHashTable *told)
{
  pid_t self = getpid();
  g_autoptr(GDir) processes = g_dir_open("/proc", 0, NULL);
  const char *name;
  while (processes && (name = g_dir_read_name(processes))) {
    guint64 pid = 0;
    if (!g_ascii_string_to_unsigned(name, 10, 1, G_MAXINT, &pid, NULL) || parent_of(name) != self)
      continue;
    if (signal == SIGKILL || g_hash_table_add(told, GINT_TO_POINTER((int)pid)))
      (void)kill((pid_t)pid, signal);
  }
}

/* Whether there are children still. */
static bool reap(void)
{
  pid_t pid;
  do
    pid = waitpid(-1, NULL, WNOHANG);
  while (pid > 0);
  return pid == 0 || errno != ECHILD;
}

void sweep_children(void)
{
  g_autoptr(GHashTable) told = g_hash_table_new(NULL, NULL);
  gint64 begun = g_get_monotonic_time();
  while (reap()) {
    gint64 waited = g_get_monotonic_time() - begun;
    if (waited > GIVE_UP_US)
      return;
    signal_children(waited < PATIENCE_US ? SIGTERM : SIGKILL, told);
    (void)poll(NULL, 0, 10);
  }
}
