/* SPDX-License-Identifier: MIT */
/* The module aws-secrets-manager gives no memory back with a secret in it: neither itself nor
 * json-c on its behalf. */
#include "tests/unit/aws-fixture.h"
#include "tests/unit/heap-watch.h"

/* Asks, and looks at what is freed meanwhile. */
static void expect_wiped(const char *options, ThredCredentialStatus status)
{
  static const char *const secrets[] = {"s3cr3t", NULL};
  aws_ask(options, NULL); /* loads it */
  heap_watch("/aws-secrets-manager.so", secrets);
  Outcome outcome = aws_ask(options, NULL);
  heap_expect_clean();
  assert_int_equal(outcome.status, status);
}

#define LOGIN  "{'AccessKeyId': 'ASIA', 'SecretAccessKey': 's3cr3t/link', 'Token': 's3cr3t/session'}"
#define LOGINS "'logins': {'ASIA': {'secret': 's3cr3t/link', 'session': 's3cr3t/session'}}"
#define KEYS                                                                                       \
  "AWS_ACCESS_KEY_ID=ASIA|AWS_SECRET_ACCESS_KEY=s3cr3t/link|AWS_SESSION_TOKEN=s3cr3t/session"
#define OBJECT      "{\\'partner_uuid\\': \\'" UUID "\\', \\'api_key\\': \\'" KEY "\\'}"
#define FORM(value) "{" LOGINS ", 'secrets': {'x': {'AWSCURRENT': {" value "}}}"

static const char *options(const char *more)
{
  static char text[1024];
  snprintf(text, sizeof text,
           "secret-id=x|region=eu-central-1|imds-endpoint=http://127.0.0.1:%d|"
           "endpoint=https://127.0.0.1:%d|ca-file=%s%s",
           aws_ports[AWS_METADATA], aws_ports[AWS_SERVICE], aws_at("aws/ca.pem"), more);
  return text;
}

static void test_secrets(void **state)
{
  (void)state;
  aws_environment(KEYS);
  aws_state(FORM("'SecretString': '" OBJECT "'") "}");
  expect_wiped(options(""), OK);
  aws_state(FORM("'SecretString': 's3cr3t-api-key\\n'") "}");
  expect_wiped(options("|partner-uuid=" UUID), OK);
  expect_wiped(options(""), UNAVAIL);
  aws_state(FORM("'SecretBinary': 'czNjcjN0LWFwaS1rZXk='") "}");
  expect_wiped(options("|partner-uuid=" UUID), OK);
  aws_state("{" LOGINS ", 'fault': {'body': '{\\'SecretString\\': \\'s3cr3t\\', '}}");
  expect_wiped(options(""), UNAVAIL);
  aws_state("{" LOGINS ", 'fault': {'status': 400, 'type': 'X', 'message': 's3cr3t/link'}}");
  expect_wiped(options(""), UNAVAIL);
  aws_state("{" LOGINS ", 'fault': {'drop': true}}");
  expect_wiped(options(""), TRYAGAIN);
}

static void test_logins(void **state)
{
  (void)state;
  char variables[512];
  aws_state(FORM("'SecretString': '" OBJECT "'") ", 'container': {'authorization': 's3cr3t-token',"
                                                 "'credentials': " LOGIN
                                                 "}, 'imds': {'role': 'r', 'credentials': " LOGIN
                                                 "}}");
  aws_environment("");
  expect_wiped(options(""), OK);
  snprintf(variables, sizeof variables,
           "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE=%s|"
           "AWS_CONTAINER_CREDENTIALS_FULL_URI=http://127.0.0.1:%d/v2/credentials/1",
           write_file(aws_at("token"), "s3cr3t-token", 12, 0600), aws_ports[AWS_CONTAINER]);
  aws_environment(variables);
  expect_wiped(options(""), OK);
  static const char file[] =
      "[default]\naws_access_key_id=ASIA\naws_secret_access_key=s3cr3t/link\n"
      "aws_session_token=s3cr3t/session\n";
  aws_environment("");
  write_file(aws_at("home/.aws/credentials"), file, sizeof file - 1, 0600);
  expect_wiped(options(""), OK);
  unlink(aws_at("home/.aws/credentials"));
  write_file(aws_at("home/.aws/config"), file, sizeof file - 1, 0600);
  expect_wiped(options(""), OK);
}

/* What libcurl and OpenSSL have handed on, they give back wiped (lib/fetch/http.c, http-tls.c). Not
 * what was sent: libcurl's own copies of that are overwritten after they were freed. */
static void test_answers_in_libraries(void **state)
{
  static const char *const secrets[] = {"s3cr3t-api-key", NULL};
  static const char *const libraries[] = {"/libcurl.so", "/libssl.so"};
  (void)state;
  aws_environment(KEYS);
  aws_state(FORM("'SecretString': 's3cr3t-api-key\\n'") "}");
  aws_ask(options("|partner-uuid=" UUID), NULL);
  for (size_t i = 0; i < 2; i++) {
    heap_watch(libraries[i], secrets);
    Outcome outcome = aws_ask(options("|partner-uuid=" UUID), NULL);
    heap_expect_clean();
    assert_int_equal(outcome.status, OK);
  }
}

static int set_up(void **state)
{
  if (aws_set_up(state))
    return -1;
  aws_stand_in_start(false);
  return 0;
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_secrets),
      cmocka_unit_test(test_logins),
      cmocka_unit_test(test_answers_in_libraries),
  };
  const char *missing = aws_stand_in_missing();
  if (missing) {
    printf("1..0 # SKIP %s\n", missing);
    return 77; /* meson: skipped */
  }
  return cmocka_run_group_tests_name("aws-wipes", tests, set_up, aws_tear_down);
}
