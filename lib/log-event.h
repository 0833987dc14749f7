/* SPDX-License-Identifier: MIT */
/*
 * log-event.h - the main events: a name, a level and a message id for each.
 *
 * The id is what journald calls MESSAGE_ID: 128 bits that nobody else uses, and that stay the same
 * for good (systemd's catalog, https://systemd.io/CATALOG). packaging/thred-auth.catalog has a text
 * for each, docs/logging.md a row; test-events compares the three.
 */
#ifndef THRED_LIB_LOG_EVENT_H
#define THRED_LIB_LOG_EVENT_H

/* EVENT(symbol, name, level, id) */
#define LOG_EVENTS(EVENT)                                                                          \
  EVENT(DECISION, "decision", DEBUG, "c063e7e8ccaf43b69aa9856e33558ced")                           \
  EVENT(TOKEN_FETCHED, "token-fetched", INFO, "df32bcb3006d46649e0033069a53a2cc")                  \
  EVENT(TOKEN_REFUSED, "token-refused", INFO, "1d5b1014520346fb8ef50ad293e81cbe")                  \
  EVENT(TOKEN_FAILURE, "token-failure", ERROR, "24a6b196ea7f4371a9d4e6b8a048020f")                 \
  EVENT(TOKEN_RESTORED, "token-restored", INFO, "0d53a316d03d47089520c584ce79f685")                \
  EVENT(RENEWAL_FAILURE, "renewal-failure", WARNING, "3782b8a6c30f4ba4a615b01ab69dc3a2")           \
  EVENT(KEY_AGE, "key-age", WARNING, "a719cf5f943b4a9ebc812c30bf2be96a")                           \
  EVENT(KEY_REPLACED, "key-replaced", WARNING, "f6b5e7e0432448b8babffaef008ed9b8")                 \
  EVENT(CONFIGURATION_PROBLEM, "configuration-problem", WARNING,                                   \
        "904b0f091df64a82b61ad08017a3a014")                                                        \
  EVENT(CONFIGURATION_KEPT, "configuration-kept", ERROR, "55e1d4ea072446cd95fa550dba4941ac")       \
  EVENT(CONFIGURATION_MISSING, "configuration-missing", ERROR, "c16a3460cb554917ac72748f1aa1dd2a") \
  EVENT(CONFIGURATION_RESTORED, "configuration-restored", INFO,                                    \
        "54845978aa0e4da19e360ea9cec6336f")                                                        \
  EVENT(CACHE_REPLACED, "cache-replaced", ERROR, "17725a1fea014b83947df90972334274")               \
  EVENT(CACHE_KEY_EXPIRED, "cache-key-expired", INFO, "610564d3303144c99922c95cf98b4620")          \
  EVENT(CACHE_PRIVATE, "cache-private", WARNING, "87fa215f6f254de4a0bbf0d5bab5b5a1")               \
  EVENT(CACHE_SHARED, "cache-shared", INFO, "ea775fa064094f2ba51089e459c3fbd3")                    \
  EVENT(CACHE_UNSEALED, "cache-unsealed", WARNING, "ebac9dc13d1b49319b3a0c22c3f8d227")             \
  EVENT(PROGRAM_UNREACHABLE, "program-unreachable", WARNING, "7669c2fc363f4815b79f9524a05c1841")   \
  EVENT(DUPLICATE_HANDLE, "duplicate-handle", ERROR, "372401d5dce94fc8ac39c49aec02db47")           \
  EVENT(UNVERIFIED, "unverified", WARNING, "ba249135500045db9694a647f0c9fcea")

#define LOG_EVENT_SYMBOL(symbol, name, level, id) EVENT_##symbol,
typedef enum { EVENT_NONE, LOG_EVENTS(LOG_EVENT_SYMBOL) EVENT_END } LogEvent;
#undef LOG_EVENT_SYMBOL

#endif
