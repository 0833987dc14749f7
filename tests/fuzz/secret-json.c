/* SPDX-License-Identifier: MIT */
/*
 * JSON with secrets in it. What is broken must be found in the copy without letters: a text that is
 * broken there and whole here would be refused in vain, and one that is broken only here is freed
 * by json-c with the secret in it.
 */
#include "lib/fetch/secret-json.c"

#include "tests/fuzz/fuzz.h"

static const char *parse_alone(const char *text, size_t length, size_t *at)
{
  SecretJson json = {.tokener = json_tokener_new_ex(DEPTH_MAX), .length = length};
  json_tokener_set_flags(json.tokener, JSON_TOKENER_STRICT | JSON_TOKENER_VALIDATE_UTF8);
  const char *problem = parse(&json, text, length, at);
  json_object_put(json.object);
  json_tokener_free(json.tokener);
  return problem;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
  char *text = fuzz_copy(data, size), *copy = masked(text, size);
  size_t at, at_alone, at_masked, length;
  SecretJson json;
  const char *problem = secret_json_read(&json, text, size, &at);
  const char *alone = parse_alone(text, size, &at_alone);
  const char *of_masked = parse_alone(copy, size, &at_masked);
  FUZZ_SAYS(problem == alone || (problem && alone && strcmp(problem, alone) == 0), problem);
  FUZZ_SAYS(of_masked == alone || (of_masked && alone), alone);
  FUZZ_TRUE(at == at_alone && at <= size);
  const char *token = secret_json_string(json.object, "api_key", &length);
  FUZZ_TRUE(!token || (length <= size && token[length] == 0));
  FUZZ_TRUE(problem || json_object_is_type(json.object, json_type_object));
  secret_json_done(&json);
  free(copy);
  free(text);
  return 0;
}
