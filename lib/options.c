/* SPDX-License-Identifier: MIT */
#include "lib/options.h"

#include "lib/config-current.h"
#include "lib/request.h"

#define CURL_VERSION_PREREQ 0x075000 /* 7.80.0 */

#if LIBCURL_VERSION_NUM < CURL_VERSION_PREREQ
#define CURLOPT_PREREQFUNCTION ((CURLoption)(CURLOPTTYPE_FUNCTIONPOINT + 312))
#define CURLOPT_PREREQDATA     ((CURLoption)(CURLOPTTYPE_CBPOINT + 313))
#endif

/* Never on the wire: an Authorization line of ours, if only an empty one, stands before it, or it
 * has been taken away. It makes libcurl believe that it can answer a 401 (libcurl
 * >= 7.77). */
#define DUMMY_BEARER "none"

int options_supported(const ThredCurlApi *api, Error *error)
{
  const curl_version_info_data *info = api->version_info(CURLVERSION_FIRST);
  if (info->version_num < CURL_VERSION_PREREQ)
    return error_set(error, THRED_E_UNSUPPORTED, "libcurl %s is too old: 7.80.0 is needed",
                     info->version);
  if (!(info->features & CURL_VERSION_SSL))
    return error_set(error, THRED_E_UNSUPPORTED, "libcurl %s has no TLS", info->version);
  return THRED_OK;
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

/* Beside Bearer, under the shim, the methods that the program allows: for the other hosts that it
 * may be redirected to, where it may have a password. Its own Bearer must go for a `spent`
 * transfer. */
CURLcode options_set_methods(Handle *handle)
{
  bool retry = handle->retry_wanted && !handle->spent;
  unsigned long beside = handle->unchanged ? handle->program.http_auth : CURLAUTH_NONE;
  if (handle->spent)
    beside &= ~CURLAUTH_BEARER;
  return handle->api.easy_setopt(handle->curl, CURLOPT_HTTPAUTH,
                                 retry ? beside | CURLAUTH_BEARER | CURLAUTH_ONLY : beside);
}

static CURLcode set_dummy(Handle *handle, bool wanted)
{
  if (handle->program.has_bearer)
    return CURLE_OK;
  CURLcode code =
      handle->api.easy_setopt(handle->curl, CURLOPT_XOAUTH2_BEARER, wanted ? DUMMY_BEARER : NULL);
  handle->bearer_set = wanted && code == CURLE_OK;
  return code;
}

CURLcode options_set_bearer(Handle *handle, bool token_sent)
{
  bool wanted = handle->retry_wanted && token_sent;
  return handle->bearer_late || handle->bearer_set == wanted ? CURLE_OK : set_dummy(handle, wanted);
}

static CURLcode set_retry(Handle *handle)
{
  CURLcode code = options_set_methods(handle);
  return code ? code : set_dummy(handle, handle->retry_wanted);
}

CURLcode options_set_retry(Handle *handle)
{
  /* A request that the program authorises itself is never sent twice. */
  handle->retry_wanted = !handle->own_authorization || everywhere_replaced();
  return set_retry(handle);
}

/* ---- on and off ---- */

/*
 * Two options that only matter together with others of the program's.
 *
 * USERNAME: with FAILONERROR, libcurl before 8.21 takes a 401 for the end unless it has a user,
 * were it an empty one (http_should_fail in http.c). Our header stands in place of what it would
 * send.
 *
 * URL: with CURLU, libcurl before 8.12 reports the URL of an earlier transfer to PREREQ unless URL
 * is NULL (Curl_pretransfer in transfer.c). What it requests is CURLU either way, and what it
 * leaves in URL is CURLU's.
 */
static CURLcode set_companions(Handle *handle)
{
  CURLcode code = CURLE_OK;
  if (handle->program.needs_user && handle->retry_wanted)
    code = handle->api.easy_setopt(handle->curl, CURLOPT_USERNAME, "");
  if (!code && handle->program.stale_url)
    code = handle->api.easy_setopt(handle->curl, CURLOPT_URL, NULL);
  return code;
}

static CURLcode set_ours(Handle *handle)
{
  const ThredCurlApi *api = &handle->api;
  CURL *curl = handle->curl;
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
  return code ? code : set_companions(handle);
}

CURLcode options_set(Handle *handle)
{
  CURLcode code = set_ours(handle);
  if (code)
    return code;
  return handle->unchanged ? set_retry(handle) : options_set_retry(handle);
}

/* No transfer has begun since URL was set to NULL: it would have left a URL. */
static bool has_no_url(const ThredCurlApi *api, CURL *curl)
{
  char *url = NULL;
  return api->easy_getinfo(curl, CURLINFO_EFFECTIVE_URL, &url) == CURLE_OK && (!url || !*url);
}

void options_put_back(const Handle *handle, CURL *curl)
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
  if (program->needs_user)
    api->easy_setopt(curl, CURLOPT_USERNAME, NULL);
  if (program->stale_url && program->url && has_no_url(api, curl))
    api->easy_setopt(curl, CURLOPT_URL, program->url);
}
