/* SPDX-License-Identifier: MIT */
/*
 * Which addresses are asked. http is for the two services that answer on the machine's own link
 * and for its loopback (the reference, "Container credential provider" and "IMDS credential
 * provider"): there is no TLS there, and nothing of another machine's may take its place.
 */
#include <arpa/inet.h>
#include <curl/curl.h>
#include <stdio.h>
#include <string.h>

#include "plugin/credentials/aws-secrets-manager.h"

typedef struct {
  char *scheme, *host, *port, *path, *user;
} Parts;

static char *part(CURLU *url, CURLUPart what)
{
  char *text = NULL;
  return curl_url_get(url, what, &text, 0) == CURLUE_OK ? text : NULL;
}

static bool parts_read(Parts *parts, const char *text)
{
  CURLU *url = curl_url();
  *parts = (Parts){0};
  bool good = url && curl_url_set(url, CURLUPART_URL, text, 0) == CURLUE_OK;
  if (good)
    *parts =
        (Parts){part(url, CURLUPART_SCHEME), part(url, CURLUPART_HOST), part(url, CURLUPART_PORT),
                part(url, CURLUPART_PATH), part(url, CURLUPART_USER)};
  curl_url_cleanup(url);
  return good && parts->scheme && parts->host;
}

static void parts_clear(Parts *parts)
{
  curl_free(parts->scheme);
  curl_free(parts->host);
  curl_free(parts->port);
  curl_free(parts->path);
  curl_free(parts->user);
}

/* By the text: libcurl does not tell of an empty query or fragment, and a path that is put behind
 * one is none. */
static bool is_bare(const Parts *parts, const char *text)
{
  return (!parts->path || strcmp(parts->path, "/") == 0) && !strpbrk(text, "?#");
}

/* One of `addresses` (up to a NULL), or loopback. libcurl itself resolves "localhost" to that. */
static bool is_near(const char *host, const char *const *addresses)
{
  struct in_addr four, own_four;
  struct in6_addr six, own_six;
  char bare[INET6_ADDRSTRLEN + 2];
  size_t length = strlen(host);
  if (strcmp(host, "localhost") == 0)
    return true;
  if (inet_pton(AF_INET, host, &four) == 1) {
    for (; *addresses; addresses++)
      if (inet_pton(AF_INET, *addresses, &own_four) == 1 && own_four.s_addr == four.s_addr)
        return true;
    return ntohl(four.s_addr) >> 24 == 127;
  }
  if (length < 3 || length >= sizeof bare || host[0] != '[')
    return false;
  memcpy(bare, host + 1, length - 2);
  bare[length - 2] = 0;
  if (inet_pton(AF_INET6, bare, &six) != 1)
    return false;
  for (; *addresses; addresses++)
    if (inet_pton(AF_INET6, *addresses, &own_six) == 1 && memcmp(&own_six, &six, sizeof six) == 0)
      return true;
  return memcmp(&six, &in6addr_loopback, sizeof six) == 0;
}

static const char *problem_of(const Parts *parts, const char *const *addresses, bool *plain)
{
  *plain = strcmp(parts->scheme, "http") == 0;
  if (!*plain && strcmp(parts->scheme, "https") != 0)
    return "it is not an http or https URL";
  if (parts->user)
    return "a URL with a user in it is not used";
  if (*plain && !is_near(parts->host, addresses))
    return "http is used only to loopback and to AWS's own addresses on the link";
  return NULL;
}

/* In ECS the path is the only thing that a login there needs, and a query may hold as much. */
static const char *origin_of(const Parts *parts, char origin[AWS_ORIGIN_SIZE])
{
  int length = snprintf(origin, AWS_ORIGIN_SIZE, "%s://%s%s%s", parts->scheme, parts->host,
                        parts->port ? ":" : "", parts->port ? parts->port : "");
  return length < (int)AWS_ORIGIN_SIZE ? NULL : "its host is too long";
}

const char *aws_container_problem(const char *url, bool *plain, char origin[AWS_ORIGIN_SIZE])
{
  static const char *const addresses[] = {"169.254.170.2", "169.254.170.23", "fd00:ec2::23", NULL};
  Parts parts;
  const char *why =
      parts_read(&parts, url) ? problem_of(&parts, addresses, plain) : "it is not a URL";
  if (!why)
    why = origin_of(&parts, origin);
  parts_clear(&parts);
  return why;
}

const char *aws_instance_problem(const char *url, bool *plain)
{
  static const char *const addresses[] = {"169.254.169.254", "fd00:ec2::254", NULL};
  Parts parts;
  const char *why =
      parts_read(&parts, url) ? problem_of(&parts, addresses, plain) : "it is not a URL";
  if (!why && !is_bare(&parts, url))
    why = "there is more in the URL than a host and a port";
  parts_clear(&parts);
  return why;
}

const char *aws_endpoint_problem(const char *url)
{
  Parts parts;
  const char *why = NULL;
  if (!parts_read(&parts, url))
    why = "it is not a URL";
  else if (strcmp(parts.scheme, "https") != 0)
    why = "it is not an https URL";
  else if (parts.user || !is_bare(&parts, url))
    why = "there is more in the URL than a host and a port";
  parts_clear(&parts);
  return why;
}
