/* SPDX-License-Identifier: MIT */
#include "reply.h"

#include <string.h>

void reply_clear(Reply *reply)
{
  g_free(reply->body);
  g_strfreev(reply->headers);
  g_free(reply->location);
  g_free(reply->retry_after);
  *reply = (Reply){0};
}

void reply_bytes(Reply *reply, unsigned status, const char *content_type, const void *data,
                 size_t length)
{
  reply_clear(reply);
  reply->status = status;
  reply->content_type = content_type;
  reply->body = g_memdup2(data, length);
  reply->length = length;
}

void reply_text(Reply *reply, unsigned status, const char *content_type, const char *text)
{
  reply_bytes(reply, status, content_type, text, strlen(text));
}

void reply_json(Reply *reply, unsigned status, struct json_object *json)
{
  reply_text(reply, status, "application/json",
             json_object_to_json_string_ext(json, JSON_C_TO_STRING_PLAIN |
                                                      JSON_C_TO_STRING_NOSLASHESCAPE));
  json_object_put(json);
}

void reply_error(Reply *reply, unsigned status, const char *code, const char *message)
{
  struct json_object *json = json_object_new_object();
  json_object_object_add(json, "error", json_object_new_string(message));
  json_object_object_add(json, "error_code", json_object_new_string(code));
  json_object_object_add(json, "details", json_object_new_object());
  reply_json(reply, status, json);
}

void reply_not_allowed(Reply *reply, const char *allow)
{
  reply_error(reply, 405, "method_not_allowed", "This method is not allowed here.");
  reply->allow = allow;
}
