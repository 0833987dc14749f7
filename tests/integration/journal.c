/* SPDX-License-Identifier: MIT */
#include "journal.h"

#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define PATH "/run/systemd/journal/socket"

bool journal_mount(void)
{
  return mount("none", "/run", "tmpfs", MS_NOSUID | MS_NODEV, "") == 0 &&
         mkdir("/run/systemd", 0755) == 0 && mkdir("/run/systemd/journal", 0755) == 0;
}

void journal_unmount(void)
{
  umount2("/run", MNT_DETACH);
}

int journal_bind_at(const char *path, int type)
{
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  snprintf(address.sun_path, sizeof address.sun_path, "%s", path);
  unlink(path);
  int fd = socket(AF_UNIX, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (fd >= 0 && bind(fd, (struct sockaddr *)&address, sizeof address) == 0)
    return fd;
  if (fd >= 0)
    close(fd);
  return -1;
}

int journal_bind(void)
{
  return journal_bind_at(PATH, SOCK_DGRAM);
}

/* systemd's JOURNAL_NATIVE_PROTOCOL: names of A to Z, 0 to 9 and _, not beginning with one, which
 * is for what journald adds itself. A line without '=' would begin a value with a length, which is
 * never needed here. */
static const char *parse(JournalEntry *entry)
{
  char *rest = entry->text, *line;
  entry->count = 0;
  if (memchr(entry->text, 0, entry->length) || entry->text[entry->length - 1] != '\n')
    return "it has a NUL, or does not end with its last line";
  while ((line = strsep(&rest, "\n")) && *line) {
    char *value = strchr(line, '=');
    const size_t length = strspn(line, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_");
    if (!value || length != (size_t)(value - line) || line[0] == '_' || length > 64)
      return "a line is no field";
    *value = 0;
    if (journal_field(entry, line) || entry->count == JOURNAL_FIELDS)
      return "a field twice, or too many";
    entry->fields[entry->count].name = line;
    entry->fields[entry->count++].value = value + 1;
  }
  return rest && *rest ? "an empty line" : NULL;
}

static bool receive(int socket, int flags, JournalEntry *entry)
{
  ssize_t length = recv(socket, entry->text, sizeof entry->text - 1, flags);
  if (length <= 0)
    return false;
  entry->text[length] = 0;
  entry->length = (size_t)length;
  return true;
}

bool journal_next(int socket, JournalEntry *entry, const char **mistake)
{
  if (!receive(socket, MSG_DONTWAIT, entry))
    return false;
  *mistake = parse(entry);
  return true;
}

/* ---- a reader ---- */

typedef struct Kept {
  struct Kept *next;
  JournalEntry entry;
} Kept;

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static Kept *first, **last = &first;
static int reading;

static void *read_all(void *data)
{
  (void)data;
  struct pollfd in = {.fd = reading, .events = POLLIN};
  while (poll(&in, 1, -1) > 0 && !(in.revents & POLLNVAL)) {
    Kept *kept = calloc(1, sizeof *kept);
    pthread_mutex_lock(&lock); /* or who looks meanwhile finds it nowhere */
    const bool got = kept && receive(reading, MSG_DONTWAIT, &kept->entry);
    if (got) {
      *last = kept;
      last = &kept->next;
    }
    pthread_mutex_unlock(&lock);
    if (!got)
      free(kept);
  }
  return NULL;
}

bool journal_start(int socket)
{
  pthread_t thread;
  reading = socket;
  return pthread_create(&thread, NULL, read_all, NULL) == 0 && pthread_detach(thread) == 0;
}

bool journal_take(JournalEntry *entry, const char **mistake)
{
  pthread_mutex_lock(&lock);
  Kept *kept = first;
  if (kept && !(first = kept->next))
    last = &first;
  const bool waiting = !kept && receive(reading, MSG_DONTWAIT, entry);
  pthread_mutex_unlock(&lock);
  if (kept) {
    memcpy(entry->text, kept->entry.text, kept->entry.length + 1);
    entry->length = kept->entry.length;
  }
  const bool got = kept || waiting;
  free(kept);
  if (got)
    *mistake = parse(entry);
  return got;
}

const char *journal_field(const JournalEntry *entry, const char *name)
{
  for (size_t i = 0; i < entry->count; i++)
    if (strcmp(entry->fields[i].name, name) == 0)
      return entry->fields[i].value;
  return NULL;
}
