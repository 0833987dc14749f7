/* SPDX-License-Identifier: MIT */
/* lib/worker: what is left of a worker that has done its work. OpenSSL's memory is counted here. */
#include <errno.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <unistd.h>

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

/* ---- a program that ends while a worker is at it ---- */

static sem_t at_it;
static atomic_bool is_done;

static void openssl_goes(void)
{
  if (!atomic_load(&is_done))
    _exit(3);
}

static void work_slowly(void *data)
{
  (void)data;
  EVP_MD_free(EVP_MD_fetch(NULL, "SHA256", NULL));
  OPENSSL_atexit(openssl_goes);
  sem_post(&at_it);
  usleep(200000);
  atomic_store(&is_done, true);
}

/* It has not called OpenSSL before. */
static int end_beside_a_worker(void)
{
  if (sem_init(&at_it, 0, 0) || !worker_start(work_slowly, NULL))
    return 2;
  sem_wait(&at_it);
  return 0;
}

static void openssl_is_there_until_the_work_is_done(void **state)
{
  (void)state;
  pid_t pid = fork();
  if (pid == 0) {
    execl(program_invocation_name, "test-worker", "end", NULL);
    _exit(127);
  }
  assert_int_equal(child_wait(pid), 0);
}

int main(int argc, char **argv)
{
  (void)argv;
  if (argc > 1)
    return end_beside_a_worker();
  static const struct CMUnitTest tests[] = {
      cmocka_unit_test(nothing_of_openssls_outlives_the_work),
      cmocka_unit_test(openssl_is_there_until_the_work_is_done),
  };
  /* Before anything of OpenSSL's: its own key comes after this one, and so does its destructor. */
  if (!CRYPTO_set_mem_functions(get, resize, give_back) || sem_init(&ended, 0, 0) ||
      pthread_key_create(&ending, see_the_end))
    return EXIT_FAILURE;
  ERR_raise(ERR_LIB_USER, ERR_R_INTERNAL_ERROR); /* what is made but once is made here */
  return cmocka_run_group_tests(tests, NULL, NULL);
}
