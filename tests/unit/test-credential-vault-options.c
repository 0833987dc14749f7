/* SPDX-License-Identifier: MIT */
/* The module vault: what its options may be, and what an answer depends on. No server is asked. */
#include "tests/unit/vault-fixture.h"

static void test_options(void **state)
{
  (void)state;
  static const struct {
    const char *options, *says;
  } cases[] = {
      {"", "the module vault: no path"},
      {"address=https://v:8200", "50-test.conf:10: the module vault (auth = token): no path"},
      {"adress=https://v",
       "50-test.conf:10: the module vault has no option 'adress' (it has: address, namespace, "
       "ca-file, mount, kv, path, uuid-field, key-field, auth, token-file, role-id, "
       "secret-id-file, role, jwt-file, auth-mount)"},
      {"path=a|kv=3", "50-test.conf:11: kv: '3' is none of: 1, 2"},
      {"path=a|auth=ldap",
       "50-test.conf:11: auth: 'ldap' is none of: token, token-file, approle, kubernetes"},
      {"path=a|ca-file=ca.pem", "50-test.conf:11: ca-file: 'ca.pem' is not absolute"},
      {"path=a|mount=", "50-test.conf:11: mount is empty"},
      {"path=a|uuid-field=x\ty", "50-test.conf:11: uuid-field has a control character in it"},
      /* what goes with what */
      {"path=a|auth=token-file",
       "50-test.conf:11: the module vault (auth = token-file): no token-file"},
      {"path=a|auth=approle", "50-test.conf:11: the module vault (auth = approle): no role-id"},
      {"path=a|auth=kubernetes", "50-test.conf:11: the module vault (auth = kubernetes): no role"},
      {"path=a|token-file=/t", "50-test.conf:11: token-file goes with auth = token-file"},
      {"path=a|role-id=x", "50-test.conf:11: role-id goes with auth = approle"},
      {"path=a|auth=kubernetes|role=r|secret-id-file=/x",
       "50-test.conf:13: secret-id-file goes with auth = approle"},
      {"role=r|path=a|auth=approle|role-id=x", "50-test.conf:10: role goes with auth = kubernetes"},
      {"path=a|jwt-file=/j", "50-test.conf:11: jwt-file goes with auth = kubernetes"},
      {"path=a|auth-mount=x", "auth-mount goes with auth = approle or kubernetes"},
      {"path=a|auth=token-file|token-file=/t|auth-mount=x",
       "auth-mount goes with auth = approle or kubernetes"},
      /* a token has no place in a file that everybody may read */
      {"path=a|token=hvs.x", "50-test.conf:11: the module vault has no option 'token'"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
    expect(cases[i].options, UNAVAIL, cases[i].says);
}

static void test_paths(void **state)
{
  (void)state;
  static const struct {
    const char *value, *problem; /* NULL: none */
  } cases[] = {
      {"a", NULL},
      {"a/b/c", NULL},
      {"a b/\xc3\xa4", NULL},
      {"...", NULL},
      {"a/..b/c.", NULL},
      {"/a", "begins with a slash, or has two in a row"},
      {"a//b", "begins with a slash, or has two in a row"},
      {"..", "has a segment . or .. in it"},
      {"a/../b", "has a segment . or .. in it"},
      {"a/..", "has a segment . or .. in it"},
      {"./a", "has a segment . or .. in it"},
      {"a?list=true", "has one of ? # % \\ in it"},
      {"a#b", "has one of ? # % \\ in it"},
      {"a%2e%2e/b", "has one of ? # % \\ in it"},
      {"a\\b", "has one of ? # % \\ in it"},
      {"a\r\nX-Vault-Token: b", "has a control character in it"},
      {"a\x7f", "has a control character in it"},
  };
  static const char *const keys[] = {"path", "mount", "namespace", "auth-mount"};
  char options[256], says[128];
  unsetenv("VAULT_TOKEN");
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
    for (size_t k = 0; k < 4; k++) {
      bool login = k == 3;
      snprintf(options, sizeof options, "%spath=a|%s=%s", login ? "auth=approle|role-id=x|" : "",
               keys[k], cases[i].value);
      snprintf(says, sizeof says, "50-test.conf:%d: %s %s", login ? 13 : 11, keys[k],
               cases[i].problem ? cases[i].problem : "");
      /* what is fine gets as far as the missing address */
      expect(options, UNAVAIL, cases[i].problem ? says : "no address");
    }
  expect("path=a/", UNAVAIL, "path ends with a slash");
  expect("path=a|mount=a/", UNAVAIL, "mount ends with a slash");
  expect("path=a|namespace=a/b/", UNAVAIL, "no address");
}

/* libcurl sends no header whose value is blank, and servers cut blanks off its ends: the request
 * would go to another namespace than the one that is named. */
static void test_blank_namespaces(void **state)
{
  (void)state;
  static const char *const values[] = {" ", "   ", " a", "a ", "a/ ", " a/b"};
  char options[64];
  for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
    snprintf(options, sizeof options, "path=a|namespace=%s", values[i]);
    expect(options, UNAVAIL, "50-test.conf:11: namespace begins or ends with a blank");
  }
  expect("path=a|namespace=a b", UNAVAIL, "no address");
}

static void test_too_long(void **state)
{
  (void)state;
  char options[1400], value[1101];
  memset(value, 'a', 1100);
  value[1024] = 0;
  snprintf(options, sizeof options, "path=%s", value);
  expect(options, UNAVAIL, "no address");
  value[1024] = 'a';
  value[1025] = 0;
  snprintf(options, sizeof options, "path=%s", value);
  expect(options, UNAVAIL, "50-test.conf:10: path is longer than 1024 bytes");
}

static void test_addresses(void **state)
{
  (void)state;
#define NO_URL "is not an https URL (https://HOST:PORT)"
#define MORE   "has more than a scheme, a host, a port and a path"
#define HTTP   "is http, which is for a loopback address (127.0.0.1, [::1]) only: use https"
#define BYTES  "has a character in it that no URL has"
  static const struct {
    const char *address, *problem; /* NULL: none */
  } cases[] = {
      {"https://vault.example", NULL},
      {"https://vault.example:8200/", NULL},
      {"https://vault.example/a/b", NULL},
      {"https://[2001:db8::1]:8200", NULL},
      {"HTTPS://vault.example", NULL},
      {"http://127.0.0.1:8200", NULL},
      {"http://127.9.8.7", NULL},
      {"http://[::1]:8200", NULL},
      {"http://localhost:8200", HTTP},
      {"http://127.0.0.1.example.com", HTTP},
      {"http://vault.example", HTTP},
      {"http://10.0.0.1", HTTP},
      {"http://[2001:db8::1]", HTTP},
      {"vault.example:8200", NO_URL},
      {"ftp://vault.example", NO_URL},
      {"file:///etc/passwd", NO_URL},
      {"https://", NO_URL},
      {"https://vault.example:99999", NO_URL},
      {"https://u:p@vault.example", MORE},
      {"https://u@vault.example", MORE},
      {"https://vault.example/?a=b", MORE},
      {"https://vault.example/#a", MORE},
      {"https://vault.example?", MORE},
      {"https://vault.example//a", "has two slashes in a row in its path"},
      {"https://vault.example\\@other.example", BYTES},
      {"https://vault example", BYTES},
      {"https://vault.example\r\nX: y", BYTES},
      {"https://v\xc3\xa4ult.example", BYTES},
  };
  char options[256], says[200];
  unsetenv("VAULT_TOKEN");
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    snprintf(options, sizeof options, "path=a|address=%s", cases[i].address);
    snprintf(says, sizeof says, "50-test.conf:11: address %s",
             cases[i].problem ? cases[i].problem : "");
    /* what is fine gets as far as the missing token */
    expect(options, UNAVAIL, cases[i].problem ? says : "VAULT_TOKEN is not set");
  }
}

/* ---- identity ---- */

typedef struct {
  char text[2048];
} Seen;

static void remember(ThredIdentityKind kind, const char *text, void *data)
{
  Seen *seen = data;
  size_t used = strlen(seen->text);
  snprintf(seen->text + used, sizeof seen->text - used, "%d %s\n", (int)kind, text);
}

static void expect_identity(const ThredModuleOption *options, size_t n, int at_secure,
                            const char *text)
{
  Seen seen = {""};
  Error error = ERROR_INIT;
  assert_int_equal(credentials_identity(vault_module_dir, "vault", options, n, at_secure, remember,
                                        &seen, &error),
                   OK);
  assert_string_equal(seen.text, text);
}

static void test_identity(void **state)
{
  (void)state;
  ThredModuleOption few[] = {{"path", "thred/api", "f", 1}};
#define FEW                                                                                        \
  "2 mount=secret\n2 kv=2\n2 path=thred/api\n2 uuid-field=partner_uuid\n2 key-field=api_key\n2 "   \
  "auth=token\n"
  expect_identity(few, 1, 0, FEW "0 VAULT_ADDR\n0 VAULT_NAMESPACE\n0 VAULT_TOKEN\n");
  expect_identity(few, 1, 1, FEW);
  ThredModuleOption role[] = {{"path", "p", "f", 1},      {"address", "https://v", "f", 2},
                              {"namespace", "n", "f", 3}, {"auth", "approle", "f", 4},
                              {"role-id", "r", "f", 5},   {"secret-id-file", "/s", "f", 6},
                              {"ca-file", "/ca", "f", 7}, {"kv", "1", "f", 8},
                              {"mount", "m", "f", 9},     {"uuid-field", "u", "f", 10},
                              {"key-field", "k", "f", 11}};
  expect_identity(role, 11, 0,
                  "2 address=https://v\n2 namespace=n\n2 mount=m\n2 kv=1\n2 path=p\n2 "
                  "uuid-field=u\n2 key-field=k\n2 auth=approle\n2 auth-mount=approle\n2 "
                  "role-id=r\n1 /ca\n1 /s\n");
  ThredModuleOption pod[] = {{"path", "p", "f", 1},
                             {"address", "https://v", "f", 2},
                             {"namespace", "n", "f", 3},
                             {"auth", "kubernetes", "f", 4},
                             {"role", "r", "f", 5}};
  expect_identity(pod, 5, 0,
                  "2 address=https://v\n2 namespace=n\n2 mount=secret\n2 kv=2\n2 path=p\n2 "
                  "uuid-field=partner_uuid\n2 key-field=api_key\n2 auth=kubernetes\n2 "
                  "auth-mount=kubernetes\n2 role=r\n2 "
                  "jwt-file=/var/run/secrets/kubernetes.io/serviceaccount/token\n");
  ThredModuleOption file[] = {{"path", "p", "f", 1},
                              {"address", "https://v", "f", 2},
                              {"namespace", "n", "f", 3},
                              {"auth", "token-file", "f", 4},
                              {"token-file", "/t", "f", 5}};
  expect_identity(file, 5, 0,
                  "2 address=https://v\n2 namespace=n\n2 mount=secret\n2 kv=2\n2 path=p\n2 "
                  "uuid-field=partner_uuid\n2 key-field=api_key\n2 auth=token-file\n1 /t\n");
  assert_int_equal(vault_counters(server).requests, 0);
}

#define T(test) cmocka_unit_test_setup(test, vault_fresh)

int main(void)
{
  const struct CMUnitTest tests[] = {T(test_options),  T(test_paths),     T(test_blank_namespaces),
                                     T(test_too_long), T(test_addresses), T(test_identity)};
  return cmocka_run_group_tests_name("credential-vault-options", tests, vault_set_up,
                                     vault_tear_down);
}
