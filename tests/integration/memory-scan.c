/* SPDX-License-Identifier: MIT */
#include "memory-scan.h"

#include <ctype.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "harness.h"

typedef struct Region {
  uintptr_t start, end;
  char mode[8], name[256];
  bool wiped_on_fork;
} Region;

static void tell_place(FILE *tell, const Region *region, uintptr_t at, const char *before,
                       size_t length)
{
  fprintf(tell, "  %s %" PRIxPTR " + %" PRIxPTR " behind \"", region->name, region->start,
          at - region->start);
  for (size_t i = 0; i < length; i++)
    fputc(isprint((unsigned char)before[i]) ? before[i] : '.', tell);
  fputs("\"\n", tell);
}

static size_t count_region(int mem, const Region *region, const char *secret, FILE *tell)
{
  size_t size = region->end - region->start, count = 0;
  char *copy = malloc(size);
  assert_non_null(copy);
  ssize_t got = pread(mem, copy, size, (off_t)region->start);
  const char *at = copy, *end = copy + (got > 0 ? got : 0);
  while ((at = memmem(at, (size_t)(end - at), secret, strlen(secret)))) {
    size_t behind = at - copy < 40 ? (size_t)(at - copy) : 40;
    if (tell)
      tell_place(tell, region, region->start + (uintptr_t)(at - copy), at - behind, behind);
    count++;
    at += strlen(secret);
  }
  free(copy);
  return count;
}

/* One mapping of smaps, whose last line is VmFlags. */
static bool read_region(FILE *smaps, Region *region)
{
  char line[512];
  *region = (Region){0};
  while (fgets(line, sizeof line, smaps)) {
    Region one = {0};
    if (sscanf(line, "%" SCNxPTR "-%" SCNxPTR " %7s %*s %*s %*s %255[^\n]", &one.start, &one.end,
               one.mode, one.name) >= 3)
      *region = one;
    if (strncmp(line, "VmFlags:", 8) == 0) {
      region->wiped_on_fork = strstr(line, " wf") != NULL;
      return true;
    }
  }
  return false;
}

static bool is_cache(const Region *region)
{
  return region->wiped_on_fork || strncmp(region->name, "/dev/shm/thred", 14) == 0;
}

size_t memory_count(pid_t pid, const char *secret, bool cache, FILE *tell)
{
  char path[64];
  size_t count = 0, regions = 0;
  Region region;
  snprintf(path, sizeof path, "/proc/%d/smaps", (int)pid);
  FILE *smaps = fopen(path, "re");
  snprintf(path, sizeof path, "/proc/%d/mem", (int)pid);
  int mem = open(path, O_RDONLY | O_CLOEXEC);
  assert_true(smaps && mem >= 0);
  while (read_region(smaps, &region))
    if (region.mode[0] == 'r' && region.mode[1] == 'w' && is_cache(&region) == cache) {
      count += count_region(mem, &region, secret, tell);
      regions++;
    }
  fclose(smaps);
  close(mem);
  assert_true(regions > (cache ? 0 : 3));
  return count;
}
