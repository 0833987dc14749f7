/* SPDX-License-Identifier: MIT */
/* lib/netrc: whenever libcurl takes a password from a netrc file, we knew. The libcurl that the
 * test runs with is asked itself: it makes each request, and a server looks for Authorization. */
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <pthread.h>
#include <pwd.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <curl/curl.h>

#include "lib/netrc.h"
#include "tests/unit/child.h"

#define HOST        "api.thredfi.com"
#define LOGIN       " login me password secret\n"
#define SOMEBODY    65534
#define SEED        0x9e3779b97f4a7c15u
#define MUTATIONS   20000
#define TRANSFERS   500
#define TEXT_ROOM   4000
#define FILE_LIMIT  (1 << 20)
#define ERRNO_PROBE 12345

/* ---- the table ---- */

/* What the versions of libcurl do with a file. VARIES: not all the same. */
typedef enum { NEVER, VARIES, ALWAYS } Libcurl;

typedef struct {
  const char *name, *text;
  size_t length;
  bool ours;
  Libcurl libcurl;
} Case;

#define CASE(name, text, ours, libcurl)                                                            \
  {                                                                                                \
    name, text, sizeof(text) - 1, ours, libcurl                                                    \
  }
#define OTHER "machine other.test"

static const Case cases[] = {
    /* entries */
    CASE("host", "machine " HOST LOGIN, true, ALWAYS),
    CASE("host over lines", "machine " HOST "\nlogin me\npassword secret\n", true, ALWAYS),
    CASE("indented", "machine " HOST "\n\tlogin me\n\tpassword secret\n", true, ALWAYS),
    CASE("tabs", "machine\t" HOST "\tlogin\tme\tpassword\tsecret\n", true, ALWAYS),
    CASE("many blanks", "   machine    " HOST "   login  me   password  secret\n", true, ALWAYS),
    CASE("name on the next line", "machine\n" HOST LOGIN, true, ALWAYS),
    CASE("password first", "machine " HOST " password secret login me\n", true, ALWAYS),
    CASE("account", "machine " HOST " account x" LOGIN, true, ALWAYS),
    CASE("second entry", OTHER LOGIN "machine " HOST LOGIN, true, ALWAYS),
    CASE("first entry", "machine " HOST LOGIN OTHER LOGIN, true, ALWAYS),
    CASE("all on one line", OTHER " login a password b machine " HOST LOGIN, true, ALWAYS),
    CASE("default", "default" LOGIN, true, ALWAYS),
    CASE("default behind another", OTHER LOGIN "default" LOGIN, true, ALWAYS),
    CASE("default over lines", "default\nlogin me\npassword secret\n", true, ALWAYS),
    CASE("capitals", "MACHINE API.THREDFI.COM LOGIN me PASSWORD secret\n", true, ALWAYS),
    CASE("mixed case", "Machine Api.ThredFi.com Login me Password secret\n", true, ALWAYS),
    CASE("capital default", "DEFAULT" LOGIN, true, ALWAYS),
    CASE("no final newline", "machine " HOST " login me password secret", true, ALWAYS),
    CASE("default, no newline", OTHER LOGIN "default login me password secret", true, ALWAYS),
    CASE("blank lines", "\n\n\nmachine " HOST LOGIN "\n\n", true, ALWAYS),
    CASE("behind a comment", "# mine\nmachine " HOST LOGIN, true, ALWAYS),
    CASE("junk before", "what is this machine " HOST LOGIN, true, ALWAYS),
    CASE("password default", "machine " HOST " login me password default\n", true, ALWAYS),
    CASE("password machine", "machine " HOST " login me password machine\n", true, ALWAYS),
    CASE("login machine", "machine " HOST " login machine password secret\n", true, ALWAYS),

    /* entries without all that belongs to them */
    CASE("no login", "machine " HOST " password secret\n", true, VARIES),
    CASE("no password", "machine " HOST " login me\n", true, ALWAYS),
    CASE("neither", "machine " HOST "\n", true, VARIES),
    CASE("neither, then another", "machine " HOST "\n" OTHER LOGIN, true, VARIES),
    CASE("default alone", "default\n", true, VARIES),
    CASE("default, then another", "default\n" OTHER LOGIN, true, VARIES),
    CASE("login without its value", "machine " HOST " login\n", true, VARIES),
    CASE("empty and full entry", "machine " HOST "\nmachine " HOST LOGIN, true, ALWAYS),

    /* other hosts */
    CASE("empty", "", false, NEVER),
    CASE("blank", " \t\n\n \n", false, NEVER),
    CASE("other", OTHER LOGIN, false, NEVER),
    CASE("two others", OTHER LOGIN "machine third.test" LOGIN, false, NEVER),
    CASE("other, no newline", OTHER " login me password secret", false, NEVER),
    CASE("longer name", "machine x" HOST LOGIN, false, NEVER),
    CASE("subdomain", "machine x." HOST LOGIN, false, NEVER),
    CASE("parent", "machine thredfi.com" LOGIN, false, NEVER),
    CASE("suffix", "machine " HOST ".evil.test" LOGIN, false, NEVER),
    CASE("prefix", "machine api.thredfi.co" LOGIN, false, NEVER),
    CASE("port", "machine " HOST ":443" LOGIN, false, NEVER),
    CASE("URL", "machine https://" HOST LOGIN, false, NEVER),
    CASE("mail address", OTHER " login me@" HOST " password secret\n", false, NEVER),
    CASE("default in a name", "machine default.test" LOGIN, false, NEVER),
    CASE("defaults", "defaults" LOGIN, false, NEVER),
    CASE("default in a password", OTHER " login me password my-default-1\n", false, NEVER),
    CASE("password machine elsewhere", OTHER " login me password machine\n", false, NEVER),
    CASE("no keyword", "login me password secret\n", false, NEVER),
    CASE("keyword alone", "machine\n", false, NEVER),
    CASE("no file of this kind", "{ \"hello\": [1, 2, 3] }\n", false, NEVER),
    CASE("final dot", "machine " HOST "." LOGIN, true, NEVER),
    CASE("host as a login", OTHER " login " HOST " password secret\n", true, NEVER),
    CASE("host as a password", OTHER " login me password " HOST "\n", true, NEVER),
    CASE("host without keyword", HOST LOGIN, true, NEVER),
    CASE("other called default", "machine default" LOGIN, true, NEVER),
    CASE("default as a password", OTHER " login me password default\n", true, VARIES),
    CASE("default as a login", OTHER " login default password secret\n", true, VARIES),
    CASE("machine as a password", OTHER " password machine " HOST LOGIN, true, VARIES),
    CASE("machine twice", "machine machine " HOST LOGIN, true, NEVER),

    /* comments */
    CASE("comment", "# machine " HOST LOGIN, false, NEVER),
    CASE("indented comment", " \t # machine " HOST LOGIN, false, NEVER),
    CASE("comment without blank", "#default" LOGIN, false, NEVER),
    CASE("default in a comment", OTHER LOGIN "# by default\n", false, NEVER),
    CASE("quote in a comment", "# don't \"say this\n" OTHER LOGIN, false, NEVER),
    CASE("comment behind", OTHER " # machine " HOST LOGIN, true, VARIES),
    CASE("comment behind the keyword", "machine # mine\n" HOST LOGIN, true, VARIES),
    CASE("hash in a password", OTHER " password a#b\n", false, NEVER),
    CASE("comment, no final newline", "#  machine " HOST " login me password secret\nx", true,
         VARIES),
    CASE("comment alone, no newline", "# machine " HOST " login me password secret", true, NEVER),
    CASE("vertical tab and comment", "\v# default" LOGIN, true, VARIES),

    /* macros */
    CASE("macro", "macdef go\ncd /tmp\n\nmachine " HOST LOGIN, true, ALWAYS),
    CASE("macro and other", "macdef go\ncd /tmp\n\n" OTHER LOGIN, false, NEVER),
    CASE("machine in a macro", "macdef go\nmachine x\n\n" OTHER LOGIN, false, NEVER),
    CASE("entry in a macro", "macdef go\nmachine " HOST LOGIN "\n" OTHER LOGIN, true, VARIES),
    CASE("default in a macro", "macdef go\ndefault" LOGIN "\n", true, VARIES),
    CASE("macro called machine", "macdef machine\ncd /\n\nmachine " HOST LOGIN, true, ALWAYS),
    CASE("macro ends in machine", "macdef go\nmachine\n\nmachine " HOST LOGIN, true, VARIES),
    CASE("macro of the entry", "machine " HOST LOGIN "macdef go\ncd /\n\n", true, ALWAYS),
    CASE("macro without end", "macdef go\nmachine " HOST LOGIN, true, VARIES),

    /* quotes */
    CASE("quoted values", "machine " HOST " login \"me\" password \"a b\"\n", true, ALWAYS),
    CASE("quoted host", "machine \"" HOST "\"" LOGIN, true, VARIES),
    CASE("quoted keyword", "\"machine\" " HOST LOGIN, true, VARIES),
    CASE("quoted default", "\"default\"" LOGIN, true, VARIES),
    CASE("escaped default", "\"defa\\ult\" " LOGIN, true, VARIES),
    CASE("escaped host", "machine \"api.\\thredfi.com\"" LOGIN, true, NEVER),
    CASE("escaped dot", "machine \"api\\.thredfi.com\"" LOGIN, true, VARIES),
    CASE("escapes in values", "machine " HOST " login me password \"a\\\"b\"\n", true, ALWAYS),
    CASE("other, quoted", OTHER " login \"me\" password \"a \\\" b\"\n", false, NEVER),
    CASE("other, quoted blank", OTHER " login me password \"\"\n", false, NEVER),
    CASE("glued to a quote", "\"x\"default" LOGIN, true, VARIES),
    CASE("behind a quote and one", "\"x\"-default" LOGIN, true, VARIES),
    CASE("host in quotes and more", OTHER " password \"my " HOST " one\"\n", true, NEVER),
    CASE("quote within a word", OTHER " login me password a\"b\n", false, NEVER),
    CASE("open quote", OTHER " login me password \"secret\n", true, NEVER),
    CASE("open quote, entry below", OTHER " login \"me\nmachine " HOST LOGIN, true, VARIES),
    CASE("quote over lines", OTHER " login \"\nx\" machine " HOST LOGIN, true, VARIES),
    CASE("entry, then open quote", "machine " HOST LOGIN "login \"x\n", true, VARIES),
    CASE("escaped end", OTHER " login me password \"secret\\\"\n", true, NEVER),
    CASE("backslash at the end", OTHER " login me password \"secret\\\n", true, NEVER),
    CASE("other, quotes, no newline", OTHER " login me password \"secret\"", true, NEVER),

    /* bytes */
    CASE("CRLF", "machine " HOST " login me password secret\r\n", true, ALWAYS),
    CASE("CRLF over lines", "machine " HOST "\r\nlogin me\r\npassword x\r\n", true, VARIES),
    CASE("CRLF default", "default\r\nlogin me\r\npassword secret\r\n", true, VARIES),
    CASE("CRLF, other", OTHER "\r\nlogin me\r\npassword secret\r\n", false, NEVER),
    CASE("CR only", OTHER " login x\rdefault" LOGIN, true, VARIES),
    CASE("form feed", "machine\f" HOST LOGIN, true, VARIES),
    CASE("0 at the start", "\0machine " HOST LOGIN, true, NEVER),
    CASE("0 in the middle", "machine " HOST " login me\0 password secret\n", true, VARIES),
    CASE("0 of another", OTHER " login me password \0\n", true, NEVER),
    CASE("0 in a comment", "# x\0y\ndefault" LOGIN, true, VARIES),
    CASE("mark of UTF-8", "\xef\xbb\xbf" OTHER LOGIN, false, NEVER),
    CASE("mark and default", "\xef\xbb\xbf default" LOGIN, true, VARIES),
    CASE("mark, entry", "\xef\xbb\xbfmachine x\nmachine " HOST LOGIN, true, VARIES),
    CASE("UTF-8 of another",
         OTHER " login m\xc3\xa9 password s\xc3\xa9"
               "cret\n",
         false, NEVER),
    CASE("Latin-1 and default",
         OTHER " login m\xe9"
               "default" LOGIN,
         true, VARIES),
    CASE("control code", OTHER " login a\001default" LOGIN, true, VARIES),
};

/* ---- a server that looks for Authorization, and transfers to it ---- */

typedef struct {
  char folder[64];
  char path[96];
  int listener;
  unsigned port;
  pthread_t thread;
  atomic_int requests, authorised;
} Place;

static void answer(Place *place, int fd)
{
  static const char ok[] = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
  char head[16384];
  size_t length = 0;
  for (ssize_t n = 1; n > 0 && length<sizeof head - 1; length += n> 0 ? (size_t)n : 0) {
    n = read(fd, head + length, sizeof head - 1 - length);
    head[length + (n > 0 ? (size_t)n : 0)] = 0;
    if (strstr(head, "\r\n\r\n"))
      break;
  }
  atomic_fetch_add(&place->requests, 1);
  if (strstr(head, "\r\nAuthorization:"))
    atomic_fetch_add(&place->authorised, 1);
  assert_true(write(fd, ok, sizeof ok - 1) > 0);
  close(fd);
}

/* Ends when the listener is shut down. */
static void *serve(void *data)
{
  Place *place = data;
  for (int fd; (fd = accept(place->listener, NULL, NULL)) >= 0;)
    answer(place, fd);
  return NULL;
}

static int setup(void **state)
{
  struct sockaddr_in address = {.sin_family = AF_INET};
  socklen_t size = sizeof address;
  Place *place = calloc(1, sizeof *place);
  strcpy(place->folder, "/tmp/thred-netrc-XXXXXX");
  if (!mkdtemp(place->folder))
    return -1;
  snprintf(place->path, sizeof place->path, "%s/.netrc", place->folder);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  place->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (bind(place->listener, (struct sockaddr *)&address, size) || listen(place->listener, 16) ||
      getsockname(place->listener, (struct sockaddr *)&address, &size) ||
      pthread_create(&place->thread, NULL, serve, place))
    return -1;
  place->port = ntohs(address.sin_port);
  unsetenv("NETRC");
  alarm(100);
  *state = place;
  return 0;
}

static int teardown(void **state)
{
  Place *place = *state;
  shutdown(place->listener, SHUT_RDWR);
  pthread_join(place->thread, NULL);
  close(place->listener);
  unlink(place->path);
  int failed = rmdir(place->folder);
  free(place);
  return failed;
}

typedef struct {
  const Place *place;
  const char *file;
} Transfer;

static void transfer(void *data)
{
  const Transfer *it = data;
  char url[64], resolve[64];
  signal(SIGSEGV, SIG_DFL);
  snprintf(url, sizeof url, "http://" HOST ":%u/", it->place->port);
  snprintf(resolve, sizeof resolve, HOST ":%u:127.0.0.1", it->place->port);
  struct curl_slist *list = curl_slist_append(NULL, resolve);
  CURL *curl = curl_easy_init();
  curl_easy_setopt(curl, CURLOPT_URL, url);
  curl_easy_setopt(curl, CURLOPT_PROXY, "");
  curl_easy_setopt(curl, CURLOPT_RESOLVE, list);
  curl_easy_setopt(curl, CURLOPT_NETRC, (long)CURL_NETRC_OPTIONAL);
  curl_easy_setopt(curl, CURLOPT_NETRC_FILE, it->file);
  CURLcode code = curl_easy_perform(curl);
  _exit((int)code);
}

/* Would the libcurl of this test send Authorization by this file? In a child, for 8.21.0 crashes on
 * a file of one comment without an end of line. */
static bool ask_libcurl(Place *place, const char *file)
{
  Transfer it = {place, file};
  int requests = atomic_load(&place->requests), authorised = atomic_load(&place->authorised);
  int status = child_wait(child_start(transfer, &it));
  /* What libcurl calls a file that it does not understand. */
  if (status == CURLE_READ_ERROR || status == CURLE_OUT_OF_MEMORY || status == 128 + SIGSEGV)
    return false;
  assert_int_equal(status, CURLE_OK);
  assert_true(atomic_load(&place->requests) > requests);
  return atomic_load(&place->authorised) > authorised;
}

/* ---- help ---- */

static bool ask(const char *file, const char *host)
{
  errno = ERRNO_PROBE;
  bool found = netrc_has_entry(file, host);
  assert_int_equal(errno, ERRNO_PROBE);
  return found;
}

static void write_file(const char *path, const char *text, size_t length)
{
  int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  assert_true(fd >= 0);
  for (ssize_t n; length > 0; text += n, length -= (size_t)n) {
    n = write(fd, text, length);
    assert_true(n > 0);
  }
  close(fd);
}

static void write_text(const char *path, const char *text)
{
  write_file(path, text, strlen(text));
}

/* `size` bytes: `unit` again and again. */
static void write_filled(const char *path, const char *unit, size_t size)
{
  char *text = malloc(size);
  for (size_t i = 0; i < size; i++)
    text[i] = unit[i % strlen(unit)];
  write_file(path, text, size);
  free(text);
}

/* ---- what is in the file ---- */

static void each_case_has_its_answer(void **state)
{
  Place *place = *state;
  size_t failed = 0;
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    write_file(place->path, cases[i].text, cases[i].length);
    if (ask(place->path, HOST) != cases[i].ours) {
      print_error("%s: not %d\n", cases[i].name, cases[i].ours);
      failed++;
    }
    assert_true(cases[i].ours || cases[i].libcurl == NEVER);
  }
  assert_int_equal(failed, 0);
}

static void whenever_libcurl_finds_an_entry_so_do_we(void **state)
{
  Place *place = *state;
  size_t failed = 0;
  print_message("with %s\n", curl_version());
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    write_file(place->path, cases[i].text, cases[i].length);
    bool theirs = ask_libcurl(place, place->path);
    if (theirs ? cases[i].libcurl == NEVER : cases[i].libcurl == ALWAYS) {
      print_error("%s: libcurl: %d\n", cases[i].name, theirs);
      failed++;
    }
    if (!theirs && cases[i].ours)
      print_message("  only we see an entry: %s\n", cases[i].name);
  }
  assert_int_equal(failed, 0);
}

static void long_lines_are_doubt(void **state)
{
  Place *place = *state;
  static const size_t lengths[] = {4000, 4093, 4094, 4095, 5000, 20000};
  for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
    write_filled(place->path, "#x", lengths[i]);
    assert_int_equal(ask(place->path, HOST), lengths[i] >= 4094);
    write_filled(place->path, "x", lengths[i]);
    assert_int_equal(ask(place->path, HOST), lengths[i] >= 4094);
  }
}

/* fgets() makes a line of its own of what follows the first 4095 bytes. */
static void a_cut_comment_is_no_comment(void **state)
{
  Place *place = *state;
  char text[8192] = "#";
  memset(text + 1, 'x', 4094);
  strcpy(text + 4095, "default" LOGIN);
  write_text(place->path, text);
  assert_true(ask(place->path, HOST));
  print_message("libcurl: %d\n", ask_libcurl(place, place->path));
}

static void large_files_are_doubt(void **state)
{
  Place *place = *state;
  write_filled(place->path, OTHER LOGIN, FILE_LIMIT / 2);
  assert_false(ask(place->path, HOST));
  write_filled(place->path, "#\n", FILE_LIMIT);
  assert_false(ask(place->path, HOST));
  write_filled(place->path, "#\n", FILE_LIMIT + 2);
  assert_true(ask(place->path, HOST));
  assert_int_equal(truncate(place->path, (off_t)1 << 40), 0);
  assert_true(ask(place->path, HOST));
}

typedef struct {
  const char *host, *text;
  bool ours;
} HostCase;

static const HostCase host_cases[] = {
    {"API.thredfi.COM", "machine " HOST LOGIN, true},
    {HOST ".", "machine " HOST LOGIN, true},
    {HOST ".", "machine " HOST "." LOGIN, true},
    {HOST ".", OTHER LOGIN, false},
    {"127.0.0.1", "machine 127.0.0.1" LOGIN, true},
    {"127.0.0.1", "machine 127.0.0.11" LOGIN, false},
    {"::1", "machine ::1" LOGIN, true},
    {"[::1]", "machine ::1" LOGIN, true},
    {"[::1]", "machine ::2" LOGIN, false},
    {"localhost", "machine localhost.test" LOGIN, false},
    {"a", "machine aa\nmachine ba\nmachine a.a\n", false},
    {"a", "machine aa\nmachine a", true},
    {"default", OTHER LOGIN, false},
    /* not to be compared */
    {"", OTHER LOGIN, true},
    {".", OTHER LOGIN, true},
    {NULL, OTHER LOGIN, true},
    {NULL, "", false},
    {"b\xc3\xbc"
     "cher.test",
     OTHER LOGIN, true},
    {"%61pi.thredfi.com", OTHER LOGIN, true},
    {"fe80::1%eth0", OTHER LOGIN, true},
    {"a b", OTHER LOGIN, true},
    {"a\"b", OTHER LOGIN, true},
};

static void hosts_are_compared_as_libcurl_does(void **state)
{
  Place *place = *state;
  for (size_t i = 0; i < sizeof host_cases / sizeof *host_cases; i++) {
    write_text(place->path, host_cases[i].text);
    if (ask(place->path, host_cases[i].host) != host_cases[i].ours)
      fail_msg("host %s in %s", host_cases[i].host, host_cases[i].text);
  }
}

/* ---- mutations ---- */

static uint64_t random_state;

static size_t random_below(size_t limit)
{
  random_state ^= random_state << 13;
  random_state ^= random_state >> 7;
  random_state ^= random_state << 17;
  return (size_t)(random_state >> 11) % limit;
}

static const char *const pieces[] = {
    "machine ", "machine", HOST,  "default", "login ", "password ", "macdef ", "account ", "other ",
    " ",        " ",       "\n",  "\n",      "\n\n",   "\r\n",      "\t",      "\"",       "\"",
    "\\",       "#",       "# ",  "x",       ".",      "\v",        "\f",      "\xc3\xa9", "\001",
    "\\n",      "\\t",     "me ", LOGIN,     OTHER,    " \"",       "\" ",
};

/* A random case, some pieces put into it or over it; sometimes pieces only. */
static size_t mutate(char text[TEXT_ROOM])
{
  const Case *from = &cases[random_below(sizeof cases / sizeof *cases)];
  size_t length = random_below(4) ? from->length : 0;
  memcpy(text, from->text, length);
  for (size_t n = random_below(length ? 6 : 20) + 1; n > 0; n--) {
    const char *piece = pieces[random_below(sizeof pieces / sizeof *pieces)];
    size_t at = random_below(length + 1), size = strlen(piece);
    size_t over = random_below(3) ? 0 : random_below(length - at + 1);
    memmove(text + at + size, text + at + over, length - at - over);
    memcpy(text + at, piece, size);
    length += size - over;
  }
  if (length && random_below(50) == 0)
    text[random_below(length)] = (char)random_below(256);
  return length;
}

static void no_garbage_does_harm(void **state)
{
  Place *place = *state;
  char text[TEXT_ROOM];
  size_t found = 0;
  random_state = SEED;
  for (size_t i = 0; i < MUTATIONS; i++) {
    size_t length = mutate(text);
    if (i % 4 == 0)
      for (size_t j = 0; j < length; j++)
        text[j] = (char)random_below(256);
    write_file(place->path, text, length);
    found += ask(place->path, HOST);
  }
  assert_in_range(found, MUTATIONS / 10, MUTATIONS * 9 / 10);
}

static void libcurl_finds_nothing_in_mutations_that_we_do_not(void **state)
{
  Place *place = *state;
  char text[TEXT_ROOM];
  size_t theirs = 0, ours = 0;
  random_state = SEED + 1;
  for (size_t i = 0; i < TRANSFERS; i++) {
    size_t length = mutate(text);
    write_file(place->path, text, length);
    bool we = ask(place->path, HOST), libcurl = ask_libcurl(place, place->path);
    if (libcurl && !we)
      fail_msg("only libcurl sees an entry: %.*s", (int)length, text);
    theirs += libcurl;
    ours += we;
  }
  print_message("of %d files, libcurl: %zu, we: %zu\n", TRANSFERS, theirs, ours);
  assert_true(theirs > TRANSFERS / 20);
}

/* ---- what kind of file ---- */

static void a_fifo_is_not_touched(void **state)
{
  Place *place = *state;
  static const char text[] = OTHER LOGIN;
  char back[sizeof text];
  unlink(place->path);
  assert_int_equal(mkfifo(place->path, 0600), 0);
  /* Would block, if it were opened to the end of a writer that never comes. */
  assert_true(ask(place->path, HOST));
  int fd = open(place->path, O_RDWR | O_NONBLOCK | O_CLOEXEC);
  assert_int_equal(write(fd, text, sizeof text), sizeof text);
  assert_true(ask(place->path, HOST));
  assert_int_equal(read(fd, back, sizeof back), sizeof text);
  assert_string_equal(back, text);
  close(fd);
  unlink(place->path);
}

static void a_process_substitution_keeps_its_text(void **state)
{
  static const char text[] = OTHER LOGIN;
  char back[sizeof text], path[32];
  int ends[2];
  (void)state;
  assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
  snprintf(path, sizeof path, "/dev/fd/%d", ends[0]);
  assert_int_equal(write(ends[1], text, sizeof text), sizeof text);
  assert_true(ask(path, HOST));
  close(ends[1]);
  assert_int_equal(read(ends[0], back, sizeof back), sizeof text);
  assert_string_equal(back, text);
  close(ends[0]);
}

/* A regular file behind /dev/fd is opened anew: the program's descriptor stays where it is. */
static void a_descriptor_keeps_its_place(void **state)
{
  Place *place = *state;
  char path[32];
  write_text(place->path, "machine " HOST LOGIN);
  int fd = open(place->path, O_RDONLY | O_CLOEXEC);
  snprintf(path, sizeof path, "/dev/fd/%d", fd);
  assert_true(ask(path, HOST));
  assert_int_equal(lseek(fd, 0, SEEK_CUR), 0);
  close(fd);
}

static void other_kinds_of_file(void **state)
{
  Place *place = *state;
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  strcpy(address.sun_path, place->path);
  unlink(place->path);
  assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof address), 0);
  assert_true(ask(place->path, HOST));
  close(fd);
  unlink(place->path);
  assert_true(ask("/dev/zero", HOST));
  assert_false(ask("/dev/null", HOST));
  assert_false(ask_libcurl(place, "/dev/null"));
  /* libcurl is not asked here: 8.17.0 reads a directory for ever. */
  assert_false(ask(place->folder, HOST));
  /* Regular, of size 0, and yet it has text. */
  assert_true(ask("/proc/self/status", HOST));
}

static void what_is_not_there_has_no_entry(void **state)
{
  Place *place = *state;
  char path[8192];
  unlink(place->path);
  assert_false(ask(place->path, HOST));
  assert_false(ask("", HOST));
  assert_false(ask("/dev/null/.netrc", HOST));
  assert_int_equal(symlink("nowhere", place->path), 0);
  assert_false(ask(place->path, HOST));
  unlink(place->path);
  assert_int_equal(symlink(".netrc", place->path), 0);
  assert_false(ask(place->path, HOST));
  unlink(place->path);
  memset(path, '/', sizeof path);
  path[sizeof path - 1] = 0;
  assert_false(ask(path, HOST));
}

static void a_link_is_followed(void **state)
{
  Place *place = *state;
  char target[128];
  snprintf(target, sizeof target, "%s/target", place->folder);
  write_text(target, "machine " HOST LOGIN);
  unlink(place->path);
  assert_int_equal(symlink(target, place->path), 0);
  assert_true(ask(place->path, HOST));
  unlink(target);
  unlink(place->path);
}

static void look_as_somebody(void *data)
{
  Place *place = data;
  if (geteuid() == 0)
    require(setresuid(SOMEBODY, SOMEBODY, SOMEBODY) == 0);
  require(!netrc_has_entry(place->path, HOST));
  _exit(0);
}

static void what_may_not_be_read_has_no_entry(void **state)
{
  Place *place = *state;
  write_text(place->path, "machine " HOST LOGIN);
  assert_int_equal(chmod(place->folder, 0755) | chmod(place->path, 0), 0);
  child_run(look_as_somebody, place);
  assert_int_equal(chmod(place->path, 0644) | chmod(place->folder, 0), 0);
  child_run(look_as_somebody, place);
  assert_int_equal(chmod(place->folder, 0700), 0);
}

static int lowest_descriptor(void)
{
  int fd = dup(STDERR_FILENO);
  close(fd);
  return fd;
}

static void look_at_all_kinds(void *data)
{
  Place *place = data;
  const char *const files[] = {place->path, place->folder, "/dev/zero", "/proc/self/status", "/no"};
  int before = lowest_descriptor();
  for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
    netrc_has_entry(files[i], HOST);
    require(lowest_descriptor() == before);
  }
  write_filled(place->path, "#\n", FILE_LIMIT + 2);
  require(netrc_has_entry(place->path, HOST));
  require(lowest_descriptor() == before);
  _exit(0);
}

/* In a child, where no server opens any. */
static void no_descriptor_stays_open(void **state)
{
  Place *place = *state;
  write_text(place->path, OTHER LOGIN);
  child_run(look_at_all_kinds, place);
}

/* ---- the default files ---- */

static void the_default_is_in_the_home(void **state)
{
  Place *place = *state;
  char home[128];
  write_text(place->path, "machine " HOST LOGIN);
  setenv("HOME", place->folder, 1);
  assert_true(ask(NULL, HOST));
  assert_true(ask_libcurl(place, NULL));
  assert_false(ask(NULL, "other.test"));
  snprintf(home, sizeof home, "%s/", place->folder);
  setenv("HOME", home, 1);
  assert_true(ask(NULL, HOST));
  unlink(place->path);
  assert_false(ask(NULL, HOST));
  assert_false(ask_libcurl(place, NULL));
}

static void a_relative_home_is_taken_from_here(void **state)
{
  Place *place = *state;
  int here = open(".", O_PATH | O_CLOEXEC);
  write_text(place->path, "machine " HOST LOGIN);
  assert_int_equal(chdir("/tmp"), 0);
  setenv("HOME", place->folder + strlen("/tmp/"), 1);
  assert_true(ask(NULL, HOST));
  assert_true(ask_libcurl(place, NULL));
  assert_int_equal(fchdir(here), 0);
  close(here);
}

/* libcurl takes an empty HOME for none. */
static void without_a_home_the_password_file_names_it(void **state)
{
  char path[4096];
  const struct passwd *entry = getpwuid(geteuid());
  (void)state;
  snprintf(path, sizeof path, "%s/.netrc", entry ? entry->pw_dir : "/nowhere");
  unsetenv("HOME");
  assert_int_equal(ask(NULL, HOST), ask(path, HOST));
  setenv("HOME", "", 1);
  assert_int_equal(ask(NULL, HOST), ask(path, HOST));
}

static void a_home_too_long_has_no_file(void **state)
{
  char home[8192];
  (void)state;
  memset(home, '/', sizeof home);
  home[sizeof home - 1] = 0;
  setenv("HOME", home, 1);
  setenv("NETRC", home, 1);
  assert_false(ask(NULL, HOST));
  unsetenv("NETRC");
}

/* libcurl 8.16.0 and later take $NETRC, others the file in the home: either counts. */
static void both_defaults_are_looked_at(void **state)
{
  Place *place = *state;
  char named[128];
  snprintf(named, sizeof named, "%s/named", place->folder);
  setenv("HOME", place->folder, 1);
  setenv("NETRC", named, 1);
  write_text(named, OTHER LOGIN);
  write_text(place->path, OTHER LOGIN);
  assert_false(ask(NULL, HOST));
  write_text(named, "machine " HOST LOGIN);
  assert_true(ask(NULL, HOST));
  print_message("libcurl by NETRC: %d\n", ask_libcurl(place, NULL));
  write_text(named, OTHER LOGIN);
  write_text(place->path, "machine " HOST LOGIN);
  assert_true(ask(NULL, HOST));
  setenv("NETRC", "", 1);
  assert_true(ask(NULL, HOST));
  assert_true(ask_libcurl(place, NULL));
  /* A file that the program names is the only one. */
  setenv("NETRC", place->path, 1);
  assert_false(ask(named, HOST));
  unsetenv("NETRC");
  unlink(named);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(each_case_has_its_answer),
      cmocka_unit_test(whenever_libcurl_finds_an_entry_so_do_we),
      cmocka_unit_test(long_lines_are_doubt),
      cmocka_unit_test(a_cut_comment_is_no_comment),
      cmocka_unit_test(large_files_are_doubt),
      cmocka_unit_test(hosts_are_compared_as_libcurl_does),
      cmocka_unit_test(no_garbage_does_harm),
      cmocka_unit_test(libcurl_finds_nothing_in_mutations_that_we_do_not),
      cmocka_unit_test(a_fifo_is_not_touched),
      cmocka_unit_test(a_process_substitution_keeps_its_text),
      cmocka_unit_test(a_descriptor_keeps_its_place),
      cmocka_unit_test(other_kinds_of_file),
      cmocka_unit_test(what_is_not_there_has_no_entry),
      cmocka_unit_test(a_link_is_followed),
      cmocka_unit_test(what_may_not_be_read_has_no_entry),
      cmocka_unit_test(no_descriptor_stays_open),
      cmocka_unit_test(the_default_is_in_the_home),
      cmocka_unit_test(a_relative_home_is_taken_from_here),
      cmocka_unit_test(without_a_home_the_password_file_names_it),
      cmocka_unit_test(a_home_too_long_has_no_file),
      cmocka_unit_test(both_defaults_are_looked_at),
  };
  curl_global_init(CURL_GLOBAL_DEFAULT);
  return cmocka_run_group_tests_name("netrc", tests, setup, teardown);
}
