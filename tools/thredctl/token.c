/* SPDX-License-Identifier: MIT */
/* token.c - `thredctl token`: the token itself, for scripts. */
#include <string.h>
#include <thred/thred.h>

#include "lib/secure.h"
#include "tools/thredctl/command.h"
#include "tools/thredctl/output.h"
#include "tools/thredctl/remedy.h"

typedef struct {
  char *environment, *business;
  gboolean partner, header, json;
} Options;

static const char *check(const Options *options)
{
  if (options->partner && options->business)
    return "--partner and --business exclude each other";
  if (!options->partner && !options->business)
    return "say which token: --business ID or --partner";
  if (options->header && options->json)
    return "--header and --json exclude each other";
  return NULL;
}

/* The output with its newline; to be wiped and freed. */
static char *render(const Options *options, const ThredToken *token)
{
  if (!options->json)
    return g_strconcat(options->header ? "Authorization: Bearer " : "", token->value, "\n", NULL);
  struct json_object *object = json_object_new_object();
  json_object_object_add(object, "version", json_object_new_int(1));
  json_object_object_add(object, "kind",
                         json_object_new_string(options->partner ? "partner" : "business"));
  if (options->business)
    json_object_object_add(object, "business_id", json_object_new_string(options->business));
  json_object_object_add(object, "access_token", json_object_new_string(token->value));
  json_object_object_add(object, "token_type", json_object_new_string("Bearer"));
  json_object_object_add(object, "expires_in", json_object_new_int(token->expires_in));
  json_object_object_add(object, "generation", json_object_new_uint64(token->generation));
  return output_json_line(object);
}

/* The sentence may quote what came from elsewhere; it is harmless to a terminal (lib/tame.h). */
static int fail(int code)
{
  const char *change = remedy_of_error(code);
  command_error(EXIT_FAILED, "%s", thred_last_message());
  return change ? command_error(EXIT_FAILED, "change: %s", change) : EXIT_FAILED;
}

static int print_token(const Options *options)
{
  ThredTokenRequest request = {.size = sizeof request,
                               .kind =
                                   options->partner ? THRED_TOKEN_PARTNER : THRED_TOKEN_BUSINESS,
                               .environment = options->environment,
                               .business_id = options->business};
  ThredToken token = {.size = sizeof token};
  const int code = thred_token_get(&request, &token);
  if (code)
    return fail(code);
  char *text = render(options, &token);
  int status = command_output(text, strlen(text))
                   ? EXIT_DONE
                   : command_error(EXIT_FAILED, "cannot write the token to standard output");
  secure_wipe(text, strlen(text));
  g_free(text);
  thred_token_clear(&token);
  return status;
}

int command_token(int argc, char **argv)
{
  Options options = {0};
  const GOptionEntry entries[] = {
      {"environment", 'e', 0, G_OPTION_ARG_STRING, &options.environment,
       "Of this environment instead of the default one", "NAME"},
      {"business", 'b', 0, G_OPTION_ARG_STRING, &options.business, "The token of this business",
       "ID"},
      {"partner", 'p', 0, G_OPTION_ARG_NONE, &options.partner,
       "The partner token, which reaches every business", NULL},
      {"header", 0, 0, G_OPTION_ARG_NONE, &options.header, "As a header line", NULL},
      {"json", 0, 0, G_OPTION_ARG_NONE, &options.json, "As JSON, with the seconds it has left",
       NULL},
      {NULL}};
  int status;
  if (command_options("- print a token",
                      "Example:\n  thredctl token --business 3c90c3cc-0d44-4b50-8888-8dd25736052a",
                      entries, REST_NONE, &argc, &argv, &status)) {
    const char *mistake = check(&options);
    status = mistake ? command_error(EXIT_USAGE, "token: %s", mistake) : print_token(&options);
  }
  g_free(options.environment);
  g_free(options.business);
  return status;
}
