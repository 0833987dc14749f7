/* SPDX-License-Identifier: MIT */
#include "isolate.h"

#include "listener.h"

#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <unistd.h>

bool trouble_set(Trouble *trouble, int error, const char *format, ...)
{
  va_list arguments;
  va_start(arguments, format);
  trouble->error = error;
  (void)g_vsnprintf(trouble->what, sizeof trouble->what, format, arguments);
  va_end(arguments);
  return false;
}

/* ---- namespaces ---- */

/* Each of these files takes one write, and that in one piece (user_namespaces(7)). */
static bool put(const char *path, const char *text, Trouble *trouble)
{
  int fd = open(path, O_WRONLY | O_CLOEXEC);
  bool written = fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text);
  int reason = errno;
  if (fd >= 0)
    close(fd);
  return written || trouble_set(trouble, reason, "writing %s", path);
}

static bool map_ids(uid_t user, gid_t group, Trouble *trouble)
{
  char users[64], groups[64];
  (void)g_snprintf(users, sizeof users, "%u %u 1", (unsigned)user, (unsigned)user);
  (void)g_snprintf(groups, sizeof groups, "%u %u 1", (unsigned)group, (unsigned)group);
  return put("/proc/self/uid_map", users, trouble) &&
         put("/proc/self/setgroups", "deny", trouble) && put("/proc/self/gid_map", groups, trouble);
}

/* netdevice(7): a new network namespace has lo alone, and that is down. */
static bool raise_loopback(Trouble *trouble)
{
  struct ifreq request = {.ifr_name = "lo", .ifr_flags = IFF_UP | IFF_RUNNING};
  int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  bool up = fd >= 0 && ioctl(fd, SIOCSIFFLAGS, &request) == 0;
  int reason = errno;
  if (fd >= 0)
    close(fd);
  return up || trouble_set(trouble, reason, "setting up the loopback interface");
}

bool isolate_enter(bool *user_namespace, Trouble *trouble)
{
  uid_t user = geteuid();
  gid_t group = getegid();
  *user_namespace = false;
  if (unshare(CLONE_NEWNS | CLONE_NEWNET) != 0) {
    if (unshare(CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWNET) != 0)
      return trouble_set(trouble, errno, "unshare");
    *user_namespace = true;
    if (!map_ids(user, group, trouble))
      return false;
  }
  /* What is mounted here must not show outside; what is mounted there may show here. */
  if (mount("none", "/", "none", MS_REC | MS_SLAVE, "") != 0)
    return trouble_set(trouble, errno, "making mounts private");
  return raise_loopback(trouble);
}

/* ---- sockets ---- */

bool isolate_listen(int *https, int *http, unsigned *families, Trouble *trouble)
{
  static const char *const addresses[] = {"127.0.0.1", "::1"};
  for (*families = 0; *families < G_N_ELEMENTS(addresses); (*families)++) {
    Listener on_443, on_80;
    bool opened = listener_open(&on_443, addresses[*families], 443, NULL);
    int reason = errno;
    bool both = opened && listener_open(&on_80, addresses[*families], 80, NULL);
    if (!both && opened)
      listener_clear(&on_443);
    if (!both)
      return *families > 0 || trouble_set(trouble, reason, "listening on 127.0.0.1 port 443");
    https[*families] = on_443.fd;
    http[*families] = on_80.fd;
    g_free(on_443.address);
    g_free(on_80.address);
  }
  return true;
}

/* ---- why not ---- */

static bool file_says(const char *path, const char *text)
{
  g_autofree char *found = NULL;
  return g_file_get_contents(path, &found, NULL, NULL) && strstr(found, text);
}

char *isolate_reason(int error)
{
  if (error == ENOSPC || error == EUSERS)
    return g_strdup("one of /proc/sys/user/max_user_namespaces, max_mnt_namespaces and "
                    "max_net_namespaces is reached, or 0");
  if (file_says("/proc/sys/kernel/unprivileged_userns_clone", "0"))
    return g_strdup("kernel.unprivileged_userns_clone is 0");
  if (file_says("/proc/sys/kernel/apparmor_restrict_unprivileged_userns", "1"))
    return g_strdup("kernel.apparmor_restrict_unprivileged_userns is 1");
  if (file_says("/proc/self/status", "Seccomp:\t2"))
    return g_strdup("a seccomp filter is in force, as Docker's");
  return NULL;
}
