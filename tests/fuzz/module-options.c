/* SPDX-License-Identifier: MIT */
/*
 * The options of a module: its number, a digit for AT_SECURE, then options "key=value", a line
 * each. What is refused is said with the file and the line, and what is taken has an identity.
 */
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/modules.h"

#define OPTIONS_MAX 16
#define FILE_NAME   "/etc/thred/conf.d/50.conf"

/* As the parser of conf.d does it: no key twice. */
static bool is_new(const ThredModuleOption *options, size_t n, const char *key)
{
  for (size_t i = 0; i < n; i++)
    if (strcmp(options[i].key, key) == 0)
      return false;
  return *key != 0;
}

static size_t read_options(FuzzInput *input, ThredModuleOption *options, char **lines)
{
  size_t n = 0;
  while (n < OPTIONS_MAX && input->at < input->end) {
    char *line = lines[n] = fuzz_line(input, '\n'), *equals = strchr(line, '=');
    if (equals)
      *equals = 0;
    if (equals && is_new(options, n, line)) {
      options[n] = (ThredModuleOption){line, equals + 1, FILE_NAME, (unsigned)n + 2};
      n++;
    } else {
      free(line);
    }
  }
  return n;
}

static void check_refusal(const char *said, size_t n)
{
  char *end = NULL;
  if (strncmp(said, FILE_NAME ":", sizeof FILE_NAME) == 0) {
    unsigned long line = strtoul(said + sizeof FILE_NAME, &end, 10);
    FUZZ_SAYS(line >= 2 && line < n + 2 && end[0] == ':' && end[1] == ' ' && end[2], said);
  } else {
    FUZZ_SAYS(n == 0 && strncmp(said, "the module ", 11) == 0, said);
  }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
  FuzzInput input = {data, data + size};
  ThredModuleOption options[OPTIONS_MAX];
  char *lines[OPTIONS_MAX] = {NULL};
  ModuleAnswer answer;
  const char *module = module_names[fuzz_number(&input, 1) % MODULES];
  bool at_secure = fuzz_number(&input, 1) & 1;
  size_t n = read_options(&input, options, lines);
  module_identity(module, options, n, at_secure, &answer);
  if (answer.status == THRED_CREDENTIAL_SUCCESS)
    FUZZ_TRUE(answer.identities > 0 || at_secure);
  else
    check_refusal(answer.said, n);
  for (size_t i = 0; i < n; i++)
    free(lines[i]);
  return 0;
}
