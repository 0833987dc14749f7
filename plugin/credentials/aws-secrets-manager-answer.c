/* SPDX-License-Identifier: MIT */
/*
 * What Secrets Manager answered with 200: a SecretString, or a SecretBinary in base64, that is a
 * JSON object with two fields (what the console makes of "key/value pairs"), or the API key alone.
 */
#include <stdlib.h>
#include <string.h>

#include "lib/fetch/secret-json.h"
#include "lib/secure.h"
#include "plugin/credentials/aws-secrets-manager.h"

#define UUID_FIELD "partner_uuid"
#define KEY_FIELD  "api_key"

/* ---- base64 (RFC 4648, 4), strictly: GLib's and OpenSSL's skip what is none ---- */

static int sextet(char c)
{
  static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  const char *at = memchr(letters, c, sizeof letters - 1);
  return at ? (int)(at - letters) : -1;
}

/* Up to length / 4 * 3 bytes into `to`; false: it is none. */
static bool decode(AwsSpan text, char *to, size_t *length)
{
  unsigned bits = 0;
  *length = 0;
  if (text.length % 4)
    return false;
  size_t padding = 0;
  while (padding < 2 && padding < text.length && text.at[text.length - 1 - padding] == '=')
    padding++;
  for (size_t i = 0; i < text.length; i++) {
    int value = i < text.length - padding ? sextet(text.at[i]) : 0;
    if (value < 0)
      return false;
    bits = bits << 6 | (unsigned)value;
    if (i % 4 == 3)
      for (int byte = 16; byte >= 0; byte -= 8)
        to[(*length)++] = (char)(bits >> byte & 0xff);
  }
  *length -= padding;
  return true;
}

/* ---- the secret's text ---- */

static ThredCredentialStatus deliver(AwsCall *call, AwsSpan uuid, AwsSpan key)
{
  call->said[0] = 0; /* the library says what is wrong with them */
  return module_deliver(call->host, uuid.at, uuid.length, key.at, key.length);
}

static ThredCredentialStatus no_field(AwsCall *call, const char *option, const char *field,
                                      json_object *object)
{
  return aws_says(call, THRED_CREDENTIAL_UNAVAIL,
                  "the secret '%.128s': its field '%.64s' (option %s) %s", call->options->secret_id,
                  field, option,
                  secret_json_member(object, field) ? "is not a string" : "is missing");
}

static ThredCredentialStatus from_object(AwsCall *call, json_object *object)
{
  const AwsOptions *options = call->options;
  const char *uuid_field = options->uuid_field ? options->uuid_field : UUID_FIELD;
  const char *key_field = options->key_field ? options->key_field : KEY_FIELD;
  AwsSpan uuid = aws_span(options->partner_uuid), key;
  if (!uuid.at)
    uuid.at = secret_json_string(object, uuid_field, &uuid.length);
  key.at = secret_json_string(object, key_field, &key.length);
  if (!uuid.at)
    return no_field(call, "uuid-field", uuid_field, object);
  if (!key.at)
    return no_field(call, "key-field", key_field, object);
  return deliver(call, uuid, key);
}

/* Line ends and blanks at the end come from editors and `echo`. */
static AwsSpan without_line_end(AwsSpan text)
{
  while (text.length > 0 && text.at[text.length - 1] && strchr(" \t\r\n", text.at[text.length - 1]))
    text.length--;
  return text;
}

/* Whole or broken; editors put blanks and a byte order mark before it. */
static bool begins_object(AwsSpan text)
{
  static const char mark[] = "\xef\xbb\xbf";
  const size_t length = sizeof mark - 1;
  if (text.length >= length && memcmp(text.at, mark, length) == 0)
    text = (AwsSpan){text.at + length, text.length - length};
  while (text.length > 0 && text.at[0] && strchr(" \t\r\n", text.at[0]))
    text = (AwsSpan){text.at + 1, text.length - 1};
  return text.length > 0 && text.at[0] == '{';
}

/* What may be an object is not sent to Thred as a key: it may have other secrets in it. */
static ThredCredentialStatus from_key(AwsCall *call, AwsSpan text)
{
  if (begins_object(text))
    return aws_says(call, THRED_CREDENTIAL_UNAVAIL,
                    "the secret '%.128s' begins as a JSON object, and with partner-uuid the API "
                    "key alone is expected: name its field with key-field",
                    call->options->secret_id);
  return deliver(call, aws_span(call->options->partner_uuid), without_line_end(text));
}

/* The key alone if there is a partner-uuid and no key-field; else an object. */
static ThredCredentialStatus from_text(AwsCall *call, AwsSpan text)
{
  const AwsOptions *options = call->options;
  SecretJson json;
  size_t at;
  if (options->partner_uuid && !options->key_field)
    return from_key(call, text);
  const char *why = secret_json_read(&json, text.at, text.length, &at);
  ThredCredentialStatus status =
      why ? aws_says(call, THRED_CREDENTIAL_UNAVAIL,
                     "the secret '%.128s' is not a JSON object: %s (byte %zu)%s",
                     options->secret_id, why, at,
                     options->partner_uuid || begins_object(text)
                         ? ""
                         : "; if it is the API key alone, set partner-uuid")
          : from_object(call, json.object);
  secret_json_done(&json);
  return status;
}

static ThredCredentialStatus from_binary(AwsCall *call, AwsSpan base64)
{
  char *bytes = malloc(base64.length + 1);
  size_t length;
  if (!bytes)
    return aws_says(call, THRED_CREDENTIAL_UNAVAIL, "out of memory");
  ThredCredentialStatus status =
      decode(base64, bytes, &length)
          ? from_text(call, (AwsSpan){bytes, length})
          : aws_says(call, THRED_CREDENTIAL_UNAVAIL,
                     "the secret '%.128s': SecretBinary is no base64", call->options->secret_id);
  secure_wipe(bytes, base64.length + 1);
  free(bytes);
  return status;
}

ThredCredentialStatus aws_answer(AwsCall *call, const char *address, const HttpReply *reply)
{
  SecretJson json;
  size_t at;
  const char *why = secret_json_read(&json, reply->body, reply->length, &at);
  AwsSpan string, binary;
  ThredCredentialStatus status;
  string.at = secret_json_string(json.object, "SecretString", &string.length);
  binary.at = secret_json_string(json.object, "SecretBinary", &binary.length);
  if (why)
    status =
        aws_says(call, THRED_CREDENTIAL_UNAVAIL,
                 "%.200s answered HTTP 200 with no JSON object: %s (byte %zu)", address, why, at);
  else if (string.at)
    status = from_text(call, string);
  else if (binary.at)
    status = from_binary(call, binary);
  else
    status = aws_says(call, THRED_CREDENTIAL_UNAVAIL,
                      "%.200s answered HTTP 200 with neither a SecretString nor a SecretBinary",
                      address);
  secret_json_done(&json);
  return status;
}
