/* SPDX-License-Identifier: MIT */
#include "inside.h"

#include "config.h"
#include "trust.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <glib/gstdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <unistd.h>

static bool write_file(const char *path, const char *text, Trouble *trouble)
{
  g_autoptr(GError) error = NULL;
  if (g_file_set_contents_full(path, text, -1, G_FILE_SET_CONTENTS_NONE, 0644, &error))
    return true;
  return trouble_set(trouble, 0, "%s", error->message);
}

/* `name` of the emulator's directory over `place`. */
static bool cover(const Inside *inside, const char *name, const char *place, Trouble *trouble)
{
  g_autofree char *path = g_build_filename(inside->dir, name, NULL);
  return mount(path, place, "none", MS_BIND, "") == 0 ||
         trouble_set(trouble, errno, "mounting over %s", place);
}

static bool cover_with_memory(const char *place, const char *options, Trouble *trouble)
{
  return mount("thred-emulator", place, "tmpfs", MS_NOSUID | MS_NODEV, options) == 0 ||
         trouble_set(trouble, errno, "mounting a tmpfs over %s", place);
}

/* ---- names ---- */

/* hosts(5) knows no wildcard, and an address is no name. */
static bool is_plain_name(const char *name)
{
  unsigned char address[sizeof(struct in6_addr)];
  return name[0] != '*' && strcmp(name, "localhost") != 0 &&
         inet_pton(AF_INET, name, address) != 1 && inet_pton(AF_INET6, name, address) != 1;
}

/* A line of the system's own about one of these names would be another answer to it. */
static bool names_one_of(const char *line, char *const *names)
{
  g_auto(GStrv) words = g_strsplit_set(line, " \t\r", -1);
  for (char **word = words; *word && **word != '#'; word++)
    for (char *const *name = names; *name; name++)
      if (is_plain_name(*name) && g_ascii_strcasecmp(*word, *name) == 0)
        return true;
  return false;
}

static bool write_hosts(const Inside *inside, Trouble *trouble)
{
  g_autofree char *path = g_build_filename(inside->dir, "hosts", NULL);
  g_autofree char *system = NULL;
  g_autoptr(GString) text = g_string_new(NULL);
  for (char *const *name = inside->names; *name; name++) {
    if (!is_plain_name(*name))
      continue;
    g_string_append_printf(text, "127.0.0.1 %s\n", *name);
    if (inside->families > 1)
      g_string_append_printf(text, "::1 %s\n", *name);
  }
  (void)g_file_get_contents("/etc/hosts", &system, NULL, NULL);
  g_auto(GStrv) lines = g_strsplit(system ? system : "", "\n", -1);
  for (char **line = lines; *line; line++)
    if (**line && !names_one_of(*line, inside->names))
      g_string_append_printf(text, "%s\n", *line);
  return write_file(path, text->str, trouble);
}

/*
 * nsswitch.conf(5). A resolver that answers over a socket in the file system (nss-resolve's,
 * sssd's) stands outside of the namespace, and would answer with the real addresses.
 */
static bool write_nsswitch(const Inside *inside, Trouble *trouble)
{
  g_autofree char *path = g_build_filename(inside->dir, "nsswitch.conf", NULL);
  g_autofree char *system = NULL;
  g_autoptr(GString) text = g_string_new("hosts: files\n");
  (void)g_file_get_contents("/etc/nsswitch.conf", &system, NULL, NULL);
  g_auto(GStrv) lines = g_strsplit(system ? system : "", "\n", -1);
  for (char **line = lines; *line; line++)
    if (!g_str_has_prefix(*line + strspn(*line, " \t"), "hosts:"))
      g_string_append_printf(text, "%s\n", *line);
  return write_file(path, text->str, trouble);
}

static bool furnish_names(const Inside *inside, Trouble *trouble)
{
  /* nscd(8) is asked before nsswitch.conf is read, and stands outside, too. */
  return write_hosts(inside, trouble) && cover(inside, "hosts", "/etc/hosts", trouble) &&
         (g_access("/etc/nsswitch.conf", F_OK) != 0 ||
          (write_nsswitch(inside, trouble) &&
           cover(inside, "nsswitch.conf", "/etc/nsswitch.conf", trouble))) &&
         (g_access("/run/nscd", F_OK) != 0 || cover_with_memory("/run/nscd", "mode=0755", trouble));
}

/* ---- certificates ---- */

static bool furnish_trust(const Inside *inside, Trouble *trouble)
{
  g_autofree char *directory = trust_system_directory();
  if (directory && !cover(inside, TRUST_DIRECTORY, directory, trouble))
    return false;
  for (unsigned i = 0; trust_bundles[i]; i++)
    if (g_access(trust_bundles[i], F_OK) == 0 &&
        !trust_is_in_directory(directory, trust_bundles[i]) &&
        !cover(inside, TRUST_BUNDLE, trust_bundles[i], trouble))
      return false;
  return true;
}

/* ---- thred-auth's own files ---- */

static bool copy_file(const char *from, const char *to, Trouble *trouble)
{
  g_autofree char *text = NULL;
  gsize length = 0;
  g_autoptr(GError) error = NULL;
  if (g_file_get_contents(from, &text, &length, &error) &&
      g_file_set_contents_full(to, text, (gssize)length, G_FILE_SET_CONTENTS_NONE, 0644, &error))
    return true;
  return trouble_set(trouble, 0, "%s", error->message);
}

/* Nothing lies deeper in these directories. */
static bool copy_directory(const char *from, const char *to, Trouble *trouble)
{
  g_autoptr(GDir) entries = g_dir_open(from, 0, NULL);
  const char *name;
  bool copied = g_mkdir(to, 0755) == 0 || trouble_set(trouble, errno, "making %s", to);
  while (copied && entries && (name = g_dir_read_name(entries))) {
    g_autofree char *source = g_build_filename(from, name, NULL);
    g_autofree char *target = g_build_filename(to, name, NULL);
    copied = !g_file_test(source, G_FILE_TEST_IS_REGULAR) || copy_file(source, target, trouble);
  }
  return copied;
}

/*
 * thred-auth takes configuration and modules from root and the user alone. Where root is not in the
 * user namespace, root's files belong to "nobody" (user_namespaces(7)), who might be anyone. So the
 * command gets copies of the user's own; in memory, for modules cannot be loaded from a directory
 * that is mounted noexec, as /tmp may be.
 */
static bool furnish_own_files(const Inside *inside, Trouble *trouble)
{
  static const char *const places[][2] = {{"conf.d", THRED_SHIPPED_CONF_DIR},
                                          {"credentials", THRED_MODULE_DIR}};
  g_autofree char *copies = g_build_filename(inside->dir, "own", NULL);
  if (!inside->foreign_root)
    return true;
  if (g_mkdir(copies, 0755) != 0 && errno != EEXIST)
    return trouble_set(trouble, errno, "making %s", copies);
  if (!cover_with_memory(copies, "mode=0755", trouble))
    return false;
  for (unsigned i = 0; i < G_N_ELEMENTS(places); i++) {
    g_autofree char *name = g_build_filename("own", places[i][0], NULL);
    g_autofree char *copy = g_build_filename(copies, places[i][0], NULL);
    /* The emulator may be there without the library. */
    if (g_access(places[i][1], F_OK) == 0 && !(copy_directory(places[i][1], copy, trouble) &&
                                               cover(inside, name, places[i][1], trouble)))
      return false;
  }
  /* They stay where they are mounted; here they would be in the way of who removes `dir`. */
  return umount2(copies, MNT_DETACH) == 0 || trouble_set(trouble, errno, "detaching %s", copies);
}

/* ---- shared memory ---- */

/* A descriptor of `path` if it lies below `place`, which will be covered; else -1. */
static int hold_below(const char *path, const char *place)
{
  size_t length = strlen(place);
  bool is_below = path && strncmp(path, place, length) == 0 && path[length] == '/';
  return is_below ? open(path, O_PATH | O_DIRECTORY | O_CLOEXEC) : -1;
}

/* Puts what `fd` holds where it was. */
static bool show_again(int fd, const char *path, Trouble *trouble)
{
  g_autofree char *held = g_strdup_printf("/proc/self/fd/%d", fd);
  if (fd < 0)
    return true;
  bool shown = (g_mkdir_with_parents(path, 0755) == 0 &&
                mount(held, path, "none", MS_BIND | MS_REC, "") == 0) ||
               trouble_set(trouble, errno, "mounting %s again", path);
  close(fd);
  return shown;
}

/* Without the tokens of other runs. The emulator's directory may lie there (TMPDIR), and what the
 * command works in: these it keeps. */
static bool furnish_memory(const Inside *inside, Trouble *trouble)
{
  char *place = realpath("/dev/shm", NULL), *working = getcwd(NULL, 0);
  bool done = true;
  if (place) {
    int dir = hold_below(inside->dir, place), work = hold_below(working, place);
    bool moved = work >= 0;
    done = cover_with_memory(place, "mode=1777", trouble) && show_again(work, working, trouble) &&
           show_again(dir, inside->dir, trouble) &&
           (!moved || chdir(working) == 0 || trouble_set(trouble, errno, "entering %s", working));
  }
  free(place);
  free(working);
  return done;
}

bool inside_furnish(const Inside *inside, Trouble *trouble)
{
  return furnish_names(inside, trouble) && furnish_trust(inside, trouble) &&
         furnish_own_files(inside, trouble) && furnish_memory(inside, trouble);
}
