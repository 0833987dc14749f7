/* SPDX-License-Identifier: MIT */
/*
 * A netrc file, beside libcurl's own reading of it: whatever libcurl finds for the host, we must
 * have expected. It is asked by a transfer whose socket is not made.
 */
#include "lib/netrc.h"

#include <curl/curl.h>
#include <fcntl.h>
#include <unistd.h>

#include "tests/fuzz/fuzz.h"

static char path[64];
static CURL *curl;
static struct curl_slist *nowhere;
static bool not_found, parsed;

static void clean_up(void)
{
  curl_easy_cleanup(curl);
  curl_slist_free_all(nowhere);
  unlink(path);
}

static curl_socket_t no_socket(void *data, curlsocktype purpose, struct curl_sockaddr *address)
{
  (void)data, (void)purpose, (void)address;
  parsed = true; /* the login comes before the connection (libcurl's create_conn) */
  return CURL_SOCKET_BAD;
}

/* "Couldn't find host %s in the .netrc file; using defaults" is all that libcurl lets us see. */
static int take_info(CURL *handle, curl_infotype type, char *text, size_t size, void *data)
{
  (void)handle, (void)data;
  if (type == CURLINFO_TEXT && memmem(text, size, "Couldn't find host", 18))
    not_found = true;
  return 0;
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
  (void)argc, (void)argv;
  snprintf(path, sizeof path, "/dev/shm/thred-fuzz-netrc-%d", (int)getpid());
  curl = curl_easy_init();
  nowhere = curl_slist_append(NULL, "::127.0.0.1:9");
  FUZZ_TRUE(curl && nowhere && atexit(clean_up) == 0);
  curl_easy_setopt(curl, CURLOPT_URL, "https://sandbox.thredfi.com/");
  curl_easy_setopt(curl, CURLOPT_CONNECT_TO, nowhere);
  curl_easy_setopt(curl, CURLOPT_PROXY, "");
  curl_easy_setopt(curl, CURLOPT_NETRC, (long)CURL_NETRC_OPTIONAL);
  curl_easy_setopt(curl, CURLOPT_NETRC_FILE, path);
  curl_easy_setopt(curl, CURLOPT_OPENSOCKETFUNCTION, no_socket);
  curl_easy_setopt(curl, CURLOPT_DEBUGFUNCTION, take_info);
  curl_easy_setopt(curl, CURLOPT_VERBOSE, 1L);
  return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
  int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  FUZZ_TRUE(fd >= 0 && write(fd, data, size) == (ssize_t)size);
  close(fd);
  not_found = parsed = false;
  FUZZ_TRUE(curl_easy_perform(curl) != CURLE_OK);
  bool expected = netrc_has_entry(path, "sandbox.thredfi.com");
  FUZZ_TRUE(expected || not_found || !parsed);
  return 0;
}
