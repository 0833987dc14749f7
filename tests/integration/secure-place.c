/* SPDX-License-Identifier: MIT */
#include "secure-place.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "harness.h"

char place_dir[64];
static char system_dir[4096];
static const char *lacks[MANNERS];

static const unsigned user = 51234, group = 51235;

/* ---- files ---- */

static void make_folders(char *path, bool of_user)
{
  for (char *slash = strchr(path + strlen(place_dir) + 1, '/'); slash;
       slash = strchr(slash + 1, '/')) {
    *slash = '\0';
    if (mkdir(path, 0755) == 0 && of_user)
      assert_int_equal(chown(path, user, user), 0);
    *slash = '/';
  }
}

static void write_file(const char *path, const char *text, unsigned mode)
{
  unlink(path);
  int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  assert_true(fd >= 0);
  assert_int_equal(write(fd, text, strlen(text)), strlen(text));
  assert_int_equal(fchmod(fd, mode), 0);
  close(fd);
}

void place_write(const char *name, const char *text, bool of_user, unsigned mode)
{
  char path[512];
  snprintf(path, sizeof path, "%s/%s", place_dir, name);
  make_folders(path, of_user);
  write_file(path, text, mode);
  assert_int_equal(chown(path, of_user ? user : 0, of_user ? user : group), 0);
}

void place_configure(const char *text)
{
  char path[sizeof system_dir + 32];
  snprintf(path, sizeof path, "%s/60-case.conf", system_dir);
  unlink(path);
  if (text)
    write_file(path, text, 0644);
}

static void copy_file(const char *from, const char *name, unsigned mode)
{
  Outcome outcome;
  char to[512], bits[8];
  snprintf(to, sizeof to, "%s/%s", place_dir, name);
  snprintf(bits, sizeof bits, "%o", mode);
  const char *const argv[] = {"install", "-m", bits, from, to, NULL};
  process_run(argv, NULL, &outcome);
  assert_string_equal(outcome.err, "");
}

void place_credentials(char uuid[128], char key[512])
{
  FILE *file = fopen(emulator.credentials, "re");
  assert_non_null(file);
  assert_int_equal(fscanf(file, "THRED_PARTNER_UUID=%127s THRED_API_KEY=%511s", uuid, key), 2);
  fclose(file);
}

/* ---- programs ---- */

static const char *const manners[] = {
    [PLAIN] = "plain", [SETGID] = "setgid", [CAPABLE] = "capable"};

void place_copy(const char *program, Manner manner, char path[128])
{
  Outcome outcome;
  char from[4096], name[64];
  const char *const capabilities[] = {"setcap", "cap_net_bind_service+ep", path, NULL};
  snprintf(from, sizeof from, "%s", harness_beside(program));
  snprintf(name, sizeof name, "%s-%s", program, manners[manner]);
  snprintf(path, 128, "%s/%s", place_dir, name);
  copy_file(from, name, 0755);
  if (manner == SETGID) {
    assert_int_equal(chown(path, 0, group), 0);
    assert_int_equal(chmod(path, 02755), 0);
  } else if (manner == CAPABLE) {
    process_run(capabilities, NULL, &outcome);
    if (outcome.status)
      lacks[CAPABLE] = "setcap does not work here";
  }
}

static void empty_shm(void)
{
  struct dirent *entry;
  DIR *dir = opendir("/dev/shm");
  assert_non_null(dir);
  while ((entry = readdir(dir)))
    if (entry->d_name[0] != '.')
      unlinkat(dirfd(dir), entry->d_name, 0);
  closedir(dir);
}

unsigned place_segments(void)
{
  unsigned count = 0;
  struct dirent *entry;
  DIR *dir = opendir("/dev/shm");
  assert_non_null(dir);
  while ((entry = readdir(dir)))
    count += entry->d_name[0] != '.';
  closedir(dir);
  return count;
}

void place_run(Manner manner, bool cold, const char *const *arguments,
               const char *const *environment, Outcome *outcome)
{
  char path[128], port[16], ca[128];
  const char *argv[16] = {
      "setpriv", "--reuid=" PLACE_USER, "--regid=" PLACE_USER, "--groups=" PLACE_GROUP, "--", path};
  snprintf(path, sizeof path, "%s/%s-%s", place_dir, "probe-secure", manners[manner]);
  snprintf(port, sizeof port, "%u", emulator.port);
  setenv("PROBE_PORT", port, 1);
  snprintf(ca, sizeof ca, "%s/ca.pem", place_dir);
  setenv("PROBE_CA", ca, 1);
  for (size_t i = 0; arguments[i]; i++)
    argv[6 + i] = arguments[i];
  if (cold)
    empty_shm();
  process_run(argv, environment, outcome);
}

const char *place_lacks(Manner manner)
{
  return lacks[manner];
}

/* ---- the machine ---- */

static void write_system_configuration(void)
{
  char text[1024], path[sizeof system_dir + 32], uuid[128], key[512];
  snprintf(text, sizeof text,
           "[thred]\nenvironment = sandbox\n"
           "[environment sandbox]\ncredentials = env file\nbusiness = " FIRST "\n"
           "ca-file = %s/ca.pem\nconnect-to = ::127.0.0.1:%u\n"
           "[credentials file]\npath = %s/credentials\n",
           place_dir, emulator.port, place_dir);
  snprintf(path, sizeof path, "%s/50-system.conf", system_dir);
  write_file(path, text, 0644);
  place_credentials(uuid, key);
  snprintf(text, sizeof text, "THRED_PARTNER_UUID=%s\nTHRED_API_KEY=%s\n", uuid, key);
  place_write("credentials", text, false, 0640);
}

/* The installation may lie where no other user gets to. */
static bool user_can_reach(const char *path)
{
  Outcome outcome;
  const char *const argv[] = {"setpriv",
                              "--reuid=" PLACE_USER,
                              "--regid=" PLACE_USER,
                              "--clear-groups",
                              "--",
                              "test",
                              "-r",
                              path,
                              NULL};
  process_run(argv, NULL, &outcome);
  return outcome.status == 0;
}

static bool mount_over(const char *path)
{
  return mount("none", path, "tmpfs", MS_NODEV, "mode=0755") == 0;
}

const char *place_make(void)
{
  char parent[4096];
  if (geteuid() != 0)
    return "only root can make a setgid program of another group's";
  if (!process_has("setpriv") || !user_can_reach(harness_installed("lib/libthred-auth.so.0")))
    return "setpriv is missing, or another user cannot read the installation";
  strcpy(place_dir, "/tmp/thred-secure-XXXXXX");
  assert_non_null(mkdtemp(place_dir));
  /* An empty folder of this name in the installation does not matter to anybody. */
  snprintf(parent, sizeof parent, "%s", harness_installed("etc"));
  mkdir(parent, 0755);
  snprintf(parent, sizeof parent, "%s", harness_installed("etc/thred"));
  mkdir(parent, 0755);
  snprintf(system_dir, sizeof system_dir, "%s", harness_installed("etc/thred/conf.d"));
  mkdir(system_dir, 0755);
  if (!mount_over(place_dir) || !mount_over(system_dir))
    return "no file systems of its own for the test";
  copy_file(emulator.ca, "ca.pem", 0644);
  write_system_configuration();
  for (int manner = 0; manner < MANNERS; manner++)
    place_copy("probe-secure", (Manner)manner, parent);
  return NULL;
}

void place_remove(void)
{
  if (!place_dir[0])
    return;
  umount2(system_dir, MNT_DETACH);
  umount2(place_dir, MNT_DETACH);
  rmdir(place_dir);
}
