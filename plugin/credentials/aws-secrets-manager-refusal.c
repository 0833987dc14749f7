/* SPDX-License-Identifier: MIT */
/*
 * What Secrets Manager answered with anything but 200 (AWS Secrets Manager API Reference,
 * "GetSecretValue" and "Common Errors"; the names that end in no Exception are the front end's).
 */
#include <stdio.h>
#include <string.h>

#include "lib/fetch/secret-json.h"
#include "lib/fetch/secret-words.h"
#include "plugin/credentials/aws-secrets-manager.h"

#define TYPE_MAX    64u  /* bytes */
#define MESSAGE_MAX 160u /* bytes: what is longer quotes the request */

typedef struct {
  char type[TYPE_MAX + 1], message[MESSAGE_MAX + 1]; /* "": none, or not to be shown */
} Refusal;

typedef struct {
  const char *type; /* with a * at its end: all that begin so */
  ThredCredentialStatus status;
  const char *words;
} Rule;

#define UNAVAIL  THRED_CREDENTIAL_UNAVAIL
#define TRYAGAIN THRED_CREDENTIAL_TRYAGAIN
#define CLOCK                                                                                      \
  "the request's time is too far from AWS's: this machine's clock is wrong (synchronise it)"

static const Rule rules[] = {
    {"AccessDenied*", UNAVAIL,
     "the AWS login may not read the secret: it needs secretsmanager:GetSecretValue, and "
     "kms:Decrypt where the secret has a KMS key of its own"},
    {"UnrecognizedClientException", UNAVAIL,
     "the AWS access key or session token is not valid, or not for this region"},
    {"InvalidClientTokenId", UNAVAIL, "the AWS access key does not exist"},
    {"InvalidSignatureException", UNAVAIL,
     "the signature is wrong: the secret access key does not belong to the access key"},
    {"SignatureDoesNotMatch", UNAVAIL,
     "the signature is wrong: the secret access key does not belong to the access key"},
    {"IncompleteSignature*", UNAVAIL,
     "the signature is incomplete: does something between here and AWS change requests?"},
    {"MissingAuthenticationToken*", UNAVAIL,
     "the signature is missing: does something between here and AWS change requests?"},
    {"ExpiredToken*", UNAVAIL, "the session token of the AWS login has expired: renew the login"},
    {"RequestExpired", UNAVAIL, CLOCK},
    {"RequestTimeTooSkewed", UNAVAIL, CLOCK},
    {"DecryptionFailure*", UNAVAIL,
     "AWS cannot decrypt the secret: its KMS key is disabled, or not open to the AWS login"},
    {"InvalidRequestException", UNAVAIL,
     "the secret cannot be read in its state: is it marked for deletion?"},
    {"InvalidParameterException", UNAVAIL, "secret-id or stage is not valid"},
    {"ValidationException", UNAVAIL, "secret-id or stage is not valid"},
    {"Throttl*", TRYAGAIN, "too many requests"},
    {"TooManyRequestsException", TRYAGAIN, "too many requests"},
    {"RequestLimitExceeded", TRYAGAIN, "too many requests"},
    {"Internal*", TRYAGAIN, "an error inside AWS"}, /* InternalServiceError comes with 400, too */
    {"ServiceUnavailable*", TRYAGAIN, "AWS is not available now"},
};

static bool fits(const char *pattern, const char *type)
{
  size_t n = strlen(pattern);
  return pattern[n - 1] == '*' ? strncmp(pattern, type, n - 1) == 0 : strcmp(pattern, type) == 0;
}

static const Rule *find(const char *type)
{
  for (size_t i = 0; i < sizeof rules / sizeof *rules; i++)
    if (fits(rules[i].type, type))
      return &rules[i];
  return NULL;
}

/* "com.amazonaws.secretsmanager#NAME:URL", of which any part but NAME may be missing. */
static void take_type(Refusal *refusal, const AwsCall *call, const char *text)
{
  static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
  const char *hash = text ? strchr(text, '#') : NULL;
  const char *name = hash ? hash + 1 : text;
  size_t length = name ? strcspn(name, ":") : 0;
  if (length > 0 && length <= TYPE_MAX && strspn(name, letters) == length)
    memcpy(refusal->type, name, length);
  if (aws_repeats(call, refusal->type))
    refusal->type[0] = 0;
}

/* AWS's own words, if they are a plain sentence and none of what was sent stands in it. */
static void take_message(Refusal *refusal, const AwsCall *call, const char *text, size_t length)
{
  if (!text || length > MESSAGE_MAX)
    return;
  for (size_t i = 0; i < length; i++)
    if (text[i] < 0x20 || text[i] >= 0x7f)
      return;
  if (!aws_repeats(call, text) && !secret_words_look_encoded(text))
    memcpy(refusal->message, text, length);
}

static void read_refusal(Refusal *refusal, const AwsCall *call, const HttpReply *reply)
{
  SecretJson json;
  size_t at, length = 0;
  if (!secret_json_read(&json, reply->body, reply->length, &at)) {
    const char *text = secret_json_string(json.object, "message", &length);
    if (!text)
      text = secret_json_string(json.object, "Message", &length);
    take_type(refusal, call, secret_json_string(json.object, "__type", NULL));
    take_message(refusal, call, text, length);
  }
  secret_json_done(&json);
}

static const char *words_of(const Rule *rule, const Refusal *refusal)
{
  /* The front end has one name for both: "Signature expired: ...", "Signature not yet current". */
  if (rule && strcmp(rule->type, "InvalidSignatureException") == 0 &&
      (strncmp(refusal->message, "Signature expired", 17) == 0 ||
       strncmp(refusal->message, "Signature not yet current", 25) == 0))
    return CLOCK;
  return rule ? rule->words : "it refuses the request";
}

ThredCredentialStatus aws_refusal(AwsCall *call, const char *address, const char *stage,
                                  const HttpReply *reply)
{
  Refusal refusal = {.type = ""};
  if (reply->status >= 300 && reply->status < 400)
    return aws_says(call, UNAVAIL, "%.200s answered with a redirect (HTTP %d): none is followed",
                    address, reply->status);
  read_refusal(&refusal, call, reply);
  if (strcmp(refusal.type, "ResourceNotFoundException") == 0)
    return aws_says(call, THRED_CREDENTIAL_NOTFOUND,
                    "%.200s has no secret '%.128s' with the stage %.64s in the region %s", address,
                    call->options->secret_id, stage, call->region);
  if (!refusal.type[0])
    return aws_says(call, aws_status_of(reply->status), "%.200s answered HTTP %d%s", address,
                    reply->status, reply->status >= 400 ? ", with no error of AWS's in it" : "");
  const Rule *rule = find(refusal.type);
  return aws_says(call, rule ? rule->status : aws_status_of(reply->status),
                  "%.120s: %s (HTTP %d, %s%s%s)", address, words_of(rule, &refusal), reply->status,
                  refusal.type, refusal.message[0] ? ": " : "", refusal.message);
}
