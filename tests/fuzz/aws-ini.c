/* SPDX-License-Identifier: MIT */
/* AWS's two shared files: a profile and a key, a line each, and the file's text. */
#include "plugin/credentials/aws-secrets-manager.h"
#include "tests/fuzz/fuzz.h"

/* A piece of one line, without blanks at its ends. */
static void check(const char *text, size_t length, AwsSpan value)
{
  FUZZ_TRUE(value.length > 0 && value.at > text && value.at + value.length <= text + length);
  FUZZ_TRUE(!memchr(value.at, '\n', value.length));
  FUZZ_TRUE(!memchr(" \t\r", value.at[0], 3) && !memchr(" \t\r", value.at[value.length - 1], 3));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
  FuzzInput input = {data, data + size};
  char *profile = fuzz_line(&input, '\n'), *key = fuzz_line(&input, '\n');
  size_t length = (size_t)(input.end - input.at);
  char *text = fuzz_copy(input.at, length);
  for (AwsFile file = AWS_CREDENTIALS_FILE; file <= AWS_CONFIG_FILE; file++) {
    AwsSpan value = {NULL, 0};
    bool found = aws_ini_find(file, (AwsSpan){text, length}, profile, key, &value);
    FUZZ_TRUE(found == (value.at != NULL));
    if (found)
      check(text, length, value);
    /* What has a value has a section. */
    FUZZ_TRUE(!found || aws_ini_find(file, (AwsSpan){text, length}, profile, NULL, &value));
  }
  free(text);
  free(key);
  free(profile);
  return 0;
}
