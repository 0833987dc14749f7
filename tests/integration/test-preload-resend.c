/* SPDX-License-Identifier: MIT */
/*
 * test-preload-resend.c - 401s that libcurl does not answer by itself, for they ask for nothing:
 * the shim runs the transfer again, or hands over the 401 as it came. What arrives of a body is
 * proved by its length and checksum at the server.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "preload-client.h"
#include "upload.h"

#define START 1000u /* where an upload from the middle of a FILE begins */

static void open_stale(Client *client, Mode mode)
{
  preload_open_stale(client, mode);
  control(&emulator, "POST", "set?www_authenticate=no");
}

/* ---- bodies ---- */

typedef struct Sending {
  Upload upload;
  FILE *file;
  struct curl_httppost *form;
  char sha256[65]; /* of what is to arrive; "": not known */
} Sending;

static void from_file(Client *client, Sending *sending, long start)
{
  curl_off_t size = (curl_off_t)UPLOAD_SIZE - start;
  sending->file = tmpfile();
  assert_non_null(sending->file);
  assert_int_equal(fwrite(upload_bytes(), 1, UPLOAD_SIZE, sending->file), UPLOAD_SIZE);
  assert_int_equal(fseek(sending->file, start, SEEK_SET), 0);
  curl_easy_setopt(client->curl, CURLOPT_UPLOAD, 1L);
  curl_easy_setopt(client->curl, CURLOPT_INFILESIZE_LARGE, size);
  curl_easy_setopt(client->curl, CURLOPT_READDATA, sending->file);
  upload_sha256_from((unsigned)start, sending->sha256);
}

static void file(Client *client, Sending *sending)
{
  from_file(client, sending, 0);
}

static void file_from_the_middle(Client *client, Sending *sending)
{
  from_file(client, sending, START);
}

static void file_through_fread(Client *client, Sending *sending)
{
  from_file(client, sending, START);
  curl_easy_setopt(client->curl, CURLOPT_READFUNCTION, fread);
}

static void whole(Client *client, Sending *sending, UploadSetup setup)
{
  setup(client, &sending->upload);
  upload_sha256_from(0, sending->sha256);
}

static void post_fields(Client *client, Sending *sending)
{
  whole(client, sending, upload_postfields);
}

static void copied_fields(Client *client, Sending *sending)
{
  whole(client, sending, upload_copypostfields);
}

static void put(Client *client, Sending *sending)
{
  whole(client, sending, upload_put);
}

static void put_in_chunks(Client *client, Sending *sending)
{
  whole(client, sending, upload_put_chunked);
}

static void put_with_ioctl(Client *client, Sending *sending)
{
  whole(client, sending, upload_put_ioctl);
}

static void unseekable(Client *client, Sending *sending)
{
  whole(client, sending, upload_put_unseekable);
}

static void seek_that_fails(Client *client, Sending *sending)
{
  whole(client, sending, upload_put_broken);
}

static void resumed(Client *client, Sending *sending)
{
  whole(client, sending, upload_put);
  curl_easy_setopt(client->curl, CURLOPT_RESUME_FROM_LARGE, (curl_off_t)START);
  upload_sha256_from(START, sending->sha256);
}

/* A POST without fields: READFUNCTION gives it. */
static void post_from_a_function(Client *client, Sending *sending)
{
  whole(client, sending, upload_put);
  curl_easy_setopt(client->curl, CURLOPT_UPLOAD, 0L);
  curl_easy_setopt(client->curl, CURLOPT_POST, 1L);
  curl_easy_setopt(client->curl, CURLOPT_POSTFIELDSIZE, (long)UPLOAD_SIZE);
}

static void mime_data(Client *client, Sending *sending)
{
  upload_mime_data(client, &sending->upload);
}

static void mime_file(Client *client, Sending *sending)
{
  upload_mime_file(client, &sending->upload);
}

static void mime_function(Client *client, Sending *sending)
{
  upload_mime_function(client, &sending->upload, true);
}

static void mime_function_unseekable(Client *client, Sending *sending)
{
  upload_mime_function(client, &sending->upload, false);
}

/* Deprecated, and in use. */
static void form(Client *client, Sending *sending)
{
  struct curl_httppost *last = NULL;
  assert_int_equal(upload_form(&sending->form, &last), 0);
  curl_easy_setopt(client->curl, UPLOAD_OPTION_FORM, sending->form);
}

typedef struct Case {
  const char *name;
  void (*setup)(Client *client, Sending *sending);
  bool again;
} Case;

static const Case cases[] = {
    {"POSTFIELDS", post_fields, true},
    {"COPYPOSTFIELDS", copied_fields, true},
    {"READFUNCTION", put, true},
    {"READFUNCTION in chunks", put_in_chunks, true},
    {"READFUNCTION with IOCTLFUNCTION", put_with_ioctl, true},
    {"READFUNCTION for a POST", post_from_a_function, true},
    {"FILE", file, true},
    {"FILE from the middle", file_from_the_middle, true},
    {"FILE through fread", file_through_fread, true},
    {"MIME of data", mime_data, true},
    {"MIME of a file", mime_file, true},
    {"MIME of a function", mime_function, true},
    {"HTTPPOST", form, true},
    {"no SEEKFUNCTION", unseekable, false},
    {"a SEEKFUNCTION that fails", seek_that_fails, false},
    {"RESUME_FROM", resumed, false},
};

/* Every request that reached the server brought the whole of it. */
static bool arrived(const Sending *sending, unsigned requests)
{
  json_object *log = request_log(&emulator);
  unsigned count = 0;
  bool good = true;
  for (size_t i = 0; i < json_object_array_length(log); i++) {
    if (strstr(log_text(log, i, "target"), "/oauth2/token/"))
      continue;
    count++;
    good &= sending->sha256[0] ? strcmp(log_text(log, i, "body_sha256"), sending->sha256) == 0
                               : atoi(log_text(log, i, "body_bytes")) > (int)UPLOAD_SIZE;
  }
  json_object_put(log);
  return good && count == requests;
}

static bool is_as_it_says(const Case *one, Mode mode)
{
  Client client;
  Sending sending = {0};
  harness_fresh(NULL);
  open_stale(&client, mode);
  one->setup(&client, &sending);
  CURLcode code = client_run(&client);
  long status = client_status(&client);
  bool good = code == CURLE_OK && arrived(&sending, one->again ? 2 : 1) &&
              (one->again ? status / 100 == 2 : status == 401);
  good &= one->again || strstr(client.body.data, "invalid_token");
  if (!good)
    print_error("%s: code %d, status %ld\n", one->name, (int)code, status);
  client_close(&client);
  upload_clear(&sending.upload);
  upload_form_free(sending.form);
  if (sending.file)
    fclose(sending.file);
  return good;
}

static void bodies(void **state)
{
  unsigned wrong = 0;
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
    wrong += !is_as_it_says(&cases[i], MODE(state));
  assert_int_equal(wrong, 0);
}

/* Whose part it is nobody can tell: no MIME of this process is sent again from now on. */
static void a_mime_that_cannot_seek(void **state)
{
  static const Case spoiled[] = {
      {"MIME of a function that cannot seek", mime_function_unseekable, false},
      {"MIME of data, after that", mime_data, false},
  };
  for (size_t i = 0; i < 2; i++)
    assert_true(is_as_it_says(&spoiled[i], MODE(state)));
}

/* ---- what the program sees ---- */

typedef struct Seen {
  char text[256 * 1024];
  size_t length;
  unsigned calls;
  size_t limit; /* a call beyond this many bytes is refused; 0: none */
  bool pause;   /* the first call pauses */
} Seen;

static Seen headers, body;

static size_t see(char *data, size_t size, size_t count, void *to)
{
  Seen *seen = to;
  size_t length = size * count;
  seen->calls++;
  if (seen->pause) {
    seen->pause = false;
    return CURL_WRITEFUNC_PAUSE;
  }
  if (seen->limit && seen->length + length > seen->limit)
    return 0;
  assert_true(seen->length + length < sizeof seen->text);
  memcpy(seen->text + seen->length, data, length);
  seen->length += length;
  seen->text[seen->length] = 0;
  return length;
}

static void look(Client *client)
{
  headers = body = (Seen){.length = 0};
  curl_easy_setopt(client->curl, CURLOPT_HEADERFUNCTION, see);
  curl_easy_setopt(client->curl, CURLOPT_HEADERDATA, &headers);
  curl_easy_setopt(client->curl, CURLOPT_WRITEFUNCTION, see);
  curl_easy_setopt(client->curl, CURLOPT_WRITEDATA, &body);
}

static unsigned occurrences(const char *text, const char *what)
{
  unsigned count = 0;
  for (; (text = strstr(text, what)); text++)
    count++;
  return count;
}

/* Nothing of the 401, in the headers either, with and without a challenge. */
static void nothing_of_the_401_is_seen(void **state)
{
  for (int challenge = 0; challenge < 2; challenge++) {
    Client client;
    harness_fresh(NULL);
    preload_open_stale(&client, MODE(state));
    control(&emulator, "POST", "set?www_authenticate=%s", challenge ? "yes" : "no");
    look(&client);
    curl_easy_setopt(client.curl, CURLOPT_HEADER, 1L);
    client_expect(&client, 200);
    assert_null(strstr(headers.text, " 401"));
    assert_null(strstr(body.text, " 401"));
    assert_null(strstr(body.text, "invalid_token"));
    assert_int_equal(occurrences(headers.text, "HTTP/"), 1);
    assert_int_equal(occurrences(body.text, "HTTP/"), 1);
    client_close(&client);
  }
}

/* HEADERDATA without HEADERFUNCTION goes to WRITEFUNCTION. */
static void headers_for_the_write_function(void **state)
{
  Client client;
  open_stale(&client, MODE(state));
  look(&client);
  curl_easy_setopt(client.curl, CURLOPT_HEADERFUNCTION, NULL);
  client_expect(&client, 200);
  assert_int_equal(occurrences(headers.text, "HTTP/"), 1);
  assert_null(strstr(headers.text, " 401"));
  assert_null(strstr(body.text, "HTTP/"));
  client_close(&client);
}

/* By default bodies go to a FILE. */
static void a_file_gets_the_body(void **state)
{
  Client client;
  char text[4096];
  FILE *file = tmpfile();
  open_stale(&client, MODE(state));
  curl_easy_setopt(client.curl, CURLOPT_WRITEFUNCTION, NULL);
  curl_easy_setopt(client.curl, CURLOPT_WRITEDATA, file);
  client_expect(&client, 200);
  rewind(file);
  text[fread(text, 1, sizeof text - 1, file)] = 0;
  assert_null(strstr(text, "invalid_token"));
  assert_non_null(strstr(text, "\"results\""));
  fclose(file);
  client_close(&client);
}

#define REFUSE_ALL "fault?path=" BUSINESSES "&action=status&status=401&times=0"

/* There is no other token: the 401 comes as it is, to each callback as without us. */
static void open_refused(Client *client, Mode mode)
{
  preload_open_stale(client, mode);
  control(&emulator, "POST", "set?www_authenticate=no");
  control(&emulator, "POST", "fault?path=token:business&action=status&status=503&times=0");
  look(client);
}

static void the_401_is_handed_over(void **state)
{
  Client client;
  open_refused(&client, MODE(state));
  curl_easy_setopt(client.curl, CURLOPT_HEADER, 1L);
  client_expect(&client, 401);
  assert_int_equal(occurrences(headers.text, "HTTP/"), 1);
  assert_int_equal(occurrences(body.text, "HTTP/"), 1);
  assert_non_null(strstr(headers.text, " 401"));
  assert_non_null(strstr(body.text, "invalid_token"));
  /* In the body, the head stands before the rest. */
  assert_true(strstr(body.text, "\r\n\r\n") < strstr(body.text, "invalid_token"));
  client_close(&client);
}

static void a_callback_that_refuses_the_401(void **state)
{
  Client client;
  open_refused(&client, MODE(state));
  headers.limit = 20;
  assert_int_equal(client_run(&client), CURLE_WRITE_ERROR);
  client_close(&client);
}

/* It pauses at the first line of the 401, goes on in the progress callback, and misses nothing. */
static int go_on(void *data, curl_off_t a, curl_off_t b, curl_off_t c, curl_off_t d)
{
  (void)a, (void)b, (void)c, (void)d;
  if (headers.calls > 0)
    curl_easy_pause(data, CURLPAUSE_CONT);
  return 0;
}

static void a_callback_that_pauses_at_the_401(void **state)
{
  Client client;
  open_refused(&client, MODE(state));
  headers.pause = true;
  curl_easy_setopt(client.curl, CURLOPT_NOPROGRESS, 0L);
  curl_easy_setopt(client.curl, CURLOPT_XFERINFOFUNCTION, go_on);
  curl_easy_setopt(client.curl, CURLOPT_XFERINFODATA, client.curl);
  client_expect(&client, 401);
  assert_int_equal(occurrences(headers.text, "HTTP/"), 1);
  assert_non_null(strstr(headers.text, "\r\n\r\n"));
  assert_non_null(strstr(body.text, "invalid_token"));
  client_close(&client);
}

/* ---- once, and not what was before ---- */

static void a_second_401_is_final(void **state)
{
  Client client;
  open_stale(&client, MODE(state));
  control(&emulator, "POST", REFUSE_ALL "&www_authenticate=no");
  client_expect(&client, 401);
  expect_log(&emulator, SENT(INVOICES, "invalid", "401")
                            LOG_BUSINESS_TOKEN SENT(INVOICES, "business=3c90", "401"));
  client_close(&client);
}

/* A POST that was answered with a redirect is not made twice for the sake of what comes after it.
 */
static void not_after_a_redirect(void **state)
{
  Client client;
  preload_open_warm(&client, MODE(state));
  control(&emulator, "POST", "set?www_authenticate=no");
  control_redirect(&emulator, HOST, INVOICES, BASE BUSINESSES);
  control(&emulator, "POST", "revoke?kind=partner");
  curl_easy_setopt(client.curl, CURLOPT_FOLLOWLOCATION, 1L);
  curl_easy_setopt(client.curl, CURLOPT_POSTFIELDS, "amount=1");
  client_expect(&client, 401);
  json_object *log = request_log(&emulator);
  unsigned posts = 0;
  for (size_t i = 0; i < json_object_array_length(log); i++)
    posts += strcmp(log_text(log, i, "target"), INVOICES) == 0;
  json_object_put(log);
  assert_int_equal(posts, 1);
  client_close(&client);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      EASY_AND_MULTI(nothing_of_the_401_is_seen),
      EASY_AND_MULTI(headers_for_the_write_function),
      EASY_AND_MULTI(a_file_gets_the_body),
      EASY_AND_MULTI(the_401_is_handed_over),
      EASY_AND_MULTI(a_callback_that_refuses_the_401),
      EASY_AND_MULTI(a_callback_that_pauses_at_the_401),
      ALL_MODES(a_second_401_is_final),
      EASY_AND_MULTI(not_after_a_redirect),
      EASY_AND_MULTI(bodies),
      EASY_AND_MULTI(a_mime_that_cannot_seek), /* the last */
  };
  return PRELOAD_MAIN_RUN(tests);
}
