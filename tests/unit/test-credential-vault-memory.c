/* SPDX-License-Identifier: MIT */
/*
 * The module vault: no secret is in memory that it, or json-c for it, gives back. (libcurl and
 * OpenSSL free their buffers as they are: lib/fetch/http.h.)
 */
#include "tests/unit/vault-fixture.h"

#include <link.h>
#include <malloc.h>

/* A sanitizer has a free() of its own. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SANITIZED 1
#endif
#endif

static _Thread_local bool watching; /* the server's threads are another matter */
static int frees, leaks;
static char leaked[256];

#ifndef SANITIZED
static const char *const secrets[] = {"s3cret-api",        "hvs.CAESIG",          "hvs.login-",
                                      "e1a9d8c7-\"quoted", "e1a9d8c7-\\\"quoted", "eyJhbGciOiJSU"};

static const char *secret_in(const void *memory)
{
  for (size_t i = 0; i < sizeof secrets / sizeof *secrets; i++)
    if (memmem(memory, malloc_usable_size((void *)(uintptr_t)memory), secrets[i],
               strlen(secrets[i])))
      return secrets[i];
  return NULL;
}

/* Where the module and json-c lie. dladdr(3) at each free would read whole symbol tables. */
static uintptr_t begins[2], ends[2];

static int note_object(struct dl_phdr_info *info, size_t size, void *data)
{
  (void)size, (void)data;
  int i = strstr(info->dlpi_name, "/vault.so") ? 0 : strstr(info->dlpi_name, "/libjson-c") ? 1 : -1;
  for (int p = 0; i >= 0 && p < info->dlpi_phnum; p++)
    if (info->dlpi_phdr[p].p_type == PT_LOAD) {
      uintptr_t at = info->dlpi_addr + info->dlpi_phdr[p].p_vaddr;
      begins[i] = begins[i] ? begins[i] : at;
      ends[i] = at + info->dlpi_phdr[p].p_memsz;
    }
  return 0;
}

static bool is_watched(uintptr_t caller)
{
  return watching &&
         ((caller - begins[0] < ends[0] - begins[0]) || (caller - begins[1] < ends[1] - begins[1]));
}

extern void __libc_free(void *memory);

/* In front of the C library's, for every object of the process. */
void free(void *memory)
{
  if (memory && is_watched((uintptr_t)__builtin_return_address(0))) {
    const char *secret = secret_in(memory);
    frees++;
    leaks += secret != NULL;
    if (secret)
      snprintf(leaked, sizeof leaked, "%s", secret);
  }
  __libc_free(memory);
}
#endif

static void expect_wiped(const char *options, ThredCredentialStatus status)
{
  frees = leaks = 0;
  watching = true;
  ThredCredentialStatus got = ask(options);
  watching = false;
  assert_int_equal(got, status);
  if (leaks)
    fail_msg("%d blocks of %d, the last one with %s", leaks, frees, leaked);
#ifndef SANITIZED
  assert_true(frees > 10);
#endif
}

static void test_is_wiped(void **state)
{
  (void)state;
  char file[PATH_SIZE];
  ask(with("kv=2")); /* loads it */
#ifndef SANITIZED
  dl_iterate_phdr(note_object, NULL);
  assert_true(begins[0] && begins[1]);
#endif
  snprintf(file, sizeof file, "%s", file_with("secret-id", VAULT_SECRET_ID "\n", 0600));
  const char *approle = with("auth=approle|role-id=" VAULT_ROLE_ID "|secret-id-file=%s", file);
  expect_wiped(with("kv=2"), OK);
  expect_wiped(with("kv=1|mount=kv1"), OK);
  expect_wiped(approle, OK);
  expect_wiped(with("auth=kubernetes|role=thred|jwt-file=%s", file_with("jwt", VAULT_JWT, 0644)),
               OK);
  expect_wiped(with("auth=token-file|token-file=%s", file_with("token", VAULT_TOKEN_OK, 0600)), OK);
  expect_wiped(with("path=no-uuid"), UNAVAIL);
  expect_wiped(with("path=number"), UNAVAIL);
  /* an answer that breaks off in the key, and one that repeats what was sent */
  static const VaultFault faults[] = {
      {VAULT_FAULT_ANSWER, "secret", 200,
       "{\"data\":{\"data\":{\"partner_uuid\":\"x\",\"api_key\":\"s3cret-api-k", NULL},
      {VAULT_FAULT_ANSWER, "secret", 200, "s3cret-api-key", NULL},
      {VAULT_FAULT_ANSWER, "secret", 400, "{\"errors\":[\"" VAULT_TOKEN_OK "\"]}", NULL}};
  for (size_t i = 0; i < sizeof faults / sizeof *faults; i++) {
    vault_set_fault(server, &faults[i]);
    expect_wiped(with("kv=2"), UNAVAIL);
    expect_wiped(approle, UNAVAIL);
  }
}

int main(void)
{
  /* What is allocated, or was freed, holds nothing of before. */
  mallopt(M_PERTURB, 0x5a);
  const struct CMUnitTest tests[] = {cmocka_unit_test_setup(test_is_wiped, vault_fresh)};
  return cmocka_run_group_tests_name("credential-vault-memory", tests, vault_set_up,
                                     vault_tear_down);
}
