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

void upload_clear(Upload *upload);

#endif
