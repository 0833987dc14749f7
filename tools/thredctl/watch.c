/* SPDX-License-Identifier: MIT */
#include "tools/thredctl/watch.h"

#include <glib.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include "lib/clock.h"
#include "tools/thredctl/command.h"

/* xterm's private modes (ctlseqs): the alternate screen, the cursor, the wrapping of long lines. */
#define ENTER    "\033[?1049h\033[?25l\033[?7l"
#define LEAVE    "\033[?7h\033[?25h\033[?1049l"
#define HOME     "\033[H"
#define REST     "\033[K" /* of the line */
#define ALL_REST "\033[J"

static bool on_screen;
static sigset_t held;

static bool is_screen(void)
{
  const char *term = getenv("TERM");
  return isatty(STDOUT_FILENO) && term && *term && strcmp(term, "dumb") != 0;
}

static void put(const char *text)
{
  (void)!command_output(text, strlen(text)); /* a terminal that is gone is no matter any more */
}

void watch_begin(bool screen)
{
  static const int signals[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGTSTP, SIGCONT, SIGWINCH};
  on_screen = screen && is_screen();
  sigemptyset(&held);
  for (size_t i = 0; i < G_N_ELEMENTS(signals); i++)
    sigaddset(&held, signals[i]);
  if (!on_screen)
    return;
  sigprocmask(SIG_BLOCK, &held, NULL);
  put(ENTER);
}

bool watch_has_screen(void)
{
  return on_screen;
}

static unsigned rows(void)
{
  struct winsize size;
  return ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_row > 1 ? size.ws_row : 24;
}

/* As many lines as there are rows; the last one says how many more there would be. */
static char *fitted(const char *text)
{
  g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
  const unsigned count = g_strv_length(lines) - 1, room = rows(); /* the last one is empty */
  const unsigned shown = count <= room ? count : room - 1;
  GString *screen = g_string_new(HOME);
  for (unsigned i = 0; i < shown; i++)
    g_string_append_printf(screen, "%s%s" REST, i ? "\r\n" : "", lines[i]);
  if (shown < count)
    g_string_append_printf(screen, "\r\n(%u more lines in a larger window)" REST, count - shown);
  g_string_append(screen, ALL_REST);
  return g_string_free(screen, FALSE);
}

bool watch_show(const char *text)
{
  g_autofree char *screen = on_screen ? fitted(text) : NULL;
  const char *shown = screen ? screen : text;
  if (command_output(shown, strlen(shown)))
    return true;
  if (on_screen)
    put(LEAVE);
  return false;
}

/* With what it does when nobody holds it, which may be nothing. It comes back from SIGTSTP, if the
 * program goes on. */
static void suffer(int number)
{
  sigset_t one;
  put(LEAVE);
  (void)raise(number);
  sigemptyset(&one);
  sigaddset(&one, number);
  sigprocmask(SIG_UNBLOCK, &one, NULL);
  sigprocmask(SIG_BLOCK, &one, NULL);
  put(ENTER);
}

void watch_wait(int64_t milliseconds)
{
  if (!on_screen) {
    g_usleep((gulong)milliseconds * 1000);
    return;
  }
  const int64_t end = clock_monotonic_ms() + milliseconds;
  for (int64_t left; (left = end - clock_monotonic_ms()) > 0;) {
    const struct timespec time = {(time_t)(left / 1000), (long)(left % 1000) * 1000000};
    const int number = sigtimedwait(&held, NULL, &time);
    if (number == SIGWINCH || number == SIGCONT)
      return; /* look again now */
    if (number > 0)
      suffer(number);
  }
}
