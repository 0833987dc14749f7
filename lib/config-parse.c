/* SPDX-License-Identifier: MIT */
#include "lib/config-parse.h"

#include <errno.h>
#include <semaphore.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "lib/clock-wait.h"
#include "lib/fetch-load.h"
#include "lib/worker.h"

/* Who waits longer waits for something that its own thread holds: a lock of the loader's, in the
 * constructor of a library that is being opened. */
#define PATIENCE_S 10

typedef struct {
  atomic_uint users; /* who waits, and the thread */
  sem_t done;
  ProcessPaths paths;
  int code;
  Error error;
  void *block;
  size_t size;
} Parse;

static void leave(Parse *parse)
{
  if (atomic_fetch_sub(&parse->users, 1) != 1)
    return;
  process_paths_clear(&parse->paths);
  sem_destroy(&parse->done);
  free(parse->block);
  free(parse);
}

static void run(Parse *parse)
{
  const FetchApi *fetch = fetch_load(parse->paths.fetch_object, &parse->error);
  parse->code =
      fetch ? fetch->load_config(&parse->paths.origin, &parse->block, &parse->size, &parse->error)
            : parse->error.code;
  sem_post(&parse->done);
}

static void work(void *data)
{
  Parse *parse = data;
  run(parse);
  leave(parse);
}

static bool wait_for(Parse *parse)
{
  struct timespec until;
  int result;
  clock_gettime(CLOCK_MONOTONIC, &until);
  until.tv_sec += PATIENCE_S;
  do
    result = clock_wait_semaphore(&parse->done, &until);
  while (result && errno == EINTR);
  return result == 0;
}

static int take(Parse *parse, void **block, size_t *size, Error *error)
{
  if (!wait_for(parse))
    return error_set(error, THRED_E_TIMEOUT, "the configuration was not read within %d s",
                     PATIENCE_S);
  if (parse->code) {
    if (error)
      *error = parse->error;
    return parse->code;
  }
  *block = parse->block;
  *size = parse->size;
  parse->block = NULL;
  return THRED_OK;
}

int config_parse(ProcessPaths *paths, void **block, size_t *size, Error *error)
{
  Parse *parse = calloc(1, sizeof *parse);
  if (!parse)
    return error_set(error, THRED_E_NO_MEMORY, "out of memory for the configuration");
  atomic_init(&parse->users, 2);
  sem_init(&parse->done, 0, 0);
  parse->paths = *paths;
  memset(paths, 0, sizeof *paths);
  if (!worker_start(work, parse)) {
    atomic_store(&parse->users, 1);
    run(parse);
  }
  int code = take(parse, block, size, error);
  leave(parse);
  return code;
}
