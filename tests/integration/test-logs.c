/* SPDX-License-Identifier: MIT */
/*
 * test-logs.c - nothing that anyone may read has a secret in it: what is logged (on stderr, in the
 * journal, at `debug`), what thredctl prints but the token that it is asked for, and what
 * thred_last_message() says. And it has no byte in it that would forge an entry or write on a
 * terminal, whoever sent it.
 */
#include <fcntl.h>
#include <regex.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "journal.h"
#include "logs-fixture.h"

/* The token is what `thredctl token` is for: it is the one thing on its stdout that is let pass. */
static void print_token(const char *form, const char *before, const char *after)
{
  static Outcome outcome;
  const char *argv[] = {harness_installed("bin/thredctl"), "token", "-b", FIRST, form, NULL};
  process_run(argv, NULL, &outcome);
  assert_int_equal(outcome.status, 0);
  logs_add_seen();
  const char *start = strstr(outcome.out, before);
  assert_non_null(start);
  start += strlen(before);
  size_t length = strcspn(start, after);
  outcome.out[(size_t)(start - outcome.out) + length] = '\0';
  secrets_add(start);
  logs_note(outcome.err);
  outcome.out[start - outcome.out] = '\0';
  logs_note(outcome.out);
  logs_note(start + length + 1);
}

static void transfers_and_commands(void **state)
{
  (void)state;
  char port[64], url[256];
  snprintf(port, sizeof port, "::127.0.0.1:%u", emulator.port);
  snprintf(url, sizeof url, "https://%s:%s@" HOST INVOICES "?token=%s#%s", URL_USER, URL_SECRET,
           URL_SECRET, URL_SECRET);
  logs_ask();
  control_revoke(&emulator);
  logs_probe("get", BASE INVOICES, "2");
  logs_probe("get", BASE BUSINESSES, "1");
  logs_probe("get", url, "1");
  thredctl("exec", "--", "curl", "-q", "-sS", "--cacert", emulator.ca, "--connect-to", port,
           BASE INVOICES, BASE BUSINESSES, url);
  control_revoke(&emulator);
  thredctl("exec", "--business", FIRST, "--", "curl", "-q", "-sS", "--cacert", emulator.ca,
           "--connect-to", port, "-d", "x=y", BASE INVOICES);
  *strchr(url, '?') = '\0'; /* which it shows, as it was given it */
  thredctl("route", url);
  thredctl("route", "--json", "-X", "POST", url);
  thredctl("doctor", "/usr/bin/curl");
  thredctl("doctor", "--json", "/usr/bin/curl");
  thredctl("token");
  thredctl("token", "-b", NOBODY);
  print_token("--header", "Bearer ", "\n");
  print_token("--json", "\"access_token\":\"", "\"");
  if (logs_alone) { /* else the cache is others', too */
    thredctl("flush", "--json");
    thredctl("flush");
  }
  logs_expect("no token: ");
  logs_expect_clean();
}

/* What is wrong is told in English; what is secret was on the wire. */
static void tokens_have_names(void **state)
{
  (void)state;
  static const char *const wanted[] = {
      "debug: asking " HOST " for a partner token \\[environment sandbox\\]$",
      "debug: asking " HOST " for a business token of " FIRST " \\[environment sandbox\\]$",
      "info: " HOST
      " gave a partner token \\[environment sandbox\\], generation [1-9][0-9]*, for 3600 s$",
      "info: " HOST " gave a business token of " FIRST
      " \\[environment sandbox\\], generation [1-9][0-9]*, "
      "for 3600 s$",
      "debug: GET https://" HOST BUSINESSES ": partner token \\[environment sandbox\\], generation "
      "[1-9][0-9]*, \\[route businesses\\] \\(.*/20-routes.conf:[1-9][0-9]*\\)$",
      "debug: GET https://" HOST INVOICES ": business token of " FIRST
      " \\[environment sandbox\\], generation [1-9][0-9]*, \\[route business-resources\\] "
      "\\(.*/20-routes.conf:[1-9][0-9]*\\)$",
      "info: " HOST " answered 401 to a business token of " FIRST " \\[environment sandbox\\], "
      "generation [1-9][0-9]*$",
      "debug: asking " HOST " for another business token of " FIRST " \\[environment sandbox\\]: "
      "generation [1-9][0-9]* was refused$"};
  logs_probe("get", BASE INVOICES, "1");
  logs_probe("get", BASE BUSINESSES, "1");
  control_revoke(&emulator);
  logs_probe("get", BASE INVOICES, "1");
  for (size_t i = 0; i < sizeof wanted / sizeof *wanted; i++) {
    regex_t pattern;
    char line[512];
    snprintf(line, sizeof line, "^thred-auth: %s", wanted[i]);
    assert_int_equal(regcomp(&pattern, line, REG_EXTENDED | REG_NOSUB | REG_NEWLINE), 0);
    if (regexec(&pattern, logs_said, 0, NULL, 0))
      fail_msg("no line '%s' in: %s", line, logs_said);
    regfree(&pattern);
  }
  logs_expect_clean();
}

/* libcurl quotes the whole of a proxy that it cannot use. */
static void a_proxy_with_a_password(void **state)
{
  (void)state;
  static const char *const proxies[] = {"ftp://" URL_USER ":" URL_SECRET "@127.0.0.1:1",
                                        "http://" URL_USER ":" URL_SECRET "@127.0.0.1:x",
                                        "http://" URL_USER ":" URL_SECRET "@127.0.0.1:1",
                                        "http://" URL_USER ":" URL_SECRET "@[::1",
                                        "http://" URL_USER ":" URL_SECRET "@nowhere.invalid:1"};
  for (size_t i = 0; i < sizeof proxies / sizeof *proxies; i++) {
    setenv("https_proxy", proxies[i], 1);
    emulator_forget_tokens(&emulator);
    logs_probe("message", "partner", NULL);
    thredctl("check");
  }
  unsetenv("https_proxy");
  logs_expect("the token request failed");
  logs_expect_clean();
}

/* Where a module is to ask, with a password in it. */
static void an_address_with_a_password(void **state)
{
  (void)state;
  static const char *const texts[] = {
      "vault\n[credentials vault]\npath = x\naddress = https://" URL_USER ":" URL_SECRET
      "@127.0.0.1:1\n",
      "vault\n[credentials vault]\npath = x\n",
      "aws-secrets-manager\n[credentials aws-secrets-manager]\nsecret-id = x\nregion = x\n"
      "endpoint = https://" URL_USER ":" URL_SECRET "@127.0.0.1:1\n",
      "aws-secrets-manager\n[credentials aws-secrets-manager]\nsecret-id = x\nregion = x\n"};
  char conf[512];
  setenv("VAULT_TOKEN", URL_SECRET, 1);
  setenv("VAULT_ADDR", "https://" URL_USER ":" URL_SECRET "@127.0.0.1:1", 1);
  setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI",
         "http://" URL_USER ":" URL_SECRET "@127.0.0.1:1/?" URL_SECRET, 1);
  for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
    snprintf(conf, sizeof conf, "[environment sandbox]\ncredentials = %s", texts[i]);
    logs_configure(conf);
    logs_probe("message", "partner", NULL);
    thredctl("check");
  }
  unsetenv("VAULT_TOKEN");
  unsetenv("VAULT_ADDR");
  unsetenv("AWS_CONTAINER_CREDENTIALS_FULL_URI");
  logs_expect_clean();
}

/* ---- modules ---- */

static void env_and_systemd(void **state)
{
  (void)state;
  char path[128], folder[128], text[512];
  logs_configure("[environment sandbox]\ncredentials = env\n");
  setenv("THRED_PARTNER_UUID", logs_uuid, 1);
  setenv("THRED_API_KEY", logs_key, 1);
  logs_ask();
  setenv("THRED_API_KEY", WRONG_KEY, 1);
  logs_ask();
  setenv("THRED_API_KEY", WRONG_KEY "\n\x1b[2J", 1);
  logs_ask();
  unsetenv("THRED_PARTNER_UUID");
  logs_ask();
  unsetenv("THRED_API_KEY");
  snprintf(folder, sizeof folder, "%s/run", emulator.dir);
  mkdir(folder, 0700);
  snprintf(text, sizeof text, "THRED_PARTNER_UUID=%s\nTHRED_API_KEY=%s\n", logs_uuid, logs_key);
  logs_write_file("run/thred", text, 0400, path);
  setenv("CREDENTIALS_DIRECTORY", folder, 1);
  logs_configure("[environment sandbox]\ncredentials = systemd\n");
  logs_ask();
  unsetenv("CREDENTIALS_DIRECTORY");
  logs_expect("business token of");
  logs_expect_clean();
}

/* Files that are nearly right are the ones whose lines a message would like to show. */
static void files_with_mistakes(void **state)
{
  (void)state;
  static const char *const texts[] = {"THRED_PARTNER_UUID=%s\nTHRED_API_KEY %s\n",
                                      "THRED_PARTNER_UUID=%s\n%s\n",
                                      "THRED_PARTNER_UUID=%s\n%s=THRED_API_KEY\n",
                                      "%s:%s\n",
                                      "THRED_PARTNER_UUID=%s\nTHRED_API_KEY=%s\nTHRED_API_KEY=x\n",
                                      "THRED_PARTNER_UUID=%s:x\nTHRED_API_KEY=%s\n",
                                      "{\"partner_uuid\":\"%s\",\"api_key\":\"%s\"}",
                                      "THRED_PARTNER_UUID=%s\nTHRED_API_KEY=%s\x1b[2J\n"};
  char path[128], conf[512], text[512];
  for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
    snprintf(text, sizeof text, texts[i], logs_uuid, logs_key);
#pragma GCC diagnostic pop
    logs_write_file("mistaken", text, 0600, path);
    snprintf(conf, sizeof conf, "[credentials file]\npath = %s\n", path);
    logs_configure(conf);
    logs_probe("message", "partner", NULL);
    thredctl("check");
  }
  logs_write_file("mistaken", logs_key, 0644, path);
  logs_ask();
  logs_expect("mistaken:");
  logs_expect_clean();
}

/* A key that someone has written into conf.d, where it does not belong. */
static void a_key_in_the_configuration(void **state)
{
  (void)state;
  static const char *const texts[] = {
      "[credentials file]\napi-key = %s\n",
      "[credentials file]\n%s\n",
      "[%s]\nx = y\n",

      "[environment sandbox]\n%s = 1\n",
      "[environment sandbox]\ncredentials = %s\n",
      "[environment sandbox]\nca-file = %s\n",
      "[environment sandbox]\nbusiness = %s\n",
      "[environment sandbox]\nhosts = %s\n",
      "[environment sandbox]\nallow = %s\n",
      "[environment sandbox]\nkey-created = %s\n",
      "[environment sandbox]\ntimeout = %s\n",
      "[environment sandbox]\nconnect-to = %s\n",
      "[environment sandbox]\nexisting-authorization = %s\n",
      "[route]\npath = /%s/\ntoken = partner\n",
      "[environment sandbox]\ncredentials = file\n[credentials file]\nkey-path = %s\n",
      "[environment sandbox]\ncredentials = file\n[credentials file]\npath = %s\n",
      "[environment sandbox]\ncredentials = keyring\n[credentials keyring]\ntype = %s\n",
      "[environment sandbox]\ncredentials = keyring\n[credentials keyring]\nkeyring = %s\n",
      "[environment sandbox]\ncredentials = vault\n[credentials vault]\ntoken-file = %s\n",
      "[environment sandbox]\ncredentials = vault\n[credentials vault]\naddress = %s\n",
      "[environment sandbox]\ncredentials = vault\n[credentials vault]\nauth = %s\n",
      "[environment sandbox]\npin-business = %s\n",
      "[environment sandbox]\nallow = %s;\n",
      "[environment sandbox]\ncredentials = file THRED_API_KEY=%s\n",
      "[credentials exec]\ncommand = /bin/echo %s '\n[environment sandbox]\ncredentials = exec\n"};
  char conf[512];
  for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
    snprintf(conf, sizeof conf, texts[i], logs_key);
#pragma GCC diagnostic pop
    logs_configure(conf);
    logs_probe("message", "partner", NULL);
    thredctl("check");
    thredctl("route", BASE INVOICES);
  }
  logs_expect("60-logs.conf:");
  logs_expect_clean();
}

static void a_chatty_command(void **state)
{
  (void)state;
  char path[128], conf[256], text[2048];
  snprintf(text, sizeof text,
           "#!/bin/sh\nset -x\n"
           "printf 'the key is %s, of %s\\n' >&2\n"
           "printf 'Authorization: Basic %s\\n' >&2\n"
           "printf 'half of it: %.24s\\n' >&2\n"
           "printf '\\033[2J\\033]0;title\\007 red\\rforged entry\\v\\302\\2332J "
           "\\342\\200\\256\\n' >&2\n"
           "echo '{\"version\":1,\"partner_uuid\":\"%s\",\"api_key\":\"%s\"}'\n",
           logs_key, logs_uuid, "c29tZW9uZTplbHNl", logs_key, logs_uuid, logs_key);
  logs_write_file("chatty", text, 0700, path);
  snprintf(conf, sizeof conf,
           "[environment sandbox]\ncredentials = exec\n[credentials exec]\ncommand = %s\n", path);
  logs_configure(conf);
  logs_ask();
  logs_expect("credentials: exec: the key is ****");
  logs_expect("credentials: exec: ?[2J?]0;title? red");
  logs_expect("thred-auth: info: credentials: exec: forged entry");
  logs_expect_clean();
}

static void the_scanner_finds_what_is_there(void **state)
{
  (void)state;
  static const char secret[] = "Zx81+Spectrum/48K_is_4_planted~Secret";
  char path[128], conf[256], text[1024], buffer[1024];
  static const char *const planted[] = {
      "Zx81+Spectrum/48K_is_4_planted~Secret", /* as it is */
      "x Spectrum/48K_is_ y",                  /* a piece */
      "Wng4MStTcGVjdHJ1bS80OEtf",              /* base64 */
      "eFp4ODErU3BlY3RydW0vNDhLX2lz",          /* .. a byte behind something */
      "Y2FaeDgxK1NwZWN0cnVtLzQ4S19pcw",        /* .. two */
      "5a7838312b53706563",                    /* hexadecimal */
      "5A7838312B5370656374",
      "Zx81%2BSpectrum%2F48K",
      "%5A%78%38%31%2B%53",
      "\\u005a\\u0078\\u0038"};
  secrets_add(secret);
  for (size_t i = 0; i < sizeof planted / sizeof *planted; i++) {
    snprintf(buffer, sizeof buffer, "a line\nanother %s one", planted[i]);
    if (!secrets_find(buffer, strlen(buffer)))
      fail_msg("not found: %s", planted[i]);
  }
  assert_null(secrets_find("an ordinary sentence of some length", 35));
  assert_null(secrets_find("Spectrum/48K_is", 15)); /* shorter than a piece */
  snprintf(text, sizeof text,
           "#!/bin/sh\necho 'here: %s' >&2\n"
           "echo '{\"version\":1,\"partner_uuid\":\"%s\",\"api_key\":\"%s\"}'\n",
           secret, logs_uuid, logs_key);
  logs_write_file("traitor", text, 0700, path);
  snprintf(conf, sizeof conf,
           "[environment sandbox]\ncredentials = exec\n[credentials exec]\ncommand = %s\n", path);
  logs_configure(conf);
  logs_probe("message", "partner", NULL);
  const char *found = secrets_find(logs_said, logs_length);
  assert_non_null(found);
  assert_int_equal(strncmp(found, secret, SECRETS_PIECE), 0);
}

static void the_keyring(void **state)
{
  (void)state;
  char command[512], conf[256], id[64] = "";
  snprintf(command, sizeof command, "keyctl padd user thred-logs-%d @u <%s 2>&1", (int)getpid(),
           emulator.credentials);
  FILE *output = popen(command, "re");
  assert_non_null(output);
  bool added = fgets(id, sizeof id, output) != NULL;
  if (pclose(output) != 0 || !added) {
    print_message("no keyring here: %s\n", id);
    skip();
  }
  snprintf(conf, sizeof conf,
           "[environment sandbox]\ncredentials = keyring\n[credentials keyring]\ndescription = "
           "thred-logs-%d\n",
           (int)getpid());
  logs_configure(conf);
  logs_ask();
  id[strcspn(id, "\n")] = '\0';
  snprintf(command, sizeof command, "keyctl unlink %s @u", id);
  assert_int_equal(system(command), 0);
  logs_expect("business token of");
  logs_expect_clean();
}

static void rotation(void **state)
{
  (void)state;
  char path[128], conf[512], text[512];
  snprintf(text, sizeof text, "THRED_PARTNER_UUID=%s\nTHRED_API_KEY=%s\n", logs_uuid, WRONG_KEY);
  logs_write_file("wrong", text, 0600, path);
  snprintf(conf, sizeof conf,
           "[environment sandbox]\ncredentials = old\nnext = file\n[credentials old]\n"
           "module = file\npath = %s\n",
           path);
  logs_configure(conf);
  logs_ask();
  logs_expect("business token of");
  snprintf(
      conf, sizeof conf,
      "[environment sandbox]\ncredentials = old\n[credentials old]\nmodule = file\npath = %s\n",
      path);
  logs_configure(conf);
  logs_ask();
  logs_expect("refused the partner UUID and API key");
  logs_expect_clean();
}

/* ---- where it is logged to ---- */

/* Each entry is one, whatever stands in it, and has no field but those that are meant. */
static void note_entries(void)
{
  static const char *const names[] = {"MESSAGE",           "PRIORITY",         "SYSLOG_IDENTIFIER",
                                      "MESSAGE_ID",        "THRED_EVENT",      "THRED_KIND",
                                      "THRED_ENVIRONMENT", "THRED_HOST",       "THRED_BUSINESS",
                                      "THRED_RULE",        "THRED_GENERATION", "THRED_REASON",
                                      "THRED_CONFIG_FILE", "THRED_CONFIG_LINE"};
  static JournalEntry entry;
  const char *mistake;
  while (journal_take(&entry, &mistake)) {
    if (mistake)
      fail_msg("%s: %s", mistake, entry.text);
    for (size_t i = 0; i < entry.count; i++) {
      bool known = false;
      for (size_t k = 0; k < sizeof names / sizeof *names; k++)
        known |= strcmp(entry.fields[i].name, names[k]) == 0;
      assert_true(known);
      char line[4096];
      snprintf(line, sizeof line, "%s=%s", entry.fields[i].name, entry.fields[i].value);
      logs_note(line);
    }
  }
}

static void the_journal(void **state)
{
  (void)state;
  char path[128], conf[256], text[1024];
  if (!logs_alone || !journal_mount())
    skip();
  assert_true(journal_start(journal_bind()));
  snprintf(text, sizeof text,
           "#!/bin/sh\nprintf 'one\\nMESSAGE=forged\\rPRIORITY=0\\vX=1\\n' >&2\n"
           "echo '{\"version\":1,\"partner_uuid\":\"%s\",\"api_key\":\"%s\"}'\n",
           logs_uuid, logs_key);
  logs_write_file("forger", text, 0700, path);
  snprintf(conf, sizeof conf,
           "[thred]\nlog = debug\n[environment sandbox]\ncredentials = exec\n"
           "[credentials exec]\ncommand = %s\n",
           path);
  logs_configure(conf);
  unsetenv("THRED_LOG");
  logs_probe("get", BASE INVOICES, "1");
  control_revoke(&emulator);
  logs_probe("get", BASE INVOICES, "1");
  control(&emulator, "POST", "set?api_key=another");
  control_revoke(&emulator);
  logs_probe("get", BASE INVOICES, "1");
  setenv("THRED_LOG", "debug", 1);
  logs_forget(); /* the programs' own output */
  note_entries();
  journal_unmount();
  logs_expect("MESSAGE=asking " HOST);
  logs_expect("MESSAGE=credentials: exec: MESSAGE=forged");
  logs_expect("MESSAGE=credentials: exec: PRIORITY=0?X=1");
  logs_expect("THRED_EVENT=token-fetched");
  logs_expect("THRED_EVENT=token-refused");
  logs_expect("THRED_REASON=refused");
  logs_expect("THRED_BUSINESS=" FIRST);
  logs_expect_clean();
}

static void nobody_reads_stderr(void **state)
{
  (void)state;
  int ends[2], out = memfd_create("stdout", MFD_CLOEXEC);
  char text[64] = "";
  const char *argv[] = {harness_beside("probe"), "token", "business", FIRST, NULL};
  assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
  close(ends[0]);
  void (*before)(int) = signal(SIGPIPE, SIG_DFL);
  pid_t pid = process_start(argv, out, ends[1]);
  signal(SIGPIPE, before);
  close(ends[1]);
  assert_int_equal(process_wait(pid), 0);
  assert_true(pread(out, text, sizeof text - 1, 0) > 0);
  close(out);
  assert_int_equal(strncmp(text, "0 ", 2), 0);
}

#define TEST(name) cmocka_unit_test_setup(name, logs_fresh)

int main(void)
{
  const struct CMUnitTest tests[] = {
      TEST(the_scanner_finds_what_is_there),
      TEST(transfers_and_commands),
      TEST(tokens_have_names),
      TEST(a_proxy_with_a_password),
      TEST(an_address_with_a_password),
      TEST(env_and_systemd),
      TEST(files_with_mistakes),
      TEST(a_key_in_the_configuration),
      TEST(a_chatty_command),
      TEST(the_keyring),
      TEST(rotation),
      TEST(the_journal),
      TEST(nobody_reads_stderr),
  };
  harness_require_installation();
  return cmocka_run_group_tests(tests, logs_start, harness_stop);
}
