/* SPDX-License-Identifier: MIT */
/*
 * The module aws-secrets-manager with no address given: those that AWS itself has. All of it runs
 * in a network namespace with these addresses on its loopback, and a hosts file of its own.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/socket.h>

#include "tests/unit/aws-fixture.h"

#define REGION "eu-central-1"
#define SECRET                                                                                     \
  "{'AWSCURRENT': {'SecretString': '{\\'partner_uuid\\': \\'" UUID "\\', \\'api_key\\': \\'" KEY   \
  "\\'}'}}"
#define LOGIN                                                                                      \
  "{'AccessKeyId': 'ASIALINK', 'SecretAccessKey': 's3cr3t/link', 'Token': 's3cr3t/session'}"
#define LOGINS  "'logins': {'ASIALINK': {'secret': 's3cr3t/link', 'session': 's3cr3t/session'}}"
#define SECRETS "'secrets': {'thred/prod': " SECRET "}"

static bool write_proc(const char *path, const char *text)
{
  int fd = open(path, O_WRONLY | O_CLOEXEC);
  bool good = fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text);
  if (fd >= 0)
    close(fd);
  return good;
}

/* Namespaces of our own; without being root, with a user namespace around them. */
static bool enter_namespaces(void)
{
  char map[64];
  uid_t uid = geteuid();
  gid_t gid = getegid();
  if (unshare(CLONE_NEWNET | CLONE_NEWNS) == 0)
    return true;
  if (unshare(CLONE_NEWUSER | CLONE_NEWNET | CLONE_NEWNS))
    return false;
  write_proc("/proc/self/setgroups", "deny");
  snprintf(map, sizeof map, "0 %u 1", (unsigned)uid);
  if (!write_proc("/proc/self/uid_map", map))
    return false;
  snprintf(map, sizeof map, "0 %u 1", (unsigned)gid);
  return write_proc("/proc/self/gid_map", map);
}

static bool add_address(int fd, const char *interface, const char *address)
{
  struct ifreq request = {.ifr_flags = 0};
  struct sockaddr_in in = {.sin_family = AF_INET};
  snprintf(request.ifr_name, sizeof request.ifr_name, "%s", interface);
  if (address) {
    inet_pton(AF_INET, address, &in.sin_addr);
    memcpy(&request.ifr_addr, &in, sizeof in);
    if (ioctl(fd, SIOCSIFADDR, &request))
      return false;
  }
  request.ifr_flags = IFF_UP | IFF_LOOPBACK | IFF_RUNNING;
  return ioctl(fd, SIOCSIFFLAGS, &request) == 0;
}

static bool add_addresses(void)
{
  int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  bool good = fd >= 0 && add_address(fd, "lo", NULL) &&
              add_address(fd, "lo:1", "169.254.169.254") &&
              add_address(fd, "lo:2", "169.254.170.2");
  if (fd >= 0)
    close(fd);
  return good;
}

/* Where AWS's names are ours. */
static bool replace_hosts(void)
{
  static const char hosts[] = "127.0.0.1 localhost secretsmanager." REGION ".amazonaws.com"
                              " secretsmanager.cn-north-1.amazonaws.com.cn\n";
  return mount(write_file(aws_at("hosts"), hosts, sizeof hosts - 1, 0644), "/etc/hosts", "none",
               MS_BIND, NULL) == 0;
}

static void check(const char *region, const char *host)
{
  char options[1024];
  snprintf(options, sizeof options, "secret-id=thred/prod|region=%s|ca-file=%s", region,
           aws_at("aws/ca.pem"));
  expect(options, OK, "");
  assert_string_equal(aws_seen("host"), host);
  assert_string_equal(aws_seen("key-id"), "ASIALINK");
}

static void test_instance(void **state)
{
  (void)state;
  aws_environment("");
  aws_state("{" LOGINS "," SECRETS ", 'imds': {'role': 'r', 'credentials': " LOGIN "}}");
  check(REGION, "secretsmanager." REGION ".amazonaws.com");
  assert_string_equal(aws_seen("imds"), "3");
}

static void test_container(void **state)
{
  (void)state;
  aws_environment("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI=/v2/credentials/1");
  aws_state("{" LOGINS "," SECRETS ", 'container': {'credentials': " LOGIN "}}");
  check(REGION, "secretsmanager." REGION ".amazonaws.com");
  aws_environment("AWS_CONTAINER_CREDENTIALS_FULL_URI=http://169.254.170.2/v2/credentials/1");
  check(REGION, "secretsmanager." REGION ".amazonaws.com");
  assert_string_equal(aws_seen("container"), "2");
  assert_string_equal(aws_seen("imds"), "");
}

static void test_china(void **state)
{
  (void)state;
  aws_environment("");
  aws_state("{'region': 'cn-north-1', " LOGINS "," SECRETS
            ", 'imds': {'role': 'r', 'credentials': " LOGIN "}}");
  check("cn-north-1", "secretsmanager.cn-north-1.amazonaws.com.cn");
}

static int set_up(void **state)
{
  if (aws_set_up(state) || !replace_hosts())
    return -1;
  aws_stand_in_start(true);
  return 0;
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_instance),
      cmocka_unit_test(test_container),
      cmocka_unit_test(test_china),
  };
  const char *missing = aws_stand_in_missing();
  if (!missing && (!enter_namespaces() || !add_addresses() ||
                   mount("none", "/", "none", MS_REC | MS_PRIVATE, NULL)))
    missing = "no namespaces of our own are permitted here";
  if (missing) {
    printf("1..0 # SKIP %s\n", missing);
    return 77; /* meson: skipped */
  }
  return cmocka_run_group_tests_name("aws-addresses", tests, set_up, aws_tear_down);
}
