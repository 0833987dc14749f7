/* SPDX-License-Identifier: MIT */
#include "preload-client.h"

#include "h2.h"

void preload_revoke_business_tokens(void)
{
  control(&emulator, "POST", "revoke?kind=business");
  control(&emulator, "POST", "reset");
}

void preload_open_warm(Client *client, Mode mode)
{
  client_open_plain(client, &emulator, mode, BASE INVOICES);
  client_expect(client, 200);
  control(&emulator, "POST", "reset");
}

void preload_open_stale(Client *client, Mode mode)
{
  preload_open_warm(client, mode);
  preload_revoke_business_tokens();
}

void preload_expect_good_body(const Client *client)
{
  json_object *body = json_tokener_parse(client->body.data);
  assert_non_null(body);
  assert_false(json_object_object_get_ex(body, "error_code", NULL));
  json_object_put(body);
}

int preload_stop(void **state)
{
  h2_stop();
  return harness_stop(state);
}
