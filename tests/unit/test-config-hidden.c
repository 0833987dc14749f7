/* SPDX-License-Identifier: MIT */
/* lib/fetch/config-hidden: no secret is shown, and what is none mostly is. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "lib/fetch/config-hidden.h"

typedef struct {
  const char *key, *value;
} Option;

static void test_hidden_options(void **state)
{
  (void)state;
  static const Option cases[] = {
      /* the name says it */
      {"token", "hvs.x"},
      {"password", "hunter2"},
      {"api-key", "short"},
      {"key", "short"},
      {"API-KEY", "short"},
      {"client-secret", "short"},
      {"passphrase", "correct horse"},
      {"password", ""},
      {"clientSecret", "short"},
      {"clientsecret", "short"},
      {"apiKey", "short"},
      {"access_token", "short"},
      /* the value looks it */
      {"path", "sk_live_51Hq8Zx9Kc2Lm4Np6Rt"},
      {"role", "3f786850e387550fdab836ed7e6dc881de23001b"},
      {"partner-uuid", "3c90c3cc-0d44-4b50-8888-8dd25736052a"},
      {"description", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"},
      {"path", "/etc/thred/sk_live_51Hq8Zx9Kc2Lm4Np6Rt"},
      /* a key that ends in "=", as a name */
      {"QWxhZGRpbjpvcGVuIHNlc2FtZQ", "="},
      /* somewhere in a command or an address */
      {"command", "/usr/bin/get --password hunter2"},
      {"command", "/usr/bin/get --token=short"},
      {"command", "/usr/bin/get --api-key short"},
      {"command", "env VAULT_TOKEN=short get"},
      {"command", "curl -H \"Authorization: Basic short\" https://vault.example/"},
      {"command", "get -t sk_live_51Hq8Zx9Kc2Lm4Np6Rt"},
      {"command", "curl --user me:hunter2 https://vault.example/"},
      {"address", "https://me:hunter2@vault.example:8200"},
      {"endpoint", "https://hunter2@vault.example"},
  };
  ConfigTree *tree = config_tree_new();
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
    if (!config_is_hidden(tree, CONFIG_CREDENTIALS, cases[i].key, cases[i].value))
      fail_msg("%s = %s is shown", cases[i].key, cases[i].value);
  config_tree_free(tree);
}

static void test_shown_options(void **state)
{
  (void)state;
  static const Option cases[] = {
      {"path", "/etc/thred/credentials.next"},
      {"key-path", "/var/run/secrets/thred/api-key"},
      {"token-file", "/run/vault/token"},
      {"token", "/run/vault/token"},
      {"secret-id-file", "/etc/thred/secret-id"},
      {"key-field", "api_key"},
      {"key-name", "thred-key"},
      {"auth", "token-file"},
      {"secret-id", "thred/production"},
      {"secret-id", "arn:aws:secretsmanager:eu-west-1:123456789012:secret:thred/prod-AbCdEf"},
      {"command", "/usr/local/bin/get-thred-key --json"},
      {"command", "vault kv get -field=api_key secret/thred"},
      {"command", "get --token-file /run/token --key=/run/key"},
      {"pass-environment", "PATH;HOME;"},
      {"address", "https://vault.example:8200"},
      {"credentials-file", "/root/.aws/credentials"},
      {"command", "sudo -u thred /usr/local/bin/get-thred-key"},
      {"monkey", "see"},
      {"kv", "2"},
      {"module", "aws-secrets-manager"},
  };
  ConfigTree *tree = config_tree_new();
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
    if (config_is_hidden(tree, CONFIG_CREDENTIALS, cases[i].key, cases[i].value))
      fail_msg("%s = %s is hidden", cases[i].key, cases[i].value);
  config_tree_free(tree);
}

/* A key in place of a name; a name that is as long as a key. */
static void test_names(void **state)
{
  (void)state;
  static const char key[] = "sk_live_51Hq8Zx9Kc2Lm4Np6Rt", name[] = "vault-production-2026";
  g_autofree char *label = g_strconcat("credentials ", name, NULL);
  g_autofree char *stack = g_strconcat("env [!NOTFOUND=continue] ", name, NULL);
  ConfigTree *tree = config_tree_new();
  assert_true(config_is_hidden(tree, CONFIG_ENVIRONMENT, "credentials", key));
  assert_true(config_is_hidden(tree, CONFIG_ENVIRONMENT, "next", key));
  assert_true(config_is_hidden(tree, CONFIG_ENVIRONMENT, "credentials", stack));
  config_tree_group(tree, CONFIG_CREDENTIALS, label, (ConfigPlace){"x.conf", 1});
  assert_false(config_is_hidden(tree, CONFIG_ENVIRONMENT, "credentials", stack));
  assert_false(config_is_hidden(tree, CONFIG_ENVIRONMENT, "credentials", "env systemd file"));
  assert_true(config_is_hidden(tree, CONFIG_CREDENTIALS, "module", key));
  assert_true(config_is_hidden(tree, CONFIG_THRED, "environment", key));
  assert_false(config_is_hidden(tree, CONFIG_THRED, "environment", "sandbox"));
  assert_false(config_is_hidden(tree, CONFIG_ENVIRONMENT, "business",
                                "3c90c3cc-0d44-4b50-8888-8dd25736052a"));
  config_tree_free(tree);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_hidden_options),
      cmocka_unit_test(test_shown_options),
      cmocka_unit_test(test_names),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
