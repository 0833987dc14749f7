/* SPDX-License-Identifier: MIT */
/* The module aws-secrets-manager against the stand-in for AWS: who asks, for what, and what then.
 */
#include "tests/unit/aws-fixture.h"

/* What each source of a login has; the stand-in knows all of them. */
#define ENV       "AWS_ACCESS_KEY_ID=AKIDENV|AWS_SECRET_ACCESS_KEY=s3cr3t/env+key="
#define ENV_STATE "'AKIDENV': {'secret': 's3cr3t/env+key='}"
#define LOGINS                                                                                     \
  "'logins': {" ENV_STATE ","                                                                      \
  "'ASIAENV': {'secret': 's3cr3t/env', 'session': 's3cr3t/session+env=='},"                        \
  "'AKIDFILE': {'secret': 's3cr3t/file'},"                                                         \
  "'ASIAFILE': {'secret': 's3cr3t/file2', 'session': 's3cr3t/session+file=='},"                    \
  "'ASIACONTAINER': {'secret': 's3cr3t/container', 'session': 's3cr3t/session+container=='},"      \
  "'ASIAIMDS': {'secret': 's3cr3t/imds', 'session': 's3cr3t/session+imds=='}}"
#define OBJECT    "{\\'partner_uuid\\': \\'" UUID "\\', \\'api_key\\': \\'" KEY "\\'}"
#define STRING(s) "'secrets': {'thred/prod': {'AWSCURRENT': {'SecretString': '" s "'}}}"
#define SECRETS   STRING(OBJECT)
#define ALL       "{" LOGINS "," SECRETS "}"

/* The options that lead to the stand-in, and `more`. */
static const char *options(const char *more)
{
  static char text[2048];
  snprintf(text, sizeof text,
           "secret-id=thred/prod|region=eu-central-1|imds-endpoint=http://127.0.0.1:%d|"
           "endpoint=https://127.0.0.1:%d|ca-file=%s%s%s",
           aws_ports[AWS_METADATA], aws_ports[AWS_SERVICE], aws_at("aws/ca.pem"),
           more[0] ? "|" : "", more);
  return text;
}

static void assert_seen(const char *name, const char *value)
{
  const char *seen = aws_seen(name);
  if (strcmp(seen, value) != 0)
    fail_msg("%s: '%s' was seen, not '%s'", name, seen, value);
}

static void write_aws_file(const char *name, const char *text, mode_t mode)
{
  write_file(aws_at("home/.aws/%s", name), text, strlen(text), mode);
}

/* ---- logins ---- */

static void test_login_environment(void **state)
{
  (void)state;
  aws_state(ALL);
  aws_environment(ENV);
  expect(options(""), OK, "");
  assert_seen("key-id", "AKIDENV");
  assert_seen("signed", "content-type;host;x-amz-date;x-amz-target");
  assert_seen("stages", "AWSCURRENT;");
  aws_environment("AWS_ACCESS_KEY_ID=ASIAENV|AWS_SECRET_ACCESS_KEY=s3cr3t/env|"
                  "AWS_SESSION_TOKEN=s3cr3t/session+env==");
  expect(options(""), OK, "");
  assert_seen("key-id", "ASIAENV");
  assert_seen("signed", "content-type;host;x-amz-date;x-amz-security-token;x-amz-target");
  assert_seen("requests", "2");
  assert_seen("imds", "");
}

/* That the stand-in would notice: each part of a login counts. */
static void test_login_wrong(void **state)
{
  (void)state;
  aws_state(ALL);
  aws_environment("AWS_ACCESS_KEY_ID=AKIDENV|AWS_SECRET_ACCESS_KEY=s3cr3t/other");
  expect(options(""), UNAVAIL,
         "the secret access key does not belong to the access key (HTTP 400, "
         "InvalidSignatureException)");
  assert_seen("bad-signature", "1");
  aws_environment("AWS_ACCESS_KEY_ID=AKIDNONE|AWS_SECRET_ACCESS_KEY=s3cr3t/env");
  expect(options(""), UNAVAIL,
         "the AWS access key or session token is not valid, or not for this "
         "region (HTTP 400, UnrecognizedClientException: The security token "
         "included in the request is invalid.)");
  aws_environment("AWS_ACCESS_KEY_ID=ASIAENV|AWS_SECRET_ACCESS_KEY=s3cr3t/env|"
                  "AWS_SESSION_TOKEN=s3cr3t/other");
  expect(options(""), UNAVAIL, "UnrecognizedClientException");
  aws_environment(ENV);
  aws_state("{'region': 'us-east-1', " LOGINS "," SECRETS "}");
  expect(options(""), UNAVAIL, "Credential should be scoped to a valid region.)");
}

static void test_login_files(void **state)
{
  (void)state;
  aws_state(ALL);
  aws_environment("");
  write_aws_file("credentials",
                 "[default]\naws_access_key_id = AKIDFILE\naws_secret_access_key = s3cr3t/file\n"
                 "[other]\naws_access_key_id = ASIAFILE\naws_secret_access_key = s3cr3t/file2\n"
                 "aws_session_token = s3cr3t/session+file==\n",
                 0600);
  expect(options(""), OK, "");
  assert_seen("key-id", "AKIDFILE");
  aws_environment("AWS_PROFILE=other");
  expect(options(""), OK, "");
  assert_seen("key-id", "ASIAFILE");
  aws_environment(ENV "|AWS_PROFILE=other"); /* the variables come first */
  expect(options(""), OK, "");
  assert_seen("key-id", "AKIDENV");
  expect(options("profile=other"), OK, ""); /* but an option comes before them */
  assert_seen("key-id", "ASIAFILE");

  /* elsewhere, and in the config */
  assert_int_equal(rename(aws_at("home/.aws/credentials"), aws_at("elsewhere")), 0);
  char variable[2 * PATH_SIZE];
  snprintf(variable, sizeof variable, "AWS_SHARED_CREDENTIALS_FILE=%s", aws_at("elsewhere"));
  aws_environment(variable);
  expect(options(""), OK, "");
  assert_seen("key-id", "AKIDFILE");
  aws_environment("");
  snprintf(variable, sizeof variable, "profile=other|credentials-file=%s", aws_at("elsewhere"));
  expect(options(variable), OK, "");
  assert_seen("key-id", "ASIAFILE");
  write_aws_file("config",
                 "[profile third]\naws_access_key_id=AKIDFILE\naws_secret_access_key=s3cr3t/file",
                 0600);
  expect(options("profile=third"), OK, "");
  assert_seen("key-id", "AKIDFILE");
  assert_seen("imds", "");
  unlink(aws_at("home/.aws/config"));
}

/* ---- a container's login ---- */

#define CONTAINER                                                                                  \
  "'credentials': {'AccessKeyId': 'ASIACONTAINER', 'SecretAccessKey': 's3cr3t/container',"         \
  "'Token': 's3cr3t/session+container==', 'Expiration': '2038-01-01T00:00:00Z', 'RoleArn': 'x'}"

/* The variables of a container whose service is the stand-in's, and `more`. */
static void container_environment(const char *path, const char *more)
{
  char variables[4 * PATH_SIZE];
  snprintf(variables, sizeof variables,
           "AWS_CONTAINER_CREDENTIALS_FULL_URI=http://127.0.0.1:%d%s|%s", aws_ports[AWS_CONTAINER],
           path, more);
  aws_environment(variables);
}

static void test_login_container(void **state)
{
  (void)state;
  aws_state("{" LOGINS "," SECRETS ", 'container': {" CONTAINER "}}");
  container_environment("/v2/credentials/1", "");
  expect(options(""), OK, "");
  assert_seen("key-id", "ASIACONTAINER");
  assert_seen("container", "1");
  /* what is asked for there is as good as a login: the place is told, and nothing more */
  container_environment("/v2/s3cr3t?s3cr3t#s3cr3t", "");
  char says[100];
  snprintf(says, sizeof says, "the container's credentials: http://127.0.0.1:%d answered HTTP 404",
           aws_ports[AWS_CONTAINER]);
  expect(options(""), UNAVAIL, says);

  aws_state("{" LOGINS "," SECRETS
            ", 'container': {'authorization': 'Bearer s3cr3t.jwt', " CONTAINER "}}");
  container_environment("/v2/credentials/1", "");
  expect(options(""), UNAVAIL, "answered HTTP 401");
  container_environment("/v2/credentials/1", "AWS_CONTAINER_AUTHORIZATION_TOKEN=Bearer s3cr3t.jwt");
  expect(options(""), OK, "");
  /* a file comes before it, is read each time, and may be open inside the container */
  write_file(aws_at("token"), "Bearer s3cr3t.jwt\n", 18, 0644);
  char more[2 * PATH_SIZE];
  snprintf(more, sizeof more,
           "AWS_CONTAINER_AUTHORIZATION_TOKEN=x|AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE=%s",
           aws_at("token"));
  container_environment("/v2/credentials/1", more);
  expect(options(""), OK, "");
  write_file(aws_at("token"), "s3cr3t.old", 10, 0644);
  expect(options(""), UNAVAIL, "answered HTTP 401");
  chmod(aws_at("token"), 0666);
  expect(options(""), UNAVAIL, "token: refused: it is writable by group or others");
  write_file(aws_at("token"), "\n", 1, 0600);
  expect(options(""), UNAVAIL, "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE: the token is empty");
  assert_seen("imds", "");
}

static void test_login_container_answers(void **state)
{
  (void)state;
  static const struct {
    const char *fault;
    ThredCredentialStatus status;
    const char *says;
  } cases[] = {
      {"'status': 500", TRYAGAIN, "answered HTTP 500"},
      {"'status': 429", TRYAGAIN, "answered HTTP 429"},
      {"'status': 302, 'headers': {'Location': '/'}", UNAVAIL, "answered HTTP 302"},
      {"'drop': true", TRYAGAIN, "the request for the container's credentials failed: "},
      {"'body': '<html>s3cr3t</html>'", UNAVAIL, "credentials: answered no JSON object: "},
      {"'body': ''", UNAVAIL, "answered no JSON object: the text ends too early"},
      {"'body': '[]'", UNAVAIL, "answered no JSON object: the text is not an object"},
      {"'body': '{}'", UNAVAIL, "the container's credentials: AccessKeyId is missing"},
      {"'body': '{\\'AccessKeyId\\': \\'A\\', \\'SecretAccessKey\\': 1}'", UNAVAIL,
       "SecretAccessKey is missing, or is no string"},
      {"'body': '{\\'AccessKeyId\\': \\'A\\', \\'SecretAccessKey\\': \\'s3cr3t\\'}'", UNAVAIL,
       "Token is missing, or is no string"},
      {"'body': '{\\'AccessKeyId\\': \\'A\\', \\'SecretAccessKey\\': \\'s3cr3t\\', "
       "\\'Token\\': \\'s3cr3t\\\\r\\\\nx: y\\'}'",
       UNAVAIL, "the session token is empty, too long, or has"},
      {"'body': 's3cr3t.....', 'repeat': 10000", UNAVAIL, "with a body above the limit"},
      {"'body': 'x', 'headers': {'Content-Encoding': 'gzip'}", UNAVAIL, "a Content-Encoding that"},
  };
  container_environment("/s3cr3t?s3cr3t", "");
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    aws_state("{" LOGINS "," SECRETS ", 'container': {'fault': {%s}}}", cases[i].fault);
    Outcome outcome = aws_ask(options(""), NULL);
    aws_check(&outcome, cases[i].status, cases[i].says, (int)i);
    assert_seen("container", "1");
    assert_seen("requests", ""); /* nobody is asked with it */
    assert_seen("imds", "");     /* and the next source is not, either */
  }
  aws_state("{'container': {'fault': {'hang': true}}}");
  Terms soon = {.deadline_ms = clock_monotonic_ms() + 300};
  expect_on(&soon, options(""), TRYAGAIN, "the request for the container's credentials failed: ");
}

/* ---- an instance's login ---- */

#define ROLES "/latest/meta-data/iam/security-credentials/"
#define DOCUMENT                                                                                   \
  "'Code': 'Success', 'Type': 'AWS-HMAC', 'AccessKeyId': 'ASIAIMDS',"                              \
  "'SecretAccessKey': 's3cr3t/imds', 'Token': 's3cr3t/session+imds==',"                            \
  "'Expiration': '2038-01-01T00:00:00Z'"
#define INSTANCE "'role': 'thred-role', 'credentials': {" DOCUMENT "}"

static void test_login_instance(void **state)
{
  (void)state;
  aws_environment("");
  aws_state("{" LOGINS "," SECRETS ", 'imds': {" INSTANCE "}}");
  expect(options(""), OK, "");
  assert_seen("key-id", "ASIAIMDS");
  assert_seen("imds", "3");
  assert_seen("imds-without-token", "");
  expect(options("imds=no"), UNAVAIL, "no AWS login: ");
  aws_environment("AWS_EC2_METADATA_DISABLED=true");
  expect(options(""), UNAVAIL, "no AWS login: ");
  assert_seen("imds", "3");
  char variables[200];
  snprintf(variables, sizeof variables, "AWS_EC2_METADATA_SERVICE_ENDPOINT=http://127.0.0.1:%d/",
           aws_ports[AWS_METADATA]);
  aws_environment(variables);
  char more[2048];
  snprintf(more, sizeof more,
           "secret-id=thred/prod|region=eu-central-1|endpoint=https://127.0.0.1:%d|ca-file=%s",
           aws_ports[AWS_SERVICE], aws_at("aws/ca.pem"));
  expect(more, OK, "");
  assert_seen("imds", "6");
}

static void test_login_instance_answers(void **state)
{
  (void)state;
#define TOKEN "/latest/api/token"
#define ROLE  ROLES "thred-role"
  static const struct {
    const char *path, *fault;
    ThredCredentialStatus status;
    const char *says;
  } cases[] = {
      {TOKEN, "'status': 403", UNAVAIL, "is switched off for this instance (HTTP 403)"},
      {TOKEN, "'status': 404", UNAVAIL, "/latest/api/token answered HTTP 404"}, /* no version 1 */
      {TOKEN, "'status': 503", TRYAGAIN, "answered HTTP 503"},
      {TOKEN, "'status': 301, 'headers': {'Location': '/'}", UNAVAIL, "answered HTTP 301"},
      {TOKEN, "'drop': true", TRYAGAIN, "the request for the instance's metadata failed: "},
      {TOKEN, "'hang': true", TRYAGAIN, "Timeout was reached"},
      {TOKEN, "'body': ''", UNAVAIL, "the token that it answered is none"},
      {TOKEN, "'body': 's3cr3t\\r\\nX: y'", UNAVAIL, "the token that it answered is none"},
      {TOKEN, "'body': 's3cr3t', 'repeat': 100", UNAVAIL, "the token that it answered is none"},
      {ROLES, "'status': 404", UNAVAIL, "the instance has no IAM role (HTTP 404)"},
      {ROLES, "'status': 401", UNAVAIL, "security-credentials/ answered HTTP 401"},
      {ROLES, "'body': ''", UNAVAIL, "the name of its IAM role is none"},
      {ROLES, "'body': '../x'", UNAVAIL, "the name of its IAM role is none"},
      {ROLES, "'body': '<html>'", UNAVAIL, "the name of its IAM role is none"},
      {ROLE, "'status': 404", UNAVAIL, "thred-role answered HTTP 404"},
      {ROLE, "'status': 500", TRYAGAIN, "thred-role answered HTTP 500"},
      {ROLE, "'body': '{\\'Code\\': \\'AssumeRoleUnauthorizedAccess\\'}'", UNAVAIL,
       "no credentials for its IAM role: AssumeRoleUnauthorizedAccess"},
      {ROLE, "'body': '{\\'Code\\': \\'s3cr3t s3cr3t\\'}'", UNAVAIL, "the code it gives is none"},
      {ROLE, "'body': '{}'", UNAVAIL, "AccessKeyId is missing"},
      {ROLE, "'body': 'garbage'", UNAVAIL, "answered no JSON object"},
  };
  aws_environment("");
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    aws_state("{" LOGINS "," SECRETS ", 'imds': {" INSTANCE ", 'fault': {'%s': {%s}}}}",
              cases[i].path, cases[i].fault);
    Outcome outcome = aws_ask(options(""), NULL);
    aws_check(&outcome, cases[i].status, cases[i].says, (int)i);
    if (!strstr(outcome.said, "no AWS login in the environment, the profile 'default' or from a "
                              "container; "))
      fail_msg("case %zu: the others are not named: %s", i, outcome.said);
    assert_seen("requests", "");
    assert_seen("imds-without-token", "");
  }
  /* a role after another: the first line counts */
  aws_state("{" LOGINS "," SECRETS ", 'imds': {" INSTANCE ", 'fault': {'" ROLES
            "': {'body': 'thred-role\\nother'}}}}");
  expect(options(""), OK, "");
  /* nobody there */
  expect("secret-id=x|region=eu-central-1|imds-endpoint=http://127.0.0.1:1", TRYAGAIN,
         "http://127.0.0.1:1: the request for the instance's metadata failed: Could");
}

/* ---- the region ---- */

static void test_region(void **state)
{
  (void)state;
#define ARN "arn:aws:secretsmanager:eu-west-3:123456789012:secret:thred/prod-AbCdEf"
  static const struct {
    const char *environment, *config, *id, *region, *expected;
  } cases[] = {
      {"AWS_REGION=eu-west-1|AWS_DEFAULT_REGION=eu-west-2", "eu-west-4", ARN, "eu-west-5",
       "eu-west-5"},
      {"AWS_REGION=eu-west-1|AWS_DEFAULT_REGION=eu-west-2", "eu-west-4", ARN, NULL, "eu-west-3"},
      {"AWS_REGION=eu-west-1|AWS_DEFAULT_REGION=eu-west-2", "eu-west-4", "thred/prod", NULL,
       "eu-west-1"},
      {"AWS_DEFAULT_REGION=eu-west-2", "eu-west-4", "thred/prod", NULL, "eu-west-2"},
      {"", "eu-west-4", ARN, NULL, "eu-west-3"},
      {"", "eu-west-4", "thred/prod", NULL, "eu-west-4"},
      {"", NULL, ARN, NULL, "eu-west-3"},
      {"", NULL, "thred/prod", NULL, "eu-west-6"}, /* the instance's */
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    char text[2048], config[100];
    snprintf(text, sizeof text, ENV "|%s", cases[i].environment);
    aws_environment(text);
    snprintf(config, sizeof config, "[default]\nregion = %s\n", cases[i].config);
    if (cases[i].config)
      write_aws_file("config", config, 0644);
    else
      unlink(aws_at("home/.aws/config"));
    aws_state("{" LOGINS ", 'region': '%s', 'imds': {'region': 'eu-west-6'}, 'secrets': {"
              "'%s': {'AWSCURRENT': {'SecretString': '" OBJECT "'}}}}",
              cases[i].expected, cases[i].id);
    snprintf(text, sizeof text,
             "secret-id=%s|imds-endpoint=http://127.0.0.1:%d|endpoint=https://127.0.0.1:%d|"
             "ca-file=%s%s%s",
             cases[i].id, aws_ports[AWS_METADATA], aws_ports[AWS_SERVICE], aws_at("aws/ca.pem"),
             cases[i].region ? "|region=" : "", cases[i].region ? cases[i].region : "");
    expect(text, OK, "");
    assert_seen("region", cases[i].expected);
    assert_seen("id", cases[i].id);
  }
  /* the instance's is not to be had, or is none */
  char text[1024];
  snprintf(text, sizeof text, "secret-id=x|imds-endpoint=http://127.0.0.1:%d",
           aws_ports[AWS_METADATA]);
  aws_state("{}");
  expect(text, UNAVAIL, "no AWS region is set (option region, AWS_REGION); the instance's");
  aws_state("{'imds': {'region': 's3cr3t/../'}}");
  expect(text, UNAVAIL, "the region that it answered is none");
  aws_state("{'imds': {'fault': {'/latest/meta-data/placement/region': {'status': 503}}}}");
  expect(text, TRYAGAIN, "no AWS region is set");
  /* nobody is there, or nobody who answers; but an instance that gave the login may be slow now */
#define REGION_HANGS "'/latest/meta-data/placement/region': {'hang': true}"
  aws_state("{'imds': {'fault': {'/latest/api/token': {'hang': true}}}}");
  expect(text, UNAVAIL, "no AWS region is set (option region, AWS_REGION); http://127.0.0.1:");
  Terms soon = {.deadline_ms = clock_monotonic_ms() + 300};
  expect_on(&soon, text, TRYAGAIN, "no AWS region is set");
  aws_state("{'imds': {'fault': {" REGION_HANGS "}}}");
  expect(text, TRYAGAIN, "no AWS region is set");
  expect("secret-id=x|imds-endpoint=http://127.0.0.1:1", UNAVAIL,
         "no AWS region is set (option region, AWS_REGION); http://127.0.0.1:1: the request for");
}

/* ---- the secret ---- */

typedef struct {
  const char *secret, *more;
  ThredCredentialStatus status;
  const char *says;
} Secret;

static void check_secrets(const Secret *secrets, size_t n, const char *kind)
{
  aws_environment(ENV);
  for (size_t i = 0; i < n; i++) {
    aws_state("{" LOGINS ", 'secrets': {'thred/prod': {'AWSCURRENT': {'%s': %s}}}}", kind,
              secrets[i].secret);
    Outcome outcome = aws_ask(options(secrets[i].more), NULL);
    aws_check(&outcome, secrets[i].status, secrets[i].says, (int)i);
    assert_seen("requests", "1");
  }
}

#define ALONE "partner-uuid=" UUID

static void test_secret_string(void **state)
{
  (void)state;
  static const Secret secrets[] = {
      {"'" OBJECT "'", "", OK, ""},
      {"' " OBJECT "'", "", OK, ""},
      {"'{\\'u\\': \\'" UUID "\\', \\'k\\': \\'" KEY "\\', \\'x\\': 1}'",
       "uuid-field=u|key-field=k", OK, ""},
      {"'{\\'api_key\\': \\'" KEY "\\'}'", ALONE "|key-field=api_key", OK, ""},
      {"'" KEY "'", ALONE, OK, ""},
      {"'" KEY "\\r\\n'", ALONE, OK, ""},
      {"'" OBJECT "'", ALONE, UNAVAIL,
       "the secret 'thred/prod' begins as a JSON object, and with partner-uuid the API key alone "
       "is "
       "expected: name its field with key-field"},
      {"'{\\'api_key\\': \\'" KEY "\\', '", ALONE, UNAVAIL, "begins as a JSON object"},
      {"'{" KEY "'", ALONE, UNAVAIL, "begins as a JSON object"},
      {"'\\r\\n\\t {} x'", ALONE, UNAVAIL, "begins as a JSON object"},
      {"'\\ufeff{\\'api_key\\': 1}'", ALONE, UNAVAIL, "begins as a JSON object"},
      {"'{\\'api_key\\': \\'" KEY "\\', '", "", UNAVAIL, "object: the text ends too early (byte "},
      {"'" KEY "'", "", UNAVAIL, "; if it is the API key alone, set partner-uuid"},
      {"'" KEY "'", ALONE "|key-field=k", UNAVAIL, "the secret 'thred/prod' is not a JSON object"},
      {"''", "", UNAVAIL, "the secret 'thred/prod' is not a JSON object: the text ends too early"},
      {"'[]'", "", UNAVAIL, "is not a JSON object: the text is not an object"},
      {"'{\\'partner_uuid\\': \\'" UUID "\\'} x'", "", UNAVAIL, "is not a JSON object"},
      {"'{\\'api_key\\': \\'" KEY "\\'}'", "", UNAVAIL,
       "its field 'partner_uuid' (option uuid-field) is missing"},
      {"'{\\'partner_uuid\\': \\'" UUID "\\'}'", "", UNAVAIL,
       "its field 'api_key' (option key-field) is missing"},
      {"'{\\'partner_uuid\\': 1, \\'api_key\\': \\'" KEY "\\'}'", "", UNAVAIL,
       "its field 'partner_uuid' (option uuid-field) is not a string"},
      {"'{\\'partner_uuid\\': \\'" UUID "\\', \\'api_key\\': {}}'", "", UNAVAIL,
       "its field 'api_key' (option key-field) is not a string"},
      {"'{}'", "", UNAVAIL, "is missing"},
      {"17", "", UNAVAIL, "answered HTTP 200 with neither a SecretString nor a SecretBinary"},
  };
  check_secrets(secrets, sizeof secrets / sizeof *secrets, "SecretString");
}

/* base64 of the object, of the key, of the key with a line end, and of garbage */
static void test_secret_binary(void **state)
{
  (void)state;
  static const Secret secrets[] = {
      {"'eyJwYXJ0bmVyX3V1aWQiOiIzYzkwYzNjYy0wZDQ0LTRiNTAtODg4OC04ZGQyNTczNjA1MmEiLCJhcGlfa2V5Ijoi"
       "czNjcjN0LWFwaS1rZXkifQ=='",
       "", OK, ""},
      {"'czNjcjN0LWFwaS1rZXk='", ALONE, OK, ""},
      {"'czNjcjN0LWFwaS1rZXkK'", ALONE, OK, ""},
      {"'czNjcjN0LWFwaS1rZXkNCg=='", ALONE, OK, ""},
      {"'czNjcjN0LWFwaS1rZXk'", ALONE, UNAVAIL, "'thred/prod': SecretBinary is no base64"},
      {"'czNjcjN0LWFwaS1rZX='", ALONE, UNAVAIL, "SecretBinary is no base64"},
      {"'czNj=jN0LWFwaS1rZXk='", ALONE, UNAVAIL, "SecretBinary is no base64"},
      {"'czNj jN0LWFwaS1rZXkK'", ALONE, UNAVAIL, "SecretBinary is no base64"},
      {"'===='", ALONE, UNAVAIL, "SecretBinary is no base64"},
      {"'AAAA'", "", UNAVAIL, "is not a JSON object"},
      {"{}", "", UNAVAIL, "with neither a SecretString nor a SecretBinary"},
  };
  check_secrets(secrets, sizeof secrets / sizeof *secrets, "SecretBinary");
}

/* ---- through the library ---- */

static int get_through_the_stack(const char *text, Credential *credential, Error *error)
{
  Stack s;
  stack_init(&s);
  stack_add(&s, "aws", "aws-secrets-manager", text);
  return stack_get(&s, aws_module_dir(), SOON, credential, error);
}

static void test_through_the_stack(void **state)
{
  (void)state;
  Credential credential;
  Error error;
  aws_environment(ENV);
  aws_state(ALL);
  if (get_through_the_stack(options(""), &credential, &error) != THRED_OK)
    fail_msg("%s", error.message);
  assert_string_equal(credential.partner_uuid, UUID);
  assert_string_equal(credential.api_key, KEY);
  aws_state("{" LOGINS "}");
  assert_int_equal(get_through_the_stack(options(""), &credential, &error), THRED_E_CREDENTIALS);
  assert_says(error, "aws: https://127.0.0.1:");
  assert_says(error, " has no secret 'thred/prod' with the stage AWSCURRENT in the region");
  /* what the library does not take, it explains itself */
  aws_state("{" LOGINS "," STRING("s3cr3t-\\u0001") "}");
  assert_int_equal(get_through_the_stack(options(ALONE), &credential, &error), THRED_E_CREDENTIALS);
  assert_string_equal(error.message, "aws: the API key has a control character in it");
  aws_environment("");
  assert_int_equal(get_through_the_stack(options("imds=no"), &credential, &error),
                   THRED_E_CREDENTIALS);
  assert_says(error, "aws: no AWS login: none in the environment");
}

/* ---- refusals ---- */

static void test_refusals(void **state)
{
  (void)state;
  static const struct {
    const char *fault;
    ThredCredentialStatus status;
    const char *says;
  } cases[] = {
      {"'type': 'ResourceNotFoundException'", NOTFOUND,
       " has no secret 'thred/prod' with the stage AWSCURRENT in the region eu-central-1"},
      {"'type': 'com.amazonaws.secretsmanager#ResourceNotFoundException:http://x/'", NOTFOUND,
       "has no secret"},
      {"'type': 'AccessDeniedException', 'message': 'User: x is not authorized'", UNAVAIL,
       ": the AWS login may not read the secret: it needs secretsmanager:GetSecretValue, and "
       "kms:Decrypt where the secret has a KMS key of its own (HTTP 400, AccessDeniedException: "
       "User: x is not authorized)"},
      {"'type': 'AccessDenied', 'key': 'Message', 'message': 'm'", UNAVAIL, ", AccessDenied: m)"},
      {"'type': 'InvalidClientTokenId'", UNAVAIL, "the AWS access key does not exist"},
      {"'type': 'SignatureDoesNotMatch'", UNAVAIL, "the signature is wrong"},
      {"'type': 'IncompleteSignature'", UNAVAIL, "the signature is incomplete"},
      {"'type': 'IncompleteSignatureException'", UNAVAIL, "the signature is incomplete"},
      {"'type': 'MissingAuthenticationTokenException'", UNAVAIL, "the signature is missing"},
      {"'type': 'ExpiredTokenException'", UNAVAIL, "the session token of the AWS login has exp"},
      {"'type': 'ExpiredToken'", UNAVAIL, "the session token of the AWS login has expired"},
      {"'type': 'RequestExpired'", UNAVAIL, "this machine's clock is wrong"},
      {"'type': 'DecryptionFailure'", UNAVAIL, "AWS cannot decrypt the secret: its KMS key is"},
      {"'type': 'InvalidRequestException'", UNAVAIL, "is it marked for deletion?"},
      {"'type': 'InvalidParameterException'", UNAVAIL, "secret-id or stage is not valid"},
      {"'type': 'ValidationException'", UNAVAIL, "secret-id or stage is not valid"},
      {"'type': 'ThrottlingException'", TRYAGAIN, "too many requests"},
      {"'type': 'Throttling'", TRYAGAIN, "too many requests"},
      {"'type': 'InternalServiceError', 'status': 500", TRYAGAIN, "an error inside AWS (HTTP 500"},
      {"'type': 'InternalServiceError'", TRYAGAIN, "an error inside AWS (HTTP 400"},
      {"'type': 'InternalFailure', 'status': 500", TRYAGAIN, "an error inside AWS"},
      {"'type': 'ServiceUnavailableException', 'status': 503", TRYAGAIN, "AWS is not available"},
      {"'type': 'OptInRequired', 'status': 403", UNAVAIL,
       "it refuses the request (HTTP 403, OptInRequired)"},
      {"'type': 'Strange', 'status': 502", TRYAGAIN, "it refuses the request (HTTP 502, Strange)"},
      {"'type': 'Strange', 'status': 429", TRYAGAIN, "(HTTP 429, Strange)"},
      /* words that are not told */
      {"'type': 'AccessDenied', 'message': 'with s3cr3t/env+key= in it'", UNAVAIL,
       ", AccessDenied)"},
      {"'type': 'AccessDenied', 'message': 'two\\nlines'", UNAVAIL, ", AccessDenied)"},
      {"'type': 'AccessDenied', 'message': '\\u001b[31m'", UNAVAIL, ", AccessDenied)"},
      {"'type': 'AccessDenied', 'message': "
       "'1234567890123456789012345678901234567890123456789012345678901234567890123456789012345678"
       "90123456789012345678901234567890123456789012345678901234567890123456789012'",
       UNAVAIL, ", AccessDenied)"},
      {"'type': 'Access Denied'", UNAVAIL, "answered HTTP 400, with no error of AWS's in it"},
      {"'type': 'x#'", UNAVAIL, "answered HTTP 400, with no error of AWS's in it"},
  };
  aws_environment(ENV);
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    bool own = strstr(cases[i].fault, "'status'") != NULL;
    aws_state("{" LOGINS "," SECRETS ", 'fault': {%s%s}}", cases[i].fault,
              own ? "" : ", 'status': 400");
    Outcome outcome = aws_ask(options(""), NULL);
    aws_check(&outcome, cases[i].status, cases[i].says, (int)i);
    assert_seen("requests", "1");
  }
}

/* A part of what was sent is not told: a session token is longer than any sentence that is. */
static void test_refusals_that_repeat(void **state)
{
  (void)state;
#define SESSION "IQoJb3JpZ2luX2VjEXAMPLEtokenOfMoreThanOneHundredAndSixtyBytes"
  static const struct {
    const char *type, *message, *says;
  } cases[] = {
      {"ExpiredToken",
       "the token ..."
       "EXAMPLEt"
       "...",
       "(HTTP 400, ExpiredToken)"},
      {"ExpiredToken", "the token IQoJb3Jp...", "(HTTP 400, ExpiredToken)"},
      {"ExpiredToken", "it ends in of/Bytes", "(HTTP 400, ExpiredToken)"},
      {"ExpiredToken", "/env+ke belongs to no key", "(HTTP 400, ExpiredToken: /env+ke belongs"},
      {"ExpiredToken", "t/env+ke belongs to no key", "(HTTP 400, ExpiredToken)"},
      {"ExpiredToken", "the token EXAMPLE", "(HTTP 400, ExpiredToken: the token EXAMPLE)"},
      {"BadEXAMPLEtoken", "no", "answered HTTP 400, with no error of AWS's in it"},
      {"BadEXAMPLE", "no", "(HTTP 400, BadEXAMPLE: no)"},
  };
  aws_environment("AWS_ACCESS_KEY_ID=ASIALONG|AWS_SECRET_ACCESS_KEY=s3cr3t/env+key=|"
                  "AWS_SESSION_TOKEN=" SESSION SESSION SESSION "of/Bytes");
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    aws_state(
        "{'logins': {'ASIALONG': {'secret': 's3cr3t/env+key=', 'session': '" SESSION SESSION SESSION
        "of/Bytes'}}, 'fault': {'status': 400, 'type': '%s', 'message': '%s'}}",
        cases[i].type, cases[i].message);
    Outcome outcome = aws_ask(options(""), NULL);
    aws_check(&outcome, UNAVAIL, cases[i].says, (int)i);
    assert_seen("requests", "1");
  }
}

/* The same of the instance's metadata, which was sent its own token. */
static void test_code_that_repeats(void **state)
{
  (void)state;
  aws_environment("");
  aws_state("{" LOGINS ", 'imds': {" INSTANCE ", 'fault': {'" TOKEN "': {'body': 'abcdefghijkl'},"
            "'" ROLES "': {'body': 'r'}, '" ROLES
            "r': {'body': '{\\'Code\\': \\'Ocdefghij\\'}'}}}}");
  expect(options(""), UNAVAIL, "no credentials for its IAM role: the code it gives is none");
}

/* What the stand-in refuses by itself. */
static void test_refused_logins(void **state)
{
  (void)state;
  aws_environment(ENV);
  aws_state("{'logins': {'AKIDENV': {'secret': 's3cr3t/env+key=', 'denied': true}}," SECRETS "}");
  expect(options(""), UNAVAIL,
         "AccessDeniedException: User: arn:aws:iam::123456789012:user/thred is not authorized to "
         "perform: secretsmanager:GetSecretValue)");
  aws_state("{'logins': {'AKIDENV': {'secret': 's3cr3t/env+key=', 'expired': true}}," SECRETS "}");
  expect(options(""), UNAVAIL, "the session token of the AWS login has expired: renew the login");
  aws_state("{'clock': 400, " LOGINS "," SECRETS "}");
  expect(options(""), UNAVAIL,
         "the request's time is too far from AWS's: this machine's clock is "
         "wrong (synchronise it) (HTTP 400, InvalidSignatureException: "
         "Signature expired: ");
  aws_state("{'clock': -400, " LOGINS "," SECRETS "}");
  expect(options(""), UNAVAIL, "Signature not yet current: ");
  aws_state("{'clock': 200, " LOGINS "," SECRETS "}");
  expect(options(""), OK, "");
  aws_state("{" LOGINS "}");
  expect(options(""), NOTFOUND, "has no secret 'thred/prod' with the stage AWSCURRENT");
}

static void test_answers(void **state)
{
  (void)state;
  static const struct {
    const char *fault;
    ThredCredentialStatus status;
    const char *says;
  } cases[] = {
      {"'status': 500", TRYAGAIN, "answered HTTP 500, with no error of AWS's in it"},
      {"'status': 503, 'body': '<html>s3cr3t</html>'", TRYAGAIN, "answered HTTP 503"},
      {"'status': 429", TRYAGAIN, "answered HTTP 429"},
      {"'status': 403, 'body': '{\\'__type\\': 1}'", UNAVAIL, "answered HTTP 403, with no error"},
      {"'status': 307, 'headers': {'Location': 'https://127.0.0.1/'}", UNAVAIL,
       "answered with a redirect (HTTP 307): none is followed"},
      {"'status': 204", UNAVAIL, "answered HTTP 204"},
      {"'body': '<html>s3cr3t</html>'", UNAVAIL, "answered HTTP 200 with no JSON object: "},
      {"'body': ''", UNAVAIL, "with no JSON object: the text ends too early (byte 0)"},
      {"'body': '{}'", UNAVAIL, "with neither a SecretString nor a SecretBinary"},
      {"'body': '[1]'", UNAVAIL, "with no JSON object: the text is not an object"},
      {"'body': '{} {}'", UNAVAIL, "with no JSON object: "},
      {"'body': '{\\'SecretString\\': [\\'s3cr3t\\']}'", UNAVAIL, "with neither"},
      {"'body': 's3cr3t.....', 'repeat': 10000", UNAVAIL, "with a body above the limit"},
      {"'body': '{}', 'headers': {'Content-Encoding': 'br'}", UNAVAIL,
       "a Content-Encoding that was"},
      {"'drop': true", TRYAGAIN, "the request for the secret failed: "},
  };
  aws_environment(ENV);
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    aws_state("{" LOGINS "," SECRETS ", 'fault': {%s}}", cases[i].fault);
    Outcome outcome = aws_ask(options(""), NULL);
    aws_check(&outcome, cases[i].status, cases[i].says, (int)i);
    assert_seen("requests", "1");
  }
}

/* ---- time and TLS ---- */

static void test_deadline(void **state)
{
  (void)state;
  aws_environment(ENV);
  aws_state("{" LOGINS "," SECRETS ", 'fault': {'hang': true}}");
  int64_t before = clock_monotonic_ms();
  Terms soon = {.deadline_ms = before + 400};
  Outcome outcome = aws_ask(options(""), &soon);
  aws_check(&outcome, TRYAGAIN, "Timeout was reached", __LINE__);
  assert_in_range(clock_monotonic_ms() - before, 390, 5000);
  assert_true(outcome.waits > 0);
  Terms late = {.deadline_ms = before};
  aws_state(ALL);
  expect_on(&late, options(""), TRYAGAIN, "was not asked: the time allowed ran out");
  assert_seen("requests", "");
}

/* The options that lead to a host and port, with a file of the fixture's for ca-file, or none. */
static const char *options_to(const char *host, int port, const char *ca_file)
{
  static char text[1024];
  snprintf(text, sizeof text,
           "secret-id=thred/prod|region=eu-central-1|imds=no|endpoint=https://%s:%d%s%s", host,
           port, ca_file ? "|ca-file=" : "", ca_file ? aws_at("%s", ca_file) : "");
  return text;
}

static void test_tls(void **state)
{
  (void)state;
  int port = aws_ports[AWS_SERVICE];
  aws_environment(ENV);
  aws_state(ALL);
  expect(options_to("127.0.0.1", port, NULL), TRYAGAIN, "the request for the secret failed: ");
  expect(options_to("127.0.0.2", port, "aws/ca.pem"), TRYAGAIN,
         "https://127.0.0.2:"); /* its name */
  expect(options_to("localhost", port, "aws/ca.pem"), OK, "");
  expect(options_to("127.0.0.1", port, "none.pem"), UNAVAIL, "none.pem: No such file or directory");
  expect(options_to("127.0.0.1", 1, NULL), TRYAGAIN, "connect to server");
  expect(options_to("127.0.0.1", aws_ports[AWS_CONTROL], NULL), TRYAGAIN, /* no TLS there */
         "the request for the secret failed: ");
  assert_seen("requests", "1");
}

static void test_endpoint(void **state)
{
  (void)state;
  char variables[1024], text[1024];
  aws_state(ALL);
  snprintf(variables, sizeof variables,
           ENV "|AWS_ENDPOINT_URL=https://192.0.2.1|"
               "AWS_ENDPOINT_URL_SECRETS_MANAGER=https://127.0.0.1:%d/",
           aws_ports[AWS_SERVICE]);
  aws_environment(variables);
  snprintf(text, sizeof text, "secret-id=thred/prod|region=eu-central-1|ca-file=%s",
           aws_at("aws/ca.pem"));
  expect(text, OK, "");
  snprintf(variables, sizeof variables, ENV "|AWS_ENDPOINT_URL=https://127.0.0.1:%d",
           aws_ports[AWS_SERVICE]);
  aws_environment(variables);
  expect(text, OK, "");
}

/* ---- rotation ---- */

#define OTHER "{\\'partner_uuid\\': \\'" UUID "\\', \\'api_key\\': \\'s3cr3t-old\\'}"

static void test_rotation(void **state)
{
  (void)state;
  Terms refused = {.refused = 1}, old = {.refused = 1, .old = true};
  aws_environment(ENV);
  aws_state("{" LOGINS ", 'secrets': {'thred/prod': {'AWSCURRENT': {'SecretString': '" OTHER
            "'}, 'AWSPENDING': {'SecretString': '" OBJECT "'}}}}");
  expect_on(&refused, options(""), OK, "");
  assert_seen("stages", "AWSPENDING;");
  Outcome outcome = aws_ask(options(""), NULL); /* not refused: the current one */
  assert_int_equal(outcome.status, OK);
  assert_string_equal(outcome.key, "s3cr3t-old");
  outcome = aws_ask(options(""), &old); /* a library that knows of no refusal */
  assert_int_equal(outcome.status, OK);
  assert_string_equal(outcome.key, "s3cr3t-old");
  assert_int_equal(outcome.waits, 0);
  outcome = aws_ask(options("stage=AWSCURRENT"), &refused);
  assert_string_equal(outcome.key, KEY);
  expect_on(&refused, options("stage=AWSPENDING"), OK, "");
  expect_on(&refused, options("stage=AWSPREVIOUS"), NOTFOUND, "with the stage AWSPREVIOUS in the");
  assert_seen("stages", "AWSPENDING;AWSCURRENT;AWSCURRENT;AWSPENDING;AWSPENDING;AWSPREVIOUS;");

  /* no rotation under way: the current one again, as it may have changed since */
  aws_state(ALL);
  expect_on(&refused, options(""), OK, "");
  assert_seen("stages", "AWSPENDING;AWSCURRENT;");
  aws_state("{" LOGINS "}");
  expect_on(&refused, options(""), NOTFOUND, "with the stage AWSCURRENT");
  aws_state("{" LOGINS "," SECRETS ", 'fault': {'type': 'AccessDeniedException', 'status': 400}}");
  expect_on(&refused, options(""), UNAVAIL, "AccessDeniedException");
  assert_seen("requests", "2");
}

/* A pending version that delivers nothing does not hide the current one. */
static void test_rotation_pending(void **state)
{
  (void)state;
  static const struct {
    const char *pending;
    ThredCredentialStatus status;
    const char *stages, *says;
  } cases[] = {
      {"{'refuse': 'AccessDeniedException'}", OK, "AWSPENDING;AWSCURRENT;", ""},
      {"{'refuse': 'ResourceNotFoundException'}", OK, "AWSPENDING;AWSCURRENT;", ""},
      {"{'refuse': 'DecryptionFailure'}", OK, "AWSPENDING;AWSCURRENT;", ""},
      {"{'refuse': 'ThrottlingException'}", TRYAGAIN, "AWSPENDING;", "too many requests"},
      {"{'SecretString': 'rotation has only begun'}", OK, "AWSPENDING;AWSCURRENT;", ""},
      {"{'SecretString': '{}'}", OK, "AWSPENDING;AWSCURRENT;", ""},
      {"{'SecretString': '{\\'partner_uuid\\': \\'u\\', \\'api_key\\': \\'\\'}'}", OK,
       "AWSPENDING;AWSCURRENT;", ""}, /* which the library does not take */
      {"{'SecretBinary': 'none'}", OK, "AWSPENDING;AWSCURRENT;", ""},
      {"{}", OK, "AWSPENDING;AWSCURRENT;", ""},
  };
  Terms refused = {.refused = 1};
  aws_environment(ENV);
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    aws_state("{" LOGINS ", 'secrets': {'thred/prod': {'AWSCURRENT': {'SecretString': '" OBJECT
              "'}, 'AWSPENDING': %s}}}",
              cases[i].pending);
    Outcome outcome = aws_ask(options(""), &refused);
    aws_check(&outcome, cases[i].status, cases[i].says, (int)i);
    assert_seen("stages", cases[i].stages);
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
      cmocka_unit_test(test_login_environment),
      cmocka_unit_test(test_login_wrong),
      cmocka_unit_test(test_login_files),
      cmocka_unit_test(test_login_container),
      cmocka_unit_test(test_login_container_answers),
      cmocka_unit_test(test_login_instance),
      cmocka_unit_test(test_login_instance_answers),
      cmocka_unit_test(test_region),
      cmocka_unit_test(test_secret_string),
      cmocka_unit_test(test_secret_binary),
      cmocka_unit_test(test_through_the_stack),
      cmocka_unit_test(test_refusals),
      cmocka_unit_test(test_refusals_that_repeat),
      cmocka_unit_test(test_code_that_repeats),
      cmocka_unit_test(test_refused_logins),
      cmocka_unit_test(test_answers),
      cmocka_unit_test(test_deadline),
      cmocka_unit_test(test_tls),
      cmocka_unit_test(test_endpoint),
      cmocka_unit_test(test_rotation),
      cmocka_unit_test(test_rotation_pending),
  };
  const char *missing = aws_stand_in_missing();
  if (missing) {
    printf("1..0 # SKIP %s\n", missing);
    return 77; /* meson: skipped */
  }
  return cmocka_run_group_tests_name("aws-secrets-manager", tests, set_up, aws_tear_down);
}
