/* SPDX-License-Identifier: MIT */
#include "report.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

static bool fail(GError **error, const char *what, const char *path)
{
  int reason = errno;
  g_set_error(error, G_FILE_ERROR, g_file_error_from_errno(reason), "--report: %s%s: %s", what,
              path, g_strerror(reason));
  return false;
}

int report_open(const char *path, GError **error)
{
  int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOCTTY, 0666);
  if (fd < 0)
    fail(error, "cannot open ", path);
  return fd;
}

static struct json_object *report_json(Emulator *emulator, const Outcome *outcome)
{
  struct json_object *json = json_object_new_object();
  json_object_object_add(json, "version", json_object_new_int(1));
  json_object_object_add(json, "status",
                         outcome->run ? json_object_new_int(outcome->status) : NULL);
  json_object_object_add(json, "signal",
                         outcome->signal ? json_object_new_int(outcome->signal) : NULL);
  json_object_object_add(json, "isolated", json_object_new_boolean(outcome->isolated));
  json_object_object_add(json, "counters", counters_json(emulator->counters));
  json_object_object_add(json, "paths", tally_json(emulator->tally));
  json_object_object_add(json, "faults", faults_json(emulator->faults));
  return json;
}

static bool write_all(int fd, const char *text, size_t length)
{
  while (length > 0) {
    ssize_t written = write(fd, text, length);
    if (written < 0 && errno == EINTR)
      continue;
    if (written < 0)
      return false;
    text += written;
    length -= (size_t)written;
  }
  return true;
}

bool report_write(int fd, Emulator *emulator, const Outcome *outcome, GError **error)
{
  struct json_object *json = report_json(emulator, outcome);
  g_autofree char *text = g_strconcat(
      json_object_to_json_string_ext(json, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE),
      "\n", NULL);
  json_object_put(json);
  bool written = write_all(fd, text, strlen(text));
  if (!written)
    fail(error, "cannot be written", "");
  if (close(fd) == 0 || !written)
    return written;
  return fail(error, "cannot be written", "");
}
