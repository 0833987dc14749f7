/* SPDX-License-Identifier: MIT */
/* What a Vault answers, whichever way the module logs in. The first byte says which. */
#include <sys/stat.h>
#include <unistd.h>

#include "tests/fuzz/modules.h"
#include "tests/fuzz/replies.h"

#define TOKEN  "hvs.Q2w3e4r5t6y7u8i9"
#define FILE_T "/dev/shm/thred-fuzz-vault-%d"

static char path[64];

static void remove_file(void)
{
  unlink(path);
}

/* One file is token, secret ID and JWT at once. */
int LLVMFuzzerInitialize(int *argc, char ***argv)
{
  (void)argc, (void)argv;
  snprintf(path, sizeof path, FILE_T, (int)getpid());
  umask(077);
  FILE *file = fopen(path, "wx");
  FUZZ_TRUE(file && fputs(TOKEN "\n", file) > 0 && fclose(file) == 0);
  atexit(remove_file);
  setenv("VAULT_TOKEN", TOKEN, 1);
  unsetenv("VAULT_ADDR");
  unsetenv("VAULT_NAMESPACE");
  return 0;
}

static size_t set_options(unsigned how, ThredModuleOption options[8])
{
  static const char *const auths[] = {"token", "token-file", "approle", "kubernetes"};
  const char *const files[] = {NULL, "token-file", "secret-id-file", "jwt-file"};
  const char *const roles[] = {NULL, NULL, "role-id", "role"};
  const unsigned auth = how % 4;
  size_t n = 0;
#define OPTION(k, v) options[n++] = (ThredModuleOption){k, v, "/conf.d/x.conf", 7}
  OPTION("address", "https://vault.example:8200");
  OPTION("path", "thred/partner");
  OPTION("kv", how & 4 ? "1" : "2");
  OPTION("auth", auths[auth]);
  if (how & 8)
    OPTION("namespace", "team/a");
  if (files[auth])
    OPTION(files[auth], path);
  if (roles[auth])
    OPTION(roles[auth], "role-of-thred");
#undef OPTION
  return n;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
  FuzzInput input = {data, data + size};
  ThredModuleOption options[8];
  ModuleAnswer answer;
  size_t n = set_options((unsigned)fuzz_number(&input, 1), options);
  replies_set(&input);
  module_get("vault", options, n, &answer);
  FUZZ_SAYS(replies_hide(answer.said, TOKEN), answer.said);
  FUZZ_SAYS(replies_hide(answer.notes, TOKEN), answer.notes);
  return 0;
}
