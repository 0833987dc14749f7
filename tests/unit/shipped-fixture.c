/* SPDX-License-Identifier: MIT */
#include "tests/unit/shipped-fixture.h"

/* Copies, because a checkout may be writable by its group, which a configuration must not be. */
static void copy_shipped(const Fixture *f, const char *name)
{
  char path[4096], to[64], text[32 * 1024];
  snprintf(path, sizeof path, "%s/%s", TEST_CONF_D, name);
  FILE *in = fopen(path, "r");
  assert_non_null(in);
  size_t size = fread(text, 1, sizeof text, in);
  assert_true(size > 0 && size < sizeof text);
  fclose(in);
  snprintf(to, sizeof to, "$S/%s", name);
  fixture_write_bytes(f, to, text, size);
}

int shipped_setup(void **state)
{
  fixture_setup(state);
  Fixture *f = *state;
  copy_shipped(f, "10-environments.conf");
  copy_shipped(f, "20-routes.conf");
  fixture_write(f, "$A/50-active.conf",
                "[environment sandbox]\ncredentials = env\n"
                "[environment production]\ncredentials = env\n");
  fixture_load(f);
  assert_no_problems(f);
  return 0;
}

void shipped_load_with(Fixture *f, const char *text)
{
  fixture_write(f, "$A/90-test.conf", text);
  fixture_load(f);
  assert_no_problems(f);
}
