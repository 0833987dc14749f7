/* SPDX-License-Identifier: MIT */
/*
 * What AWS answers: Secrets Manager, and before it whoever the login comes from. The first byte
 * says where that is, and what of the secret is wanted; a profile is the text up to a form feed.
 */
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/fuzz/modules.h"
#include "tests/fuzz/replies.h"

#define SECRET "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"

static char path[64];

static void remove_file(void)
{
  unlink(path);
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
  (void)argc, (void)argv;
  snprintf(path, sizeof path, "/dev/shm/thred-fuzz-aws-%d", (int)getpid());
  umask(077);
  atexit(remove_file);
  return 0;
}

static void write_profile(FuzzInput *input)
{
  char *text = fuzz_line(input, '\f');
  size_t length = strlen(text);
  int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  FUZZ_TRUE(fd >= 0 && write(fd, text, length) == (ssize_t)length);
  close(fd);
  free(text);
}

/* Keys of the environment, a profile, a container, an instance. */
static void set_login(unsigned how, FuzzInput *input)
{
  unsetenv("AWS_ACCESS_KEY_ID");
  unsetenv("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI");
  truncate(path, 0);
  setenv("AWS_SECRET_ACCESS_KEY", SECRET, 1);
  if (how % 4 == 0)
    setenv("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE", 1);
  else
    unsetenv("AWS_SECRET_ACCESS_KEY");
  if (how % 4 == 1)
    write_profile(input);
  if (how % 4 == 2)
    setenv("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "/v2/credentials/x", 1);
}

static size_t set_options(unsigned how, ThredModuleOption options[8])
{
  size_t n = 0;
#define OPTION(k, v) options[n++] = (ThredModuleOption){k, v, "/conf.d/x.conf", 7}
  OPTION("secret-id", "thred/partner");
  OPTION("credentials-file", path);
  OPTION("config-file", path);
  if (how & 8)
    OPTION("partner-uuid", "3c90c3cc-0d44-4b50-8888-8dd25736052a");
  if (how & 16)
    OPTION("key-field", "key");
  if (how & 32)
    OPTION("region", "eu-central-1");
#undef OPTION
  return n;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
  FuzzInput input = {data, data + size};
  ThredModuleOption options[8];
  ModuleAnswer answer;
  unsigned how = (unsigned)fuzz_number(&input, 1);
  set_login(how, &input);
  size_t n = set_options(how, options);
  replies_set(&input);
  module_get("aws-secrets-manager", options, n, &answer);
  FUZZ_SAYS(how % 4 != 0 || replies_hide(answer.said, SECRET),
            answer.said); /* else it is not in use */
  return 0;
}
