/* SPDX-License-Identifier: MIT */
#include "tests/fuzz/conf.h"

#include <fcntl.h>
#include <ftw.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/fuzz/fuzz.h"

static char root[] = "/dev/shm/thred-fuzz-XXXXXX";

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
  (void)st, (void)type, (void)ftw;
  return remove(path);
}

static void remove_all(void)
{
  nftw(root, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

void conf_make(Conf *conf)
{
  static const char *const names[CONF_LEVELS] = {"shipped", "admin", "user"};
  FUZZ_TRUE(mkdtemp(root));
  atexit(remove_all);
  for (int i = 0; i < CONF_LEVELS; i++) {
    snprintf(conf->directory[i], sizeof conf->directory[i], "%s/%s", root, names[i]);
    FUZZ_TRUE(mkdir(conf->directory[i], 0700) == 0);
  }
  snprintf(conf->modules, sizeof conf->modules, "%s/modules", root);
  conf->origin = (SnapshotOrigin){conf->directory[CONF_SHIPPED],
                                  conf->directory[CONF_ADMIN],
                                  conf->directory[CONF_USER],
                                  conf->modules,
                                  geteuid(),
                                  0};
}

static void path_of(const Conf *conf, ConfLevel level, const char *name, char path[128])
{
  snprintf(path, 128, "%s/%s", conf->directory[level], name);
}

void conf_write(const Conf *conf, ConfLevel level, const char *name, const void *bytes, size_t size,
                unsigned mode)
{
  char path[128];
  path_of(conf, level, name, path);
  int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  FUZZ_TRUE(fd >= 0 && write(fd, bytes, size) == (ssize_t)size && fchmod(fd, mode) == 0);
  close(fd);
}

void conf_mask(const Conf *conf, ConfLevel level, const char *name)
{
  char path[128];
  path_of(conf, level, name, path);
  FUZZ_TRUE(symlink("/dev/null", path) == 0);
}

void conf_remove(const Conf *conf, ConfLevel level, const char *name)
{
  char path[128];
  path_of(conf, level, name, path);
  unlink(path);
}

static void copy_shipped(const Conf *conf, const char *name)
{
  char path[4096], text[32 * 1024];
  snprintf(path, sizeof path, "%s/%s", FUZZ_CONF_D, name);
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  ssize_t size = fd < 0 ? -1 : read(fd, text, sizeof text);
  FUZZ_TRUE(size > 0 && (size_t)size < sizeof text);
  close(fd);
  conf_write(conf, CONF_SHIPPED, name, text, (size_t)size, 0600);
}

void conf_write_shipped(const Conf *conf, const char *text)
{
  copy_shipped(conf, "10-environments.conf");
  copy_shipped(conf, "20-routes.conf");
  conf_write(conf, CONF_ADMIN, "50.conf", text, strlen(text), 0600);
}

Snapshot *conf_load(const SnapshotOrigin *origin, size_t *size)
{
  Error error = ERROR_INIT;
  void *block = NULL;
  int code = config_load(origin, &block, size, &error);
  FUZZ_SAYS(code == THRED_OK, error.message);
  FUZZ_TRUE(snapshot_check(block, *size));
  return block;
}
