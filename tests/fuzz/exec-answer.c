/* SPDX-License-Identifier: MIT */
/*
 * What a command answers to the module exec, without a command: how it ended, its wait status, what
 * it said on standard error up to a form feed, and then its standard output. Nothing of the answer
 * comes into the log.
 */
#include "plugin/credentials/exec-run.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/modules.h"

#define WINDOW 8u

static struct {
  ExecOutcome outcome;
  int wait_status;
  const char *err;
  const uint8_t *out;
  size_t out_length;
} command;

/* In place of exec-run.c, with its limits. */
ExecOutcome exec_run(const ThredModuleHost *host, char *const argv[], char *const environment[],
                     int64_t deadline_ms, ExecResult *result, int *errno_value)
{
  (void)host, (void)argv, (void)environment, (void)deadline_ms;
  memset(result, 0, sizeof *result);
  result->err_length = strnlen(command.err, EXEC_ERR_MAX);
  memcpy(result->err, command.err, result->err_length);
  result->out_too_long = command.out_length > EXEC_OUT_MAX;
  result->out_length = result->out_too_long ? EXEC_OUT_MAX : command.out_length;
  memcpy(result->out, command.out, result->out_length);
  result->wait_status = command.wait_status;
  *errno_value = 2;
  return command.outcome;
}

/* Eight bytes in a row that nothing has been put in the place of. */
static bool shows(const char *text, const void *secret, size_t length)
{
  for (size_t i = 0; i + WINDOW <= strlen(text); i++) {
    size_t plain = strcspn(text + i, "*?.\n");
    if (plain >= WINDOW && length >= WINDOW && memmem(secret, length, text + i, WINDOW))
      return true;
  }
  return false;
}

static void check_notes(const ModuleAnswer *answer)
{
  const Credential *credential = &answer->credential;
  char *notes = fuzz_copy(answer->notes, strlen(answer->notes) + 1);
  /* What source.c puts in front of each. */
  for (char *at = notes; (at = strstr(at, "exec: "));)
    memset(at, '*', 6);
  FUZZ_SAYS(!shows(notes, command.out, command.out_length), notes);
  FUZZ_SAYS(!shows(notes, credential->api_key, credential->api_key_length), notes);
  free(notes);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
  static const ThredModuleOption options[] = {{"command", "/bin/true", "/conf.d/x.conf", 2}};
  FuzzInput input = {data, data + size};
  ModuleAnswer answer;
  command.outcome = (ExecOutcome)(fuzz_number(&input, 1) % 4);
  command.wait_status = (int)fuzz_number(&input, 2);
  char *err = fuzz_line(&input, '\f');
  command.err = err;
  command.out = input.at;
  command.out_length = (size_t)(input.end - input.at);
  module_get("exec", options, 1, &answer);
  check_notes(&answer);
  FUZZ_TRUE(answer.status != THRED_CREDENTIAL_SUCCESS ||
            (command.outcome == EXEC_ENDED && command.out_length <= EXEC_OUT_MAX));
  FUZZ_SAYS(!answer.said[0] || strncmp(answer.said, "/bin/true: ", 11) == 0 ||
                strncmp(answer.said, "the partner UUID", 16) == 0 ||
                strncmp(answer.said, "the API key", 11) == 0,
            answer.said);
  free(err);
  return 0;
}
