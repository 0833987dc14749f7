/* SPDX-License-Identifier: MIT */
/* lib/snapshot: nothing that another process wrote takes an accessor out of the block. */
#include "tests/unit/shipped-fixture.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/snapshot.h"
#include "tests/unit/config-block.h"

/* ---- walking over everything ---- */

/* Touches all bytes of a string; the sum keeps the compiler from leaving it out. */
static size_t walk_string(const Snapshot *s, uint32_t offset)
{
  const char *text = snapshot_string(s, offset);
  size_t length = text ? strlen(text) : 0;
  assert_true(!text || offset + length < s->size);
  return length;
}

static size_t walk_environments(const Snapshot *s)
{
  size_t sum = 0;
  for (uint32_t i = 0; i < s->environments.count; i++) {
    const SnapshotEnvironment *e = snapshot_environment(s, i);
    sum += walk_string(s, e->name) + walk_string(s, e->business) + walk_string(s, e->key_created) +
           walk_string(s, e->ca_file) + walk_string(s, e->connect_to) + walk_string(s, e->file) +
           walk_string(s, e->allow_file) + walk_string(s, e->pin_file);
    for (uint32_t j = 0; j < e->host_count; j++)
      sum += walk_string(s, snapshot_host(s, e->first_host + j)->name);
    for (uint32_t j = 0; j < e->credentials.count; j++)
      sum += walk_string(s, snapshot_stack(s, e->credentials.offset + j)->name);
    for (uint32_t j = 0; j < e->next.count; j++)
      sum += walk_string(s, snapshot_stack(s, e->next.offset + j)->module);
    assert_true(!e->business || walk_string(s, e->business) == 36);
    assert_true(!e->active || e->host_count > 0);
  }
  return sum;
}

static size_t walk_stack(const Snapshot *s)
{
  size_t sum = 0;
  for (uint32_t i = 0; i < s->stack.count; i++) {
    const SnapshotStackEntry *entry = snapshot_stack(s, i);
    sum += walk_string(s, entry->name) + walk_string(s, entry->module);
    for (uint32_t j = 0; j < entry->options.count; j++)
      sum += walk_string(s, snapshot_option(s, entry->options.offset + j)->value);
    for (uint32_t j = 0; j < entry->identities.count; j++)
      sum += walk_string(s, snapshot_identity(s, entry->identities.offset + j)->text);
  }
  for (uint32_t i = 0; i < s->options.count; i++)
    sum += walk_string(s, snapshot_option(s, i)->key) + walk_string(s, snapshot_option(s, i)->file);
  return sum;
}

static size_t walk(const Snapshot *s)
{
  size_t sum = walk_environments(s) + walk_stack(s);
  for (uint32_t i = 0; i < s->sources.count; i++)
    sum += walk_string(s, snapshot_source(s, i)->path);
  for (uint32_t i = 0; i < s->hosts.count; i++) {
    sum += walk_string(s, snapshot_host(s, i)->name);
    assert_true(snapshot_host(s, i)->environment < s->environments.count);
  }
  for (uint32_t i = 0; i < s->routes.count; i++) {
    const SnapshotRoute *route = snapshot_route(s, i);
    sum += walk_string(s, route->name) + walk_string(s, route->methods) +
           walk_string(s, route->path) + walk_string(s, route->file);
    assert_int_equal(((const char *)s)[route->path], '/');
  }
  for (uint32_t i = 0; i < s->problems.count; i++)
    sum +=
        walk_string(s, snapshot_problem(s, i)->text) + walk_string(s, snapshot_problem(s, i)->file);
  if (s->default_environment != SNAPSHOT_NONE)
    sum += walk_string(s, snapshot_environment(s, s->default_environment)->name);
  (void)snapshot_find_environment(s, "sandbox");
  return sum;
}

/* ---- damaged blocks ---- */

/* A block with something in every table. */
static int full_setup(void **state)
{
  shipped_setup(state);
  Fixture *f = *state;
  fixture_write(f, "$A/60-more.conf",
                "[environment sandbox]\ncredentials = env file [NOTFOUND=return]\nnext = file\n"
                "business = 3c90c3cc-0d44-4b50-8888-8dd25736052a\nkey-created = 2026-09-01\n"
                "ca-file = /tmp/ca.pem\nconnect-to = ::127.0.0.1:8443\n"
                "[credentials file]\npath = /tmp/credentials\n"
                "[environment staging]\ntimeout = never\n");
  fixture_load(f);
  const Snapshot *s = f->snapshot;
  assert_true(s->sources.count && s->environments.count && s->hosts.count && s->routes.count &&
              s->stack.count && s->options.count && s->identities.count && s->problems.count);
  assert_true(walk(s) > 0);
  return 0;
}

/* A copy in memory of exactly its size, so that a tool sees a byte too far. */
static Snapshot *copy_of(const void *block, size_t size)
{
  Snapshot *copy = malloc(size ? size : 1);
  assert_non_null(copy);
  memcpy(copy, block, size);
  return copy;
}

static void the_real_one(void **state)
{
  const Fixture *f = *state;
  assert_true(snapshot_check(f->snapshot, f->size));
  assert_true(snapshot_is_current(f->snapshot));
  assert_int_equal(snapshot_find_environment(f->snapshot, "nowhere"), SNAPSHOT_NONE);
  assert_int_equal(snapshot_find_environment(f->snapshot, ""), SNAPSHOT_NONE);
  assert_null(snapshot_string(f->snapshot, 0));
}

static void truncated(void **state)
{
  const Fixture *f = *state;
  for (size_t size = 0; size < f->size; size++) {
    Snapshot *copy = copy_of(f->snapshot, size);
    assert_false(snapshot_check(copy, size));
    free(copy);
  }
}

/* The same, and the block says that it is as long as it is. */
static void truncated_and_honest(void **state)
{
  const Fixture *f = *state;
  for (size_t size = sizeof(SnapshotHeader); size < f->size; size++) {
    Snapshot *copy = copy_of(f->snapshot, size);
    copy->size = (uint32_t)size;
    if (snapshot_check(copy, size))
      walk(copy);
    ((char *)copy)[size - 1] = 0;
    if (size > sizeof *copy && snapshot_check(copy, size))
      walk(copy);
    free(copy);
  }
}

static void longer_than_it_says(void **state)
{
  const Fixture *f = *state;
  Snapshot *copy = malloc(f->size + 8);
  memcpy(copy, f->snapshot, f->size);
  memset((char *)copy + f->size, 0, 8);
  assert_false(snapshot_check(copy, f->size + 8));
  copy->size += 8;
  assert_true(snapshot_check(copy, f->size + 8));
  free(copy);
}

/* Every byte, turned into each of a few others. An accepted block may say nonsense, but stays
 * within its bounds. */
static void every_byte_changed(void **state)
{
  const Fixture *f = *state;
  static const unsigned char changes[] = {0x01, 0x02, 0x04, 0x08, 0x10, 0x20, 0x40, 0x80, 0xff};
  Snapshot *copy = copy_of(f->snapshot, f->size);
  unsigned char *bytes = (unsigned char *)copy;
  size_t accepted = 0;
  for (size_t at = 0; at < f->size; at++)
    for (size_t i = 0; i < sizeof changes; i++) {
      bytes[at] ^= changes[i];
      if (snapshot_check(copy, f->size)) {
        accepted++;
        walk(copy);
      }
      bytes[at] ^= changes[i];
    }
  assert_memory_equal(copy, f->snapshot, f->size);
  assert_true(accepted > 0);
  free(copy);
}

/* Every word, set to the values at which bounds are wont to break. */
static void every_word_set(void **state)
{
  const Fixture *f = *state;
  const uint32_t size = (uint32_t)f->size;
  const uint32_t values[] = {0,          1,          8,          95,        96,
                             size - 8,   size - 1,   size,       size + 1,  size + 8,
                             0x7fffffff, 0x80000000, 0xfffffff8, 0xffffffff};
  Snapshot *copy = copy_of(f->snapshot, f->size);
  uint32_t *words = (uint32_t *)(void *)copy;
  for (size_t at = 0; at < f->size / 4; at++) {
    uint32_t was = words[at];
    for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
      words[at] = values[i];
      if (snapshot_check(copy, f->size))
        walk(copy);
    }
    words[at] = was;
  }
  free(copy);
}

/* ---- what the header must say ---- */

typedef void (*Spoil)(Snapshot *s);

static void bad_magic(Snapshot *s)
{
  s->magic++;
}
static void bad_layout(Snapshot *s)
{
  s->layout++;
}
static void bad_default(Snapshot *s)
{
  s->default_environment = s->environments.count;
}
static void bad_log(Snapshot *s)
{
  s->log = SNAPSHOT_LOG_DEBUG + 1;
}
static void bad_seal(Snapshot *s)
{
  s->seal = SNAPSHOT_SEAL_OFF + 1;
}
static void unaligned_table(Snapshot *s)
{
  s->hosts.offset += 4;
  s->hosts.count = 1;
}
static void table_in_header(Snapshot *s)
{
  s->identities.offset = 8;
}
static void table_beyond_end(Snapshot *s)
{
  s->problems.offset = (s->size + 7) / 8 * 8 + 8;
  s->problems.count = 0;
}
static void huge_count(Snapshot *s)
{
  s->sources.count = 0x20000000;
}
static void no_final_nul(Snapshot *s)
{
  ((char *)s)[s->size - 1] = 'x';
}

static void header_rules(void **state)
{
  const Fixture *f = *state;
  static const Spoil spoils[] = {bad_magic,  bad_layout,      bad_default,     bad_log,
                                 bad_seal,   unaligned_table, table_in_header, table_beyond_end,
                                 huge_count, no_final_nul};
  for (size_t i = 0; i < sizeof spoils / sizeof *spoils; i++) {
    Snapshot *copy = copy_of(f->snapshot, f->size);
    spoils[i](copy);
    if (snapshot_check(copy, f->size))
      fail_msg("spoil %zu was accepted", i);
    free(copy);
  }
}

static void largest_block(void **state)
{
  const Fixture *f = *state;
  Snapshot *copy = calloc(1, SNAPSHOT_MAX + 1);
  memcpy(copy, f->snapshot, f->size);
  copy->size = SNAPSHOT_MAX;
  assert_true(snapshot_check(copy, SNAPSHOT_MAX));
  copy->size = SNAPSHOT_MAX + 1;
  assert_false(snapshot_check(copy, SNAPSHOT_MAX + 1));
  free(copy);
}

static void an_empty_one(void **state)
{
  (void)state;
  struct {
    Snapshot s;
    uint64_t end;
  } block = {.s = config_block_head(sizeof block)};
  assert_true(snapshot_check(&block, sizeof block));
  assert_true(snapshot_is_current(&block.s));
  assert_int_equal(walk(&block.s), 0);
  assert_false(snapshot_check(&block, sizeof block.s));
  assert_false(snapshot_check(&block, 0));
}

/* ---- is it still current? ---- */

static void append(const Fixture *f, const char *path)
{
  char *full = fixture_expand(f, path);
  FILE *file = fopen(full, "a");
  assert_non_null(file);
  fputs("# more\n", file);
  fclose(file);
  free(full);
}

static void touch_mtime(const Fixture *f, const char *path, bool modified)
{
  char *full = fixture_expand(f, path);
  struct stat st;
  assert_int_equal(stat(full, &st), 0);
  struct timespec times[2] = {st.st_atim, st.st_mtim};
  if (modified)
    times[1].tv_nsec = (times[1].tv_nsec + 1) % 1000000000;
  assert_int_equal(utimensat(AT_FDCWD, full, times, 0), 0);
  free(full);
}

/* Same name, same bytes, same modification time: another file. */
static void replace(const Fixture *f, const char *path)
{
  char *full = fixture_expand(f, path), *other = fixture_expand(f, "$R/other");
  struct stat st;
  char text[32 * 1024];
  FILE *in = fopen(full, "r");
  assert_non_null(in);
  size_t size = fread(text, 1, sizeof text, in);
  fclose(in);
  assert_int_equal(stat(full, &st), 0);
  fixture_write_bytes(f, "$R/other", text, size);
  struct timespec times[2] = {st.st_atim, st.st_mtim};
  assert_int_equal(utimensat(AT_FDCWD, other, times, 0), 0);
  assert_int_equal(rename(other, full), 0);
  free(full);
  free(other);
}

static void change(const Fixture *f, int kind)
{
  switch (kind) {
  case 0:
    append(f, "$A/50-active.conf");
    break;
  case 1:
    touch_mtime(f, "$S/20-routes.conf", true);
    break;
  case 2: /* only the time of change moves */
    touch_mtime(f, "$S/20-routes.conf", false);
    break;
  case 3:
    fixture_chmod(f, "$A/50-active.conf", 0640);
    break;
  case 4:
    replace(f, "$S/10-environments.conf");
    break;
  case 5:
    fixture_remove(f, "$A/50-active.conf");
    break;
  case 6:
    fixture_write(f, "$A/99-new.conf", "# nothing\n");
    break;
  case 7:
    fixture_write(f, "$U/a.conf", "# nothing\n");
    break;
  case 8: /* a file that was absent, made in a directory that was there */
    fixture_write(f, "$M/new.so", "");
    break;
  case 9:
    fixture_chmod(f, "$A", 0777);
    break;
  default:
    fixture_remove(f, "$U");
  }
}

static void each_kind_of_change(void **state)
{
  (void)state;
  for (int kind = 0; kind <= 10; kind++) {
    void *own = NULL;
    shipped_setup(&own);
    const Fixture *f = own;
    assert_true(snapshot_is_current(f->snapshot));
    change(f, kind);
    if (snapshot_is_current(f->snapshot))
      fail_msg("change %d was not seen", kind);
    fixture_teardown(&own);
  }
}

static void absent_directory_appears(void **state)
{
  Fixture *f = *state;
  fixture_remove(f, "$U");
  fixture_load(f);
  assert_true(fixture_has_source(f, "$U", false));
  assert_true(snapshot_is_current(f->snapshot));
  char *path = fixture_expand(f, "$U");
  assert_int_equal(mkdir(path, 0755), 0);
  free(path);
  assert_false(snapshot_is_current(f->snapshot));
}

static void stat_of_paths(void **state)
{
  Fixture *f = *state;
  char *path = fixture_expand(f, "$A/50-active.conf"), *link = fixture_expand(f, "$R/link");
  SnapshotSource source = snapshot_stat(path), none = snapshot_stat("/nonexistent/file");
  struct stat st;
  assert_int_equal(stat(path, &st), 0);
  assert_int_equal(source.present, 1);
  assert_int_equal(source.path, 0);
  assert_int_equal(source.device, st.st_dev);
  assert_int_equal(source.inode, st.st_ino);
  assert_int_equal(source.size, st.st_size);
  assert_int_equal(source.mtime_ns, st.st_mtim.tv_sec * 1000000000LL + st.st_mtim.tv_nsec);
  assert_int_equal(source.ctime_ns, st.st_ctim.tv_sec * 1000000000LL + st.st_ctim.tv_nsec);
  SnapshotSource zero = {0};
  assert_memory_equal(&none, &zero, sizeof zero);
  assert_int_equal(symlink(path, link), 0);
  assert_int_equal(snapshot_stat(link).inode, st.st_ino);
  free(path);
  free(link);
}

#define TEST(function, setup) cmocka_unit_test_setup_teardown(function, setup, fixture_teardown)

int main(void)
{
  const struct CMUnitTest tests[] = {
      TEST(the_real_one, full_setup),
      TEST(truncated, full_setup),
      TEST(truncated_and_honest, full_setup),
      TEST(longer_than_it_says, full_setup),
      TEST(every_byte_changed, full_setup),
      TEST(every_word_set, full_setup),
      TEST(header_rules, full_setup),
      TEST(largest_block, full_setup),
      cmocka_unit_test(an_empty_one),
      cmocka_unit_test(each_kind_of_change),
      TEST(absent_directory_appears, shipped_setup),
      TEST(stat_of_paths, shipped_setup),
  };
  return cmocka_run_group_tests_name("snapshot", tests, NULL, NULL);
}
