/* SPDX-License-Identifier: MIT */
/* client-attached.c - the client that attaches its handle: who does not call this is not linked
 * with thred-auth. */
#include "client.h"

static int detach(CURL *curl)
{
  return thred_curl_detach(curl);
}

void client_open(Client *client, Mode mode, const char *url)
{
  client_open_plain(client, &emulator, mode, url);
  client->detach = detach;
  assert_int_equal(thred_curl_attach(client->curl), THRED_OK);
}
