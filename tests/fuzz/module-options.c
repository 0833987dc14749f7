/* SPDX-License-Identifier: MIT */
/*
 * The options of a module: its number, a digit for AT_SECURE, then options "key=value", a line
 * each. What is refused is said with the file and the line, and what is taken has an identity.
 */
#include <curl/curl.h>

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

/* A server's address that was taken: libcurl finds a host in it, and nothing that says who asks. */
static void check_address(const ThredModuleOption *option)
{
  static const CURLUPart none[] = {CURLUPART_USER, CURLUPART_PASSWORD, CURLUPART_OPTIONS,
                                   CURLUPART_QUERY, CURLUPART_FRAGMENT};
  CURLU *url = curl_url();
  char *text = NULL;
  FUZZ_SAYS(!curl_url_set(url, CURLUPART_URL, option->value, 0), option->value);
  for (size_t i = 0; i < sizeof none / sizeof *none; i++)
    FUZZ_SAYS(curl_url_get(url, none[i], &text, 0), option->value);
  FUZZ_SAYS(!curl_url_get(url, CURLUPART_SCHEME, &text, 0), option->value);
  FUZZ_SAYS(!strcmp(text, "https") || (!strcmp(text, "http") && strcmp(option->key, "endpoint")),
            option->value);
  curl_free(text);
  /* A path is put behind it: that must stay one. ('@' is a letter of a path; a user is asked for
   * above.) */
  FUZZ_SAYS(!strpbrk(option->value, "?#\\ "), option->value);
  curl_url_cleanup(url);
}

static void check_taken(const ThredModuleOption *options, size_t n)
{
  for (size_t i = 0; i < n; i++)
    if (strcmp(options[i].key, "address") == 0 || strstr(options[i].key, "endpoint"))
      check_address(&options[i]);
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
    check_taken(options, n);
  else
    check_refusal(answer.said, n);
  FUZZ_TRUE(answer.status != THRED_CREDENTIAL_SUCCESS || answer.identities > 0 || at_secure);
  for (size_t i = 0; i < n; i++)
    free(lines[i]);
  return 0;
}
