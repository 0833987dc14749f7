/* SPDX-License-Identifier: MIT */
/*
 * Not a parser of netrc files: libcurl had many between 7.61.0 and 8.21.0 (lib/netrc.c), and they
 * disagree. On macros: before 7.78.0 there were none, and the words of their bodies counted. On
 * quotes: since 7.84.0, since 8.11.0 over several lines. On comments behind other words: only from
 * 7.84.0 to 8.10.1. On what ends a word: a carriage return, a control code, a byte of UTF-8. On
 * whether `default` may be the password of another entry.
 *
 * All of them find an entry only behind the word `default` or the name of the host. So these two
 * are looked for, wherever any version could take them for a word of its own. What is found too
 * much costs a program our token; what is missed would put our token in place of its password.
 */
#include "lib/netrc.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "lib/ascii.h"
#include "lib/secure.h"

#define FILE_LIMIT (1 << 20)

/* Up to 7.85.0, libcurl reads by fgets() into 4096 bytes and takes each piece for a line, so that a
 * longer line is cut within its words, and a comment goes on as text. */
#define LINE_LIMIT 4094

/* The room that libcurl gives to getpwuid_r. Where that is too little, it finds no home. */
#define PASSWD_ROOM 1024

/* What can be known of a file. */
typedef enum { EMPTY, TEXT, DOUBT } Content;

/* Not terminated. */
typedef struct {
  const char *start;
  size_t length;
} Word;

static const Word default_word = {"default", sizeof "default" - 1};

/* Any byte that ends a word for one version: strtok's " \t\n" (before 7.84.0), what isspace() names
 * (7.84.0), all up to the blank (8.13.0), and above ASCII, where char is signed (8.13.0 to 8.20.0).
 */
static bool is_gap(char c)
{
  unsigned char byte = (unsigned char)c;
  return byte <= ' ' || byte >= 0x80;
}

/* A word also begins behind a closing quote: at once in 8.21.0, one byte later from 7.84.0 on. */
static bool begins_word(const char *line, const char *at)
{
  return at == line || is_gap(at[-1]) || at[-1] == '"' || (at - line >= 2 && at[-2] == '"');
}

/* libcurl compares without a final dot of the URL up to 7.81.0, and with it since. */
static bool ends_word(const char *at)
{
  if (*at == '.')
    at++;
  return is_gap(*at) || *at == '"';
}

static bool has_word(const char *line, const Word *word)
{
  for (const char *at = line; *at; at++)
    if (ascii_equal_n(at, word->start, word->length) && begins_word(line, at) &&
        ends_word(at + word->length))
      return true;
  return false;
}

/* A quoted word without its end: a syntax error for some, for others it goes on below. */
static bool has_open_quote(const char *line)
{
  static const char gaps[] = " \t\r\v\f";
  const char *at = line + strspn(line, gaps);
  while (*at) {
    if (*at == '"') {
      for (at++; *at && *at != '"'; at++)
        if (*at == '\\' && at[1])
          at++;
      if (!*at)
        return true;
      at++;
    } else {
      at += strcspn(at, gaps);
    }
    at += strspn(at, gaps);
  }
  return false;
}

/* Between quotes, "defa\ult" is default too. */
static void drop_backslashes(char *line)
{
  char *to = line;
  for (const char *from = line; *from; from++)
    if (*from != '\\')
      *to++ = *from;
  *to = 0;
}

static bool line_may_match(char *line, const Word *host, bool comments_count)
{
  if (strlen(line) >= LINE_LIMIT)
    return true;
  if (!comments_count && line[strspn(line, " \t")] == '#')
    return false;
  if (has_open_quote(line))
    return true;
  drop_backslashes(line);
  return has_word(line, &default_word) || has_word(line, host);
}

/* Changes `text`, which has `length` > 0 bytes and a 0 behind them. */
static bool text_may_match(char *text, size_t length, const Word *host)
{
  /* What is behind a 0 on its line gets lost, or becomes part of another line. */
  if (memchr(text, 0, length))
    return true;
  /* Behind a last line without its end, 7.84.0 and 7.85.0 read on in a buffer that holds the rests
   * of the lines before, comments among them; quotes have moved what is there. */
  bool torn = text[length - 1] != '\n';
  if (torn && strchr(text, '"'))
    return true;
  for (char *line = text, *end; line; line = end) {
    end = strchr(line, '\n');
    if (end)
      *end++ = 0;
    if (line_may_match(line, host, torn))
      return true;
  }
  return false;
}

/* The errors that meet libcurl's fopen() as they met us. */
static Content unopened(int error)
{
  switch (error) {
  case ENOENT:
  case ENOTDIR:
  case EACCES:
  case ELOOP:
  case ENAMETOOLONG:
    return EMPTY;
  default:
    return DOUBT;
  }
}

static Content judge(const struct stat *st)
{
  if (S_ISREG(st->st_mode))
    return st->st_size > FILE_LIMIT ? DOUBT : TEXT;
  /* A directory can be opened, but read() fails. The null device is how users switch netrc off. */
  if (S_ISDIR(st->st_mode) || (S_ISCHR(st->st_mode) && st->st_rdev == makedev(1, 3)))
    return EMPTY;
  return DOUBT;
}

/* For TEXT, the descriptor is the caller's. */
static Content open_text(const char *path, int *fd, size_t *size)
{
  struct stat st;
  if (stat(path, &st))
    return unopened(errno);
  Content content = judge(&st);
  if (content != TEXT)
    return content;
  /* O_NONBLOCK: another file may have taken its place. */
  do
    *fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
  while (*fd < 0 && errno == EINTR);
  if (*fd < 0)
    return unopened(errno);
  content = fstat(*fd, &st) ? DOUBT : judge(&st);
  if (content != TEXT)
    close(*fd);
  *size = (size_t)st.st_size;
  return content;
}

/* Reads to the end of the file, which must come before `room` bytes. */
static Content read_text(int fd, char *text, size_t room, size_t *length)
{
  for (*length = 0; *length < room;) {
    ssize_t n = read(fd, text + *length, room - *length);
    if (n == 0)
      return *length ? TEXT : EMPTY;
    if (n > 0)
      *length += (size_t)n;
    else if (errno != EINTR)
      return DOUBT;
  }
  return DOUBT;
}

/* `host` is NULL if it cannot be compared. */
static bool file_may_match(const char *path, const Word *host)
{
  int fd;
  size_t size, length = 0;
  Content content = open_text(path, &fd, &size);
  if (content != TEXT)
    return content == DOUBT;
  /* One byte more than the file has: for its end to be seen, and then for the terminating 0. */
  char *text = malloc(size + 1);
  content = text ? read_text(fd, text, size + 1, &length) : DOUBT;
  close(fd);
  bool may_match = content == DOUBT;
  if (content == TEXT) {
    text[length] = 0;
    may_match = !host || text_may_match(text, length, host);
  }
  secure_wipe(text, text ? size + 1 : 0);
  free(text);
  return may_match;
}

/* A path that does not fit does not open for libcurl either (ENAMETOOLONG). */
static Content join(char path[PATH_MAX], const char *folder, const char *name)
{
  size_t length = strlen(folder);
  if (length + strlen(name) >= PATH_MAX)
    return EMPTY;
  memcpy(path, folder, length);
  strcpy(path + length, name);
  return TEXT;
}

/* An empty variable is none to libcurl (curl_getenv). */
static Content home_netrc(char path[PATH_MAX])
{
  const char *home = getenv("HOME");
  if (home && home[0])
    return join(path, home, "/.netrc");
  struct passwd entry, *found = NULL;
  char room[PASSWD_ROOM];
  switch (getpwuid_r(geteuid(), &entry, room, sizeof room, &found)) {
  case EINTR:
  case EIO:
  case EMFILE:
  case ENFILE:
  case ENOMEM:
    return DOUBT;
  default:
    return found ? join(path, found->pw_dir, "/.netrc") : EMPTY;
  }
}

static bool default_may_match(const Word *host)
{
  char path[PATH_MAX];
  const char *named = getenv("NETRC");
  if (named && named[0] && join(path, named, "") == TEXT && file_may_match(path, host))
    return true;
  Content content = home_netrc(path);
  return content == TEXT ? file_may_match(path, host) : content == DOUBT;
}

/* False: not a name that a netrc file could be searched for. */
static bool host_word(const char *host, Word *word)
{
  *word = (Word){host, host ? strlen(host) : 0};
  if (word->length > 2 && host[0] == '[' && host[word->length - 1] == ']')
    *word = (Word){host + 1, word->length - 2};
  if (word->length && word->start[word->length - 1] == '.')
    word->length--;
  for (size_t i = 0; i < word->length; i++)
    if (word->start[i] <= ' ' || word->start[i] >= 0x7f || strchr("\"\\%[]", word->start[i]))
      return false;
  return word->length > 0;
}

bool netrc_has_entry(const char *file, const char *host)
{
  int saved = errno, cancel_state;
  Word word;
  const Word *comparable = host_word(host, &word) ? &word : NULL;
  /* A thread that is cancelled in open() or read() would leave a descriptor and secrets behind. */
  pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &cancel_state);
  bool found = file ? file_may_match(file, comparable) : default_may_match(comparable);
  pthread_setcancelstate(cancel_state, &cancel_state);
  errno = saved;
  return found;
}
