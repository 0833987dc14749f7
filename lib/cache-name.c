/* SPDX-License-Identifier: MIT */
/* cache-name.c - a segment's name, which only processes have in common that may share it. */
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/cache-internal.h"
#include "lib/digest.h"

static uint64_t namespace_inode(const char *path)
{
  struct stat st;
  return stat(path, &st) ? 0 : (uint64_t)st.st_ino;
}

/* What decides whether a robust mutex and a BOOTTIME mean the same in two processes: the boot, the
 * time, PID and user namespaces, the C library and its mutex. */
static bool add_domain(Digest *digest)
{
  char boot_id[64] = "";
  int fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
  if (fd < 0)
    return false;
  ssize_t length = read(fd, boot_id, sizeof boot_id - 1);
  close(fd);
  uint64_t pid = namespace_inode("/proc/self/ns/pid");
  if (length <= 0 || !pid)
    return false;
  digest_add(digest, boot_id, (size_t)length);
  digest_add_u64(digest, pid);
  digest_add_u64(digest, namespace_inode("/proc/self/ns/time")); /* 0 before Linux 5.6 */
  digest_add_u64(digest, namespace_inode("/proc/self/ns/user"));
  digest_add_u64(digest, CACHE_ABI);
  return true;
}

void cache_segment_path(CacheKind kind, char *path, size_t size)
{
  uint8_t hash[DIGEST_SIZE];
  Digest *digest = digest_new();
  bool known = add_domain(digest);
  if (!digest_finish(digest, hash) || !known) {
    path[0] = 0;
    return;
  }
  snprintf(path, size, CACHE_DIRECTORY "/thred-auth-v%u-%u-%02x%02x%02x%02x%02x%02x%02x%02x%s",
           CACHE_LAYOUT, (unsigned)geteuid(), hash[0], hash[1], hash[2], hash[3], hash[4], hash[5],
           hash[6], hash[7], kind == CACHE_UNSEALED ? "-unsealed" : "");
}
