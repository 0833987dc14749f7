/* SPDX-License-Identifier: MIT */
#include "lib/options.h"

#include <limits.h>

#include "lib/config-current.h"
#include "lib/request.h"
#include "lib/rewind.h"
#include "lib/symbols.h"

#define CURL_VERSION_PREREQ 0x075000 /* 7.80.0 */

#if LIBCURL_VERSION_NUM < CURL_VERSION_PREREQ
#define CURLOPT_PREREQFUNCTION ((CURLoption)(CURLOPTTYPE_FUNCTIONPOINT + 312))
#define CURLOPT_PREREQDATA     ((CURLoption)(CURLOPTTYPE_CBPOINT + 313))
#endif

/* Never on the wire: an Authorization line of ours, if only an empty one, stands before it, or it
 * has been taken away. It makes libcurl believe that it can answer a 401 (libcurl
 * >= 7.77). */
#define DUMMY_BEARER "none"

#define METHODS_UNKNOWN ULONG_MAX /* CURLAUTH_*: none that anybody asks for */

int options_supported(const ThredCurlApi *api, Error *error)
{
  const curl_version_info_data *info = api->version_info(CURLVERSION_FIRST);
  if (info->version_num < CURL_VERSION_PREREQ)
    return error_set(error, THRED_E_UNSUPPORTED, "libcurl %s is too old: 7.80.0 is needed",
                     info->version);
  if (!(info->features & CURL_VERSION_SSL))
    return error_set(error, THRED_E_UNSUPPORTED, "libcurl %s has no TLS", info->version);
  return symbols_check_own(error);
}

/* ---- the retry ---- */

/* Every active environment replaces the program's own Authorization. */
static bool everywhere_replaced(void)
{
  Error error = ERROR_INIT;
  const Snapshot *snapshot = config_acquire(&error);
  bool replaced = snapshot != NULL;
  for (uint32_t i = 0; snapshot && i < snapshot->environments.count; i++) {
    const SnapshotEnvironment *env = snapshot_environment(snapshot, i);
    replaced &= !env->active || env->existing_authorization == SNAPSHOT_EXISTING_REPLACE;
  }
  config_release(snapshot);
  return replaced;
}

/* Without a retry, under the shim, the program's own methods; but a `spent` transfer must begin
 * without Bearer (request.c). */
static unsigned long methods_without_retry(const Handle *handle)
{
  unsigned long methods = handle->unchanged ? handle->program.http_auth : CURLAUTH_NONE;
  return handle->spent ? methods & ~CURLAUTH_BEARER : methods;
}

CURLcode options_set_methods(Handle *handle)
{
  bool retry = handle->retry_wanted && !handle->spent;
  unsigned long methods = retry ? handle->program.beside | CURLAUTH_BEARER | CURLAUTH_ONLY
                                : methods_without_retry(handle);
  if (handle->unchanged && (!handle->request_on || handle->methods_on == methods))
    return CURLE_OK;
  CURLcode code = handle->api.easy_setopt(handle->curl, CURLOPT_HTTPAUTH, methods);
  handle->methods_on = code ? METHODS_UNKNOWN : methods;
  return code;
}

static CURLcode set_dummy(Handle *handle, bool wanted)
{
  if (handle->program.has_bearer ||
      (handle->unchanged && (!handle->request_on || handle->bearer_set == wanted)))
    return CURLE_OK;
  CURLcode code =
      handle->api.easy_setopt(handle->curl, CURLOPT_XOAUTH2_BEARER, wanted ? DUMMY_BEARER : NULL);
  handle->bearer_set = wanted && code == CURLE_OK;
  return code;
}

CURLcode options_set_bearer(Handle *handle, bool token_sent)
{
  bool wanted = handle->may_answer && token_sent;
  return handle->bearer_late || handle->bearer_set == wanted ? CURLE_OK : set_dummy(handle, wanted);
}

/* A bearer makes libcurl use whatever method is allowed: none where no 401 can be answered. */
static CURLcode set_retry(Handle *handle)
{
  CURLcode code = options_set_methods(handle);
  handle->may_answer = handle->retry_wanted && !handle->spent;
  return code ? code : set_dummy(handle, handle->may_answer);
}

CURLcode options_set_retry_off(Handle *handle)
{
  handle->retry_wanted = handle->repeatable = false;
  return set_retry(handle);
}

CURLcode options_set_retry(Handle *handle)
{
  /* A request that the program authorises itself is never sent twice. */
  handle->retry_wanted = !handle->own_authorization || everywhere_replaced();
  return set_retry(handle);
}

/* ---- on and off ---- */

/* What libcurl gives goes through us, for the shim. */
static CURLcode set_response(Handle *handle)
{
  const ThredCurlApi *api = &handle->api;
  CURL *curl = handle->curl;
  if (!handle->in_front || handle->response_on)
    return CURLE_OK;
  handle->response_on = true;
  CURLcode code = api->easy_setopt(curl, CURLOPT_WRITEFUNCTION, response_body);
  if (!code)
    code = api->easy_setopt(curl, CURLOPT_WRITEDATA, handle);
  if (!code)
    code = api->easy_setopt(curl, CURLOPT_HEADERFUNCTION, response_header);
  if (!code)
    code = api->easy_setopt(curl, CURLOPT_HEADERDATA, handle);
  return code;
}

/* .. and what it reads, if that is to be counted: which rests never. */
static CURLcode set_reads(Handle *handle)
{
  const ThredCurlApi *api = &handle->api;
  if (!handle->in_front || !handle->watched->counts_reads)
    return CURLE_OK;
  CURLcode code = api->easy_setopt(handle->curl, CURLOPT_READFUNCTION, rewind_read);
  return code ? code : api->easy_setopt(handle->curl, CURLOPT_READDATA, handle);
}

static void give_response_back(const Handle *handle, CURL *curl)
{
  const ThredCurlApi *api = &handle->api;
  const PreloadProgram *watched = handle->watched;
  api->easy_setopt(curl, CURLOPT_WRITEFUNCTION, watched->write);
  api->easy_setopt(curl, CURLOPT_WRITEDATA, watched->write_data);
  api->easy_setopt(curl, CURLOPT_HEADERFUNCTION, watched->header);
  api->easy_setopt(curl, CURLOPT_HEADERDATA, watched->header_data);
  if (!watched->counts_reads)
    return;
  api->easy_setopt(curl, CURLOPT_READFUNCTION, watched->read);
  api->easy_setopt(curl, CURLOPT_READDATA, watched->read_data);
}

static CURLcode set_request(Handle *handle)
{
  const ThredCurlApi *api = &handle->api;
  CURL *curl = handle->curl;
  if (handle->request_on)
    return CURLE_OK;
  handle->request_on = handle->unchanged;
  handle->methods_on = METHODS_UNKNOWN;
  CURLcode code = api->easy_setopt(curl, CURLOPT_HTTPHEADER, &handle->node);
  if (!code)
    code = api->easy_setopt(curl, CURLOPT_HEADEROPT, (long)CURLHEADER_SEPARATE);
  if (!code)
    code = api->easy_setopt(curl, CURLOPT_PREREQFUNCTION, request_prereq);
  if (!code)
    code = api->easy_setopt(curl, CURLOPT_PREREQDATA, handle);
  if (!code)
    code = api->easy_setopt(curl, CURLOPT_SOCKOPTFUNCTION, request_sockopt);
  if (!code)
    code = api->easy_setopt(curl, CURLOPT_SOCKOPTDATA, handle);
  return code;
}

CURLcode options_set(Handle *handle)
{
  CURLcode code = set_request(handle);
  if (!code)
    code = set_response(handle);
  if (!code)
    code = set_reads(handle);
  if (!code)
    code = handle->unchanged ? set_retry(handle) : options_set_retry(handle);
  return code;
}

static void give_request_back(const Handle *handle, CURL *curl)
{
  const ThredCurlApi *api = &handle->api;
  const Program *program = &handle->program;
  api->easy_setopt(curl, CURLOPT_HTTPHEADER, program->headers);
  api->easy_setopt(curl, CURLOPT_HEADEROPT, program->header_opt);
  api->easy_setopt(curl, CURLOPT_PREREQFUNCTION, program->prereq);
  api->easy_setopt(curl, CURLOPT_PREREQDATA, program->prereq_data);
  api->easy_setopt(curl, CURLOPT_SOCKOPTFUNCTION, program->sockopt);
  api->easy_setopt(curl, CURLOPT_SOCKOPTDATA, program->sockopt_data);
  api->easy_setopt(curl, CURLOPT_HTTPAUTH, program->http_auth);
  if (!program->has_bearer)
    api->easy_setopt(curl, CURLOPT_XOAUTH2_BEARER, NULL);
}

void options_give_back(const Handle *handle, CURL *copy)
{
  if (handle->request_on)
    give_request_back(handle, copy);
  if (handle->response_on)
    give_response_back(handle, copy);
}

/* What is not on is not touched: what the program has there by now, nobody has told us. */
void options_put_request_back(Handle *handle)
{
  if (handle->unchanged && !handle->request_on)
    return;
  give_request_back(handle, handle->curl);
  handle->request_on = handle->bearer_set = false;
}

void options_put_back(Handle *handle)
{
  options_put_request_back(handle);
  if (handle->response_on)
    give_response_back(handle, handle->curl);
  handle->response_on = false;
}
