/* SPDX-License-Identifier: MIT */
#include "lib/message.h"

#include <string.h>

#include "config.h"

/* Plain bytes: no destructor that would have to run when the thread or the library goes. */
static __thread char last_message[ERROR_MESSAGE_SIZE];

int message_return(int code, const Error *error)
{
  if (code)
    memcpy(last_message, error->message[0] ? error->message : thred_strerror(code),
           error->message[0] ? sizeof last_message : strlen(thred_strerror(code)) + 1);
  return code;
}

const char *thred_last_message(void)
{
  return last_message;
}

const char *thred_version(void)
{
  return THRED_VERSION;
}

const char *thred_strerror(int error)
{
  switch ((ThredError)error) {
  case THRED_OK:
    return "success";
  case THRED_E_INVALID:
    return "invalid argument";
  case THRED_E_NO_MEMORY:
    return "out of memory";
  case THRED_E_UNSUPPORTED:
    return "this libcurl is too old (7.80 is needed)";
  case THRED_E_AMBIGUOUS_CURL:
    return "the process has no libcurl or more than one";
  case THRED_E_NOT_ATTACHED:
    return "the handle is not attached";
  case THRED_E_DISABLED:
    return "switched off by THRED_DISABLE=1";
  case THRED_E_CONFIG:
    return "the configuration is unusable";
  case THRED_E_NO_ROUTE:
    return "no token goes to this URL";
  case THRED_E_NO_BUSINESS:
    return "no business is known";
  case THRED_E_NOT_ALLOWED:
    return "forbidden by allow or pin-business";
  case THRED_E_CREDENTIALS:
    return "no credential";
  case THRED_E_REFUSED:
    return "the token endpoint refused the credential";
  case THRED_E_BUSINESS_NOT_FOUND:
    return "the token endpoint knows no such business";
  case THRED_E_SERVER:
    return "the token endpoint answered an error or nonsense";
  case THRED_E_NETWORK:
    return "the token endpoint could not be reached safely";
  case THRED_E_TIMEOUT:
    return "timed out";
  case THRED_E_TOO_LARGE:
    return "too large";
  case THRED_E_AGAIN:
    return "being fetched, ask again";
  case THRED_E_WOULD_BLOCK:
    return "would have to be fetched";
  case THRED_E_INTERNAL:
    return "a part of thred-auth is missing or broken";
  case THRED_E_CLASH:
    return "symbols of the program stand in front of a library that is needed";
  }
  return "unknown error";
}

const char *message_word(int error)
{
  switch ((ThredError)error) {
  case THRED_E_NO_MEMORY:
    return "no-memory";
  case THRED_E_CONFIG:
    return "configuration";
  case THRED_E_CREDENTIALS:
    return "no-credential";
  case THRED_E_REFUSED:
    return "refused";
  case THRED_E_BUSINESS_NOT_FOUND:
    return "business-not-found";
  case THRED_E_SERVER:
    return "server";
  case THRED_E_NETWORK:
    return "network";
  case THRED_E_TIMEOUT:
    return "timeout";
  case THRED_E_TOO_LARGE:
    return "too-large";
  case THRED_E_AGAIN:
    return "later";
  case THRED_E_UNSUPPORTED:
    return "unsupported";
  case THRED_E_CLASH:
    return "clash";
  default:
    return "internal";
  }
}
