/* SPDX-License-Identifier: MIT */
/*
 * test-objects.c - lib/link-map.h and lib/symbols.h where there is no dladdr1(3). In the directory
 * of its first argument: libneeded.so, which this program is linked with, and user-NAME.so, which
 * call it (musl-test.sh).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "lib/link-map.h"
#include "lib/symbols.h"

static const char *directory;

/* Of libneeded.so, too: this one stands in front of it. So does this atoi in front of libc's. */
int taken(void);
int taken(void)
{
  return 1;
}

int atoi(const char *text)
{
  return text[0];
}

/* Of libneeded.so alone. */
int needed(void);

static void *open_object(const char *name)
{
  char path[512];
  snprintf(path, sizeof path, "%s/%s", directory, name);
  void *handle = dlopen(path, RTLD_NOW);
  if (!handle)
    fail_msg("%s", dlerror());
  return handle;
}

static void program(void **state)
{
  int here = 0;
  (void)state;
  const struct link_map *map = link_map_of((const void *)(uintptr_t)program);
  assert_non_null(map);
  assert_true(link_map_is_program(map));
  assert_non_null(link_map_open(map));
  assert_null(link_map_of(&here));
}

static void loaded_object(void **state)
{
  (void)state;
  void *handle = open_object("user-needed.so");
  void *function = dlsym(handle, "use");
  const struct link_map *map = link_map_of(function);
  assert_non_null(map);
  assert_false(link_map_is_program(map));
  assert_non_null(strstr(map->l_name, "/user-needed.so"));
  void *again = link_map_open(map);
  assert_non_null(again);
  assert_ptr_equal(dlsym(again, "use"), function);
}

/* As an upgrade does it: two are called alike. */
static void replaced_object(void **state)
{
  char from[512], to[512];
  (void)state;
  const void *first = dlsym(open_object("replaced.so"), "use");
  snprintf(from, sizeof from, "%s/replacement.so", directory);
  snprintf(to, sizeof to, "%s/replaced.so", directory);
  assert_int_equal(rename(from, to), 0);
  const void *second = dlsym(open_object("replaced.so"), "use");
  assert_ptr_not_equal(first, second);
  const struct link_map *one = link_map_of(first), *other = link_map_of(second);
  assert_string_equal(one->l_name, other->l_name);
  assert_ptr_not_equal(one, other);
  assert_true(one->l_addr < (uintptr_t)first && other->l_addr < (uintptr_t)second);
}

static int check(const char *name, Error *error)
{
  const SymbolsBefore *before = symbols_before();
  assert_non_null(before);
  return symbols_check_new(open_object(name), before, error);
}

static void good_references(void **state)
{
  Error error = ERROR_INIT;
  (void)state;
  if (check("user-needed.so", &error))
    fail_msg("%s", error.message);
}

/* In a program at a fixed place that is its own entry for calls. */
static void entry_for_calls(void **state)
{
  Error error = ERROR_INIT;
  int (*volatile function)(void) = needed;
  (void)state;
  assert_int_equal(function(), 2);
  if (check("user-address.so", &error))
    fail_msg("%s", error.message);
}

static void taken_reference(void **state)
{
  Error error = ERROR_INIT;
  (void)state;
  assert_int_equal(check("user-taken.so", &error), THRED_E_CLASH);
  assert_non_null(strstr(error.message, "taken of "));
}

static void taken_from_libc(void **state)
{
  Error error = ERROR_INIT;
  (void)state;
  if (check("user-atoi.so", &error))
    fail_msg("%s", error.message);
}

static void own_references(void **state)
{
  Error error = ERROR_INIT;
  (void)state;
  assert_int_equal(symbols_check_own(&error), THRED_OK);
}

int main(int argc, char **argv)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(program),         cmocka_unit_test(loaded_object),
      cmocka_unit_test(replaced_object), cmocka_unit_test(good_references),
      cmocka_unit_test(entry_for_calls), cmocka_unit_test(taken_reference),
      cmocka_unit_test(taken_from_libc), cmocka_unit_test(own_references),
  };
  if (argc != 2)
    return 2;
  directory = argv[1];
  return cmocka_run_group_tests_name(argv[0], tests, NULL, NULL);
}
