/* SPDX-License-Identifier: MIT */
/* flush.c - `thredctl flush`: every program asks for new tokens from now on. */
#include <string.h>

#include "lib/cache.h"
#include "tools/thredctl/command.h"

/* Which of the two segments a program uses is its configuration's affair. */
static int flush_all(void)
{
  const SnapshotSeal seals[] = {SNAPSHOT_SEAL_REQUIRED, SNAPSHOT_SEAL_OFF};
  int sum = 0;
  for (size_t i = 0; i < G_N_ELEMENTS(seals); i++) {
    Cache *cache = cache_open(seals[i]);
    int tokens = cache ? cache_flush(cache) : 0;
    if (tokens < 0)
      return -1;
    sum += tokens;
  }
  return sum;
}

static int flush(bool json)
{
  int tokens = flush_all();
  if (tokens < 0)
    return command_error(EXIT_FAILED, "the cache is locked by a stopped or broken process; "
                                      "try again");
  g_autofree char *text =
      json ? g_strdup_printf("{\"version\":1,\"flushed\":%d}\n", tokens)
           : g_strdup_printf("%d token%s forgotten\n", tokens, tokens == 1 ? "" : "s");
  return command_output(text, strlen(text)) ? EXIT_DONE : EXIT_FAILED;
}

int command_flush(int argc, char **argv)
{
  gboolean json = FALSE;
  const GOptionEntry entries[] = {{"json", 0, 0, G_OPTION_ARG_NONE, &json, "As JSON", NULL},
                                  {NULL}};
  int status;
  if (!command_options("- forget every cached token of this user",
                       "Programs that run get new tokens with their next requests.\n\n"
                       "Example:\n  thredctl flush",
                       entries, REST_NONE, &argc, &argv, &status))
    return status;
  return flush(json);
}
