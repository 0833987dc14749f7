/* SPDX-License-Identifier: MIT */
/* The module aws-secrets-manager before it asks anybody: options, identity, and what is refused. */
#include <curl/curl.h>
#include <dlfcn.h>

#include "tests/unit/aws-fixture.h"

#define BASE        "secret-id=thred/prod|imds=no"
#define KEYS        "AWS_ACCESS_KEY_ID=AKIDENV|AWS_SECRET_ACCESS_KEY=s3cr3t/env"
#define MODULE_SAYS "the module aws-secrets-manager: "

typedef struct {
  const char *environment, *options, *says;
} Case;

/* All UNAVAIL. */
static void check_cases(const Case *cases, size_t n)
{
  for (size_t i = 0; i < n; i++) {
    aws_environment(cases[i].environment);
    Outcome outcome = aws_ask(cases[i].options, NULL);
    aws_check(&outcome, UNAVAIL, cases[i].says, (int)i);
    assert_int_equal(outcome.waits, 0);
  }
  aws_environment("");
}

#define CHECK(cases) check_cases(cases, sizeof(cases) / sizeof *(cases))

static void test_options(void **state)
{
  (void)state;
  static const Case cases[] = {
      {"", "", MODULE_SAYS "no secret-id"},
      {"", "region=eu-central-1", "50-test.conf:10: " MODULE_SAYS "no secret-id"},
      {"", "secret-id=x|secret=y",
       "50-test.conf:11: the module aws-secrets-manager has no option 'secret' (it has: secret-id, "
       "region, uuid-field, key-field, partner-uuid, stage, profile, credentials-file, "
       "config-file, "
       "imds, imds-endpoint, endpoint, ca-file)"},
      {"", "secret-id=", "50-test.conf:10: secret-id is empty"},
      {"",
       "secret-id=x|partner-uuid="
       "u"
       "|uuid-field=y",
       "it is either partner-uuid or uuid-field"},
      {"", "secret-id=x|region=eu_central_1", "50-test.conf:11: " MODULE_SAYS "region: "},
      {"", "secret-id=x|region=evil.example/", "region: it is not the name of a region"},
      {"", "secret-id=x|region=-a", "region: it is not"},
      {"", "secret-id=x|endpoint=http://127.0.0.1:1",
       "50-test.conf:11: " MODULE_SAYS "endpoint: it is not an https URL"},
      {"", "secret-id=x|endpoint=https://user@host", "endpoint: there is more in the URL"},
      {"", "secret-id=x|endpoint=https://host/path", "endpoint: there is more in the URL"},
      {"", "secret-id=x|endpoint=https://host/?a=b", "endpoint: there is more in the URL"},
      {"", "secret-id=x|endpoint=https://host?", "endpoint: there is more in the URL"},
      {"", "secret-id=x|endpoint=host", "endpoint: it is not a URL"},
      {"", "secret-id=x|imds-endpoint=http://10.0.0.1", "imds-endpoint: http is used only to loop"},
      {"", "secret-id=x|imds-endpoint=http://169.254.169.254/x", "there is more in the URL"},
      {"", "secret-id=x|imds-endpoint=http://169.254.169.254#", "there is more in the URL"},
      {"", "secret-id=x|imds=maybe", "50-test.conf:11: imds: 'maybe' is none of: yes, no"},
      {"", "secret-id=x|ca-file=ca.pem", "ca-file: 'ca.pem' is not absolute"},
      {"", "secret-id=x|config-file=a", "config-file: 'a' is not absolute"},
      {"", "secret-id=x|credentials-file=a", "credentials-file: 'a' is not absolute"},
  };
  CHECK(cases);
}

static void test_environment(void **state)
{
  (void)state;
  static const Case cases[] = {
      {"", BASE,
       "no AWS login: none in the environment, none in the profile 'default', none from a "
       "container, and the instance's metadata is not to be asked"},
      {"AWS_EC2_METADATA_DISABLED=true", "secret-id=x", "no AWS login: "},
      {"AWS_EC2_METADATA_DISABLED=TRUE", "secret-id=x", "no AWS login: "},
      {"AWS_ACCESS_KEY_ID=AKID", BASE,
       "AWS_ACCESS_KEY_ID is set, but AWS_SECRET_ACCESS_KEY is not set or empty"},
      {"AWS_SECRET_ACCESS_KEY=s3cr3t", BASE,
       "AWS_SECRET_ACCESS_KEY is set, but AWS_ACCESS_KEY_ID is not set or empty"},
      {"AWS_ACCESS_KEY_ID=AKID|AWS_SECRET_ACCESS_KEY=", BASE, "AWS_SECRET_ACCESS_KEY is not set"},
      {"AWS_ACCESS_KEY_ID=AK:ID|AWS_SECRET_ACCESS_KEY=s3cr3t", BASE,
       "the environment's AWS_ variables: the access key id is empty, too long, or has"},
      {"AWS_ACCESS_KEY_ID=AKID|AWS_SECRET_ACCESS_KEY=s3cr3t s3cr3t", BASE,
       "the secret access key is empty, too long"},
      {KEYS "|AWS_SESSION_TOKEN=s3cr3t\r\nX: y", BASE, "the session token is empty, too long"},
      {KEYS, BASE, "no AWS region: set the option region"},
      {KEYS "|AWS_REGION=a.b", BASE, "AWS_REGION is not the name of a region"},
      {KEYS "|AWS_DEFAULT_REGION=A", BASE, "AWS_DEFAULT_REGION is not the name of a region"},
      {KEYS, "secret-id=arn:aws:secretsmanager:a.b:1:secret:x|imds=no",
       "the region in secret-id is not the name of a region"},
      {KEYS, "secret-id=arn:aws|imds=no", "the region in secret-id is not the name of a region"},
      {KEYS "|AWS_REGION=eu-central-1|AWS_ENDPOINT_URL=http://localhost:4566", BASE,
       "AWS_ENDPOINT_URL: it is not an https URL"},
      {KEYS "|AWS_REGION=eu-central-1|AWS_ENDPOINT_URL_SECRETS_MANAGER=x", BASE,
       "AWS_ENDPOINT_URL_SECRETS_MANAGER: it is not a URL"},
      {KEYS "|AWS_REGION=us-east-1|AWS_USE_FIPS_ENDPOINT=true", BASE,
       "AWS_USE_FIPS_ENDPOINT is true, and the module does not know the region's FIPS endpoint"},
      {KEYS "|AWS_REGION=us-east-1|AWS_USE_FIPS_ENDPOINT=True|AWS_ENDPOINT_URL=https://127.0.0.1:1",
       BASE, "name it with the option endpoint"},
      {"AWS_WEB_IDENTITY_TOKEN_FILE=/x|AWS_ROLE_ARN=y", BASE, "AWS_WEB_IDENTITY_TOKEN_FILE is set"},
      {"AWS_PROFILE=prod", BASE,
       "AWS_PROFILE names the AWS profile 'prod', and neither the credentials file nor the config "
       "file has it"},
      {KEYS, BASE "|profile=prod", "the option profile names the AWS profile 'prod'"},
      {"AWS_SHARED_CREDENTIALS_FILE=a/b", BASE,
       "AWS_SHARED_CREDENTIALS_FILE: 'a/b' is not absolute"},
      {"AWS_CONFIG_FILE=b", BASE, "AWS_CONFIG_FILE: 'b' is not absolute"},
      {"", BASE "|credentials-file=/nonexistent/x", "/nonexistent/x: No such file or directory"},
      {"AWS_EC2_METADATA_SERVICE_ENDPOINT=http://192.0.2.1", "secret-id=x",
       "the address of the instance's metadata: http is used only to loopback"},
  };
  CHECK(cases);
}

/* Who names the endpoint knows which it is; and "false" asks for none. */
static void test_fips(void **state)
{
  (void)state;
  aws_environment(KEYS "|AWS_USE_FIPS_ENDPOINT=true");
  expect(BASE "|region=us-east-1|endpoint=https://127.0.0.1:1", TRYAGAIN, "https://127.0.0.1:1");
  aws_environment(KEYS "|AWS_USE_FIPS_ENDPOINT=false|AWS_ENDPOINT_URL=https://127.0.0.1:1");
  expect(BASE "|region=us-east-1", TRYAGAIN, "https://127.0.0.1:1");
  aws_environment("");
}

static void test_container_addresses(void **state)
{
  (void)state;
#define FULL      "AWS_CONTAINER_CREDENTIALS_FULL_URI="
#define ONLY      FULL_NAME ": http is used only to loopback and to AWS's own addresses on the link"
#define FULL_NAME "AWS_CONTAINER_CREDENTIALS_FULL_URI"
  static const Case cases[] = {
      {FULL "http://192.0.2.1/x", BASE, ONLY},
      {FULL "http://169.254.170.3/x", BASE, ONLY},
      {FULL "http://169.254.169.254/x", BASE, ONLY},
      {FULL "http://[fd00:ec2::24]/x", BASE, ONLY},
      {FULL "http://[::2]/x", BASE, ONLY},
      {FULL "http://127.0.0.1.example/x", BASE, ONLY},
      {FULL "http://localhost.example/x", BASE, ONLY},
      {FULL "http://user:s3cr3t@127.0.0.1/x", BASE, "a URL with a user in it is not used"},
      {FULL "ftp://127.0.0.1/x", BASE, FULL_NAME ": it is not a"},
      {FULL "127.0.0.1/x", BASE, "it is not a URL"},
      {"AWS_CONTAINER_CREDENTIALS_RELATIVE_URI=.example/x", BASE,
       "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI: it does not begin with a slash"},
      {FULL "http://127.0.0.1:1/x|AWS_CONTAINER_AUTHORIZATION_TOKEN=s3cr3t\nx", BASE,
       "AWS_CONTAINER_AUTHORIZATION_TOKEN: the token is empty, too long or not one line"},
      {FULL "http://127.0.0.1:1/x|AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE=/nonexistent/t", BASE,
       "/nonexistent/t: No such file or directory"},
  };
  CHECK(cases);
  /* these are asked: nobody is there */
  static const char *const good[] = {"http://127.0.0.1:1", "http://127.9.9.9:1",
                                     "http://localhost:1", "http://[::1]:1", "https://127.0.0.1:1"};
  for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
    char variables[200], says[100];
    snprintf(variables, sizeof variables, FULL "%s/s3cr3t?s3cr3t#s3cr3t", good[i]);
    snprintf(says, sizeof says,
             "%s: the request for the container's credentials failed: ", good[i]);
    aws_environment(variables);
    expect(BASE, TRYAGAIN, says);
  }
  aws_environment("");
}

/* ---- the two files ---- */

static void write_credentials(const char *text, mode_t mode)
{
  write_file(aws_at("home/.aws/credentials"), text, strlen(text), mode);
}

static void write_config(const char *text, mode_t mode)
{
  write_file(aws_at("home/.aws/config"), text, strlen(text), mode);
}

static void remove_files(void)
{
  unlink(aws_at("home/.aws/credentials"));
  unlink(aws_at("home/.aws/config"));
}

#define NO_REGION "no AWS region: "
#define NO_LOGIN  "no AWS login: "
#define ID        "aws_access_key_id = AKID\n"
#define SECRET    "aws_secret_access_key = s3cr3t\n"

static void test_profile_text(void **state)
{
  (void)state;
  static const struct {
    const char *text, *says;
  } cases[] = {
      {"[default]\n" ID SECRET, NO_REGION}, /* so there is a login */
      {"[default]\r\naws_access_key_id=AKID\r\naws_secret_access_key=s3cr3t\r\n", NO_REGION},
      {"# c\n; c\n\n[ default ] # c\n  AWS_ACCESS_KEY_ID = AKID ; c\n\t" SECRET, NO_REGION},
      {"[other]\n" ID SECRET "[default]\nregion=x\n", NO_LOGIN},
      {"[other]\naws_access_key_id=A:B\n[default]\n" ID SECRET "[third]\n", NO_REGION},
      {"[default]\naws_access_key_id=A:B\n" SECRET "[default]\n" ID, NO_REGION}, /* the last */
      {"[default]\n" ID SECRET "s3 =\n  aws_access_key_id = A:B\n", NO_REGION},  /* of s3 */
      {ID SECRET, NO_LOGIN},                                                     /* no section */
      {"", NO_LOGIN},
      {"[default]", NO_LOGIN},
      {"[\n]\n[]\n=\n= x\ndefault]\n[default", NO_LOGIN},
      {"[default]\n" ID, ".aws/credentials: profile 'default' has no aws_secret_access_key"},
      {"[default]\n" SECRET, "profile 'default' has no aws_access_key_id"},
      {"[default]\naws_access_key_id=A:B\n" SECRET, "profile 'default': the access key id is"},
      {"[default]\n" ID "aws_secret_access_key = s3cr3t s3cr3t\n", "the secret access key is"},
      {"[default]\n" ID SECRET "aws_session_token = s3cr3t s3cr3t\n", "the session token is"},
      {"[default]\nrole_arn = arn:x\nsource_profile = y\n",
       "profile 'default' has role_arn, a way to log in that the module does not have"},
      {"[default]\ncredential_process = /bin/x\n", "has credential_process, a way"},
  };
  aws_environment("");
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    write_credentials(cases[i].text, 0600);
    Outcome outcome = aws_ask(BASE, NULL);
    aws_check(&outcome, UNAVAIL, cases[i].says, (int)i);
  }
  remove_files();
}

static void test_profile_files(void **state)
{
  (void)state;
  aws_environment("");
  write_credentials("[default]\n" ID SECRET, 0644);
  expect(BASE, UNAVAIL, ".aws/credentials: refused: it is open to others (owner");
  remove_files();

  /* keys in the config: there it is a secret, too */
  write_config("[default]\n" ID SECRET, 0644);
  expect(BASE, UNAVAIL, ".aws/config: refused: it is open to others (owner");
  chmod(aws_at("home/.aws/config"), 0600);
  expect(BASE, UNAVAIL, NO_REGION);
  write_config("[profile p]\n" ID SECRET "[p]\n[profile default]\nregion = A\n", 0600);
  expect(BASE "|profile=p", UNAVAIL, NO_REGION);
  aws_environment("AWS_PROFILE=p");
  expect(BASE, UNAVAIL, NO_REGION);
  aws_environment(KEYS);
  expect(BASE, UNAVAIL, "the AWS config file: the region of the profile 'default' is none");
  write_config("[profile q]\n[p]\n[profilep]\n[profile\tr r]\n[profile 's']\n", 0664);
  expect(BASE, UNAVAIL, ".aws/config: refused: it is writable by group or others");
  chmod(aws_at("home/.aws/config"), 0644);
  expect(BASE "|profile=p", UNAVAIL, "the option profile names the AWS profile 'p', and neither");
  expect(BASE "|profile=r r", UNAVAIL, NO_LOGIN);
  expect(BASE "|profile=s", UNAVAIL, NO_LOGIN);
  /* a role to be assumed with the keys of the other file, and what comes only after keys */
  write_credentials("[default]\n" ID SECRET, 0600);
  write_config("[default]\nrole_arn = arn:x\nsource_profile = default\n", 0644);
  aws_environment("");
  expect(BASE, UNAVAIL, ".aws/config: profile 'default' has role_arn, a way to log in");
  write_config("[default]\ncredential_process = /bin/x\n", 0644);
  expect(BASE, UNAVAIL, NO_REGION);
  unlink(aws_at("home/.aws/credentials"));
  expect(BASE, UNAVAIL, ".aws/config: profile 'default' has credential_process, a way to log in");
  write_config("[profile x]\nsso_session = y\n", 0644);
  expect(BASE "|profile=x", UNAVAIL, ".aws/config: profile 'x' has sso_session, a way to log in");
  remove_files();

  size_t size = 256 * 1024 + 1;
  char *large = malloc(size);
  memset(large, '#', size);
  write_file(aws_at("home/.aws/config"), large, size, 0600);
  free(large);
  expect(BASE, UNAVAIL, ".aws/config: is larger than 256 KiB");
  remove_files();
}

/* Without a HOME, or with one that is closed to us, the files are not there. */
static void test_profile_home(void **state)
{
  (void)state;
  aws_environment("");
  write_credentials("[default]\n" ID SECRET, 0600);
  setenv("HOME", "/nonexistent", 1);
  expect(BASE, UNAVAIL, NO_LOGIN);
  unsetenv("HOME");
  expect(BASE, UNAVAIL, NO_LOGIN);
  aws_environment("AWS_SHARED_CREDENTIALS_FILE=~/.aws/credentials");
  expect(BASE, UNAVAIL, "AWS_SHARED_CREDENTIALS_FILE: '~/.aws/credentials' is not absolute");
  setenv("HOME", aws_at("home"), 1);
  expect(BASE, UNAVAIL, NO_REGION);
  aws_environment("AWS_SHARED_CREDENTIALS_FILE=/nonexistent/file");
  expect(BASE, UNAVAIL, NO_LOGIN);
  remove_files();
}

static void test_at_secure(void **state)
{
  (void)state;
  Terms terms = {.at_secure = 1};
  write_credentials("[default]\n" ID SECRET, 0600);
  aws_environment(KEYS "|AWS_REGION=eu-central-1");
  expect_on(&terms, BASE, UNAVAIL, "do not count in a program with AT_SECURE");
  aws_environment("AWS_CONTAINER_CREDENTIALS_FULL_URI=http://127.0.0.1:1/|AWS_PROFILE=x");
  expect_on(&terms, BASE, UNAVAIL, "the profile 'default', none from a container");
  aws_environment("");
  /* a file that an option names counts, if it is not the caller's */
  char options[2 * PATH_SIZE];
  snprintf(options, sizeof options, BASE "|credentials-file=%s", aws_at("home/.aws/credentials"));
  expect_on(&terms, options, UNAVAIL,
            geteuid() ? "it belongs to the calling user" : "no AWS region: ");
  remove_files();
}

/* ---- identity ---- */

#define LOGIN_NAMES                                                                                \
  "0 AWS_ACCESS_KEY_ID;0 AWS_SECRET_ACCESS_KEY;0 AWS_SESSION_TOKEN;0 AWS_WEB_IDENTITY_TOKEN_FILE;" \
  "0 AWS_PROFILE;"
#define CONTAINER_NAMES                                                                            \
  "0 AWS_CONTAINER_CREDENTIALS_RELATIVE_URI;0 AWS_CONTAINER_CREDENTIALS_FULL_URI;"                 \
  "0 AWS_CONTAINER_AUTHORIZATION_TOKEN;0 AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE;"
#define REGION_NAMES "0 AWS_REGION;0 AWS_DEFAULT_REGION;"
#define ENDPOINT_NAMES                                                                             \
  "0 AWS_ENDPOINT_URL_SECRETS_MANAGER;0 AWS_ENDPOINT_URL;0 AWS_USE_FIPS_ENDPOINT;"
#define METADATA_NAMES    "0 AWS_EC2_METADATA_DISABLED;0 AWS_EC2_METADATA_SERVICE_ENDPOINT;"
#define FOUND_CREDENTIALS "3 AWS_SHARED_CREDENTIALS_FILE:~/.aws/credentials;"
#define FOUND_CONFIG      "3 AWS_CONFIG_FILE:~/.aws/config;"
#define FOUND             FOUND_CREDENTIALS FOUND_CONFIG

/* What can matter with the options given, and nothing of the process that is asked. */
static void test_identity(void **state)
{
  (void)state;
  static const struct {
    const char *options;
    int at_secure;
    const char *says;
  } cases[] = {
      {"secret-id=a", 0,
       "2 secret-id=a;" LOGIN_NAMES
       "0 HOME;" REGION_NAMES ENDPOINT_NAMES CONTAINER_NAMES METADATA_NAMES FOUND},
      {"secret-id=a|profile=p|region=eu-west-1|key-field=k", 0,
       "2 secret-id=a;2 region=eu-west-1;2 key-field=k;2 profile=p;0 HOME;" ENDPOINT_NAMES
           CONTAINER_NAMES METADATA_NAMES FOUND},
      {"secret-id=a|imds=no|endpoint=https://h|credentials-file=/c", 0,
       "2 secret-id=a;2 credentials-file=/c;2 imds=no;2 endpoint=https://h;" LOGIN_NAMES
       "0 HOME;" REGION_NAMES CONTAINER_NAMES "1 /c;" FOUND_CONFIG},
      {"secret-id=a|imds-endpoint=http://127.0.0.1|config-file=/f|credentials-file=/c", 0,
       "2 secret-id=a;2 credentials-file=/c;2 config-file=/f;"
       "2 imds-endpoint=http://127.0.0.1;" LOGIN_NAMES REGION_NAMES ENDPOINT_NAMES CONTAINER_NAMES
       "0 AWS_EC2_METADATA_DISABLED;1 /c;1 /f;"},
      {"secret-id=a|config-file=/f", 0,
       "2 secret-id=a;2 config-file=/f;" LOGIN_NAMES
       "0 HOME;" REGION_NAMES ENDPOINT_NAMES CONTAINER_NAMES METADATA_NAMES FOUND_CREDENTIALS
       "1 /f;"},
      {"secret-id=arn:aws:secretsmanager:r:1:secret:a", 0,
       "2 secret-id=arn:aws:secretsmanager:r:1:secret:a;" LOGIN_NAMES
       "0 HOME;" ENDPOINT_NAMES CONTAINER_NAMES METADATA_NAMES FOUND},
      {"secret-id=a", 1, "2 secret-id=a;"},
      {"secret-id=a|credentials-file=/c", 1, "2 secret-id=a;2 credentials-file=/c;1 /c;"},
  };
  aws_environment("AWS_CONFIG_FILE=/etc/aws/config|AWS_SHARED_CREDENTIALS_FILE=relative");
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    Outcome outcome = aws_identities(cases[i].options, cases[i].at_secure);
    assert_int_equal(outcome.status, OK);
    assert_string_equal(outcome.said, cases[i].says);
  }
  aws_environment("");
}

/* ---- no memory ---- */

static bool no_memory;

/* In front of glibc's, for the module too: with _FORTIFY_SOURCE it calls the second. Some headers
 * have a macro of the name. */
int(asprintf)(char **to, const char *format, ...)
{
  va_list args;
  if (no_memory)
    return -1;
  va_start(args, format);
  int length = vasprintf(to, format, args);
  va_end(args);
  return length;
}

int __asprintf_chk(char **to, int flag, const char *format, ...);

int __asprintf_chk(char **to, int flag, const char *format, ...)
{
  va_list args;
  (void)flag;
  if (no_memory)
    return -1;
  va_start(args, format);
  int length = vasprintf(to, format, args);
  va_end(args);
  return length;
}

/* A file whose path cannot be made is not one that is not there: the next login is another's. */
static void test_no_memory(void **state)
{
  (void)state;
  char more[2 * PATH_SIZE];
  aws_environment("");
  write_credentials("[default]\n" ID SECRET, 0600);
  snprintf(more, sizeof more, BASE "|credentials-file=%s", aws_at("home/.aws/credentials"));
  no_memory = true;
  Outcome by_home = aws_ask(BASE, NULL), by_option = aws_ask(more, NULL);
  Outcome identities = aws_identities(BASE, 0);
  no_memory = false;
  aws_check(&by_home, UNAVAIL, "out of memory", __LINE__);
  aws_check(&by_option, UNAVAIL, "out of memory", __LINE__);
  aws_check(&identities, UNAVAIL, "out of memory", __LINE__);
  remove_files();
}

/* ---- an older libcurl ---- */

static const curl_version_info_data *older;

/* In front of libcurl's, for the module too. */
curl_version_info_data *curl_version_info(CURLversion which)
{
  typedef curl_version_info_data *(*Func)(CURLversion);
  if (older)
    return (curl_version_info_data *)(uintptr_t)older;
  return ((Func)(uintptr_t)dlsym(RTLD_NEXT, "curl_version_info"))(which);
}

static void test_older_libcurl(void **state)
{
  (void)state;
  static const curl_version_info_data data = {.version = "7.85.0", .version_num = 0x075500};
  aws_environment(KEYS);
  older = &data;
  expect(BASE "|region=eu-central-1|endpoint=https://127.0.0.1:1", UNAVAIL,
         "libcurl 7.85.0 does not sign all that AWS wants signed: 7.86 or later does");
  older = NULL;
  expect(BASE "|region=eu-central-1|endpoint=https://127.0.0.1:1", TRYAGAIN, "https://127.0.0.1:1");
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_options),       cmocka_unit_test(test_environment),
      cmocka_unit_test(test_fips),          cmocka_unit_test(test_container_addresses),
      cmocka_unit_test(test_profile_text),  cmocka_unit_test(test_profile_files),
      cmocka_unit_test(test_profile_home),  cmocka_unit_test(test_at_secure),
      cmocka_unit_test(test_identity),      cmocka_unit_test(test_no_memory),
      cmocka_unit_test(test_older_libcurl),
  };
  return cmocka_run_group_tests_name("aws-options", tests, aws_set_up, aws_tear_down);
}
