/* SPDX-License-Identifier: MIT */
/*
 * test-at-secure.c - in a program with the setgid bit or a file capability, nothing that its caller
 * can say counts: each variable is given a value that makes a difference to the same program
 * without (the control), and makes none here. root's configuration holds, and tokens stay in the
 * process.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "client.h"
#include "secure-place.h"
#include "under-shim.h"

static const char *why_not; /* there is no place for such programs */

#define NEED(manner)                                                                               \
  do {                                                                                             \
    const char *lacking = why_not ? why_not : place_lacks(manner);                                 \
    if (lacking) {                                                                                 \
      print_message("skipped: %s\n", lacking);                                                     \
      skip();                                                                                      \
    }                                                                                              \
  } while (0)

static const Manner secure[] = {SETGID, CAPABLE};

static const char *const token_of_business[] = {"token", "business", NULL};

/* ---- root's configuration ---- */

static void system_configuration_works(void **state)
{
  Outcome outcome;
  (void)state;
  for (size_t i = 0; i < 2; i++) {
    NEED(secure[i]);
    control(&emulator, "POST", "reset");
    place_run(secure[i], true, token_of_business, NULL, &outcome);
    assert_int_equal(strncmp(outcome.out, "0 ", 2), 0);
    assert_string_equal(outcome.err, "");
    expect_log(&emulator, LOG_TOKENS);
  }
}

static void run_get(Manner manner, bool cold)
{
  static const char *const get[] = {"get", BASE INVOICES, "3", NULL};
  Outcome outcome;
  place_run(manner, cold, get, NULL, &outcome);
  assert_string_equal(outcome.out, "0 200\n0 200\n0 200\n");
  assert_string_equal(outcome.err, "");
}

static void tokens_stay_in_the_process(void **state)
{
  (void)state;
  for (size_t i = 0; i < 2; i++) {
    NEED(secure[i]);
    control(&emulator, "POST", "reset");
    run_get(secure[i], true);
    run_get(secure[i], false);
    expect_counter(&emulator, "token_requests.partner", 2);
    expect_counter(&emulator, "token_requests.business", 2);
    assert_int_equal(place_segments(), 0);
  }
  NEED(PLAIN);
  control(&emulator, "POST", "reset");
  run_get(PLAIN, true);
  run_get(PLAIN, false);
  expect_counter(&emulator, "token_requests.partner", 1);
  expect_counter(&emulator, "token_requests.business", 1);
  assert_int_equal(place_segments(), 1);
  /* Nor do they take what is in their caller's segment. */
  run_get(SETGID, false);
  expect_counter(&emulator, "token_requests.partner", 2);
}

/* ---- variables ---- */

typedef struct Variables {
  const char *name;
  const char *set[5];        /* "NAME=value": %D is the place, %U and %K the good credential */
  const char *configuration; /* or NULL */
  int plain;                 /* what it makes of the request for a token without AT_SECURE */
  int secure;                /* .. and with; THRED_OK but for one */
} Variables;

#define WRONG_UUID          "00000000-0000-4000-8000-000000000000"
#define WRONG_KEY           "0123456789abcdef0123456789abcdef0123456789ab"
#define STACK(words, group) "[environment sandbox]\ncredentials = " words " file\n" group
#define NOWHERE             "http://127.0.0.1:1"

static const Variables variables[] = {
    {"THRED_CONF_DIR", {"THRED_CONF_DIR=%D/empty"}, NULL, THRED_E_CONFIG, 0},
    {"THRED_PARTNER_UUID",
     {"THRED_PARTNER_UUID=" WRONG_UUID, "THRED_API_KEY=%K"},
     NULL,
     THRED_E_REFUSED,
     0},
    {"THRED_API_KEY",
     {"THRED_PARTNER_UUID=%U", "THRED_API_KEY=" WRONG_KEY},
     NULL,
     THRED_E_REFUSED,
     0},
    {"THRED_BUSINESS_ID", {"THRED_BUSINESS_ID=" NOBODY}, NULL, THRED_E_BUSINESS_NOT_FOUND, 0},
    {"THRED_DISABLE", {"THRED_DISABLE=1"}, NULL, THRED_E_DISABLED, 0},
    {"THRED_MODULE_DIR", {"THRED_MODULE_DIR=%D/modules"}, NULL, THRED_E_INTERNAL, 0},
    {"HOME", {"HOME=%D/home"}, NULL, THRED_E_NOT_ALLOWED, 0},
    {"XDG_CONFIG_HOME", {"XDG_CONFIG_HOME=%D/home/.config"}, NULL, THRED_E_NOT_ALLOWED, 0},
    {"https_proxy", {"https_proxy=" NOWHERE}, NULL, THRED_E_NETWORK, 0},
    {"HTTPS_PROXY", {"HTTPS_PROXY=" NOWHERE}, NULL, THRED_E_NETWORK, 0},
    {"all_proxy", {"all_proxy=" NOWHERE}, NULL, THRED_E_NETWORK, 0},
    {"ALL_PROXY", {"ALL_PROXY=" NOWHERE}, NULL, THRED_E_NETWORK, 0},
    /* OpenSSL reads it by secure_getenv(3). */
    {"OPENSSL_CONF", {"OPENSSL_CONF=%D/openssl.cnf"}, NULL, THRED_E_NETWORK, 0},
    {"CREDENTIALS_DIRECTORY",
     {"CREDENTIALS_DIRECTORY=%D/wrong"},
     STACK("systemd", ""),
     THRED_E_REFUSED,
     0},
    {"VAULT_TOKEN",
     {"VAULT_TOKEN=x"},
     STACK("vault [TRYAGAIN=return]",
           "[credentials vault]\npath = thred/api\naddress = https://127.0.0.1:1\n"),
     THRED_E_CREDENTIALS,
     0},
    {"VAULT_ADDR",
     {"VAULT_ADDR=https://127.0.0.1:1", "VAULT_TOKEN=x"},
     STACK("vault [TRYAGAIN=return]", "[credentials vault]\npath = thred/api\n"),
     THRED_E_CREDENTIALS,
     0},
    {"AWS_ACCESS_KEY_ID",
     {"AWS_ACCESS_KEY_ID=AKIAEXAMPLE", "AWS_SECRET_ACCESS_KEY=x"},
     STACK("aws-secrets-manager [TRYAGAIN=return]",
           "[credentials aws-secrets-manager]\nsecret-id = thred\nregion = eu-west-1\nimds = no\n"
           "endpoint = https://127.0.0.1:1\n"),
     THRED_E_CREDENTIALS,
     0},
    {"AWS_ENDPOINT_URL",
     {"AWS_ENDPOINT_URL=https://127.0.0.1:1", "AWS_ACCESS_KEY_ID=AKIAEXAMPLE",
      "AWS_SECRET_ACCESS_KEY=x", "AWS_REGION=eu-west-1"},
     STACK("aws-secrets-manager [TRYAGAIN=return]",
           "[credentials aws-secrets-manager]\nsecret-id = thred\nimds = no\n"),
     THRED_E_CREDENTIALS,
     0},
    /* libcurl itself would write its TLS keys there, so nothing is asked at all. */
    {"SSLKEYLOGFILE", {"SSLKEYLOGFILE=%D/open/keys"}, NULL, THRED_OK, THRED_E_CONFIG},
    /* Of curl(1), or of programs that ask OpenSSL for its default paths: no difference to either.
     */
    {"SSL_CERT_FILE", {"SSL_CERT_FILE=/dev/null"}, NULL, 0, 0},
    {"SSL_CERT_DIR", {"SSL_CERT_DIR=/dev/null"}, NULL, 0, 0},
    {"CURL_CA_BUNDLE", {"CURL_CA_BUNDLE=/dev/null"}, NULL, 0, 0},
    {"CURL_HOME", {"CURL_HOME=%D/home"}, NULL, 0, 0},
    {"NETRC", {"NETRC=%D/home/.netrc"}, NULL, 0, 0},
};

static char uuid[128], key[512];

static void fill_in(const char *pattern, char text[1024])
{
  char *to = text;
  for (; *pattern; pattern++) {
    const char *value = strncmp(pattern, "%D", 2) == 0   ? place_dir
                        : strncmp(pattern, "%U", 2) == 0 ? uuid
                        : strncmp(pattern, "%K", 2) == 0 ? key
                                                         : NULL;
    if (value)
      to = stpcpy(to, value), pattern++;
    else
      *to++ = *pattern;
  }
  *to = '\0';
}

static int code_of(Manner manner, const Variables *one)
{
  Outcome outcome;
  char texts[5][1024];
  const char *environment[6] = {NULL};
  int code = -1;
  for (size_t i = 0; i < 5 && one && one->set[i]; i++) {
    fill_in(one->set[i], texts[i]);
    environment[i] = texts[i];
  }
  place_configure(one ? one->configuration : NULL);
  place_run(manner, true, token_of_business, environment, &outcome);
  place_configure(NULL);
  if (sscanf(outcome.out, "%d", &code) != 1)
    print_error("%s: %d %s\n", one ? one->name : "none", outcome.status, outcome.err);
  return code;
}

static void make_what_variables_name(void)
{
  char text[2048];
  place_credentials(uuid, key);
  place_write("empty/none", "", true, 0644);
  place_write("modules/none", "", true, 0644);
  place_write("home/.config/thred/conf.d/90-user.conf", "[environment sandbox]\nallow = partner;\n",
              true, 0644);
  place_write("home/.netrc", "default login a password b\n", true, 0600);
  place_write("openssl.cnf",
              "openssl_conf = all\n[all]\nproviders = some\n[some]\nbase = base\n"
              "[base]\nactivate = 1\n",
              true, 0644);
  snprintf(text, sizeof text, "THRED_PARTNER_UUID=%s\nTHRED_API_KEY=" WRONG_KEY "\n", uuid);
  place_write("wrong/thred", text, true, 0600);
  place_write("open/none", "", true, 0644);
  snprintf(text, sizeof text, "%s/open", place_dir);
  assert_int_equal(chmod(text, 0777), 0);
}

static bool has_keys(void)
{
  char path[128];
  snprintf(path, sizeof path, "%s/open/keys", place_dir);
  return unlink(path) == 0;
}

static void each_variable(Manner manner)
{
  NEED(manner);
  for (size_t i = 0; i < sizeof variables / sizeof variables[0]; i++) {
    const Variables *one = &variables[i];
    int expected = manner == PLAIN ? one->plain : one->secure, code = code_of(manner, one);
    if (code != expected)
      print_error("%s: %d, not %d\n", one->name, code, expected);
    assert_int_equal(code, expected);
    assert_true(has_keys() == (manner == PLAIN && strcmp(one->name, "SSLKEYLOGFILE") == 0));
  }
}

static void variables_of_a_plain_program(void **state)
{
  (void)state;
  each_variable(PLAIN);
}

static void variables_of_a_setgid_program(void **state)
{
  (void)state;
  each_variable(SETGID);
}

static void variables_of_a_program_with_capabilities(void **state)
{
  (void)state;
  each_variable(CAPABLE);
}

static void thred_log(void **state)
{
  static const char *const environment[] = {"THRED_LOG=debug", NULL};
  Outcome outcome;
  (void)state;
  for (int manner = 0; manner < MANNERS; manner++) {
    NEED((Manner)manner);
    place_run((Manner)manner, true, token_of_business, environment, &outcome);
    assert_int_equal(strncmp(outcome.out, "0 ", 2), 0);
    assert_true((outcome.err[0] != '\0') == (manner == PLAIN));
  }
}

/* A program's own libcurl opens that file by itself, and writes the keys of the program's own
 * connections there (lib/vtls/keylog.c asks getenv(3)): so they carry no token. */
static void no_token_where_keys_are_logged(void **state)
{
  static const char *const get[] = {"get", BASE INVOICES, "1", NULL};
  (void)state;
  for (size_t i = 0; i < 2; i++) {
    char text[1024];
    Outcome outcome;
    NEED(secure[i]);
    fill_in("SSLKEYLOGFILE=%D/open/keys", text);
    const char *const environment[] = {text, NULL};
    control(&emulator, "POST", "reset");
    place_run(secure[i], true, get, environment, &outcome);
    assert_string_equal(outcome.out, "0 401\n");
    expect_counter(&emulator, "token_requests.partner", 0);
    (void)has_keys();
  }
}

static off_t size_of_keys(void)
{
  char path[128];
  struct stat st;
  snprintf(path, sizeof path, "%s/open/keys", place_dir);
  off_t size = stat(path, &st) ? -1 : st.st_size;
  (void)has_keys();
  return size;
}

/* libcurl opens the file when it is initialised, and a careful program cleans its environment too
 * late: no keys of token requests are written. */
static void no_keys_of_token_requests(void **state)
{
  static const char *const late[] = {"late", FIRST, NULL};
  (void)state;
  for (int manner = 0; manner < MANNERS; manner++) {
    char text[1024];
    Outcome outcome;
    NEED((Manner)manner);
    fill_in("SSLKEYLOGFILE=%D/open/keys", text);
    const char *const environment[] = {text, NULL};
    place_run((Manner)manner, true, late, environment, &outcome);
    assert_int_equal(strncmp(outcome.out, "0 ", 2), 0);
    off_t size = size_of_keys();
    assert_true(manner == PLAIN ? size > 0 : size <= 0);
  }
}

/* ---- the shim ---- */

/* ld.so(8), "Secure-execution mode": a path in LD_PRELOAD is ignored. */
static void no_shim(void **state)
{
  (void)state;
  if (SANITIZED)
    skip(); /* its runtime has to come before the shim, and does not here */
  for (int manner = 0; manner < MANNERS; manner++) {
    char path[128];
    const char *const argv[] = {"setpriv",
                                "--reuid=" PLACE_USER,
                                "--regid=" PLACE_USER,
                                "--groups=" PLACE_GROUP,
                                "--",
                                path,
                                "easy",
                                "plain",
                                NULL};
    const char *const environment[] = {shim_variable(), NULL};
    Outcome outcome;
    NEED((Manner)manner);
    place_copy("probe-plain", (Manner)manner, path);
    control(&emulator, "POST", "reset");
    control(&emulator, "POST", "set?www_authenticate=no");
    setenv("HOME", place_dir, 1);
    process_run(argv, environment, &outcome);
    unsetenv("HOME");
    expect_counter(&emulator, "token_requests.business", manner == PLAIN);
    assert_non_null(strstr(outcome.out, manner == PLAIN ? "0 200 " : "0 401 "));
  }
}

/* ---- */

static int start(void **state)
{
  int result = harness_start(state);
  unsetenv("THRED_CONF_DIR");
  unsetenv("XDG_CONFIG_HOME");
  unsetenv("HOME");
  why_not = place_make();
  if (!why_not)
    make_what_variables_name();
  return result;
}

static int stop(void **state)
{
  place_remove();
  return harness_stop(state);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(system_configuration_works),
      cmocka_unit_test(tokens_stay_in_the_process),
      cmocka_unit_test(variables_of_a_plain_program),
      cmocka_unit_test(variables_of_a_setgid_program),
      cmocka_unit_test(variables_of_a_program_with_capabilities),
      cmocka_unit_test(thred_log),
      cmocka_unit_test(no_token_where_keys_are_logged),
      cmocka_unit_test(no_keys_of_token_requests),
      cmocka_unit_test(no_shim),
  };
  harness_require_installation();
  return cmocka_run_group_tests(tests, start, stop);
}
