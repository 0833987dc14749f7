/* SPDX-License-Identifier: MIT */
/* upload.h - the ways in which a program gives libcurl a body. */
#ifndef TESTS_INTEGRATION_UPLOAD_H
#define TESTS_INTEGRATION_UPLOAD_H

#include "client.h"

/* 70,000 bytes that do not repeat soon: more than one buffer of libcurl's. */
#define UPLOAD_SIZE 70000u
const char *upload_bytes(void);
/* Their SHA-256 as the emulator writes it. */
const char *upload_sha256(void);
/* Of what comes from `start` on, as text of 64 digits. */
void upload_sha256_from(unsigned start, char text[65]);

/* A position in them, for the callbacks. */
typedef struct Upload {
  size_t at;
  unsigned seeks;
  curl_mime *mime;
  char file[96];
} Upload;

typedef void (*UploadSetup)(Client *client, Upload *upload);

void upload_postfields(Client *client, Upload *upload);
void upload_copypostfields(Client *client, Upload *upload);
void upload_mime_data(Client *client, Upload *upload);
void upload_mime_file(Client *client, Upload *upload);
void upload_put(Client *client, Upload *upload);         /* READ and SEEKFUNCTION, size told */
void upload_put_chunked(Client *client, Upload *upload); /* the same, size not told */
void upload_put_unseekable(Client *client, Upload *upload);
void upload_put_broken(Client *client, Upload *upload); /* its SEEKFUNCTION fails */
void upload_put_ioctl(Client *client, Upload *upload);  /* IOCTLFUNCTION in place of it */
void upload_mime_function(Client *client, Upload *upload, bool can_seek);

/* The same as a form of curl_formadd(3); 0 is good. */
#define UPLOAD_OPTION_FORM ((CURLoption)(CURLOPTTYPE_OBJECTPOINT + 24)) /* CURLOPT_HTTPPOST */
int upload_form(struct curl_httppost **form, struct curl_httppost **last);
void upload_form_free(struct curl_httppost *form);

void upload_clear(Upload *upload);

#endif
