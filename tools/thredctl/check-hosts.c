/* SPDX-License-Identifier: MIT */
/*
 * check-hosts.c - the way of a token request to each host, step by step.
 *
 * Asked past the cache: a cached token would hide that the key has been revoked, and a cached
 * failure that it works again. So what programs have is neither used nor changed by it.
 */
#include <curl/curl.h>
#include <stdlib.h>
#include <string.h>
#include <thred/thred.h>

#include "lib/clock.h"
#include "lib/secure.h"
#include "tools/thredctl/check.h"
#include "tools/thredctl/command.h"
#include "tools/thredctl/remedy.h"

#define CLOCK_TOLERANCE 120 /* seconds: what is more is no network's delay */

/* One host, while it is asked. */
typedef struct {
  const Checkup *checkup;
  CheckedEnvironment *checked;
  CheckedHost *host;
  FetchRequest request;
  Contact contact;
  RemedyPlace place;
} Probe;

static void free_step(gpointer data)
{
  g_free(((Step *)data)->said);
}

static void free_host(gpointer data)
{
  g_array_unref(((CheckedHost *)data)->steps);
}

/* `said` is taken over, and made harmless to a terminal. */
static void add_step(Probe *probe, const char *name, StepState state, int64_t us, char *said)
{
  Step step = {.name = name, .state = state, .us = us, .said = command_printable(said)};
  g_free(said);
  g_array_append_val(probe->host->steps, step);
}

/* "HOST: CAUSE"; the library's own sentences begin with the host. */
static void add_problem(Probe *probe, const char *step, Remedy remedy)
{
  const char *host = probe->host->name;
  g_autofree char *where = g_strdup_printf("%s (%s)", host, step);
  g_autofree char *cause = command_printable(remedy.cause);
  check_add(probe->checked->findings, false, where,
            g_str_has_prefix(cause, host) ? g_strdup(cause)
                                          : g_strdup_printf("%s: %s", host, cause),
            remedy.change);
  g_free(remedy.cause);
}

/* ---- name, connection, TLS ---- */

/* The address, and whose it is; libcurl tells that of a connection alone. */
static char *address_of(const Probe *probe)
{
  const char *way = probe->contact.tunnel     ? "a proxy's, as the environment has it"
                    : probe->place.connect_to ? "where `connect-to` leads"
                                              : "";
  const char *address = probe->contact.address;
  return g_strdup_printf("%s%s%s", address, *address && *way ? ", " : "", way);
}

/* What of the three failed. A proxy that refuses has been connected to. */
static const char *failed_step(const Contact *contact)
{
  if (!contact->resolved_us || contact->result == CURLE_COULDNT_RESOLVE_HOST ||
      contact->result == CURLE_COULDNT_RESOLVE_PROXY)
    return "name";
  const bool refused =
      contact->result == CURLE_COULDNT_CONNECT || (contact->tunnel && contact->tunnel / 100 != 2);
  return contact->connected && !refused ? "tls" : "connection";
}

typedef struct {
  const char *name;
  int64_t begun, ended;
  char *said;
} Stage;

/* Up to the one that failed, which took until the end. */
static void add_stages(Probe *probe, const char *failed, Stage *stages, size_t n)
{
  bool over = false;
  for (size_t i = 0; i < n; i++) {
    const Stage *stage = &stages[i];
    if (over) {
      g_free(stage->said);
    } else if (g_strcmp0(stage->name, failed) == 0) {
      g_free(stage->said);
      over = true;
      add_step(probe, stage->name, STEP_FAILED, probe->contact.ended_us - stage->begun,
               g_strdup(probe->contact.said));
    } else {
      add_step(probe, stage->name, STEP_GOOD,
               stage->ended ? stage->ended - stage->begun : TIME_UNKNOWN, stage->said);
    }
  }
}

static void add_contact_steps(Probe *probe, const char *failed)
{
  const Contact *contact = &probe->contact;
  const int64_t connected = contact->connected_us ? contact->connected_us : contact->resolved_us;
  Stage stages[] = {
      {"name", 0, contact->resolved_us, address_of(probe)},
      {"connection", contact->resolved_us, contact->connected_us,
       g_strdup_printf("port %d", contact->port)},
      {"tls", connected, contact->secured_us, g_strdup("")},
  };
  add_stages(probe, failed, stages, G_N_ELEMENTS(stages));
}

static bool ask_connection(Probe *probe)
{
  Error error = ERROR_INIT;
  const int code = probe->checkup->fetch->connect(&probe->request, &error);
  if (code == THRED_OK) {
    add_contact_steps(probe, NULL);
    return true;
  }
  const char *failed = probe->contact.tried ? failed_step(&probe->contact) : "tls";
  if (probe->contact.tried)
    add_contact_steps(probe, failed);
  else
    add_step(probe, failed, STEP_FAILED, 0, g_strdup(error.message));
  add_problem(probe, failed, remedy_of_contact(&probe->place, &probe->contact, error.message));
  return false;
}

/* ---- tokens ---- */

/* TLS goes by the clock, and so do the dates in the log. */
static void judge_clock(Probe *probe)
{
  const int64_t ahead = clock_real_ms() / 1000 - probe->contact.server_time;
  if (!probe->contact.server_time || llabs(ahead) <= CLOCK_TOLERANCE)
    return;
  const long long minutes = llabs(ahead) / 60;
  g_autofree char *where = g_strdup_printf("%s (clock)", probe->host->name);
  g_autofree char *far = minutes < 120       ? g_strdup_printf("%lld minutes", minutes)
                         : minutes < 48 * 60 ? g_strdup_printf("%lld hours", minutes / 60)
                                             : g_strdup_printf("%lld days", minutes / 60 / 24);
  check_add(probe->checked->findings, true, where,
            g_strdup_printf("%s: the clock of this machine is %s %s the server's",
                            probe->host->name, far, ahead > 0 ? "ahead of" : "behind"),
            g_strdup("set the clock (timedatectl set-ntp true): certificates are judged by it"));
}

static void judge_rotation(Probe *probe, const FetchResult *result)
{
  if (!result->rotated)
    return;
  g_autofree char *where = g_strdup_printf("%s (key)", probe->host->name);
  check_add(probe->checked->findings, true, where,
            g_strdup_printf("%s: it refused the key that `credentials` delivered, and took the one "
                            "that was found after it",
                            probe->host->name),
            g_strdup("put the new key where `credentials` looks, and its date in `key-created`"));
}

/* True: *result has the token, which is the caller's to wipe and free. `business`: NULL for the
 * partner token. */
static bool ask_token(Probe *probe, const char *business, FetchResult *result)
{
  const char *step = business ? "business" : "partner";
  Error error = ERROR_INIT;
  const int64_t begun = clock_monotonic_ns();
  *result = (FetchResult){0};
  const int code = probe->checkup->fetch->fetch_token(&probe->request, result, &error);
  const int64_t us = (clock_monotonic_ns() - begun) / 1000;
  judge_clock(probe);
  if (code == THRED_OK) {
    add_step(probe, step, STEP_GOOD, us,
             business ? g_strdup_printf("a token of %s for %lld s", business,
                                        (long long)result->lifetime)
                      : g_strdup_printf("a token for %lld s", (long long)result->lifetime));
    judge_rotation(probe, result);
    return true;
  }
  add_step(probe, step, STEP_FAILED, us,
           result->http_status ? g_strdup_printf("HTTP %d", result->http_status)
                               : g_strdup(error.message));
  add_problem(
      probe, step,
      remedy_of_answer(&probe->place, &probe->contact, business, code, result, error.message));
  return false;
}

static void forget(FetchResult *result)
{
  secure_wipe(result->token, result->token ? result->length : 0);
  free(result->token);
}

static void ask_tokens(Probe *probe)
{
  const char *business =
      snapshot_string(probe->checkup->snapshot, probe->checked->environment->business);
  FetchResult partner, own;
  if (!probe->checked->usable) {
    add_step(probe, "partner", STEP_SKIPPED, 0, g_strdup("there is no credential"));
    return;
  }
  if (!ask_token(probe, NULL, &partner))
    return;
  if (business) {
    probe->request.business_id = business;
    probe->request.partner_token = partner.token;
    if (ask_token(probe, business, &own))
      forget(&own);
  }
  forget(&partner);
}

/* ---- all of an environment ---- */

static void check_host(const Checkup *checkup, uint32_t index, CheckedEnvironment *checked,
                       CheckedHost *host)
{
  const SnapshotEnvironment *environment = checked->environment;
  Probe probe = {
      .checkup = checkup,
      .checked = checked,
      .host = host,
      .request = check_request(checkup, index),
      .place = {.environment = check_text(checkup, environment->name),
                .host = host->name,
                .connect_to = snapshot_string(checkup->snapshot, environment->connect_to),
                .ca_file = snapshot_string(checkup->snapshot, environment->ca_file),
                .connect_timeout = environment->connect_timeout,
                .timeout = environment->timeout},
  };
  probe.request.host = host->name;
  probe.request.contact = &probe.contact;
  host->steps = g_array_new(FALSE, FALSE, sizeof(Step));
  g_array_set_clear_func(host->steps, free_step);
  if (ask_connection(&probe))
    ask_tokens(&probe);
}

void check_hosts(const Checkup *checkup, uint32_t index, CheckedEnvironment *checked)
{
  const SnapshotEnvironment *environment = checked->environment;
  checked->hosts = g_array_new(FALSE, FALSE, sizeof(CheckedHost));
  g_array_set_clear_func(checked->hosts, free_host);
  for (uint32_t i = 0; i < environment->host_count; i++) {
    const SnapshotHost *named = snapshot_host(checkup->snapshot, environment->first_host + i);
    CheckedHost host = {.name = check_text(checkup, named->name)};
    check_host(checkup, index, checked, &host);
    g_array_append_val(checked->hosts, host);
  }
}
