/* SPDX-License-Identifier: MIT */
/* client.h - a program that uses libcurl and thred-auth, in small. */
#ifndef TESTS_INTEGRATION_CLIENT_H
#define TESTS_INTEGRATION_CLIENT_H

#include <thred/thred.h>

#include "harness.h"

/* How a transfer is run, and as what. */
typedef struct Mode {
  bool multi; /* curl_multi_* in place of curl_easy_perform() */
  bool h2;    /* HTTP/2, through a proxy server in front of the emulator */
} Mode;

typedef struct Bytes {
  char *data;
  size_t length;
} Bytes;

typedef struct Client {
  CURL *curl;
  CURLM *multi; /* NULL until it is needed; kept, for its connections */
  struct curl_slist *connect_to;
  Mode mode;
  Bytes body; /* of the last transfer: all that the write callback got */
  char trouble[CURL_ERROR_SIZE];
  int (*detach)(CURL *); /* NULL: thred-auth's functions are not used (nor linked) */
} Client;

/* A new handle for `url`, whose requests all go to `one`; not attached. */
void client_open_plain(Client *client, const Emulator *one, Mode mode, const char *url);
/* The same, attached; to the program's emulator (client-attached.c). */
void client_open(Client *client, Mode mode, const char *url);
/* Sets the options of client_open_plain() again, after curl_easy_reset(3). */
void client_set_options(Client *client, const Emulator *one, const char *url);
/* Takes over a handle that was duplicated from `from`'s. */
void client_adopt(Client *client, const Client *from, CURL *copy);
/* Detaches and frees. */
void client_close(Client *client);

/* Forgets what the last transfer brought. */
void client_clear(Client *client);

/* One transfer. */
CURLcode client_run(Client *client);
CURLcode client_run_url(Client *client, const char *url);
long client_status(const Client *client);

/* Runs and asserts the status. */
#define client_expect(client, wanted)                                                              \
  do {                                                                                             \
    assert_int_equal(client_run(client), CURLE_OK);                                                \
    assert_int_equal(client_status(client), wanted);                                               \
  } while (0)

/* Tests that run in several modes: one entry for each in a cmocka group. */
extern Mode mode_easy, mode_multi, mode_easy_h2, mode_multi_h2;
#define MODE(state) (*(Mode *)*(state))

#define IN_MODE(test, mode)                                                                        \
  {                                                                                                \
#test " (" #mode ")", test, harness_fresh, NULL, &mode_##mode                                  \
  }
#define EASY_AND_MULTI(test) IN_MODE(test, easy), IN_MODE(test, multi)
#define ALL_MODES(test)      EASY_AND_MULTI(test), IN_MODE(test, easy_h2), IN_MODE(test, multi_h2)

#endif
