/* SPDX-License-Identifier: MIT */
/*
 * credentials.c - what a stack of credential modules takes, once the modules are loaded.
 *
 *     bench-credentials [--quick] MODULE_DIR
 */
#include "tests/unit/credentials-fixture.h"

#include "tests/bench/bench.h"

#define CALLS  20u
#define ROUNDS 1000u
#define QUICK  10u /* a tenth of the rounds */
#define UUID   "3c90c3cc-0d44-4b50-8888-8dd25736052a"
#define LINES  "THRED_PARTNER_UUID=" UUID "\nTHRED_API_KEY=some-key\n"

typedef struct {
  const char *module_dir;
  Stack stack;
} Run;

static void ask(void *data, unsigned count)
{
  const Run *run = data;
  for (unsigned i = 0; i < count; i++) {
    const CredentialsQuestion question =
        stack_question(&run->stack, run->stack.header.stack.count, run->module_dir);
    Credential credential;
    Error error = ERROR_INIT;
    bench_require(credentials_get(&question, &credential, &error) == THRED_OK, error.message);
    credential_clear(&credential);
  }
}

static double sample(void *data)
{
  return bench_ns_per_call(ask, data, CALLS) / 1000;
}

static void prepare(Run *run, const char *module_dir)
{
  run->module_dir = module_dir;
  stack_init(&run->stack);
}

int main(int argc, char **argv)
{
  const bool quick = argc > 1 && strcmp(argv[1], "--quick") == 0;
  bench_require(argc == 2 + quick, "usage: bench-credentials [--quick] MODULE_DIR");
  char path[] = "/tmp/thred-bench-XXXXXX", option[64], command[64];
  static Run runs[3];
  for (size_t i = 0; i < 3; i++)
    prepare(&runs[i], argv[argc - 1]);
  bench_require(mkdtemp(path) != NULL, "a folder");
  snprintf(option, sizeof option, "path=%s/lines", path);
  write_file(option + strlen("path="), LINES, strlen(LINES), 0600);
  setenv("THRED_PARTNER_UUID", UUID, 1);
  setenv("THRED_API_KEY", "some-key", 1);
  stack_add(&runs[0].stack, "env", "env", NULL);
  stack_add(&runs[1].stack, "file", "file", option);
  stack_add(&runs[2].stack, "keyring", "keyring", "description=thred-bench-none"); /* a thread */
  stack_add(&runs[2].stack, "env", "env", NULL);

  BenchVariant variants[] = {{.sample = sample, .data = &runs[0]},
                             {.sample = sample, .data = &runs[1]},
                             {.sample = sample, .data = &runs[2]}};
  bench_interleave(variants, 3, quick ? ROUNDS / QUICK : ROUNDS);
  bench_table("credentials", "A stack of credential modules, asked once");
  bench_row(&(BenchRow){"env alone", "us", bench_figures(&variants[0]), BENCH_AT_MOST, 20, false});
  bench_row(&(BenchRow){.name = "file alone", .unit = "us", .figure = bench_figures(&variants[1])});
  bench_row(&(BenchRow){.name = "keyring, which has a thread and no key, then env",
                        .unit = "us",
                        .figure = bench_figures(&variants[2])});
  bench_free(variants, 3);
  snprintf(command, sizeof command, "rm -r '%s'", path);
  return system(command) ? 1 : bench_status();
}
