/* SPDX-License-Identifier: MIT */
#include "options.h"

#include "ca.h"
#include "complain.h"
#include "config.h"
#include "listener.h"

#include <glib.h>
#include <stdio.h>

#define DEFAULT_LISTEN "127.0.0.1:0"

/* Thred's hosts, hosts that must never see a token, and this machine. */
static const char default_names[] =
    "sandbox.thredfi.com sandbox-backend.thredfi.com backend.thredfi.com api.thredfi.com "
    "staging-backend.thredfi.com dev-backend.thredfi.com docs.thredfi.com status.thredfi.com "
    "www.thredfi.com thredfi.com evil.example third.example localhost 127.0.0.1 ::1";

static const char description[] =
    "With a command it is there for as long as the command runs: Thred's hosts lead to it and its\n"
    "CA is trusted in there, and it exits with the command's status (125: it has failed itself).\n"
    "\n"
    "Example:\n"
    "  thred-emulator -- thredctl exec -- curl "
    "https://sandbox.thredfi.com/v1/platform/businesses/\n"
    "  thred-emulator --faults faults.conf --report report.json -- make check\n"
    "\n"
    "  thred-emulator --listen 127.0.0.1:0 --dir /tmp/thred &\n"
    "  until test -s /tmp/thred/port; do sleep 0.1; done\n"
    "  . /tmp/thred/env.sh\n"
    "  thredctl token --partner\n"
    "  curl https://sandbox.thredfi.com/_emulator/counters\n"
    "\n"
    "The control API under /_emulator/ is described in thred-emulator(1).\n"
    "Exit status without a command: 0 after SIGTERM or SIGINT, 1 when it cannot start, 2 for a\n"
    "wrong command line.";

/* What GOption fills in; strings of the command line are taken as bytes, whatever the locale. */
typedef struct Raw {
  char *listen;
  char *dir;
  char **names;
  char *api_key;
  gboolean expired;
  gboolean no_http;
  gboolean no_proxy;
  char *git;
  char *isolate;
  char *faults;
  char *report;
  gboolean version;
} Raw;

static void raw_clear(Raw *raw)
{
  g_free(raw->listen);
  g_free(raw->dir);
  g_strfreev(raw->names);
  g_free(raw->api_key);
  g_free(raw->git);
  g_free(raw->isolate);
  g_free(raw->faults);
  g_free(raw->report);
}

static bool read_arguments(Raw *raw, int *argc, char ***argv, GError **error)
{
  const GOptionEntry entries[] = {
      {"listen", 'l', 0, G_OPTION_ARG_FILENAME, &raw->listen,
       "Address and port for HTTPS; port 0 is any free one (" DEFAULT_LISTEN ")", "HOST:PORT"},
      {"dir", 'd', 0, G_OPTION_ARG_FILENAME, &raw->dir,
       "Where port, ca.pem, credentials and conf.d are written (with a command: a temporary one)",
       "DIR"},
      {"isolate", 0, 0, G_OPTION_ARG_FILENAME, &raw->isolate,
       "Namespaces for the command: auto, required or off (auto)", "HOW"},
      {"faults", 'f', 0, G_OPTION_ARG_FILENAME, &raw->faults,
       "Settings and faults to begin with, see thred-emulator(1)", "FILE"},
      {"report", 'r', 0, G_OPTION_ARG_FILENAME, &raw->report,
       "Where a JSON summary is written at the end", "FILE"},
      {"name", 'n', 0, G_OPTION_ARG_FILENAME_ARRAY, &raw->names,
       "Name in the server's certificate, in place of the usual ones (repeatable)", "HOST"},
      {"expired", 0, 0, G_OPTION_ARG_NONE, &raw->expired, "Serve with an expired certificate",
       NULL},
      {"api-key", 'k', 0, G_OPTION_ARG_FILENAME, &raw->api_key,
       "The partner's API key, in place of a random one", "KEY"},
      {"no-http", 0, 0, G_OPTION_ARG_NONE, &raw->no_http, "No plain-HTTP listener", NULL},
      {"no-proxy", 0, 0, G_OPTION_ARG_NONE, &raw->no_proxy, "No CONNECT proxy", NULL},
      {"git", 'g', 0, G_OPTION_ARG_FILENAME, &raw->git,
       "Serve the bare git repositories in DIR at /git/NAME.git", "DIR"},
      {"version", 'V', 0, G_OPTION_ARG_NONE, &raw->version, "Print the version and exit", NULL},
      G_OPTION_ENTRY_NULL};
  g_autoptr(GOptionContext) context = g_option_context_new("[-- COMMAND [ARGUMENT...]]");
  g_option_context_set_summary(context, "A local Thred to develop and test against.");
  g_option_context_set_description(context, description);
  g_option_context_add_main_entries(context, entries, NULL);
  return g_option_context_parse(context, argc, argv, error);
}

/* The key becomes one line of DIR/credentials and one half of a Basic credential (RFC 7617). */
static bool key_is_valid(const char *key)
{
  for (const unsigned char *at = (const unsigned char *)key; *at; at++)
    if (*at < 0x20 || *at == 0x7f)
      return false;
  return *key != '\0';
}

static bool isolate_parse(const char *text, Isolate *isolate)
{
  static const char *const words[] = {"auto", "required", "off"};
  for (unsigned i = 0; i < G_N_ELEMENTS(words); i++) {
    if (text && !g_str_equal(text, words[i]))
      continue;
    *isolate = (Isolate)i;
    return true;
  }
  return false;
}

/* NULL, or what is wrong about a command, or its absence. */
static char *judge_command(const Raw *raw, const Options *options)
{
  if (options->command && !options->command[0])
    return g_strdup("there is no command behind --");
  if (options->command && raw->listen && options->isolate != ISOLATE_OFF)
    return g_strdup("--listen with a command needs --isolate=off: in a network of its own it "
                    "finds the emulator on port 443");
  if (!options->command && raw->isolate)
    return g_strdup("--isolate is for a command, which stands behind --");
  if (raw->dir ? !*raw->dir : !options->command)
    return g_strdup("there is neither a command behind -- nor --dir DIR");
  return NULL;
}

/* NULL, or what is wrong. */
static char *judge(const Raw *raw, int argc, char *const *argv)
{
  if (argc > 1)
    return g_strdup_printf("unexpected argument '%s'; a command stands behind --", argv[1]);
  if (raw->api_key && !key_is_valid(raw->api_key))
    return g_strdup("--api-key is empty or holds a control character");
  for (char **name = raw->names; name && *name; name++)
    if (!certificate_name_is_valid(*name))
      return g_strdup_printf("--name '%s' is neither a host name nor an IP address", *name);
  return NULL;
}

static OptionsResult bad(const Options *options, const char *message)
{
  complain("%s", message);
  fprintf(stderr, "Try 'thred-emulator --help'.\n");
  return options->command ? OPTIONS_BAD_RUN : OPTIONS_BAD;
}

/* Cuts it off before GOption sees it, so that an option of the command's is never taken for ours.
 */
static char **cut_command(int *argc, char **argv)
{
  for (int i = 1; i < *argc; i++) {
    if (!g_str_equal(argv[i], "--"))
      continue;
    *argc = i;
    argv[i] = NULL;
    return argv + i + 1;
  }
  return NULL;
}

OptionsResult options_parse(Options *options, int *argc, char ***argv)
{
  OptionsResult result = OPTIONS_RUN;
  g_autoptr(GError) error = NULL;
  g_autofree char *wrong = NULL;
  Raw raw = {0};
  *options = (Options){.command = cut_command(argc, *argv)};

  if (!read_arguments(&raw, argc, argv, &error)) {
    result = bad(options, error->message);
    goto out;
  }
  if (raw.version) {
    printf("thred-emulator %s\n", THRED_VERSION);
    result = OPTIONS_DONE;
    goto out;
  }
  const char *listen = raw.listen ? raw.listen : DEFAULT_LISTEN;
  wrong = judge(&raw, *argc, *argv);
  if (!wrong && !isolate_parse(raw.isolate, &options->isolate))
    wrong = g_strdup_printf("--isolate '%s' is not auto, required or off", raw.isolate);
  if (!wrong)
    wrong = judge_command(&raw, options);
  if (!wrong && !listener_parse(listen, &options->host, &options->port))
    wrong = g_strdup_printf("--listen '%s' is not HOST:PORT", listen);
  if (wrong) {
    result = bad(options, wrong);
    goto out;
  }
  options->dir = g_steal_pointer(&raw.dir);
  options->api_key = g_steal_pointer(&raw.api_key);
  options->names = raw.names ? g_steal_pointer(&raw.names) : g_strsplit(default_names, " ", -1);
  options->expired = raw.expired;
  options->plain_http = !raw.no_http;
  options->proxy = !raw.no_proxy;
  options->git = g_steal_pointer(&raw.git);
  options->faults = g_steal_pointer(&raw.faults);
  options->report = g_steal_pointer(&raw.report);
out:
  raw_clear(&raw);
  return result;
}

void options_clear(Options *options)
{
  g_free(options->host);
  g_free(options->dir);
  g_free(options->api_key);
  g_free(options->git);
  g_free(options->faults);
  g_free(options->report);
  g_strfreev(options->names);
  *options = (Options){0};
}
