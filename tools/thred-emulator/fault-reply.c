/* SPDX-License-Identifier: MIT */
/* fault-reply.c - the answer that a fault stands for. */
#include "faults.h"

bool fault_passes(const Fault *fault)
{
  return fault->action == FAULT_DELAY || fault->action == FAULT_REVOKE;
}

static void status_reply(const Fault *fault, Reply *reply)
{
  unsigned status = (unsigned)fault->status;
  /* RFC 9110, 15.3.5 and 15.4.5: these two have no body, whatever was asked for. */
  if (status == 204 || status == 304)
    reply_text(reply, status, NULL, "");
  else if (fault->body)
    reply_text(reply, status, "application/json", fault->body);
  else if (status == 401)
    reply_error(reply, 401, "invalid_token", "A fault was asked for.");
  else if (status == 403)
    reply_error(reply, 403, "permission_denied", "A fault was asked for.");
  else if (status == 429)
    reply_error(reply, 429, "rate_limited", "A fault was asked for.");
  else
    reply_error(reply, status, "emulator_fault", "A fault was asked for.");
}

void fault_reply(const Fault *fault, Reply *reply)
{
  /* Neither JSON nor UTF-8, with a NUL in it. */
  static const char garbage[] = "{\"access_token\": \0\xff\xfe]} not json <<";
  static const char html[] = "<!doctype html><title>Bad gateway</title><h1>Bad gateway</h1>\n";
  unsigned status = (unsigned)fault->status;
  switch (fault->action) {
  case FAULT_DELAY:
  case FAULT_REVOKE:
  case FAULT_STATUS:
    status_reply(fault, reply);
    break;
  case FAULT_DROP:
    reply->drop = true;
    return;
  case FAULT_GARBAGE:
    reply_bytes(reply, status, "application/json", garbage, sizeof garbage - 1);
    break;
  case FAULT_REDIRECT:
  case FAULT_EMPTY:
    reply_text(reply, status, NULL, "");
    break;
  case FAULT_RAW:
    reply_text(reply, status, "application/json", fault->body ? fault->body : "");
    break;
  case FAULT_HTML:
    reply_text(reply, status, "text/html", fault->body ? fault->body : html);
    break;
  case FAULT_HUGE:
    reply_text(reply, status, "application/json", "");
    reply->huge = true;
    break;
  }
  reply->challenge = status == 401 ? BEARER_CHALLENGE : NULL;
  reply->challenge_rule = fault->challenge_rule;
  reply->retry_after = g_strdup(fault->retry_after);
  reply->location = fault->action == FAULT_REDIRECT ? g_strdup(fault->to) : NULL;
}
