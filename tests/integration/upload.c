/* SPDX-License-Identifier: MIT */
#include "upload.h"

#include <fcntl.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

const char *upload_bytes(void)
{
  static char bytes[UPLOAD_SIZE + 1];
  for (uint32_t i = 0, x = 1; !bytes[UPLOAD_SIZE - 1] && i < UPLOAD_SIZE; i++) {
    x = x * 1664525u + 1013904223u; /* Numerical Recipes' generator */
    bytes[i] = (char)('!' + (x >> 16) % 90);
  }
  return bytes;
}

void upload_sha256_from(unsigned start, char text[65])
{
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned length = 0;
  assert_int_equal(
      EVP_Digest(upload_bytes() + start, UPLOAD_SIZE - start, digest, &length, EVP_sha256(), NULL),
      1);
  for (unsigned i = 0; i < length; i++)
    snprintf(text + 2 * (size_t)i, 3, "%02x", digest[i]);
}

const char *upload_sha256(void)
{
  static char text[65];
  upload_sha256_from(0, text);
  return text;
}

void upload_postfields(Client *client, Upload *upload)
{
  (void)upload;
  curl_easy_setopt(client->curl, CURLOPT_POSTFIELDS, upload_bytes());
  curl_easy_setopt(client->curl, CURLOPT_POSTFIELDSIZE, (long)UPLOAD_SIZE);
}

void upload_copypostfields(Client *client, Upload *upload)
{
  (void)upload;
  curl_easy_setopt(client->curl, CURLOPT_POSTFIELDSIZE, (long)UPLOAD_SIZE);
  curl_easy_setopt(client->curl, CURLOPT_COPYPOSTFIELDS, upload_bytes());
}

void upload_mime_data(Client *client, Upload *upload)
{
  upload->mime = curl_mime_init(client->curl);
  curl_mimepart *part = curl_mime_addpart(upload->mime);
  curl_mime_name(part, "document");
  curl_mime_data(part, upload_bytes(), UPLOAD_SIZE);
  curl_easy_setopt(client->curl, CURLOPT_MIMEPOST, upload->mime);
}

void upload_mime_file(Client *client, Upload *upload)
{
  snprintf(upload->file, sizeof upload->file, "%s/upload", emulator.dir);
  int fd = open(upload->file, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  assert_true(fd >= 0);
  assert_int_equal(write(fd, upload_bytes(), UPLOAD_SIZE), UPLOAD_SIZE);
  close(fd);
  upload->mime = curl_mime_init(client->curl);
  curl_mimepart *part = curl_mime_addpart(upload->mime);
  curl_mime_name(part, "document");
  curl_mime_filedata(part, upload->file);
  curl_easy_setopt(client->curl, CURLOPT_MIMEPOST, upload->mime);
}

static size_t give(char *buffer, size_t size, size_t count, void *data)
{
  Upload *upload = data;
  size_t length = UPLOAD_SIZE - upload->at < size * count ? UPLOAD_SIZE - upload->at : size * count;
  memcpy(buffer, upload_bytes() + upload->at, length);
  upload->at += length;
  return length;
}

static int seek(void *data, curl_off_t offset, int origin)
{
  Upload *upload = data;
  if (origin != SEEK_SET || offset < 0 || offset > UPLOAD_SIZE)
    return CURL_SEEKFUNC_FAIL;
  upload->at = (size_t)offset;
  upload->seeks++;
  return CURL_SEEKFUNC_OK;
}

void upload_put_unseekable(Client *client, Upload *upload)
{
  curl_easy_setopt(client->curl, CURLOPT_UPLOAD, 1L);
  curl_easy_setopt(client->curl, CURLOPT_INFILESIZE_LARGE, (curl_off_t)UPLOAD_SIZE);
  curl_easy_setopt(client->curl, CURLOPT_READFUNCTION, give);
  curl_easy_setopt(client->curl, CURLOPT_READDATA, upload);
}

void upload_put(Client *client, Upload *upload)
{
  upload_put_unseekable(client, upload);
  curl_easy_setopt(client->curl, CURLOPT_SEEKFUNCTION, seek);
  curl_easy_setopt(client->curl, CURLOPT_SEEKDATA, upload);
}

void upload_put_chunked(Client *client, Upload *upload)
{
  upload_put(client, upload);
  curl_easy_setopt(client->curl, CURLOPT_INFILESIZE_LARGE, (curl_off_t)-1);
}

static int cannot_seek(void *data, curl_off_t offset, int origin)
{
  (void)data, (void)offset, (void)origin;
  return CURL_SEEKFUNC_CANTSEEK;
}

void upload_put_broken(Client *client, Upload *upload)
{
  upload_put(client, upload);
  curl_easy_setopt(client->curl, CURLOPT_SEEKFUNCTION, cannot_seek);
}

static curlioerr restart(CURL *curl, int command, void *data)
{
  Upload *upload = data;
  (void)curl;
  if (command != CURLIOCMD_RESTARTREAD)
    return CURLIOE_UNKNOWNCMD;
  upload->at = 0;
  upload->seeks++;
  return CURLIOE_OK;
}

/* By number: they are deprecated. */
#define OPTION_IOCTLFUNCTION ((CURLoption)(CURLOPTTYPE_FUNCTIONPOINT + 130))
#define OPTION_IOCTLDATA     ((CURLoption)(CURLOPTTYPE_CBPOINT + 131))

void upload_put_ioctl(Client *client, Upload *upload)
{
  upload_put_unseekable(client, upload);
  curl_easy_setopt(client->curl, CURLOPT_INFILESIZE_LARGE, (curl_off_t)-1);
  curl_easy_setopt(client->curl, OPTION_IOCTLFUNCTION, restart);
  curl_easy_setopt(client->curl, OPTION_IOCTLDATA, upload);
}

void upload_mime_function(Client *client, Upload *upload, bool can_seek)
{
  upload->mime = curl_mime_init(client->curl);
  curl_mimepart *part = curl_mime_addpart(upload->mime);
  curl_mime_name(part, "document");
  curl_mime_data_cb(part, UPLOAD_SIZE, give, can_seek ? seek : NULL, NULL, upload);
  curl_easy_setopt(client->curl, CURLOPT_MIMEPOST, upload->mime);
}

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wdeprecated-declarations"
int upload_form(struct curl_httppost **form, struct curl_httppost **last)
{
  return (int)curl_formadd(form, last, CURLFORM_COPYNAME, "document", CURLFORM_PTRCONTENTS,
                           upload_bytes(), CURLFORM_CONTENTLEN, (curl_off_t)UPLOAD_SIZE,
                           CURLFORM_END);
}

void upload_form_free(struct curl_httppost *form)
{
  curl_formfree(form);
}
#pragma GCC diagnostic pop

void upload_clear(Upload *upload)
{
  curl_mime_free(upload->mime);
  if (upload->file[0])
    unlink(upload->file);
  *upload = (Upload){0};
}
