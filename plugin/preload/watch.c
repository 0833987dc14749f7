/* SPDX-License-Identifier: MIT */
#include "plugin/preload/watch.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/ascii.h"

/* ---- the table ---- */

#define BUCKET_BITS 14
#define BUCKETS     (1u << BUCKET_BITS)

/* Heads of lists that only grow, at the front. Made for the first handle; of its 128 KiB a program
 * touches a page for each handle that it has, up to all. */
typedef _Atomic(Watch *) Bucket;
static _Atomic(Bucket *) buckets;

static Bucket *make_buckets(void)
{
  Bucket *made = calloc(BUCKETS, sizeof *made), *there = NULL;
  if (made && !atomic_compare_exchange_strong(&buckets, &there, made)) {
    free(made);
    made = there;
  }
  return made;
}

/* The bucket's place in the table. */
static size_t hash(const void *key)
{
  /* Allocations lie 16 bytes apart at least, and handles kilobytes: let all bits have a say. */
  uint64_t bits = (uint64_t)(uintptr_t)key * UINT64_C(0x9e3779b97f4a7c15);
  return (size_t)(bits >> (64 - BUCKET_BITS));
}

Watch *watch_find(const void *key)
{
  Bucket *table = atomic_load_explicit(&buckets, memory_order_acquire);
  if (!table || !key)
    return NULL;
  Watch *watch = atomic_load_explicit(&table[hash(key)], memory_order_acquire);
  while (watch && atomic_load_explicit(&watch->key, memory_order_acquire) != key)
    watch = watch->next;
  return watch;
}

/* A free place in the bucket, or a new one, made `key`'s. */
static Watch *claim(void *key)
{
  Bucket *table = atomic_load_explicit(&buckets, memory_order_acquire);
  if (!table && !(table = make_buckets()))
    return NULL;
  Bucket *bucket = &table[hash(key)];
  Watch *watch = atomic_load_explicit(bucket, memory_order_acquire);
  for (; watch; watch = watch->next) {
    void *none = NULL;
    if (atomic_compare_exchange_strong(&watch->key, &none, key))
      return watch;
  }
  if (!(watch = calloc(1, sizeof *watch)))
    return NULL;
  atomic_init(&watch->key, key);
  watch->next = atomic_load(bucket);
  while (!atomic_compare_exchange_weak(bucket, &watch->next, watch))
    ;
  return watch;
}

Watch *watch_add(void *key, const Library *library)
{
  Watch *watch = watch_find(key);
  if (!watch && !(watch = claim(key)))
    return NULL;
  watch->handle = NULL;
  watch->armed = watch->resting = watch->judged = false;
  watch->ours = false;
  watch->loop = NULL;
  watch->limit = 0;
  watch->notify = (Notify){0};
  watch->is_done = false;
  watch->waiting = watch->parked = watch->changed = watch->ended = watch->untold = false;
  watch->hidden = 0;
  watch->paused = 0;
  watch->library = library;
  watch_set_multi(watch, NULL);
  atomic_store_explicit(&watch->members, 0, memory_order_relaxed);
  watch_reset(watch);
  return watch;
}

void watch_remove(Watch *watch)
{
  watch->handle = NULL;
  watch->armed = watch->resting = false;
  watch_set_multi(watch, NULL);
  watch_reset(watch);
  atomic_store_explicit(&watch->key, NULL, memory_order_release);
}

static void count_members(const void *multi, int change)
{
  Watch *watch = watch_find(multi);
  if (watch)
    atomic_fetch_add_explicit(&watch->members, (unsigned)change, memory_order_relaxed);
}

void watch_set_multi(Watch *watch, void *multi)
{
  void *before = atomic_exchange_explicit(&watch->multi, multi, memory_order_relaxed);
  if (before != multi) {
    count_members(before, -1);
    count_members(multi, 1);
  }
}

/* Looks at every handle of the process; not for the many CURLMs that have none, such as those that
 * curl_easy_perform makes. */
void watch_each_of(Watch *multi, void (*act)(Watch *))
{
  void *key = atomic_load_explicit(&multi->key, memory_order_relaxed);
  Bucket *table = atomic_load_explicit(&buckets, memory_order_acquire);
  for (unsigned i = 0; table && i < BUCKETS && atomic_load(&multi->members) > 0; i++)
    for (Watch *watch = atomic_load_explicit(&table[i], memory_order_acquire); watch;
         watch = watch->next)
      if (atomic_load_explicit(&watch->multi, memory_order_relaxed) == key)
        act(watch);
}

/* ---- what is set ---- */

static const PreloadProgram defaults = {.http_auth = CURLAUTH_BASIC,
                                        .header_opt = CURLHEADER_SEPARATE,
                                        .max_redirects = -1,
                                        .proxy_auth = CURLAUTH_BASIC};

void watch_reset(Watch *watch)
{
  free(watch->url);
  free(watch->netrc_file);
  watch->url = watch->netrc_file = NULL;
  watch->may_be_thred = watch->unknown = watch->has_fields = false;
  watch->program = defaults;
  watch->program.write_data = stdout; /* url.c, Curl_init_userdefined */
  watch->program.read_data = stdin;
}

/* A copy of `text`, which may be NULL; false: out of memory. */
static bool copy_text(char **copy, const char *text)
{
  *copy = text ? strdup(text) : NULL;
  return *copy || !text;
}

bool watch_copy(Watch *copy, const Watch *from)
{
  if (!copy_text(&copy->url, from->url) || !copy_text(&copy->netrc_file, from->netrc_file))
    return false;
  copy->program = from->program;
  copy->program.url = copy->url;
  copy->program.netrc_file = copy->netrc_file;
  copy->program.written = NULL;
  copy->may_be_thred = from->may_be_thred;
  copy->unknown = from->unknown;
  copy->has_fields = from->has_fields;
  copy->ours = from->ours;
  return true;
}

/* ---- options ---- */

#if LIBCURL_VERSION_NUM < 0x075000
#define CURLOPT_PREREQFUNCTION ((CURLoption)(CURLOPTTYPE_FUNCTIONPOINT + 312))
#define CURLOPT_PREREQDATA     ((CURLoption)(CURLOPTTYPE_CBPOINT + 313))
#endif

/* By number: they are deprecated, or (from REDIR_PROTOCOLS_STR on) younger than 7.80. */
#define OPTION_HTTPPOST            (CURLOPTTYPE_OBJECTPOINT + 24)
#define OPTION_PUT                 (CURLOPTTYPE_LONG + 54)
#define OPTION_IOCTLFUNCTION       (CURLOPTTYPE_FUNCTIONPOINT + 130)
#define OPTION_IOCTLDATA           (CURLOPTTYPE_CBPOINT + 131)
#define OPTION_REDIR_PROTOCOLS     (CURLOPTTYPE_LONG + 182)
#define OPTION_REDIR_PROTOCOLS_STR (CURLOPTTYPE_STRINGPOINT + 319)
#define OPTION_HTTPSIG_ALGORITHM   (CURLOPTTYPE_LONG + 329) /* 8.22 */
#define AUTH_HTTPSIG               (1ul << 8)

WatchCare watch_cares(CURLoption option)
{
  switch ((int)option) {
  case CURLOPT_WRITEFUNCTION:
  case CURLOPT_WRITEDATA:
  case CURLOPT_HEADERFUNCTION:
  case CURLOPT_HEADERDATA:
    return WATCH_TAKES;
  case CURLOPT_READFUNCTION:
  case CURLOPT_READDATA:
    return WATCH_READS;
  case CURLOPT_TIMEOUT:
  case CURLOPT_TIMEOUT_MS:
  case CURLOPT_HTTPGET:
  case CURLOPT_CUSTOMREQUEST:
  case CURLOPT_NOBODY:
  case CURLOPT_POST:
  case CURLOPT_POSTFIELDS:
  case CURLOPT_COPYPOSTFIELDS:
  case OPTION_HTTPPOST:
  case CURLOPT_MIMEPOST:
  case OPTION_PUT:
  case CURLOPT_UPLOAD:
  case CURLOPT_USERAGENT:
  case CURLOPT_REFERER:
  case CURLOPT_COOKIE:
  case CURLOPT_RANGE:
  case CURLOPT_ACCEPT_ENCODING:
  case CURLOPT_SEEKFUNCTION:
  case CURLOPT_SEEKDATA:
  case OPTION_IOCTLFUNCTION:
  case OPTION_IOCTLDATA:
  case CURLOPT_RESUME_FROM:
  case CURLOPT_RESUME_FROM_LARGE:
    return WATCH_NOTES;
  case CURLOPT_URL:
  case CURLOPT_CURLU:
  case CURLOPT_HTTPHEADER:
  case CURLOPT_HEADEROPT:
  case CURLOPT_PREREQFUNCTION:
  case CURLOPT_PREREQDATA:
  case CURLOPT_SOCKOPTFUNCTION:
  case CURLOPT_SOCKOPTDATA:
  case CURLOPT_HTTPAUTH:
  case CURLOPT_XOAUTH2_BEARER:
  case CURLOPT_USERPWD:
  case CURLOPT_USERNAME:
  case CURLOPT_PASSWORD:
  case CURLOPT_AWS_SIGV4:
  case OPTION_HTTPSIG_ALGORITHM:
  case CURLOPT_NETRC:
  case CURLOPT_NETRC_FILE:
  case CURLOPT_SSL_VERIFYPEER:
  case CURLOPT_SSL_VERIFYHOST:
  case CURLOPT_CONNECT_ONLY:
  case CURLOPT_REQUEST_TARGET:
  case CURLOPT_PORT:
  case CURLOPT_MAXREDIRS:
  case CURLOPT_FAILONERROR:
  case CURLOPT_UNRESTRICTED_AUTH:
  case CURLOPT_PROXY:
  case CURLOPT_PRE_PROXY:
  case CURLOPT_PROXYAUTH:
  case CURLOPT_PROXYUSERPWD:
  case CURLOPT_PROXYUSERNAME:
  case OPTION_REDIR_PROTOCOLS:
  case OPTION_REDIR_PROTOCOLS_STR:
    return WATCH_JUDGES;
  default:
    return WATCH_IGNORES;
  }
}

static void note_text(Watch *watch, char **copy, const char **member, const char *text)
{
  free(*copy);
  watch->unknown |= !copy_text(copy, text);
  *member = *copy;
}

static bool mentions_domain(const char *text)
{
  for (; *text; text++)
    if (ascii_lower(*text) == WATCH_DOMAIN[0] &&
        ascii_equal_n(text, WATCH_DOMAIN, sizeof WATCH_DOMAIN - 1))
      return true;
  return false;
}

static void note_url(Watch *watch, const char *url)
{
  note_text(watch, &watch->url, &watch->program.url, url);
  watch->may_be_thred = watch->url && mentions_domain(watch->url);
}

static void note_function(void *member, const void *pointer)
{
  memcpy(member, &pointer, sizeof pointer);
}

/* How the program authorises its requests, as far as libcurl does it. */
static void note_authorisation(PreloadProgram *program, CURLoption option, Argument argument)
{
  bool given = argument.pointer != NULL;
  switch ((int)option) {
  case CURLOPT_HTTPAUTH:
    program->http_auth = (unsigned long)(uintptr_t)argument.pointer;
    break;
  case CURLOPT_XOAUTH2_BEARER:
    program->bearer = given;
    break;
  case CURLOPT_USERPWD: /* sets both */
    program->user = program->password = given;
    break;
  case CURLOPT_USERNAME:
    program->user = given;
    break;
  case CURLOPT_PASSWORD:
    program->password = given;
    break;
  case CURLOPT_AWS_SIGV4: /* sets the method too (setopt.c, 7.75 and later) */
    program->signature = given;
    if (given)
      program->http_auth = CURLAUTH_AWS_SIGV4;
    break;
  case OPTION_HTTPSIG_ALGORITHM: /* does, too (setopt.c of 8.22) */
    program->message_signature = given;
    program->http_auth = given ? AUTH_HTTPSIG : program->http_auth & ~AUTH_HTTPSIG;
    break;
  default:
    break;
  }
}

/* Anything but HTTP and FTP, with and without TLS, in a list such as "http,https"? */
static bool allows_more(const char *protocols)
{
  static const char *const narrow[] = {"http", "https", "ftp", "ftps"};
  while (protocols && *protocols) {
    size_t length = strcspn(protocols, ",");
    bool found = length == 0;
    for (size_t i = 0; i < sizeof narrow / sizeof narrow[0]; i++)
      found |= strlen(narrow[i]) == length && ascii_equal_n(protocols, narrow[i], length);
    if (!found)
      return true;
    protocols += length + (protocols[length] == ',');
  }
  return false;
}

static void note_proxy(PreloadProgram *program, CURLoption option, const char *url)
{
  if (option == CURLOPT_PRE_PROXY) {
    program->pre_proxy = url && *url;
  } else {
    program->proxy = url && *url;
    program->proxy_denied = url && !*url;
  }
}

/* Where redirects may lead, and what goes along or to a proxy. */
static void note_journey(PreloadProgram *program, CURLoption option, Argument argument)
{
  const unsigned long narrow = CURLPROTO_HTTP | CURLPROTO_HTTPS | CURLPROTO_FTP | CURLPROTO_FTPS;
  unsigned long bits = (unsigned long)(uintptr_t)argument.pointer;
  switch ((int)option) {
  case CURLOPT_UNRESTRICTED_AUTH:
    program->unrestricted_auth = bits != 0;
    break;
  case CURLOPT_PROXY:
  case CURLOPT_PRE_PROXY:
    note_proxy(program, option, argument.pointer);
    break;
  case CURLOPT_PROXYAUTH:
    program->proxy_auth = bits;
    break;
  case CURLOPT_PROXYUSERPWD:
  case CURLOPT_PROXYUSERNAME:
    program->proxy_user = argument.pointer != NULL;
    break;
  case OPTION_REDIR_PROTOCOLS:
    program->wide_redirects = (bits & ~narrow) != 0;
    break;
  case OPTION_REDIR_PROTOCOLS_STR:
    program->wide_redirects = allows_more(argument.pointer);
    break;
  default:
    break;
  }
}

/* How the request is sent. */
static void note_request(PreloadProgram *program, CURLoption option, Argument argument)
{
  long number = (long)(intptr_t)argument.pointer;
  switch ((int)option) {
  case CURLOPT_NETRC:
    program->netrc = number;
    break;
  case CURLOPT_SSL_VERIFYPEER:
    program->unverified_peer = number == 0;
    break;
  case CURLOPT_SSL_VERIFYHOST:
    program->unverified_host = number == 0;
    break;
  case CURLOPT_CONNECT_ONLY:
    program->connect_only = number != 0;
    break;
  case CURLOPT_REQUEST_TARGET:
    program->request_target = argument.pointer != NULL;
    break;
  case CURLOPT_PORT:
    program->port = number;
    break;
  case CURLOPT_MAXREDIRS:
    program->max_redirects = number;
    break;
  case CURLOPT_FAILONERROR:
    program->fail_on_error = number != 0;
    break;
  default:
    break;
  }
}

/* libcurl sends these as they are, before the program's list and so before the token: with the end
 * of a request in one of them, the token would go along with another request. */
static void note_fields(PreloadProgram *program, CURLoption option, Argument argument)
{
  static const CURLoption fields[] = {CURLOPT_USERAGENT, CURLOPT_REFERER, CURLOPT_COOKIE,
                                      CURLOPT_RANGE, CURLOPT_ACCEPT_ENCODING};
  const char *text = argument.pointer;
  for (unsigned i = 0; i < sizeof fields / sizeof fields[0]; i++) {
    if (fields[i] != option)
      continue;
    program->line_ends &= ~(1u << i);
    if (text && strpbrk(text, "\r\n"))
      program->line_ends |= 1u << i;
  }
}

/* What is ours while the handle is armed. */
static bool note_taken_over(PreloadProgram *program, CURLoption option, Argument argument)
{
  switch ((int)option) {
  case CURLOPT_HTTPHEADER:
    program->headers = argument.pointer;
    return true;
  case CURLOPT_HEADEROPT:
    program->header_opt = (long)(intptr_t)argument.pointer;
    return true;
  case CURLOPT_PREREQFUNCTION:
    note_function(&program->prereq, argument.pointer);
    return true;
  case CURLOPT_PREREQDATA:
    program->prereq_data = argument.pointer;
    return true;
  case CURLOPT_SOCKOPTFUNCTION:
    note_function(&program->sockopt, argument.pointer);
    return true;
  case CURLOPT_SOCKOPTDATA:
    program->sockopt_data = argument.pointer;
    return true;
  default:
    return false;
  }
}

/* ---- what it sends and gets ---- */

/* The kind of body, as setopt.c keeps it: the last of these options wins. */
static void note_body(Watch *watch, CURLoption option, Argument argument)
{
  PreloadProgram *program = &watch->program;
  const bool on = argument.pointer != NULL;
  switch ((int)option) {
  case CURLOPT_HTTPGET:
  case CURLOPT_NOBODY:
    if (on)
      program->body = PRELOAD_NO_BODY;
    break;
  case CURLOPT_POST: /* without fields, what READFUNCTION gives */
    program->body = !on ? PRELOAD_NO_BODY : watch->has_fields ? PRELOAD_FIELDS : PRELOAD_READ;
    break;
  case CURLOPT_POSTFIELDS:
  case CURLOPT_COPYPOSTFIELDS:
    watch->has_fields = on;
    program->body = on ? PRELOAD_FIELDS : PRELOAD_READ;
    break;
  case OPTION_HTTPPOST:
    program->form = argument.pointer;
    program->body = PRELOAD_FORM;
    break;
  case CURLOPT_MIMEPOST:
    program->body = PRELOAD_MIME;
    break;
  case OPTION_PUT:
  case CURLOPT_UPLOAD:
    program->body = on ? PRELOAD_READ : PRELOAD_NO_BODY;
    break;
  default:
    break;
  }
}

static void note_sending(PreloadProgram *program, CURLoption option, Argument argument)
{
  switch ((int)option) {
  case CURLOPT_READFUNCTION:
    note_function(&program->read, argument.pointer);
    break;
  case CURLOPT_READDATA:
    program->read_data = argument.pointer;
    break;
  case CURLOPT_SEEKFUNCTION:
    note_function(&program->seek, argument.pointer);
    break;
  case CURLOPT_SEEKDATA:
    program->seek_data = argument.pointer;
    break;
  case OPTION_IOCTLFUNCTION:
    note_function(&program->ioctl, argument.pointer);
    break;
  case OPTION_IOCTLDATA:
    program->ioctl_data = argument.pointer;
    break;
  case CURLOPT_RESUME_FROM:
    program->resumes = argument.pointer != NULL;
    break;
  case CURLOPT_RESUME_FROM_LARGE:
    program->resumes = (sizeof argument.pointer < sizeof argument.large) ? argument.large != 0
                                                                         : argument.pointer != NULL;
    break;
  default:
    break;
  }
}

static void note_getting(PreloadProgram *program, CURLoption option, Argument argument)
{
  switch ((int)option) {
  case CURLOPT_WRITEFUNCTION:
    note_function(&program->write, argument.pointer);
    break;
  case CURLOPT_WRITEDATA:
    program->write_data = argument.pointer;
    break;
  case CURLOPT_HEADERFUNCTION:
    note_function(&program->header, argument.pointer);
    break;
  case CURLOPT_HEADERDATA:
    program->header_data = argument.pointer;
    break;
  case CURLOPT_TIMEOUT:
    program->timeout_ms = (long)(intptr_t)argument.pointer * 1000;
    break;
  case CURLOPT_TIMEOUT_MS:
    program->timeout_ms = (long)(intptr_t)argument.pointer;
    break;
  default:
    break;
  }
}

void watch_note(Watch *watch, CURLoption option, Argument argument)
{
  PreloadProgram *program = &watch->program;
  if (watch_cares(option) != WATCH_TAKES)
    watch->settled = false;
  if (option == CURLOPT_URL)
    note_url(watch, argument.pointer);
  else if (option == CURLOPT_CURLU)
    program->curlu = argument.pointer;
  else if (option == CURLOPT_NETRC_FILE)
    note_text(watch, &watch->netrc_file, &program->netrc_file, argument.pointer);
  else if (!note_taken_over(program, option, argument)) {
    note_authorisation(program, option, argument);
    note_request(program, option, argument);
    note_fields(program, option, argument);
    note_journey(program, option, argument);
    note_body(watch, option, argument);
    note_sending(program, option, argument);
    note_getting(program, option, argument);
  }
}
