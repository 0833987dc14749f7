/* SPDX-License-Identifier: MIT */
#include "plain-scenarios.h"

#include <string.h>

#define THRED  "https://sandbox.thredfi.com"
#define PATH   "/v1/platform/businesses/3c90c3cc-0d44-4b50-8888-8dd25736052a/invoices/"
#define OTHERS "machine evil.example login me password mine\n"
#define OURS   "machine sandbox.thredfi.com login me password mine\n"

#define CHALLENGE(scheme)                                                                          \
  "HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: " scheme "\r\nContent-Length: 2\r\n\r\nno"
#define LEAD_TO(url) "HTTP/1.1 302 Found\r\nLocation: " url "\r\nContent-Length: 0\r\n\r\n"

const Scenario scenarios[] = {
    /* The program authorises the request itself, by a header of its own. */
    {"own header", ASIDE, .headers = {"X-One: 1", "Authorization: Bearer mine", "X-Two: 2"}},
    {"own header, lower case", ASIDE, .headers = {"authorization: Basic bWluZQ=="}},
    {"own header, suppressing", ASIDE, .headers = {"Authorization:", "X-One: 1"}},
    {"own header, blank", ASIDE, .headers = {"Authorization;"}},
    {"own header, behind another", ASIDE, .headers = {"X-One: 1\r\nAuthorization: Bearer mine"}},
    {"own header, challenged", ASIDE, .headers = {"Authorization: Bearer mine"},
     .answers = {CHALLENGE("Bearer")}},
    {"own header, then elsewhere", ASIDE, .headers = {"Authorization: Bearer mine"},
     .settings = {{CURLOPT_FOLLOWLOCATION, NULL, 1}},
     .answers = {LEAD_TO("https://evil.example/x")}},
    {"own header, then elsewhere, unrestricted", ASIDE, .headers = {"Authorization: Bearer mine"},
     .settings = {{CURLOPT_FOLLOWLOCATION, NULL, 1}, {CURLOPT_UNRESTRICTED_AUTH, NULL, 1}},
     .answers = {LEAD_TO("https://evil.example/x")}},
    {"own header, post", ASIDE, .headers = {"Authorization: Bearer mine"},
     .settings = {{CURLOPT_POSTFIELDS, "amount=1", 0}}},

    /* By an option. */
    {"user and password", ASIDE, .settings = {{CURLOPT_USERPWD, "me:mine", 0}}},
    {"user", ASIDE, .settings = {{CURLOPT_USERNAME, "me", 0}}},
    {"password", ASIDE, .settings = {{CURLOPT_PASSWORD, "mine", 0}}},
    {"empty user", ASIDE, .settings = {{CURLOPT_USERPWD, ":", 0}}},
    {"any method", ASIDE,
     .settings = {{CURLOPT_USERPWD, "me:mine", 0}, {CURLOPT_HTTPAUTH, NULL, (long)CURLAUTH_ANY}}},
    {"any method, challenged", ASIDE,
     .settings = {{CURLOPT_USERPWD, "me:mine", 0}, {CURLOPT_HTTPAUTH, NULL, (long)CURLAUTH_ANY}},
     .answers = {CHALLENGE("Basic realm=\"x\"")}},
    {"own bearer", ASIDE,
     .settings = {{CURLOPT_XOAUTH2_BEARER, "mine", 0},
                  {CURLOPT_HTTPAUTH, NULL, (long)CURLAUTH_BEARER}}},
    {"own bearer, challenged", ASIDE,
     .settings = {{CURLOPT_XOAUTH2_BEARER, "mine", 0},
                  {CURLOPT_HTTPAUTH, NULL, (long)CURLAUTH_BEARER}},
     .answers = {CHALLENGE("Bearer")}},
    {"own bearer, any method", ASIDE,
     .settings = {{CURLOPT_XOAUTH2_BEARER, "mine", 0},
                  {CURLOPT_HTTPAUTH, NULL, (long)CURLAUTH_ANY}},
     .answers = {CHALLENGE("Bearer")}},
    {"signature", ASIDE, /* with a time of its own, or no two requests are alike */
     .headers = {"X-Amz-Date: 20260101T000000Z"},
     .settings = {{CURLOPT_AWS_SIGV4, "aws:amz:us-east-1:service", 0},
                  {CURLOPT_USERPWD, "me:mine", 0}}},
    {"user in the URL", ASIDE, "https://me:mine@sandbox.thredfi.com" PATH},
    {"user in the URL, empty", ASIDE, "https://@sandbox.thredfi.com" PATH},
    {"CURLU with a user", ASIDE, .curlu = true, .curlu_user = "me"},

    /* By a netrc file. */
    {"netrc", ASIDE, .netrc = OURS, .settings = {{CURLOPT_NETRC, NULL, CURL_NETRC_OPTIONAL}}},
    {"netrc, required", ASIDE, .netrc = OTHERS OURS,
     .settings = {{CURLOPT_NETRC, NULL, CURL_NETRC_REQUIRED}}},
    {"netrc, default entry", ASIDE, .netrc = OTHERS "default login me password mine\n",
     .settings = {{CURLOPT_NETRC, NULL, CURL_NETRC_OPTIONAL}}},
    {"netrc, on one line", ASIDE,
     .netrc = "machine evil.example login a password b machine sandbox.thredfi.com login me "
              "password mine",
     .settings = {{CURLOPT_NETRC, NULL, CURL_NETRC_OPTIONAL}}},
    {"netrc, login alone", ASIDE, .netrc = "machine sandbox.thredfi.com login me\n",
     .settings = {{CURLOPT_NETRC, NULL, CURL_NETRC_OPTIONAL}}},
    {"netrc, upper case", ASIDE, .netrc = "machine SANDBOX.thredfi.com login me password mine\n",
     .settings = {{CURLOPT_NETRC, NULL, CURL_NETRC_OPTIONAL}}},
    {"netrc at home", ASIDE, .home_netrc = OURS,
     .settings = {{CURLOPT_NETRC, NULL, CURL_NETRC_OPTIONAL}}},

    /* The connection is not what a token may go over, or the request not what the URL says. */
    {"peer not verified", ASIDE, .settings = {{CURLOPT_SSL_VERIFYPEER, NULL, 0}}},
    {"host not verified", ASIDE, .settings = {{CURLOPT_SSL_VERIFYHOST, NULL, 0}}},
    {"neither verified", ASIDE,
     .settings = {{CURLOPT_SSL_VERIFYPEER, NULL, 0}, {CURLOPT_SSL_VERIFYHOST, NULL, 0}}},
    {"plain HTTP", ASIDE, "http://sandbox.thredfi.com" PATH},
    {"no scheme", ASIDE, "sandbox.thredfi.com" PATH},
    /* libcurl 7.88 leaks the connection of a handle that connects again. */
    {"connect only", ASIDE, .once = true, .settings = {{CURLOPT_CONNECT_ONLY, NULL, 1}}},
    {"request target", ASIDE,
     .settings = {{CURLOPT_REQUEST_TARGET, "/v1/platform/businesses/", 0}}},
    {"port", ASIDE, .settings = {{CURLOPT_PORT, NULL, 8443}}},
    {"port in the URL", ASIDE, "https://sandbox.thredfi.com:8443" PATH},
    {"connect only, for a websocket", ASIDE, .once = true,
     .settings = {{CURLOPT_CONNECT_ONLY, NULL, 2}}},
    {"another host in a header", ASIDE, .headers = {"Host: evil.example"}},
    {"trailing dot", ASIDE, "https://sandbox.thredfi.com." PATH},

    /* In the domain, but no host of the API. */
    {"the domain", ASIDE, "https://thredfi.com" PATH},
    {"the documentation", ASIDE, "https://docs.thredfi.com" PATH},
    {"the documentation, challenged", ASIDE, "https://docs.thredfi.com" PATH,
     .answers = {CHALLENGE("Bearer")}},
    {"the documentation, with a user", ASIDE, "https://docs.thredfi.com" PATH,
     .settings = {{CURLOPT_USERPWD, "me:mine", 0}}},
    {"an inactive environment", ASIDE, "https://backend.thredfi.com" PATH},

    /* Not in the domain. */
    {"another host", ELSEWHERE, "https://evil.example" PATH},
    {"another host, challenged", ELSEWHERE, "https://evil.example" PATH,
     .answers = {CHALLENGE("Bearer")}},
    {"another host, with a user", ELSEWHERE, "https://evil.example" PATH,
     .settings = {{CURLOPT_USERPWD, "me:mine", 0}}},
    {"another host, CURLU", ELSEWHERE, "https://evil.example" PATH, .curlu = true},
    {"another host, over plain HTTP", ELSEWHERE, "http://evil.example" PATH},
    {"its name at the end", ELSEWHERE, "https://evilthredfi.com" PATH},
    {"its name in front", ELSEWHERE, "https://thredfi.com.evil.example" PATH},
    {"its name in the query", ELSEWHERE, "https://evil.example/?to=https://sandbox.thredfi.com/"},
    {"its name in the user", ELSEWHERE, "https://sandbox.thredfi.com@evil.example/"},
    {"its name in a header", ELSEWHERE, "https://evil.example/",
     .headers = {"X-Origin: https://sandbox.thredfi.com"}},

    /* Nothing of that sort. */
    {"plain", CARRIED},
    {"CURLU", CARRIED, .curlu = true},
    {"upper case", CARRIED, "https://SANDBOX.ThredFi.com" PATH},
    {"port 443", CARRIED, .settings = {{CURLOPT_PORT, NULL, 443}}},
    {"methods without a user", CARRIED, .settings = {{CURLOPT_HTTPAUTH, NULL, (long)CURLAUTH_ANY}}},
    {"two methods without a user", CARRIED,
     .settings = {{CURLOPT_HTTPAUTH, NULL, (long)(CURLAUTH_BASIC | CURLAUTH_DIGEST)}}},
    {"no methods", CARRIED, .settings = {{CURLOPT_HTTPAUTH, NULL, (long)CURLAUTH_NONE}}},
    {"a user taken back", CARRIED,
     .settings = {{CURLOPT_USERPWD, "me:mine", 0}, {CURLOPT_USERPWD, NULL, 0}}},
    {"own other headers", CARRIED,
     .headers = {"X-Authorization: mine", "Proxy-Authorization: mine", "Authorizations: mine"}},
    {"netrc, no file", CARRIED, .settings = {{CURLOPT_NETRC, NULL, CURL_NETRC_OPTIONAL}}},
    {"netrc, required, no file", CARRIED, .refusal = "26 ",
     .settings = {{CURLOPT_NETRC, NULL, CURL_NETRC_REQUIRED}}},
    {"netrc for others", CARRIED, .netrc = OTHERS,
     .settings = {{CURLOPT_NETRC, NULL, CURL_NETRC_OPTIONAL}}},
    {"netrc for others, required", CARRIED, .netrc = OTHERS,
     .settings = {{CURLOPT_NETRC, NULL, CURL_NETRC_REQUIRED}}},
    {"netrc that is not read", CARRIED, .netrc = OURS},
    {"netrc at home that is not read", CARRIED, .home_netrc = OURS},
    {"unified headers, no proxy", CARRIED, .headers = {"X-One: 1"},
     .settings = {{CURLOPT_HEADEROPT, NULL, CURLHEADER_UNIFIED}}},
    {"host verified as of old", CARRIED, .settings = {{CURLOPT_SSL_VERIFYHOST, NULL, 1}}},
};

const size_t scenario_count = sizeof scenarios / sizeof scenarios[0];

const Scenario *scenario_find(const char *name)
{
  for (size_t i = 0; i < scenario_count; i++)
    if (strcmp(scenarios[i].name, name) == 0)
      return &scenarios[i];
  return NULL;
}
