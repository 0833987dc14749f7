/* SPDX-License-Identifier: MIT */
#include "script.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#define MAX_BYTES (1024 * 1024)

static bool perform(Emulator *emulator, char *const *words, GError **error)
{
  bool sets = g_str_equal(words[0], "set");
  if (!sets && !g_str_equal(words[0], "fault")) {
    g_set_error(error, CONTROL_ERROR, 0, "'%s' is neither 'set' nor 'fault'.", words[0]);
    return false;
  }
  g_autoptr(Params) params =
      params_of_words(words + 1, sets ? settings_parameters : fault_parameters, error);
  if (!params)
    return false;
  return sets ? settings_change(emulator->settings, params, error)
              : faults_define(emulator->faults, params, error) != 0;
}

static bool is_blank(const char *line)
{
  line += strspn(line, " \t\r");
  return *line == '\0' || *line == '#';
}

static bool read_line(Emulator *emulator, const char *line, GError **error)
{
  g_auto(GStrv) words = NULL;
  return is_blank(line) ||
         (g_shell_parse_argv(line, NULL, &words, error) && perform(emulator, words, error));
}

/* Nothing that has no end, or waits for somebody to write. */
static bool is_file(const char *path, GError **error)
{
  struct stat st;
  if (stat(path, &st) == 0 && (!S_ISREG(st.st_mode) || st.st_size > MAX_BYTES)) {
    g_set_error(error, CONTROL_ERROR, 0, "%s is not a file of at most 1 MiB", path);
    return false;
  }
  return true;
}

bool script_read(Emulator *emulator, const char *path, GError **error)
{
  g_autofree char *text = NULL;
  gsize length = 0;
  if (!is_file(path, error) || !g_file_get_contents(path, &text, &length, error)) {
    g_prefix_error(error, "--faults: ");
    return false;
  }
  /* What GLib takes for text; a NUL would hide the rest of its line. */
  if (!g_utf8_validate(text, (gssize)length, NULL)) {
    g_set_error(error, CONTROL_ERROR, 0, "--faults: %s is not text in UTF-8", path);
    return false;
  }
  g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
  for (guint i = 0; lines[i]; i++) {
    if (!read_line(emulator, lines[i], error)) {
      g_prefix_error(error, "%s:%u: ", path, i + 1);
      return false;
    }
  }
  return true;
}
