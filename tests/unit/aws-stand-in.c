/* SPDX-License-Identifier: MIT */
/* The stand-in's side of aws-fixture.h: a process of Node.js. */
#include <curl/curl.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>

#include "tests/unit/aws-fixture.h"

#define SCRIPT   "THRED_TEST_AWS_STAND_IN"
#define PACKAGES "THRED_TEST_STAND_INS"

int aws_ports[AWS_PORTS];

static pid_t process;
static int its_input = -1;

const char *aws_stand_in_missing(void)
{
  static char why[300];
  const char *packages = getenv(PACKAGES);
  char path[PATH_SIZE];
  if (!packages || !getenv(SCRIPT))
    return SCRIPT " and " PACKAGES " are not set: meson test sets them";
  snprintf(path, sizeof path, "%s/installed", packages);
  if (access(path, R_OK) == 0)
    return system("command -v node >/dev/null && command -v openssl >/dev/null 2>&1")
               ? "no node, or no openssl"
               : NULL;
  snprintf(path, sizeof path, "%s/why", packages);
  FILE *file = fopen(path, "r");
  if (!file)
    return "AWS's signer is not installed: scripts/test does that (install_stand_ins)";
  size_t n = fread(why, 1, sizeof why - 1, file);
  fclose(file);
  why[strcspn(why, "\n") < n ? strcspn(why, "\n") : n] = 0;
  return why;
}

static void become_the_stand_in(int input, bool link)
{
  umask(022); /* the certificate is judged like a configuration */
  dup2(input, STDIN_FILENO);
  execlp("node", "node", getenv(SCRIPT), "--dir", aws_at("aws"), "--packages", getenv(PACKAGES),
         link ? "--link" : NULL, NULL);
  _exit(127);
}

static bool read_ports(void)
{
  FILE *file = fopen(aws_at("aws/ports"), "r");
  if (!file)
    return false;
  int n = fscanf(file, "%d %d %d %d", &aws_ports[0], &aws_ports[1], &aws_ports[2], &aws_ports[3]);
  fclose(file);
  return n == AWS_PORTS;
}

void aws_stand_in_start(bool link)
{
  int ends[2];
  assert_int_equal(mkdir(aws_at("aws"), 0755), 0);
  assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
  process = fork();
  if (process == 0)
    become_the_stand_in(ends[0], link);
  close(ends[0]);
  its_input = ends[1];
  for (int64_t end = clock_monotonic_ms() + 60000; !read_ports();) {
    if (waitpid(process, NULL, WNOHANG) == process || clock_monotonic_ms() > end)
      fail_msg("the stand-in for AWS does not start");
    usleep(20000);
  }
}

void aws_stand_in_stop(void)
{
  if (its_input < 0)
    return;
  close(its_input);
  its_input = -1;
  kill(process, SIGTERM);
  waitpid(process, NULL, 0);
}

/* ---- control ---- */

typedef struct {
  char text[512];
  size_t length;
} Text;

static size_t take(char *bytes, size_t size, size_t n, void *data)
{
  Text *text = data;
  size_t length = size * n, room = sizeof text->text - 1 - text->length;
  memcpy(text->text + text->length, bytes, length < room ? length : room);
  text->length += length < room ? length : room;
  return length;
}

static void control(const char *path, const char *body, Text *reply)
{
  char url[256];
  long status = 0;
  CURL *curl = curl_easy_init();
  assert_non_null(curl);
  snprintf(url, sizeof url, "http://127.0.0.1:%d%s", aws_ports[AWS_CONTROL], path);
  curl_easy_setopt(curl, CURLOPT_URL, url);
  curl_easy_setopt(curl, CURLOPT_PROXY, "");
  curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take);
  curl_easy_setopt(curl, CURLOPT_WRITEDATA, reply);
  if (body)
    curl_easy_setopt(curl, CURLOPT_POSTFIELDS, body);
  CURLcode rc = curl_easy_perform(curl);
  curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
  curl_easy_cleanup(curl);
  if (rc != CURLE_OK || status != 200)
    fail_msg("the stand-in's control: %s, %ld %s", curl_easy_strerror(rc), status, reply->text);
}

void aws_state(const char *format, ...)
{
  char body[8192];
  Text reply = {.length = 0};
  va_list args;
  va_start(args, format);
  assert_in_range(vsnprintf(body, sizeof body, format, args), 0, sizeof body - 1);
  va_end(args);
  for (char *c = body; *c; c++)
    if (*c == '\'')
      *c = '"';
  control("/state", body, &reply);
}

const char *aws_seen(const char *name)
{
  static Text reply;
  char path[128];
  reply = (Text){.length = 0};
  snprintf(path, sizeof path, "/seen/%s", name);
  control(path, NULL, &reply);
  return reply.text;
}

int aws_count(const char *name)
{
  return atoi(aws_seen(name));
}
