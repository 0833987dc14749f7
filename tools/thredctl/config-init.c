/* SPDX-License-Identifier: MIT */
#include "tools/thredctl/config-init.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "config.h"
#include "lib/secure.h"
#include "tools/thredctl/command.h"
#include "tools/thredctl/config-template.h"
#include "tools/thredctl/output.h"

typedef struct {
  const char *name; /* in the directory */
  const char *text;
  mode_t mode;
} Part;

static const Part parts[] = {
    /* Not called .conf: conf.d does not read it. First, so that no configuration is there alone. */
    {"credentials.template", config_template_credentials, 0600},
    {"50-thred.conf", config_template, 0644},
};

static int failed(const char *directory, const char *name, int error)
{
  g_autofree char *shown = command_printable(directory);
  if (error == EEXIST)
    return command_error(EXIT_FAILED,
                         "config: %s/%s is there already and is left as it is; nothing was "
                         "written. Give another DIR, or move it away",
                         shown, name);
  return command_error(EXIT_FAILED, "config: cannot write %s/%s: %s", shown, name, strerror(error));
}

/* What the rule of conf.d refuses later, is refused here. The directory's descriptor, or -1. */
static int open_directory(const char *directory)
{
  struct stat st;
  char why[1024];
  g_autofree char *shown = command_printable(directory);
  bool made = mkdir(directory, 0755) == 0;
  if (!made && errno != EEXIST) {
    command_error(EXIT_FAILED, "config: cannot make %s: %s", shown, strerror(errno));
    return -1;
  }
  int fd = secure_open(directory, SECURE_DIRECTORY, &st, why, sizeof why);
  if (fd < 0) {
    g_autofree char *reason = command_printable(why);
    command_error(EXIT_FAILED, "config: %s", reason);
  } else if (made) {
    fchmod(fd, 0755); /* whatever the umask: programs of other users read it */
  }
  return fd;
}

/* All of a part, under a name that is this process's own: nobody sees half a file. 0, or an errno.
 */
static int write_part(int directory, const Part *part, const char *temporary)
{
  int fd = openat(directory, temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
  if (fd < 0)
    return errno;
  const char *at = part->text;
  int error = fchmod(fd, part->mode) == 0 ? 0 : errno;
  while (!error && *at) {
    ssize_t written = write(fd, at, strlen(at));
    if (written < 0 && errno != EINTR)
      error = errno;
    at += written > 0 ? written : 0;
  }
  if (!error && fsync(fd) != 0)
    error = errno;
  if (close(fd) != 0 && !error)
    error = errno;
  return error;
}

/* Whole, and never over anything: link(2) fails with EEXIST, where rename(2) would not. All parts
 * or none. */
static int put_in_place(int fd, const char *directory)
{
  int error = 0;
  guint done = 0;
  for (; done < G_N_ELEMENTS(parts); done++) {
    const char *name = parts[done].name;
    g_autofree char *temporary = g_strdup_printf(".%s.%ld", name, (long)getpid());
    unlinkat(fd, temporary, 0); /* left by a process with this number, which was killed */
    error = write_part(fd, &parts[done], temporary);
    if (!error && linkat(fd, temporary, fd, name, 0) != 0)
      error = errno;
    unlinkat(fd, temporary, 0);
    if (error)
      break;
  }
  if (!error)
    return EXIT_DONE;
  for (guint i = 0; i < done; i++)
    unlinkat(fd, parts[i].name, 0);
  return failed(directory, parts[done].name, error);
}

static bool is_read_from(const char *directory)
{
  g_autofree char *path = realpath(directory, NULL);
  g_autofree char *admin = realpath(THRED_ADMIN_CONF_DIR, NULL);
  return g_strcmp0(path, admin) == 0;
}

static int tell(const char *directory)
{
  g_autoptr(GString) text = g_string_new(NULL);
  g_autofree char *absolute = g_canonicalize_filename(directory, NULL);
  g_autofree char *template = g_build_filename(absolute, parts[0].name, NULL);
  g_autofree char *from = command_quoted(template), *quoted = command_quoted(absolute);
  for (guint i = 0; i < G_N_ELEMENTS(parts); i++)
    output_line(text, "written", STYLE_GOOD, "%s/%s (mode %04o)", absolute, parts[i].name,
                (unsigned)parts[i].mode);
  output_line(text, "next", STYLE_PLAIN, "install -D -m 600 %s %s", from,
              THRED_DEFAULT_CREDENTIALS);
  output_line(text, "", STYLE_PLAIN, "put the partner UUID and the API key into it");
  if (!is_read_from(directory))
    output_line(text, "", STYLE_PLAIN, "export THRED_CONF_DIR=%s, or move %s to %s", quoted,
                parts[1].name, THRED_ADMIN_CONF_DIR);
  output_line(text, "", STYLE_PLAIN, "thredctl check");
  return command_output(text->str, text->len)
             ? EXIT_DONE
             : command_error(EXIT_FAILED, "config: cannot write to standard output");
}

int config_init(const char *directory)
{
  int fd = open_directory(directory);
  if (fd < 0)
    return EXIT_FAILED;
  int status = put_in_place(fd, directory);
  close(fd);
  return status == EXIT_DONE ? tell(directory) : status;
}
