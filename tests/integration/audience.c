/* SPDX-License-Identifier: MIT */
/* audience.c - the servers, and one attack after the other. */
#include "audience.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "h2.h"

World world;
Totals audience_totals;

/* ---- one attack ---- */

static void forget(void)
{
  if (world.emulated)
    control(&emulator, "POST", "reset");
  capture_reset(&world.twin, NULL);
  capture_reset(&world.elsewhere, NULL);
  capture_reset(&world.impostor, NULL);
  capture_reset(&world.proxy, NULL);
  world.elsewhere.patience_ms = -1;
}

static void free_script(Script *script)
{
  for (size_t i = 0; i < script->count; i++)
    free(script->answers[i]);
}

static void close_all(Attack *attack)
{
  CURLM *multi = attack->client.multi;
  if (attack->second.multi == multi)
    attack->second.multi = NULL;
  client_close(&attack->second);
  client_close(&attack->client);
  for (size_t i = 0; i < attack->list_count; i++)
    curl_slist_free_all(attack->lists[i]);
  curl_share_cleanup(attack->share);
  curl_url_cleanup(attack->curlu);
}

/* What became of one run. */
typedef struct Result {
  size_t runs, wrong;
} Result;

static void attack_once(const Family *family, size_t index, bool emulated, bool multi,
                        Result *result)
{
  Attack attack = {.mode = {.multi = multi}, .due = ""};
  world.emulated = emulated;
  world.right = emulated ? emulator.port : world.twin.port;
  forget();
  family->attack(&attack, index);
  if (attack.due[0] == '~')
    attack.due = world.linked ? attack.due + 1 : "";
  close_all(&attack);
  if (!attack.left_out) {
    result->runs++;
    result->wrong += !judge(&attack);
  }
  free_script(&attack.right);
  free_script(&attack.elsewhere);
}

/* Odd, so that it meets every way to run an attack. */
static size_t step_of(const Family *family)
{
  return getenv("THRED_TEST_LONG") ? 1 : family->every;
}

void audience_run(const Family *family)
{
  size_t before = audience_totals.arrived, attacks = 0;
  Result all = {0, 0};
  int64_t start = now_ms();
  const size_t step = step_of(family);
  for (size_t i = 0; i < family->count; i += step) {
    size_t runs = all.runs;
    if (!family->once || i / 2 % 2)
      attack_once(family, i, true, i % 2, &all);
    if (!family->once || !(i / 2 % 2))
      attack_once(family, i, false, !(i % 2), &all);
    attacks += all.runs > runs;
  }
  audience_totals.attacks += attacks;
  size_t arrived = audience_totals.arrived - before;
  print_message("# %s: %zu attacks, %zu runs, %zu reached a server, %d ms\n", family->name, attacks,
                all.runs, arrived, (int)(now_ms() - start));
  assert_int_equal(all.wrong, 0);
  assert_true(arrived * 100 >= all.runs * family->arriving);
}

/* ---- for the families ---- */

void attack_named(Attack *attack, const char *format, ...)
{
  va_list args;
  va_start(args, format);
  vsnprintf(attack->name, sizeof attack->name, format, args);
  va_end(args);
}

static int detach(CURL *curl)
{
  return thred_curl_detach(curl);
}

void attack_attach(Client *client)
{
  if (!world.linked)
    return;
  client->detach = detach;
  assert_int_equal(thred_curl_attach(client->curl), THRED_OK);
}

void attack_set_way(Client *client)
{
  static const char *const hosts[] = {HOST, SIBLING, STAGING};
  char line[96];
  curl_slist_free_all(client->connect_to);
  client->connect_to = NULL;
  for (size_t i = 0; i < sizeof hosts / sizeof hosts[0]; i++) {
    snprintf(line, sizeof line, "%s:443:127.0.0.1:%u", hosts[i], world.right);
    client->connect_to = curl_slist_append(client->connect_to, line);
  }
  snprintf(line, sizeof line, "::127.0.0.1:%u", world.elsewhere.port);
  client->connect_to = curl_slist_append(client->connect_to, line);
  curl_easy_setopt(client->curl, CURLOPT_CONNECT_TO, client->connect_to);
  curl_easy_setopt(client->curl, CURLOPT_CAINFO, world.bundle);
  curl_easy_setopt(client->curl, CURLOPT_PROXY_CAINFO, world.bundle);
  curl_easy_setopt(client->curl, CURLOPT_TIMEOUT, 20L);
}

void attack_open(Attack *attack, const char *url, void (*set)(CURL *curl))
{
  client_open_plain(&attack->client, &emulator, attack->mode, url);
  attack_set_way(&attack->client);
  if (set)
    set(attack->client.curl);
  attack_attach(&attack->client);
}

void attack_open_second(Attack *attack, const char *url, bool attached)
{
  client_open_plain(&attack->second, &emulator, attack->mode, url);
  attack_set_way(&attack->second);
  if (attack->mode.multi && !attack->client.multi)
    attack->client.multi = curl_multi_init();
  attack->second.multi = attack->client.multi;
  if (attached)
    attack_attach(&attack->second);
}

CURLcode attack_run(Attack *attack)
{
  audience_totals.transfers++;
  return client_run(&attack->client);
}

void attack_run_second(Attack *attack)
{
  audience_totals.transfers++;
  client_run(&attack->second);
}

void attack_url(Attack *attack, const char *url, const char *due)
{
  attack_named(attack, "%.200s", url);
  attack->due = due;
  attack_open(attack, url, NULL);
  attack_run(attack);
}

struct curl_slist *attack_list(Attack *attack, const char *line)
{
  struct curl_slist *list = curl_slist_append(NULL, line);
  assert_true(attack->list_count < sizeof attack->lists / sizeof attack->lists[0]);
  attack->lists[attack->list_count++] = list;
  return list;
}

void attack_set_headers(Attack *attack, struct curl_slist *headers)
{
  if (world.linked)
    assert_int_equal(thred_curl_set_headers(attack->client.curl, headers), THRED_OK);
  else
    curl_easy_setopt(attack->client.curl, CURLOPT_HTTPHEADER, headers);
}

void attack_lead_to_impostor(Attack *attack, Client *client, bool all)
{
  char line[96];
  attack->uses_impostor = true;
  snprintf(line, sizeof line, "%s:%s:127.0.0.1:%u", all ? "" : HOST, all ? "" : "443",
           world.impostor.port);
  curl_easy_setopt(client->curl, CURLOPT_CONNECT_TO, attack_list(attack, line));
}

void attack_answers(Script *script, const char *format, ...)
{
  va_list args;
  va_start(args, format);
  assert_true(script->count < ANSWERS);
  assert_true(vasprintf(&script->answers[script->count++], format, args) > 0);
  va_end(args);
}

void attack_redirects(Attack *attack, bool right, int status, const char *to)
{
  if (right && world.emulated) {
    char *escaped = curl_easy_escape(NULL, to, 0);
    control(&emulator, "POST", "fault?action=redirect&status=%d&to=%s", status, escaped);
    curl_free(escaped);
    return;
  }
  attack_answers(right ? &attack->right : &attack->elsewhere,
                 "HTTP/1.1 %d Moved\r\nLocation: %s\r\nContent-Length: 0\r\n\r\n", status, to);
}

void attack_set_answers(Attack *attack)
{
  capture_reset(&world.twin, (const char *const *)attack->right.answers);
  capture_reset(&world.elsewhere, (const char *const *)attack->elsewhere.answers);
}

/* ---- the servers ---- */

static void copy_file(const char *from, const char *to)
{
  char text[16384];
  int in = open(from, O_RDONLY | O_CLOEXEC),
      out = open(to, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  ssize_t length = read(in, text, sizeof text);
  assert_true(length > 0);
  assert_int_equal(write(out, text, (size_t)length), length);
  close(in);
  close(out);
}

/* Outside of Thred's domain, or no host names; one environment for each. */
const char *const audience_configured_hosts[AUDIENCE_CONFIGURED] = {
    "evil.example",
    "thredfi.com.evil.example",
    "evilthredfi.com",
    "sandbox-thredfi.com",
    "thredfi.co",
    "thredfi.com.",
    "evil.thredfi.com.",
    "*.thredfi.com",
    "*",
    ".thredfi.com",
    "127.0.0.1",
    "[::1]",
    "evil.example/.thredfi.com",
    "evil.example#.thredfi.com",
    "evil.example?.thredfi.com",
    "evil.example\\.thredfi.com",
    "evil.example:443",
    "evil.thredfi.com:4430",
    "user@evil.thredfi.com",
    "evil.example@x.thredfi.com",
    "evil.example%2f.thredfi.com",
    "evil.example .thredfi.com",
    "xn--thredfi-.com",
    "\xd1\x82hredfi.com", /* a Cyrillic letter */
};

static void configure(void)
{
  char text[8192];
  size_t length = (size_t)snprintf(
      text, sizeof text,
      "[thred]\nenvironment = sandbox\n"
      "[environment staging]\ncredentials = file\nconnect-to = ::127.0.0.1:%u\nca-file = %s\n",
      emulator.port, emulator.ca);
  emulator_configure(&emulator, "60-staging.conf", text);
  length = 0;
  for (size_t i = 0; i < AUDIENCE_CONFIGURED; i++)
    length += (size_t)snprintf(text + length, sizeof text - length,
                               "[environment outside-%zu]\nhosts = %s;\ncredentials = file\n"
                               "connect-to = ::127.0.0.1:%u\nca-file = %s\n",
                               i, audience_configured_hosts[i], emulator.port, emulator.ca);
  assert_true(length < sizeof text);
  emulator_configure(&emulator, "70-outside.conf", text);
}

int audience_start(void **state)
{
  char pem[96];
  int result = harness_start(state);
  world.linked = getenv("THRED_TEST_SHIM") == NULL;
  snprintf(world.bundle, sizeof world.bundle, "%s/bundle.pem", emulator.dir);
  snprintf(pem, sizeof pem, "%s/server.pem", emulator.dir);
  copy_file(emulator.ca, world.bundle);
  certificates_start(world.bundle);
  configure();
  capture_start(&world.twin, pem);
  capture_start(&world.elsewhere, pem);
  certificates_for_all(world.elsewhere.tls);
  capture_start(&world.impostor, pem);
  capture_start(&world.proxy, pem);
  world.proxy.speak = audience_proxy_speak;
  judge_start();
  return result;
}

int audience_stop(void **state)
{
  capture_stop(&world.proxy);
  capture_stop(&world.impostor);
  capture_stop(&world.elsewhere);
  capture_stop(&world.twin);
  certificates_stop();
  h2_stop();
  judge_stop();
  return harness_stop(state);
}
