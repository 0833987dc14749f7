/* SPDX-License-Identifier: MIT */
#include "lib/decision-log.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "lib/log-state.h"
#include "lib/message.h"
#include "lib/shown-url.h"

#define URL_MAX     512 /* bytes of it that are shown: what comes behind it is to be there, too */
#define DETAILS_MAX 480

Objection objection_of_route(RouteReason reason)
{
  return (Objection){route_reason_word(reason), route_reason_text(reason)};
}

Objection objection_of_program(const char *because)
{
  return (Objection){because ? "program" : NULL, because};
}

Objection objection_of_connection(const char *because)
{
  return (Objection){because ? "unverified" : NULL, because};
}

/* ---- what was decided ---- */

/* A decision with the names that it has in the configuration. */
typedef struct {
  const char *environment, *host, *kind, *business, *rule;
  RoutePlace place; /* of the rule; without one, of the environment */
} Decided;

static Decided decided(const Snapshot *snapshot, const RouteDecision *decision)
{
  Decided names = {0};
  if (decision->environment != SNAPSHOT_NONE) {
    const SnapshotEnvironment *environment = snapshot_environment(snapshot, decision->environment);
    names.environment = snapshot_string(snapshot, environment->name);
    names.place = (RoutePlace){snapshot_string(snapshot, environment->file), environment->line};
  }
  if (decision->host != SNAPSHOT_NONE)
    names.host = snapshot_string(snapshot, snapshot_host(snapshot, decision->host)->name);
  if (decision->token != SNAPSHOT_TOKEN_NONE)
    names.kind = decision->token == SNAPSHOT_TOKEN_PARTNER ? "partner" : "business";
  if (decision->business[0])
    names.business = decision->business;
  if (decision->route != SNAPSHOT_NONE) {
    const SnapshotRoute *route = snapshot_route(snapshot, decision->route);
    names.rule = snapshot_string(snapshot, route->name);
    names.place = (RoutePlace){snapshot_string(snapshot, route->file), route->line};
  }
  return names;
}

static LogFields fields_of(const Decided *names)
{
  return (LogFields){.event = EVENT_DECISION,
                     .environment = names->environment,
                     .host = names->host,
                     .kind = names->kind,
                     .business = names->business,
                     .rule = names->rule,
                     .file = names->place.file,
                     .line = names->place.line};
}

/* ---- words ---- */

/* At the end of `text`, a string of DETAILS_MAX bytes. */
__attribute__((format(printf, 2, 3))) static void add(char *text, const char *format, ...)
{
  const size_t used = strlen(text);
  va_list args;
  va_start(args, format);
  (void)vsnprintf(text + used, DETAILS_MAX - used, format, args);
  va_end(args);
}

static void add_token(char *text, const Decided *names)
{
  add(text, "%s token%s%s", names->kind, names->business ? " of " : "",
      names->business ? names->business : "");
}

static void add_place(char *text, RoutePlace place)
{
  if (place.file)
    add(text, " (%s:%u)", place.file, (unsigned)place.line);
}

/* What stands nowhere else in the line. */
static void add_rule(char *text, const Decided *names, RoutePlace told)
{
  if (names->rule)
    add(text, ", [route %s]", names->rule);
  const char *file = names->place.file;
  if (file && (!told.file || told.line != names->place.line || strcmp(told.file, file) != 0))
    add_place(text, names->place);
}

/* Up to the query, which may hold secrets of the program's. */
static void write_line(const LogFields *fields, const char *method, const char *url,
                       const char *details)
{
  const ShownUrl shown = shown_url(url);
  size_t length = strcspn(shown.rest, "?#");
  const int scheme = shown.scheme_length < URL_MAX ? shown.scheme_length : URL_MAX;
  const bool cut = length > URL_MAX;
  log_event(fields, "%.32s %.*s%.*s%s: %s", method, scheme, shown.scheme,
            cut ? URL_MAX : (int)length, shown.rest, cut ? ".." : "", details);
}

/* ---- lines ---- */

void decision_log_sent(const Snapshot *snapshot, const RouteDecision *decision, const char *method,
                       const char *url, uint64_t generation)
{
  char details[DETAILS_MAX];
  if (!log_event_enabled(EVENT_DECISION))
    return;
  details[0] = 0;
  const Decided names = decided(snapshot, decision);
  LogFields fields = fields_of(&names);
  fields.generation = generation;
  fields.reason = route_reason_word(ROUTE_TOKEN);
  add_token(details, &names);
  add(details, " [environment %s], generation %llu", names.environment,
      (unsigned long long)generation);
  add_rule(details, &names, (RoutePlace){NULL, 0});
  write_line(&fields, method, url, details);
}

/* Whoever switches verification off has done so for all requests, most often; whose server shows a
 * false certificate wants to know. Not each time. */
static void warn_unverified(const Decided *names, const char *because)
{
  LogFields fields = fields_of(names);
  fields.event = EVENT_UNVERIFIED;
  fields.reason = "unverified";
  log_wrong(&fields, because, NULL, "no token for %s [environment %s]: %s", names->host,
            names->environment, because);
}

void decision_log_none(const Snapshot *snapshot, const RouteDecision *decision, const char *method,
                       const char *url, const Objection *objection)
{
  char details[DETAILS_MAX] = "no token: ";
  const bool unverified =
      decision->reason == ROUTE_TOKEN && strcmp(objection->reason, "unverified") == 0;
  if (!log_event_enabled(unverified ? EVENT_UNVERIFIED : EVENT_DECISION))
    return;
  const Decided names = decided(snapshot, decision);
  if (unverified)
    warn_unverified(&names, objection->because);
  if (!log_event_enabled(EVENT_DECISION))
    return;
  LogFields fields = fields_of(&names);
  fields.reason = objection->reason;
  add(details, "%s", objection->because);
  RoutePlace place = {NULL, 0};
  if (objection->because == route_reason_text(decision->reason)) /* or it is another's word */
    place = route_reason_place(snapshot, decision);
  if (place.file) {
    fields.file = place.file;
    fields.line = place.line;
    add_place(details, place);
  }
  if (names.environment)
    add(details, " [environment %s]", names.environment);
  if (names.kind) {
    add(details, ", ");
    add_token(details, &names);
  }
  add_rule(details, &names, place);
  write_line(&fields, method, url, details);
}

void decision_log_failed(int code, const char *message)
{
  const LogFields fields = {.event = EVENT_TOKEN_FAILURE, .reason = message_word(code)};
  log_wrong(&fields, NULL, NULL, "no token: %s", message);
}
