/* SPDX-License-Identifier: MIT */
#include "hostile-cases.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define OK           "HTTP/1.1 200 OK\r\n"
#define JSON         OK "Content-Type: application/json\r\n\r\n"
#define REST         "\"token_type\":\"Bearer\",\"expires_in\":3600}"
#define TOKEN(token) "{\"access_token\":\"" token "\"," REST
#define FINE         TOKEN("fine")
#define FINE_LENGTH  "63"
#define GIB          (1024u * 1024u * 1024u)

/* So many bytes of `text` as there are, NUL and all. */
#define BYTES(text)      .answer = (text), .length = sizeof(text) - 1
#define THEN(text)       .more = (text), .more_length = sizeof(text) - 1
#define DRIP(pace, text) .way = HOSTILE_DRIP, .pace_ms = (pace), THEN(text)
#define FLOOD(text)      .way = HOSTILE_FLOOD, .total = GIB, THEN(text)

/* 32 KiB and one more are made by hostile_cases_complete(). */
static const char exactly[] = "32 KiB", one_more[] = "32 KiB and one";

#define X16(text)  text text text text text text text text text text text text text text text text
#define X256(text) X16(X16(text))

/* RFC 9113, 4.1: length, type, flags, stream. */
#define H2_SETTINGS     "\0\0\0\4\0\0\0\0\0"
#define H2_HEADERS      "\0\0\1\1\0\0\0\0\1\x88" /* :status 200; without END_HEADERS */
#define H2_HEADERS_END  "\0\0\1\1\4\0\0\0\1\x88"
#define H2_CONTINUATION "\0\0\7\x9\0\0\0\0\1\0\1a\3bbb"
#define H2_DATA         "\0\0\x10\0\0\0\0\0\1xxxxxxxxxxxxxxxx"
#define H2_PING         "\0\0\x8\6\0\0\0\0\0pingpong"
#define H2_GOAWAY       "\0\0\x8\7\0\0\0\0\0\0\0\0\0\0\0\0\0"
#define H2_REFUSED      "\0\0\4\3\0\0\0\0\1\0\0\0\7"
#define H2_PUSH         "\0\0\5\5\4\0\0\0\1\0\0\0\2\x82"

#define TOO_LARGE THRED_E_TOO_LARGE
#define SERVER    THRED_E_SERVER
#define NETWORK   THRED_E_NETWORK
#define TIMEOUT   THRED_E_TIMEOUT

const Case hostile_cases[] = {
    /* ---- slow: these come first, so that they wait beside each other ---- */
    {"nothing, on TCP", {HOSTILE_TCP_SILENT}, .code = TIMEOUT, .says = "time", .by = ALL},
    {"TLS's hello, drop by drop",
     {HOSTILE_HELLO_DRIP, .pace_ms = 50},
     .code = TIMEOUT,
     .says = "time",
     .by = OTHERS},
    {"no answer", {HOSTILE_KEEP_OPEN, ""}, .code = TIMEOUT, .says = "time"},
    {"a byte a second of header",
     {DRIP(1000, "X-Slow: x\r\n"), .answer = OK},
     .code = TIMEOUT,
     .says = "time",
     .by = ALL},
    {"a byte a second of body", {DRIP(1000, " "), .answer = JSON}, .code = TIMEOUT, .says = "time"},
    {"many bytes a second of header",
     {DRIP(10, "X: x\r\n"), .answer = OK},
     .code = TIMEOUT,
     .says = "time"},
    {"many bytes a second of body",
     {DRIP(10, " "), .answer = JSON},
     .code = TIMEOUT,
     .says = "time",
     .by = ALL},
    {"chunks without an end",
     {DRIP(10, "1\r\n \r\n"), .answer = OK "Transfer-Encoding: chunked\r\n\r\n"},
     .code = TIMEOUT,
     .says = "time"},
    {"a chunk's length without an end",
     {DRIP(10, "0"), .answer = OK "Transfer-Encoding: chunked\r\n\r\n"},
     .code = NETWORK,
     .says = "hex"},
    {"interim answers, for ever",
     {DRIP(20, "HTTP/1.1 100 Continue\r\n\r\n"), .answer = ""},
     .code = TIMEOUT,
     .says = "time"},
    {"the answer before the request, and no end",
     {HOSTILE_EARLY, OK "Content-Length: 1000\r\n\r\n{"},
     .code = TIMEOUT,
     .says = "time"},
    {"h2: a push", {.h2 = true, BYTES(H2_SETTINGS H2_PUSH)}, .code = TIMEOUT, .says = "time"},

    /* ---- too much ---- */
    {"a header line without an end",
     {FLOOD("x"), .answer = OK "X-Endless: "},
     .code = TOO_LARGE,
     .says = "header",
     .by = ALL},
    {"a status line without an end",
     {FLOOD("x"), .answer = "HTTP/1.1 200 "},
     .code = TOO_LARGE,
     .says = "header"},
    {"header lines without an end",
     {FLOOD("X-Many: x\r\n"), .answer = OK},
     .code = TOO_LARGE,
     .says = "headers above the limit"},
    {"header lines of 1 KiB",
     {FLOOD("X-Long: " X256("long") "\r\n"), .answer = OK},
     .code = TOO_LARGE,
     .says = "headers above the limit"},
    {"interim answers, a flood",
     {FLOOD("HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n"), .answer = ""},
     .code = TOO_LARGE,
     .says = "headers above the limit"},
    {"a body of 1 GiB",
     {FLOOD(" "), .answer = OK "Content-Length: 1073741824\r\n\r\n"},
     .code = TOO_LARGE,
     .says = "a body above the limit",
     .by = ALL},
    {"a body of 1 GiB, without its length",
     {FLOOD(" "), .answer = JSON},
     .code = TOO_LARGE,
     .says = "a body above the limit"},
    {"a body of 1 GiB, in chunks",
     {FLOOD("10\r\n0123456789abcdef\r\n"), .answer = OK "Transfer-Encoding: chunked\r\n\r\n"},
     .code = TOO_LARGE,
     .says = "a body above the limit"},
    {"a chunk of 4 GiB",
     {FLOOD(" "), .answer = OK "Transfer-Encoding: chunked\r\n\r\nffffffff\r\n"},
     .code = TOO_LARGE,
     .says = "a body above the limit"},
    {"trailers without an end",
     {FLOOD("X-Trailer: x\r\n"), .answer = OK "Transfer-Encoding: chunked\r\n\r\n0\r\n"},
     .code = TOO_LARGE,
     .says = "headers above the limit"},
    {"a bomb in gzip",
     {FLOOD("\x1f\x8b\x8\0\0\0\0\0\0\3"),
      .answer = OK "Content-Encoding: gzip\r\nTransfer-Encoding: gzip\r\n\r\n"},
     .code = NETWORK,
     .says = "ncoding"},
    {"gzip that nobody asked for",
     {.answer = OK "Content-Encoding: gzip\r\n\r\n" FINE},
     .code = SERVER,
     .says = "compressed"},
    {"gzip, and more of it than fits",
     {FLOOD("\x1f\x8b"), .answer = OK "Content-Encoding: gzip\r\n\r\n"},
     .code = TOO_LARGE,
     .says = "a body above the limit"},

    /* ---- no JSON ---- */
    {"a web page",
     {.answer = OK "Content-Type: text/html\r\n\r\n<!DOCTYPE html><html>\x1b[31m</html>"},
     .code = SERVER,
     .says = "no JSON object",
     .by = ALL},
    {"JSON that says it is a web page", {.answer = OK "Content-Type: text/html\r\n\r\n" FINE}},
    {"JSON of no type", {.answer = OK "\r\n" FINE}},
    {"JSON with a charset",
     {.answer = OK "Content-Type: application/json; charset=utf-8\r\n\r\n" FINE}},
    {"JSON behind a byte order mark",
     {.answer = JSON "\xef\xbb\xbf" FINE},
     .code = SERVER,
     .says = "no JSON object"},
    {"UTF-16", {BYTES(JSON "\xff\xfe{\0\"\0a\0")}, .code = SERVER, .says = "no JSON object"},
    {"an empty body", {.answer = JSON}, .code = SERVER, .says = "with an empty body"},
    {"nested too deep",
     {.answer = JSON "{\"a\":" X256("[")},
     .code = SERVER,
     .says = "no JSON object"},
    {"two objects",
     {.answer = JSON FINE FINE},
     .code = SERVER,
     .says = "no JSON object: unexpected character (at byte 63)"},
    {"garbage behind it",
     {.answer = JSON FINE "\x1b]0;x"},
     .code = SERVER,
     .says = "no JSON object: unexpected character (at byte 63)"},
    {"a NUL behind it",
     {BYTES(JSON FINE "\0")},
     .code = SERVER,
     .says = "more text after the object"},
    {"a member twice: the last one counts",
     {.answer = JSON "{\"access_token\":\"first\",\"access_token\":\"fine\"," REST}},
    {"an error object with 200",
     {.answer = JSON "{\"error\":\"\\u001b[2J\",\"error_code\":\"x\\ny\"}"},
     .code = SERVER,
     .says = "without access_token",
     .by = OTHERS},

    /* ---- no token ---- */
    {"a token with the end of a line",
     {.answer = JSON TOKEN("a\\r\\nX-Evil: yes")},
     .code = SERVER,
     .says = "not a bearer token's text",
     .by = OTHERS},
    {"a token with NUL",
     {.answer = JSON TOKEN("a\\u0000b")},
     .code = SERVER,
     .says = "not a bearer"},
    {"a token with raw NUL", {BYTES(JSON TOKEN("a\0b"))}, .code = SERVER, .says = "no JSON object"},
    {"a token with an escape",
     {.answer = JSON TOKEN("a\\u001b[m")},
     .code = SERVER,
     .says = "not a bearer"},
    {"a token with a blank", {.answer = JSON TOKEN("a b")}, .code = SERVER, .says = "not a bearer"},
    {"a token that is not ASCII",
     {.answer = JSON TOKEN("\u00e4")},
     .code = SERVER,
     .says = "not a bearer"},
    {"a token that is not UTF-8",
     {.answer = JSON TOKEN("\xff\xff")},
     .code = SERVER,
     .says = "no JSON"},
    {"a token with a quote",
     {.answer = JSON TOKEN("a\\\"b")},
     .code = SERVER,
     .says = "not a bearer"},
    {"a token with a comma", {.answer = JSON TOKEN("a,b")}, .code = SERVER, .says = "not a bearer"},
    {"an empty token", {.answer = JSON TOKEN("")}, .code = SERVER, .says = "not a bearer"},
    {"a token that is a number",
     {.answer = JSON "{\"access_token\":17," REST},
     .code = SERVER,
     .says = "its access_token is not a string"},
    {"a token of 32 KiB", {.answer = exactly}},
    {"a token of 32 KiB and one",
     {.answer = one_more},
     .code = TOO_LARGE,
     .says = "a token of 32769 bytes (limit: 32768)"},
    {"a token of another type",
     {.answer = JSON "{\"access_token\":\"a\",\"token_type\":\"mac\",\"expires_in\":9}"},
     .code = SERVER,
     .says = "its token_type is not bearer"},
    {"a token of no type",
     {.answer = JSON "{\"access_token\":\"a\",\"expires_in\":9}"},
     .code = SERVER,
     .says = "without token_type"},

#define LIFE(seconds)                                                                              \
  {                                                                                                \
    .answer = JSON "{\"access_token\":\"fine\",\"token_type\":\"bearer\"" seconds "}"              \
  }
    {"expires_in: not there", LIFE("")},
    {"expires_in: 1e300", LIFE(",\"expires_in\":1e300")},
    {"expires_in: a huge number", LIFE(",\"expires_in\":99999999999999999999999")},
    {"expires_in: 3600.5", LIFE(",\"expires_in\":3600.5")},
    {"expires_in: a number in a string", LIFE(",\"expires_in\":\"3600\"")},
    {"expires_in: 0", LIFE(",\"expires_in\":0"), .code = SERVER, .says = "has expired already"},
    {"expires_in: negative", LIFE(",\"expires_in\":-1"), .code = SERVER, .says = "expired already"},
    {"expires_in: NaN", LIFE(",\"expires_in\":NaN"), .code = SERVER, .says = "expired already"},
    {"expires_in: a word", LIFE(",\"expires_in\":\"soon\""), .code = SERVER,
     .says = "not a number"},
    {"expires_in: null", LIFE(",\"expires_in\":null")},
    {"expires_in: a list", LIFE(",\"expires_in\":[1]"), .code = SERVER, .says = "not a number"},

    /* ---- HTTP that is none, or does not fit ---- */
    {"a length that is too small",
     {.answer = OK "Content-Length: 10\r\n\r\n" FINE},
     .code = SERVER,
     .says = "no JSON object"},
    {"a length that is too large",
     {.answer = OK "Content-Length: 1000\r\n\r\n" FINE},
     .code = NETWORK,
     .says = "transfer closed with"},
    {"a negative length",
     {.answer = OK "Content-Length: -1\r\n\r\n" FINE},
     .code = NETWORK,
     .says = "Content-Length"},
    {"a length that is no number",
     {.answer = OK "Content-Length: \x1b[2Jx\r\n\r\n" FINE},
     .code = NETWORK,
     .says = "Content-Length"},
    {"two lengths",
     {.answer = OK "Content-Length: " FINE_LENGTH "\r\nContent-Length: 5\r\n\r\n" FINE},
     .code = SERVER,
     .says = "5 bytes that are no JSON object: the text ends too early"},
    {"a length, and chunks",
     {.answer =
          OK "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n3f\r\n" FINE "\r\n0\r\n\r\n"}},
    {"a chunk's length that is none",
     {.answer = OK "Transfer-Encoding: chunked\r\n\r\nzz\r\n" FINE},
     .code = NETWORK,
     .says = "chunk"},
    {"204 with a body",
     {.answer = "HTTP/1.1 204 No\r\n\r\n" FINE},
     .code = SERVER,
     .says = "HTTP 204"},
    {"304 with a body",
     {.answer = "HTTP/1.1 304 No\r\n\r\n" FINE},
     .code = SERVER,
     .says = "HTTP 304"},
    {"HTTP/0.9", {.answer = FINE}, .code = NETWORK, .says = "HTTP/0.9"},
    {"HTTP/9.9", {.answer = "HTTP/9.9 200 OK\r\n\r\n" FINE}, .code = NETWORK, .says = "HTTP"},
    {"a status of 999",
     {.answer = "HTTP/1.1 999 Odd\r\n\r\n" FINE},
     .code = SERVER,
     .says = "HTTP 999"},
    {"a status of 000",
     {.answer = "HTTP/1.1 000 Odd\r\n\r\n" FINE},
     .code = NETWORK,
     .says = "HTTP"},
    {"a status that is none",
     {.answer = "HTTP/1.1 abc\r\n\r\n" FINE},
     .code = NETWORK,
     .says = "HTTP"},
    {"101",
     {.answer = "HTTP/1.1 101 Go\r\nUpgrade: x\r\n\r\n" FINE},
     .code = SERVER,
     .says = "HTTP 101"},
    {"100, and no more", {.answer = "HTTP/1.1 100 Go\r\n\r\n"}, .code = NETWORK, .says = "server"},
    {"another protocol", {.answer = "SSH-2.0-x\r\n"}, .code = NETWORK, .says = "HTTP/0.9"},
    {"headers without a colon",
     {.answer = OK "no colon at all\r\n\x1b[2J\r\n\r\n" FINE},
     .code = NETWORK,
     .says = "Header without colon"},
    {"a header with NUL",
     {BYTES(OK "X: a\0b\r\n\r\n" FINE)},
     .code = NETWORK,
     .says = "Nul byte in header"},
    {"the answer before the request",
     {HOSTILE_EARLY, OK "Content-Length: " FINE_LENGTH "\r\nConnection: close\r\n\r\n" FINE}},
    {"open after the answer",
     {HOSTILE_KEEP_OPEN, OK "Content-Length: " FINE_LENGTH "\r\n\r\n" FINE}},

    /* ---- refusals ---- */
    {"401 that asks for much",
     {.answer =
          "HTTP/1.1 401 No\r\n" X16("WWW-Authenticate: Negotiate\r\nWWW-Authenticate: NTLM\r\n"
                                    "WWW-Authenticate: Digest realm=\"x\", "
                                    "nonce=\"y\"\r\nWWW-Authenticate: Basic\r\n") "Content-Length: "
                                                                                  "0\r\n\r\n"},
     .code = THRED_E_REFUSED,
     .says = "refused the partner UUID and API key: HTTP 401",
     .by = OTHERS},
    {"407 from no proxy",
     {.answer = "HTTP/1.1 407 No\r\nProxy-Authenticate: Basic\r\nContent-Length: 0\r\n\r\n"},
     .code = SERVER,
     .says = "HTTP 407"},
#define RETRY(value) "HTTP/1.1 503 No\r\nRetry-After: " value "\r\nContent-Length: 0\r\n\r\n"
    {"Retry-After: huge",
     {.answer = RETRY("99999999999999999999")},
     .code = SERVER,
     .says = "HTTP 503"},
    {"Retry-After: negative", {.answer = RETRY("-5")}, .code = SERVER, .says = "HTTP 503"},
    {"Retry-After: a date",
     {.answer = RETRY("Sun, 06 Nov 2094 08:49:37 GMT")},
     .code = SERVER,
     .says = "503"},
    {"Retry-After: garbage", {.answer = RETRY("\x1b[2J%s%n")}, .code = SERVER, .says = "HTTP 503"},
    {"an error that would write on a terminal",
     {.answer = "HTTP/1.1 500 \x1b[2J\r\n\r\n{\"error\":\"\\u001b]0;x\\u0007\\n<0>forged\"}"},
     .code = SERVER,
     .says = "HTTP 500",
     .by = ALL},
    {"an error in C1 and backwards",
     {.answer = "HTTP/1.1 400 No\r\n\r\n{\"error_code\":\"\xc2\x9b"
                "2J\xe2\x80\xae\"}"},
     .code = THRED_E_REFUSED,
     .says = "HTTP 400"},

/* ---- elsewhere ---- */
#define MOVED(status, to)                                                                          \
  "HTTP/1.1 " status " Moved\r\nLocation: " to "\r\nContent-Length: 0\r\n\r\n"
    {"301 to itself",
     {.answer = MOVED("301", "https://sandbox.thredfi.com/v1/platform/oauth2/token/")},
     .code = SERVER,
     .says = "HTTP 301: redirects are not followed",
     .by = ALL},
    {"302 to http",
     {.answer = MOVED("302", "http://sandbox.thredfi.com/")},
     .code = SERVER,
     .says = "HTTP 302"},
    {"307 to another host",
     {.answer = MOVED("307", "https://evil.example/")},
     .code = SERVER,
     .says = "HTTP 307: redirects are not followed"},
    {"308 to a path", {.answer = MOVED("308", "/elsewhere")}, .code = SERVER, .says = "HTTP 308"},
    {"303 to a file",
     {.answer = MOVED("303", "file:///etc/passwd")},
     .code = SERVER,
     .says = "HTTP 303"},
    {"what would be remembered",
     {.answer =
          OK "Set-Cookie: a=b; Domain=thredfi.com\r\nAlt-Svc: h2=\"evil.example:443\"; ma=9\r\n"
             "Strict-Transport-Security: max-age=9\r\nRefresh: 0; url=https://evil.example\r\n"
             "Link: <https://evil.example>; rel=preload\r\n\r\n" FINE}},

    /* ---- TLS ---- */
    {"TLS 1.0 only",
     {.answer = "", .max_version = TLS1_VERSION},
     .code = NETWORK,
     .says = "version"},
    {"TLS 1.1 only",
     {.answer = JSON FINE, .max_version = TLS1_1_VERSION},
     .code = NETWORK,
     .says = "version",
     .by = ALL},
    {"TLS 1.2 only", {.answer = JSON FINE, .max_version = TLS1_2_VERSION}},
    {"HTTP in place of TLS",
     {HOSTILE_NO_TLS, JSON FINE},
     .code = NETWORK,
     .says = "SSL",
     .by = ALL},
    {"garbage in place of TLS",
     {HOSTILE_NO_TLS, BYTES("\x16\3\3\x40\0\2\xff\xff\xff\xff\x1b[2J")},
     .code = NETWORK,
     .says = "SSL"},
    {"an alert in place of TLS",
     {HOSTILE_NO_TLS, BYTES("\x15\3\3\0\2\2\x28")},
     .code = NETWORK,
     .says = "SSL"},
    {"a certificate that has expired",
     {.answer = JSON FINE},
     EXPIRED,
     .code = NETWORK,
     .says = "expired",
     .by = ALL},
    {"a certificate of tomorrow",
     {.answer = JSON FINE},
     NOT_YET,
     .code = NETWORK,
     .says = "not yet valid"},
    {"a certificate for another name",
     {.answer = JSON FINE},
     OTHER_NAME,
     .code = NETWORK,
     .says = "name",
     .by = ALL},
    {"a certificate of its own",
     {.answer = JSON FINE},
     SELF_SIGNED,
     .code = NETWORK,
     .says = "self"},
    {"a certificate of another authority",
     {.answer = JSON FINE},
     FOREIGN,
     .code = NETWORK,
     .says = "unable to get local issuer certificate"},
    {"a certificate of another authority of the same name",
     {.answer = JSON FINE},
     FORGED,
     .code = NETWORK,
     .says = "SSL"},
    {"a certificate with escapes in its name",
     {.answer = JSON FINE},
     ESCAPES,
     .code = NETWORK,
     .says = "name"},

    /* ---- cut off ---- */
    {"reset at once",
     {HOSTILE_TCP_RESET},
     .code = NETWORK,
     .says = "failed",
     .by = OTHERS,
     .connections = 2},
    {"reset after the ClientHello",
     {HOSTILE_HELLO_RESET},
     .code = NETWORK,
     .says = "reset",
     .by = ALL},
    {"end after the ClientHello", {HOSTILE_HELLO_END}, .code = NETWORK, .says = "SSL"},
    {"reset after the handshake", {HOSTILE_DEAF}, .code = NETWORK, .says = "failed", .by = ALL},
    {"reset after the request", {HOSTILE_RESET, ""}, .code = NETWORK, .says = "failed", .by = ALL},
    {"reset within the header", {HOSTILE_RESET, OK "X-Ha"}, .code = NETWORK, .says = "failed"},
    {"reset within the body",
     {HOSTILE_RESET, OK "Content-Length: " FINE_LENGTH "\r\n\r\n{\"access"},
     .code = NETWORK,
     .says = "failed"},
    {"cut off after the request", {HOSTILE_TRUNCATE, ""}, .code = NETWORK, .says = "failed"},
    {"cut off within the header",
     {HOSTILE_TRUNCATE, OK "X-Ha"},
     .code = SERVER,
     .says = "with an empty body"},
    {"cut off within a body of known length",
     {HOSTILE_TRUNCATE, OK "Content-Length: " FINE_LENGTH "\r\n\r\n{\"access"},
     .code = NETWORK,
     .says = "failed"},
    {"cut off within a body of unknown length",
     {HOSTILE_TRUNCATE, JSON "{\"access_token\":\"half"},
     .code = SERVER,
     .says = "the text ends too early"},
    /* Its end is the object's: nothing can be missing. */
    {"cut off after a body of unknown length", {HOSTILE_TRUNCATE, JSON FINE}},
    {"ended within a body of unknown length",
     {.answer = JSON "{\"access_token\":\"half"},
     .code = SERVER,
     .says = "the text ends too early"},

    /* ---- HTTP/2 ---- */
    {"h2: garbage",
     {.h2 = true, BYTES("\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x1b[2J")},
     .code = NETWORK,
     .says = "failed"},
    {"h2: HTTP/1.1", {.h2 = true, BYTES(JSON FINE)}, .code = NETWORK, .says = "failed"},
    {"h2: a header without an end",
     {FLOOD(H2_CONTINUATION), .h2 = true, BYTES(H2_SETTINGS H2_HEADERS)},
     .code = NETWORK,
     .says = "Too many CONTINUATION"},
    {"h2: a body without an end",
     {FLOOD(H2_DATA), .h2 = true, BYTES(H2_SETTINGS H2_HEADERS_END)},
     .code = TOO_LARGE,
     .says = "a body above the limit"},
    {"h2: pings without an end",
     {FLOOD(H2_PING), .h2 = true, BYTES(H2_SETTINGS)},
     .code = NETWORK,
     .says = "failed"},
    {"h2: go away",
     {.h2 = true, BYTES(H2_SETTINGS H2_GOAWAY)},
     .code = NETWORK,
     .says = "HTTP",
     .connections = 8},
    {"h2: a stream refused",
     {.h2 = true, BYTES(H2_SETTINGS H2_REFUSED)},
     .code = NETWORK,
     .says = "failed",
     .connections = 8},
};
const size_t hostile_cases_count = sizeof hostile_cases / sizeof hostile_cases[0];

static char *answer_with(size_t length)
{
  static const char head[] = JSON "{\"access_token\":\"", tail[] = "\"," REST;
  char *answer = malloc(sizeof head + length + sizeof tail);
  if (!answer)
    return NULL;
  strcpy(answer, head);
  memset(answer + strlen(head), 'x', length);
  strcpy(answer + strlen(head) + length, tail);
  return answer;
}

void hostile_cases_complete(Case *one)
{
  static char *made[2];
  if (one->how.answer == exactly)
    one->how.answer = made[0] ? made[0] : (made[0] = answer_with(32768));
  else if (one->how.answer == one_more)
    one->how.answer = made[1] ? made[1] : (made[1] = answer_with(32769));
  if (!one->how.answer)
    one->how.answer = "";
}
