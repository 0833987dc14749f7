/* SPDX-License-Identifier: MIT */
#include "tools/thredctl/status-report.h"

#include <errno.h>
#include <linux/magic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <thred/thred.h>
#include <unistd.h>

#include "lib/bearer.h"
#include "lib/clock.h"

/* ---- the segments ---- */

static void take_others(Report *report)
{
  report->others = g_ptr_array_new_with_free_func(g_free);
  g_autoptr(GDir) directory = g_dir_open(CACHE_DIRECTORY, 0, NULL);
  const char *name;
  while (directory && (name = g_dir_read_name(directory))) {
    struct stat st;
    g_autofree char *path = g_strconcat(CACHE_DIRECTORY "/", name, NULL);
    if (g_str_has_prefix(name, "thred-auth-v") && strcmp(path, report->segment[0].path) != 0 &&
        strcmp(path, report->segment[1].path) != 0 && !lstat(path, &st) && S_ISREG(st.st_mode) &&
        st.st_uid == geteuid())
      g_ptr_array_add(report->others, g_steal_pointer(&path));
  }
}

void report_take(Report *report)
{
  cache_status_read(CACHE_SEALED, &report->segment[0]);
  cache_status_read(CACHE_UNSEALED, &report->segment[1]);
  take_others(report);
}

void report_clear(Report *report)
{
  for (size_t i = 0; i < REPORT_SEGMENTS; i++)
    cache_status_clear(&report->segment[i]);
  g_clear_pointer(&report->others, g_ptr_array_unref);
}

bool report_is_there(const CacheStatus *segment)
{
  return segment->state != CACHE_SEGMENT_NONE;
}

bool report_is_read(const CacheStatus *segment)
{
  return segment->state == CACHE_SEGMENT_GOOD || segment->state == CACHE_SEGMENT_RETIRED;
}

const char *report_why_none(const Report *report)
{
  struct statfs fs;
  if (report_is_there(&report->segment[0]) || report_is_there(&report->segment[1]))
    return NULL;
  if (!report->segment[0].path[0])
    return "/proc does not tell which namespaces this is: each program keeps its tokens to itself";
  if (statfs(CACHE_DIRECTORY, &fs))
    return "there is no " CACHE_DIRECTORY ": each program keeps its tokens to itself";
  if (fs.f_type != TMPFS_MAGIC)
    return CACHE_DIRECTORY " is not a tmpfs: each program keeps its tokens to itself";
  return "no program of this user has needed a token yet";
}

/* ---- what is wrong ---- */

#define NEW_ONE "the next program that needs a token makes another"

static char *problem_of_file(const CacheStatus *segment, const char **change)
{
  *change = NULL;
  switch (segment->state) {
  case CACHE_SEGMENT_RETIRED:
    return g_strdup("it was given up: " NEW_ONE);
  case CACHE_SEGMENT_SPOILED:
    return g_strdup("it is no whole segment of this version: " NEW_ONE);
  case CACHE_SEGMENT_FOREIGN:
    *change = "find out who made it, and remove it";
    return g_strdup_printf("it is not a regular file of this user with mode 0600 in a tmpfs (owner "
                           "%u, mode %04o, %u links): each program keeps its tokens to itself",
                           (unsigned)segment->file.st_uid,
                           (unsigned)(segment->file.st_mode & 07777),
                           (unsigned)segment->file.st_nlink);
  case CACHE_SEGMENT_UNREAD:
    return g_strdup_printf("it cannot be read: %s", g_strerror(segment->error));
  default:
    return NULL;
  }
}

char *report_problem(const CacheStatus *segment, const char **change)
{
  char *problem = problem_of_file(segment, change);
  if (problem || segment->state != CACHE_SEGMENT_GOOD)
    return problem;
  if (segment->key_error == ENOKEY)
    return g_strdup("its key is gone from the kernel's keyring (it lives for two hours after the "
                    "last use): " NEW_ONE);
  if (segment->key_error)
    return g_strdup_printf("whether its key is in the kernel's keyring is not to be learned: %s",
                           g_strerror(segment->key_error));
  if (segment->lock_failures)
    return g_strdup_printf("its lock was waited for in vain %u times since it was last had: a "
                           "program is stopped or slow; it is given up if that lasts",
                           segment->lock_failures);
  return NULL;
}

const char *report_failure_word(const CacheStatusEntry *entry)
{
  switch (bearer_failure((int)entry->failure)) {
  case THRED_E_REFUSED:
    return "refused";
  case THRED_E_BUSINESS_NOT_FOUND:
    return "business-not-found";
  case THRED_E_TOO_LARGE:
    return "too-large";
  default:
    return "server";
  }
}

const char *report_failure_sentence(const CacheStatusEntry *entry)
{
  return thred_strerror(bearer_failure((int)entry->failure));
}

/* ---- who holds a lease ---- */

/* Since the boot, in milliseconds: proc_pid_stat(5), field 22. Its second field, in parentheses,
 * may contain any. */
static int64_t started_ms(uint32_t pid)
{
  g_autofree char *path = g_strdup_printf("/proc/%u/stat", pid), *text = NULL;
  if (!g_file_get_contents(path, &text, NULL, NULL))
    return INT64_MAX;
  const char *rest = strrchr(text, ')');
  g_auto(GStrv) fields = rest ? g_strsplit(rest, " ", 22) : NULL;
  if (!fields || g_strv_length(fields) < 22)
    return INT64_MAX;
  return g_ascii_strtoll(fields[20], NULL, 10) * (1000 / sysconf(_SC_CLK_TCK));
}

/* Who has the number now may be another process: one of another user, or younger than the lease. */
char *report_lease_program(const CacheStatusEntry *entry)
{
  struct stat st;
  g_autofree char *directory = g_strdup_printf("/proc/%u", entry->lease_pid);
  g_autofree char *path = g_strconcat(directory, "/comm", NULL), *name = NULL;
  if (!entry->lease_pid || entry->lease_owner == CACHE_OWNER_DIED || entry->leased_ms < 0 ||
      stat(directory, &st) || st.st_uid != geteuid() ||
      started_ms(entry->lease_pid) > clock_boot_ms() - entry->leased_ms ||
      !g_file_get_contents(path, &name, NULL, NULL))
    return NULL;
  name[strcspn(name, "\n")] = 0;
  return g_strescape(name, NULL);
}
