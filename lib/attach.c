/* SPDX-License-Identifier: MIT */
/*
 * attach.c - the public thred_curl_* functions. Which options they take over stands in options.c,
 * what happens in a transfer in request.c.
 */
#define THRED_NO_INLINE
#include <thred/thred.h>

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "lib/curl-find.h"
#include "lib/handle.h"
#include "lib/log.h"
#include "lib/message.h"
#include "lib/options.h"
#include "lib/process.h"
#include "lib/request.h"

/* ---- attach and detach ---- */

static int check_arguments(CURL *curl, const ThredCurlApi *api, Error *error)
{
  if (!curl)
    return error_set(error, THRED_E_INVALID, "the CURL handle is NULL");
  if (!api || api->size < sizeof *api)
    return error_set(error, THRED_E_INVALID, "the ThredCurlApi is NULL or of another version");
  return THRED_OK;
}

static int attach(CURL *curl, const ThredCurlApi *api, Error *error)
{
  int code = check_arguments(curl, api, error);
  if (code || (code = options_supported(api, error)))
    return code;
  Handle *handle = handle_new(curl, api), *watched = handle_find_watched(curl);
  if (!handle)
    return error_set(error, THRED_E_NO_MEMORY, "out of memory for a handle's state");
  if (watched) { /* the shim may not see what comes now */
    handle_clear_token(watched);
    watched->armed = watched->repeatable = false;
    options_put_back(watched);
  }
  CURLcode result = options_set(handle);
  /* Attached before: the handle was reset, or freed undetached and its address came back. Nothing
   * points to the old state any more. */
  handle_free(handle_unregister(curl));
  if (result) {
    options_put_back(handle);
    handle_free(handle);
    return error_set(error, THRED_E_UNSUPPORTED, "libcurl refused an option (CURLcode %d)",
                     (int)result);
  }
  handle_register(handle);
  return THRED_OK;
}

int thred_curl_attach_with(CURL *curl, const ThredCurlApi *api)
{
  Error error = ERROR_INIT;
  int code = process_disabled() ? check_arguments(curl, api, &error) : attach(curl, api, &error);
  return message_return(code, &error);
}

/* The Handle of an attached handle, or NULL with a code in *code. With THRED_DISABLE=1 nothing is
 * attached and that is no failure: *code is THRED_OK. */
static Handle *find(CURL *curl, const ThredCurlApi *api, int *code, Error *error)
{
  *code = check_arguments(curl, api, error);
  Handle *handle = *code ? NULL : handle_find(curl);
  if (!handle && !*code && !process_disabled())
    *code = error_set(error, THRED_E_NOT_ATTACHED,
                      "the handle was not given to "
                      "thred_curl_attach()");
  if (handle)
    request_note_refusal(handle);
  return handle;
}

int thred_curl_detach_with(CURL *curl, const ThredCurlApi *api)
{
  Error error = ERROR_INIT;
  int code;
  Handle *handle = find(curl, api, &code, &error);
  if (handle) {
    handle_unregister(curl);
    options_put_back(handle);
    handle_free(handle);
  }
  return message_return(code, &error);
}

/* ---- what the program tells ---- */

int thred_curl_set_headers_with(CURL *curl, const ThredCurlApi *api, struct curl_slist *headers)
{
  Error error = ERROR_INIT;
  int code;
  Handle *handle = find(curl, api, &code, &error);
  if (handle && !handle_set_headers(handle, headers))
    code = error_set(&error, THRED_E_NO_MEMORY, "out of memory for a header list");
  else if (handle && options_set(handle)) /* all: the handle may have been reset */
    code = error_set(&error, THRED_E_UNSUPPORTED, "libcurl refused an option");
  else if (!handle && !code && api->easy_setopt(curl, CURLOPT_HTTPHEADER, headers))
    code = error_set(&error, THRED_E_NO_MEMORY, "libcurl refused the header list");
  return message_return(code, &error);
}

int thred_curl_set_prereq_with(CURL *curl, const ThredCurlApi *api, curl_prereq_callback callback,
                               void *userdata)
{
  Error error = ERROR_INIT;
  int code;
  Handle *handle = find(curl, api, &code, &error);
  if (handle) {
    handle->program.prereq = callback;
    handle->program.prereq_data = userdata;
  } else if (!code) {
    api->easy_setopt(curl, CURLOPT_PREREQFUNCTION, callback);
    api->easy_setopt(curl, CURLOPT_PREREQDATA, userdata);
  }
  return message_return(code, &error);
}

int thred_curl_set_business_with(CURL *curl, const ThredCurlApi *api, const char *business_id)
{
  Error error = ERROR_INIT;
  int code;
  char business[UUID_LENGTH + 1] = "";
  Handle *handle = find(curl, api, &code, &error);
  if (!code && business_id && !route_parse_uuid(business_id, strlen(business_id), business))
    code = error_set(&error, THRED_E_INVALID, "the business id is not a UUID: %.64s", business_id);
  else if (handle)
    memcpy(handle->business, business, sizeof business);
  return message_return(code, &error);
}

static int prepare(Handle *handle, const char *url, Error *error)
{
  char *method = NULL;
  size_t length;
  uint64_t generation;
  if (!url)
    return error_set(error, THRED_E_INVALID, "the URL is NULL");
  if (handle->api.easy_getinfo(handle->curl, CURLINFO_EFFECTIVE_METHOD, &method) || !method)
    return error_set(error, THRED_E_UNSUPPORTED, "libcurl does not tell the handle's method");
  const RouteDecision *decision = request_decide(handle, method, url, true, error);
  if (!decision)
    return error->code;
  if (decision->reason != ROUTE_TOKEN)
    return THRED_OK;
  handle_clear_token(handle);
  int code = request_get_token(handle, 0, 0, &length, &generation, error);
  if (code == THRED_OK)
    handle_show_token(handle, length); /* so that it is wiped like any other */
  handle_clear_token(handle);
  return code;
}

int thred_curl_prepare_with(CURL *curl, const ThredCurlApi *api, const char *url)
{
  Error error = ERROR_INIT;
  int code;
  Handle *handle = find(curl, api, &code, &error);
  if (handle)
    code = prepare(handle, url, &error);
  return message_return(code, &error);
}

/* ---- duplicates ---- */

static int copy_settings(const Handle *from, Handle *to, Error *error)
{
  if (!handle_set_headers(to, from->program.headers) || options_set_retry(to))
    return error_set(error, THRED_E_NO_MEMORY, "out of memory for a duplicate's headers");
  to->program.prereq = from->program.prereq;
  to->program.prereq_data = from->program.prereq_data;
  memcpy(to->business, from->business, sizeof to->business);
  return THRED_OK;
}

CURL *thred_curl_duphandle_with(CURL *curl, const ThredCurlApi *api)
{
  Error error = ERROR_INIT;
  int code;
  Handle *handle = find(curl, api, &code, &error);
  CURL *copy = code ? NULL : api->easy_duphandle(curl);
  if (!copy && !code)
    code = error_set(&error, THRED_E_NO_MEMORY, "curl_easy_duphandle() failed");
  Handle *watched = handle_find_watched(curl);
  if (copy && watched)
    options_give_back(watched, copy);
  if (copy && handle && !(code = attach(copy, api, &error)))
    code = copy_settings(handle, handle_find(copy), &error);
  if (code && copy) {
    handle_free(handle_unregister(copy));
    api->easy_cleanup(copy);
    copy = NULL;
  }
  message_return(code, &error);
  return copy;
}

/* ---- the same by name alone ---- */

#define WITH_ONLY_CURL(call)                                                                       \
  Error error = ERROR_INIT;                                                                        \
  const ThredCurlApi *api = curl_find_only(&error);                                                \
  return api ? (call) : message_return(error.code, &error)

int thred_curl_attach(CURL *curl)
{
  WITH_ONLY_CURL(thred_curl_attach_with(curl, api));
}

int thred_curl_set_headers(CURL *curl, struct curl_slist *headers)
{
  WITH_ONLY_CURL(thred_curl_set_headers_with(curl, api, headers));
}

int thred_curl_set_prereq(CURL *curl, curl_prereq_callback callback, void *userdata)
{
  WITH_ONLY_CURL(thred_curl_set_prereq_with(curl, api, callback, userdata));
}

int thred_curl_set_business(CURL *curl, const char *business_id)
{
  WITH_ONLY_CURL(thred_curl_set_business_with(curl, api, business_id));
}

int thred_curl_prepare(CURL *curl, const char *url)
{
  WITH_ONLY_CURL(thred_curl_prepare_with(curl, api, url));
}

int thred_curl_detach(CURL *curl)
{
  WITH_ONLY_CURL(thred_curl_detach_with(curl, api));
}

CURL *thred_curl_duphandle(CURL *curl)
{
  Error error = ERROR_INIT;
  const ThredCurlApi *api = curl_find_only(&error);
  if (api)
    return thred_curl_duphandle_with(curl, api);
  message_return(error.code, &error);
  return NULL;
}
