/* SPDX-License-Identifier: MIT */
#include "tests/unit/segment-fixture.h"

#include <dirent.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <sys/mount.h>
#include <unistd.h>

#include "lib/clock.h"

/* ---- a /dev/shm of one's own ---- */

static bool write_text(const char *path, const char *text)
{
  int fd = open(path, O_WRONLY | O_CLOEXEC);
  bool good = fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text);
  if (fd >= 0)
    close(fd);
  return good;
}

/* One id of the new user namespace is the one outside. */
static bool map_id(const char *path, unsigned id)
{
  char map[64];
  snprintf(map, sizeof map, "%u %u 1", id, id);
  return write_text(path, map);
}

/* Without privileges a user namespace lends them. The group must be mapped as well, or no file can
 * be made (EOVERFLOW). */
static bool new_namespaces(void)
{
  unsigned uid = geteuid(), gid = getegid();
  if (unshare(CLONE_NEWNS) == 0)
    return true;
  return unshare(CLONE_NEWUSER | CLONE_NEWNS) == 0 && map_id("/proc/self/uid_map", uid) &&
         write_text("/proc/self/setgroups", "deny") && map_id("/proc/self/gid_map", gid);
}

bool mount_shm(const char *options)
{
  return mount("shm", SHM, "tmpfs", MS_NOSUID | MS_NODEV, options) == 0;
}

static bool private_shm(void)
{
  return new_namespaces() && mount("none", "/", "none", MS_REC | MS_PRIVATE, "") == 0 &&
         mount_shm("mode=1777,size=64m");
}

static void probe(void *data)
{
  (void)data;
  _exit(private_shm() ? 0 : 1);
}

static bool permitted;

int segment_group_setup(void **state)
{
  (void)state;
  permitted = child_wait(child_start(probe, NULL)) == 0;
  if (!permitted)
    print_message("no private " SHM " is permitted here: all of this is skipped\n");
  return 0;
}

static void in_private_shm(void *data)
{
  void (*body)(void);
  memcpy(&body, data, sizeof body);
  require(private_shm());
  body();
}

void segment_run(void (*body)(void))
{
  if (!permitted)
    skip();
  child_run(in_private_shm, &body);
}

/* ---- looking ---- */

bool have_keyring(void)
{
  static const AeadKey key;
  uint8_t salt[SEAL_SALT_SIZE] = {0};
  pid_t pid = getpid();
  memcpy(salt, &pid, sizeof pid);
  bool have = seal_key_store(salt, &key) == 0;
  seal_key_forget(salt);
  return have;
}

const char *segment_of(CacheKind kind)
{
  static char path[CACHE_KINDS][128];
  cache_segment_path(kind, path[kind], sizeof path[kind]);
  require(path[kind][0]);
  return path[kind];
}

const char *segment(void)
{
  return segment_of(have_keyring() ? CACHE_SEALED : CACHE_UNSEALED);
}

unsigned count_entries(const char *path)
{
  unsigned count = 0;
  DIR *directory = opendir(path);
  require(directory);
  for (const struct dirent *entry; (entry = readdir(directory));)
    count += entry->d_name[0] != '.';
  closedir(directory);
  return count;
}

unsigned descriptors(void)
{
  return count_entries("/proc/self/fd");
}

unsigned count_keys(void)
{
  char line[512];
  unsigned count = 0;
  FILE *keys = fopen("/proc/keys", "re");
  while (keys && fgets(line, sizeof line, keys))
    count += strstr(line, "thred-auth:") != NULL;
  if (keys)
    fclose(keys);
  return count;
}

/* A cache that takes a token and gives it back. On a machine under load the lock may be late. */
void require_works(Cache *cache)
{
  static const CacheLabel label = {SNAPSHOT_TOKEN_PARTNER, "sandbox", "sandbox.thredfi.com", NULL};
  static char value[TOKEN_MAX + 1];
  CacheKey key = {"key of a process"};
  CacheClaim claim;
  CacheToken token = {.boot_ms = clock_boot_ms(),
                      .real_ms = clock_real_ms(),
                      .lifetime_ms = 3600000,
                      .length = 5,
                      .value = value};
  pid_t pid = getpid();
  memcpy(key.bytes + 20, &pid, sizeof pid);
  CacheClaimResult result = CACHE_CLAIM_LOCKED;
  for (int i = 0; i < 3 && result == CACHE_CLAIM_LOCKED; i++)
    result = cache_claim(cache, &key, &label, UINT64_MAX, 10000, CACHE_FOR_MISS, &claim);
  strcpy(value, "token");
  if (result == CACHE_CLAIM_OWNED)
    require(cache_publish(cache, &key, &claim, &token) ||
            cache_publish(cache, &key, &claim, &token));
  else
    require(result == CACHE_CLAIM_NEWER);
  memset(value, 0, sizeof value);
  require(cache_read(cache, &key, &token) == CACHE_HIT);
  require(strcmp(value, "token") == 0);
}

static const CacheKey some_key = {"key of the token"};

void put_some_token(Cache *cache)
{
  static const CacheLabel label = {SNAPSHOT_TOKEN_PARTNER, "sandbox", "sandbox.thredfi.com", NULL};
  char value[] = SOME_TOKEN;
  CacheClaim claim;
  CacheToken token = {.boot_ms = clock_boot_ms(),
                      .real_ms = clock_real_ms(),
                      .lifetime_ms = 3600000,
                      .length = strlen(value),
                      .value = value};
  require(cache_claim(cache, &some_key, &label, UINT64_MAX, 10000, CACHE_FOR_MISS, &claim) ==
          CACHE_CLAIM_OWNED);
  require(cache_publish(cache, &some_key, &claim, &token));
}

bool has_some_token(Cache *cache)
{
  static char value[TOKEN_MAX + 1];
  CacheToken token = {.value = value};
  bool hit = cache && cache_read(cache, &some_key, &token) == CACHE_HIT;
  require(!hit || strcmp(value, SOME_TOKEN) == 0);
  return hit;
}

/* A segment that was left stays mapped for good, since other threads may be in it. What the library
 * no longer points at would look lost. */
Cache *keep(Cache *cache)
{
  static Cache *volatile kept[64];
  static size_t count;
  require(count < sizeof kept / sizeof *kept);
  kept[count++] = cache;
  return cache;
}

/* Leaves a good segment behind, from another process. */
void make_body(void *data)
{
  Cache *cache = cache_create(*(uint32_t *)data, SNAPSHOT_SEAL_AUTO);
  require(cache && cache_is_shared(cache));
  require_works(cache);
}

void make_segment(void)
{
  uint32_t entries = 64;
  pid_t pid = child_start(make_body, &entries);
  require(pid > 0 && child_wait(pid) == 0);
}

struct stat stat_of(const char *path)
{
  struct stat st;
  require(lstat(path, &st) == 0);
  return st;
}

void edit(off_t at, const void *bytes, size_t size)
{
  int fd = open(segment(), O_WRONLY | O_CLOEXEC);
  require(fd >= 0 && pwrite(fd, bytes, size, at) == (ssize_t)size);
  close(fd);
}

void edit_word(off_t at, uint32_t value)
{
  edit(at, &value, sizeof value);
}
