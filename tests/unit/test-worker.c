/* SPDX-License-Identifier: MIT */
/* lib/worker: what is left of a worker that has done its work. OpenSSL's memory is counted here. */
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>

#include "config.h"
#include "lib/worker.h"
#include "tests/unit/child.h"

static _Thread_local int blocks; /* of OpenSSL's, that this thread has got and not given back */

static void *get(size_t size, const char *file, int line)
{
  (void)file, (void)line;
  blocks++;
  return malloc(size);
}

static void *resize(void *block, size_t size, const char *file, int line)
{
  (void)file, (void)line;
  blocks += !block;
  return realloc(block, size);
}

static void give_back(void *block, const char *file, int line)
{
  (void)file, (void)line;
  blocks -= block != NULL;
  free(block);
}

static pthread_key_t ending; /* its destructor runs in a thread that ends */
static sem_t ended;
static int blocks_while_working, blocks_at_end;
static bool hears_signals;

static void see_the_end(void *value)
{
  (void)value;
  blocks_at_end = blocks;
  sem_post(&ended);
}

static void use_openssl(void *data)
{
  sigset_t blocked;
  pthread_sigmask(SIG_SETMASK, NULL, &blocked);
  hears_signals = sigismember(&blocked, SIGTERM) == 0;
  pthread_setspecific(ending, data);
  ERR_raise(ERR_LIB_USER, ERR_R_INTERNAL_ERROR);
  blocks_while_working = blocks;
}

static void nothing_of_openssls_outlives_the_work(void **state)
{
  (void)state;
  assert_true(worker_start(use_openssl, &ended));
  sem_wait(&ended);
  assert_true(blocks_while_working > 0);
  assert_int_equal(blocks_at_end, 0);
  assert_false(hears_signals);
}

int main(void)
{
  static const struct CMUnitTest tests[] = {
      cmocka_unit_test(nothing_of_openssls_outlives_the_work),
  };
  /* Before anything of OpenSSL's: its own key comes after this one, and so does its destructor. */
  if (!CRYPTO_set_mem_functions(get, resize, give_back) || sem_init(&ended, 0, 0) ||
      pthread_key_create(&ending, see_the_end))
    return EXIT_FAILURE;
  ERR_raise(ERR_LIB_USER, ERR_R_INTERNAL_ERROR); /* what is made but once is made here */
  return cmocka_run_group_tests(tests, NULL, NULL);
}
