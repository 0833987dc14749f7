/* SPDX-License-Identifier: MIT */
#include "client.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "h2.h"

Mode mode_easy, mode_multi = {.multi = true}, mode_easy_h2 = {.h2 = true},
                mode_multi_h2 = {.multi = true, .h2 = true};

static size_t take_body(char *data, size_t size, size_t count, void *to)
{
  Bytes *body = to;
  char *grown = realloc(body->data, body->length + size * count + 1);
  if (!grown)
    return 0;
  body->data = grown;
  memcpy(grown + body->length, data, size * count);
  body->length += size * count;
  grown[body->length] = '\0';
  return size * count;
}

static void clear_body(Bytes *body)
{
  free(body->data);
  *body = (Bytes){calloc(1, 1), 0};
}

void client_set_options(Client *client, const Emulator *one, const char *url)
{
  CURL *curl = client->curl;
  char plain[64], secure[64];
  snprintf(plain, sizeof plain, ":80:127.0.0.1:%u", one->http_port);
  snprintf(secure, sizeof secure, "::127.0.0.1:%u", client->mode.h2 ? h2_port() : one->port);
  curl_slist_free_all(client->connect_to);
  client->connect_to = curl_slist_append(curl_slist_append(NULL, plain), secure);
  curl_easy_setopt(curl, CURLOPT_CONNECT_TO, client->connect_to);
  curl_easy_setopt(curl, CURLOPT_CAINFO, one->ca);
  curl_easy_setopt(curl, CURLOPT_PROXY, "");
  curl_easy_setopt(curl, CURLOPT_URL, url);
  curl_easy_setopt(curl, CURLOPT_HTTP_VERSION,
                   client->mode.h2 ? (long)CURL_HTTP_VERSION_2TLS : (long)CURL_HTTP_VERSION_1_1);
  curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take_body);
  curl_easy_setopt(curl, CURLOPT_WRITEDATA, &client->body);
  curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, client->trouble);
  curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(curl, CURLOPT_TIMEOUT, 60L);
}

void client_open_plain(Client *client, const Emulator *one, Mode mode, const char *url)
{
  *client = (Client){.mode = mode, .curl = curl_easy_init()};
  assert_non_null(client->curl);
  clear_body(&client->body);
  client_set_options(client, one, url);
}

void client_adopt(Client *client, const Client *from, CURL *copy)
{
  assert_non_null(copy);
  *client = (Client){.mode = from->mode, .curl = copy, .detach = from->detach};
  for (struct curl_slist *at = from->connect_to; at; at = at->next)
    client->connect_to = curl_slist_append(client->connect_to, at->data);
  clear_body(&client->body);
  curl_easy_setopt(copy, CURLOPT_CONNECT_TO, client->connect_to);
  curl_easy_setopt(copy, CURLOPT_WRITEDATA, &client->body);
  curl_easy_setopt(copy, CURLOPT_ERRORBUFFER, client->trouble);
}

void client_close(Client *client)
{
  if (client->curl && client->detach) {
    int code = client->detach(client->curl);
    assert_true(code == THRED_OK || code == THRED_E_NOT_ATTACHED);
  }
  curl_easy_cleanup(client->curl);
  curl_multi_cleanup(client->multi);
  curl_slist_free_all(client->connect_to);
  free(client->body.data);
  *client = (Client){0};
}

/* ---- running ---- */

static CURLcode result_of(CURLM *multi, CURL *curl)
{
  int left;
  CURLMsg *message;
  while ((message = curl_multi_info_read(multi, &left)))
    if (message->msg == CURLMSG_DONE && message->easy_handle == curl)
      return message->data.result;
  return CURL_LAST;
}

static CURLcode run_multi(Client *client)
{
  int running = 1;
  if (!client->multi)
    client->multi = curl_multi_init();
  assert_int_equal(curl_multi_add_handle(client->multi, client->curl), CURLM_OK);
  while (running) {
    assert_int_equal(curl_multi_perform(client->multi, &running), CURLM_OK);
    if (running)
      assert_int_equal(curl_multi_poll(client->multi, NULL, 0, 1000, NULL), CURLM_OK);
  }
  CURLcode result = result_of(client->multi, client->curl);
  assert_int_equal(curl_multi_remove_handle(client->multi, client->curl), CURLM_OK);
  return result;
}

void client_clear(Client *client)
{
  clear_body(&client->body);
  client->trouble[0] = '\0';
}

CURLcode client_run(Client *client)
{
  client_clear(client);
  return client->mode.multi ? run_multi(client) : curl_easy_perform(client->curl);
}

CURLcode client_run_url(Client *client, const char *url)
{
  curl_easy_setopt(client->curl, CURLOPT_URL, url);
  return client_run(client);
}

long client_status(const Client *client)
{
  long status = 0;
  curl_easy_getinfo(client->curl, CURLINFO_RESPONSE_CODE, &status);
  return status;
}
