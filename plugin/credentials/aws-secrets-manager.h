/* SPDX-License-Identifier: MIT */
/*
 * aws-secrets-manager.h - the parts of the module aws-secrets-manager: who we are at AWS (login),
 * where (region), and the secret itself.
 *
 * "The reference" in comments is the AWS SDKs and Tools Reference Guide.
 */
#ifndef THRED_CREDENTIALS_AWS_SECRETS_MANAGER_H
#define THRED_CREDENTIALS_AWS_SECRETS_MANAGER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/fetch/http.h"
#include "plugin/credentials/module.h"

/* Bytes. IAM's reference gives an access key id 128; it gives the others no limit: ample. */
#define AWS_KEY_ID_MAX     128u
#define AWS_SECRET_MAX     256u
#define AWS_SESSION_MAX    8192u
#define AWS_REGION_MAX     63u /* it becomes a label of a host name */
#define AWS_IMDS_TOKEN_MAX 512u

typedef struct {
  char *secret_id, *region, *uuid_field, *key_field, *partner_uuid, *profile, *endpoint, *ca_file,
      *credentials_file, *config_file, *stage, *imds, *imds_endpoint;
} AwsOptions;

typedef struct {
  const char *at; /* not NUL-terminated; NULL: there is none */
  size_t length;
} AwsSpan;

typedef struct {
  char key_id[AWS_KEY_ID_MAX + 1], secret[AWS_SECRET_MAX + 1];
  char session[AWS_SESSION_MAX + 1]; /* "": keys of a user, without a session */
} AwsLogin;

/* One `get`: on the heap, and wiped as a whole. */
typedef struct {
  const AwsOptions *options;
  const ThredModuleHost *host;
  int64_t deadline_ms;
  char said[480]; /* the sentence for host->message */
  char region[AWS_REGION_MAX + 1];
  char imds_token[AWS_IMDS_TOKEN_MAX + 1]; /* "": not asked for yet */
  bool imds_answered;                      /* with any status */
  char container_token[AWS_SESSION_MAX + 1];
  char user[AWS_KEY_ID_MAX + AWS_SECRET_MAX + 2]; /* as libcurl takes it */
  AwsLogin login;
} AwsCall;

/* Says one sentence, and is the status. The last one counts. */
__attribute__((format(printf, 3, 4))) ThredCredentialStatus
aws_says(AwsCall *call, ThredCredentialStatus status, const char *format, ...);

/* An environment variable; NULL: not set, empty, or not to be believed (AT_SECURE). */
const char *aws_variable(const ThredModuleHost *host, const char *name);

AwsSpan aws_span(const char *text); /* of NULL: none */

/* ---- the login ---- */

/*
 * Fills in call->login from the first source that has one, in the reference's order. Anything but
 * SUCCESS has been said.
 */
ThredCredentialStatus aws_login(AwsCall *call);

/* Takes a login if it can be one; `where` is what messages call its source. */
ThredCredentialStatus aws_login_take(AwsCall *call, const char *where, AwsSpan key_id,
                                     AwsSpan secret, AwsSpan session);

/* The same from the JSON object that a container's service and an instance's metadata answer. */
ThredCredentialStatus aws_login_document(AwsCall *call, const char *where, const HttpReply *reply);

/* Each: NOTFOUND, and nothing said, where there is no such source, and the next one is asked. */
ThredCredentialStatus aws_login_profile(AwsCall *call);
ThredCredentialStatus aws_login_container(AwsCall *call);
ThredCredentialStatus aws_login_instance(AwsCall *call);

/* ---- the two shared files ---- */

typedef enum { AWS_CREDENTIALS_FILE, AWS_CONFIG_FILE } AwsFile;

/* The profile's name; *named: by an option or variable. */
const char *aws_profile(const AwsOptions *options, const ThredModuleHost *host, bool *named);

/*
 * The last value of `key` in the profile's section of a file's text; with `key` NULL, whether there
 * is such a section (*value is not touched).
 */
bool aws_ini_find(AwsFile file, AwsSpan text, const char *profile, const char *key, AwsSpan *value);

/* ---- where ---- */

/* Fills in call->region. Anything but SUCCESS has been said. */
ThredCredentialStatus aws_region(AwsCall *call);

bool aws_is_region(AwsSpan region);
bool aws_is_arn(const char *secret_id);

/* The profile's region into call->region. NOTFOUND: it has none. */
ThredCredentialStatus aws_region_profile(AwsCall *call);

/* The same of the instance. */
ThredCredentialStatus aws_region_instance(AwsCall *call);

/* ---- addresses ---- */

/* NULL, or why `url` is no address for Secrets Manager (https, nothing but host and port). */
const char *aws_endpoint_problem(const char *url);

/* The same for the container's credentials and for the instance's metadata: https, or http to an
 * address of this machine or link that is theirs; *plain says that. `origin` is what messages may
 * show: scheme, host and port. */
#define AWS_ORIGIN_SIZE 288u /* "https://", a name of DNS's (253 bytes), ":65535" */
const char *aws_container_problem(const char *url, bool *plain, char origin[AWS_ORIGIN_SIZE]);
const char *aws_instance_problem(const char *url, bool *plain);

/* ---- requests ---- */

/* Adds one line; false: no memory. */
__attribute__((format(printf, 2, 3))) bool aws_header(struct curl_slist **headers,
                                                      const char *format, ...);

/* Wipes and frees. */
void aws_headers_clear(struct curl_slist *headers);

/*
 * Sends it within the deadline. SUCCESS: there is an answer, of any status; else that has been
 * said. http_reply_clear() is due either way.
 */
ThredCredentialStatus aws_send(AwsCall *call, HttpRequest *request, HttpReply *reply);

/* Whether a server's words have a part of a secret in them that this call may have sent, or signed
 * with: they are not quoted then. */
bool aws_repeats(const AwsCall *call, const char *words);

/* 429 and 5xx pass; the others have to be mended. */
ThredCredentialStatus aws_status_of(int http_status);

/* ---- the secret ---- */

/* Asks for it and delivers the credential. */
ThredCredentialStatus aws_fetch(AwsCall *call);

/* The words for an error of Secrets Manager, with the status. */
ThredCredentialStatus aws_refusal(AwsCall *call, const char *address, const char *stage,
                                  const HttpReply *reply);

/* Delivers from the body of a successful answer. */
ThredCredentialStatus aws_answer(AwsCall *call, const char *address, const HttpReply *reply);

#endif
