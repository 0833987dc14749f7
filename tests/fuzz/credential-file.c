/* SPDX-License-Identifier: MIT */
/* The lines KEY=value of a credential file. Messages name file and line, and quote nothing. */
#include "plugin/credentials/module.h"
#include "tests/fuzz/fuzz.h"

#define WHERE "/etc/thred/credentials"

typedef struct {
  const char *text, *end;
  unsigned delivered;
  char said[512];
} Case;

static void take_message(const ThredModuleHost *host, const char *text)
{
  Case *c = host->data;
  snprintf(c->said, sizeof c->said, "%s", text);
}

/* A value is a piece of the text, in one line, without blanks at its ends. */
static void check_value(const Case *c, const char *value, size_t length)
{
  FUZZ_TRUE(length > 0 && value > c->text && value + length <= c->end);
  FUZZ_TRUE(!memchr(value, '\n', length) && !memchr(value, 0, length));
  FUZZ_TRUE(!memchr(" \t\r", value[0], 3) && !memchr(" \t\r", value[length - 1], 3));
}

static int take_credential(const ThredModuleHost *host, const char *uuid, size_t uuid_length,
                           const char *key, size_t key_length)
{
  Case *c = host->data;
  c->delivered++;
  check_value(c, uuid, uuid_length);
  check_value(c, key, key_length);
  return 0;
}

/* The file, a line that it has, and one of the sentences that there are: nothing of the text. */
static void check_message(const Case *c, size_t size)
{
  static const char *const sentences[] = {
      "a NUL byte",
      "no '=' in the line (KEY=value)",
      "an unknown key (known: THRED_PARTNER_UUID, THRED_API_KEY)",
      "THRED_PARTNER_UUID a second time",
      "THRED_API_KEY a second time",
      "THRED_PARTNER_UUID is empty",
      "THRED_API_KEY is empty",
      "THRED_PARTNER_UUID is missing",
      "THRED_API_KEY is missing"};
  char *end = NULL;
  const char *at = c->said + strlen(WHERE);
  FUZZ_SAYS(strncmp(c->said, WHERE ":", sizeof WHERE) == 0, c->said);
  unsigned long line = strtoul(at + 1, &end, 10);
  if (line) {
    FUZZ_SAYS(line <= size + 1, c->said);
    at = end;
  }
  FUZZ_SAYS(strncmp(at, ": ", 2) == 0, c->said);
  for (size_t i = 0; i < sizeof sentences / sizeof *sentences; i++)
    if (strcmp(at + 2, sentences[i]) == 0)
      return;
  FUZZ_SAYS(false, c->said);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
  char *text = fuzz_copy(data, size);
  Case c = {.text = text, .end = text + size};
  ThredModuleHost host = {
      .size = sizeof host, .data = &c, .message = take_message, .credential = take_credential};
  ThredCredentialStatus status = module_deliver_lines(&host, WHERE, text, size);
  FUZZ_TRUE(c.delivered == (status == THRED_CREDENTIAL_SUCCESS));
  if (status != THRED_CREDENTIAL_SUCCESS)
    check_message(&c, size);
  free(text);
  return 0;
}
