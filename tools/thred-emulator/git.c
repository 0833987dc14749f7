/* SPDX-License-Identifier: MIT */
#include "git.h"

#include "cgi.h"

#include <string.h>

#define SCRIPT_NAME "/git"

char *git_find_root(const char *dir, GError **error)
{
  g_autofree char *git = g_find_program_in_path("git");
  if (git && g_file_test(dir, G_FILE_TEST_IS_DIR))
    return g_canonicalize_filename(dir, NULL);
  g_set_error(error, G_FILE_ERROR, G_FILE_ERROR_FAILED, "cannot serve --git %s: %s", dir,
              git ? "it is no directory" : "git is not installed");
  return NULL;
}

/* /git/NAME.git/...; that no segment is ".." was seen to when the path was routed. */
static bool names_repository(const char *path_info)
{
  static const char suffix[] = ".git";
  const char *name = path_info + 1;
  const char *end = strchr(name, '/');
  return end && (size_t)(end - name) >= sizeof suffix &&
         g_str_has_prefix(end - strlen(suffix), suffix);
}

/* RFC 3875, 4.1, and what git-http-backend(1) asks for. Nothing of our own environment but PATH. */
static char **make_environment(const Emulator *emulator, const Request *request)
{
  g_autofree char *length = g_strdup_printf("%" G_GUINT64_FORMAT, request->body_bytes);
  const char *protocol = request_header(request, "git-protocol");
  const struct {
    const char *name, *value; /* NULL: not set */
  } variables[] = {
      {"PATH", g_getenv("PATH")},
      {"GATEWAY_INTERFACE", "CGI/1.1"},
      {"SERVER_SOFTWARE", "thred-emulator"},
      {"SERVER_PROTOCOL", "HTTP/1.1"},
      {"SERVER_NAME", request->host},
      {"SERVER_PORT", request->connection->tls ? "443" : "80"},
      {"SCRIPT_NAME", SCRIPT_NAME},
      {"PATH_INFO", request->path + strlen(SCRIPT_NAME)},
      {"QUERY_STRING", request->query ? request->query : ""},
      {"REQUEST_METHOD", request->method},
      {"CONTENT_TYPE", request_header(request, "content-type")},
      /* Of chunks put together too: without it the program may wait for more. */
      {"CONTENT_LENGTH", request->body_bytes > 0 ? length : NULL},
      {"HTTP_CONTENT_ENCODING", request_header(request, "content-encoding")},
      {"HTTP_GIT_PROTOCOL", protocol},
      {"GIT_PROTOCOL", protocol},
      {"REMOTE_ADDR", request->connection->peer},
      {"AUTH_TYPE", "Bearer"},
      {"REMOTE_USER", request->business}, /* with it, one may push */
      {"GIT_PROJECT_ROOT", emulator->git_root},
      {"GIT_HTTP_EXPORT_ALL", "1"},
      {"GIT_CONFIG_NOSYSTEM", "1"},
      /* No housekeeping that outlives the answer. */
      {"GIT_CONFIG_COUNT", "1"},
      {"GIT_CONFIG_KEY_0", "receive.autogc"},
      {"GIT_CONFIG_VALUE_0", "false"},
  };
  char **environment = NULL;
  for (size_t i = 0; i < G_N_ELEMENTS(variables); i++)
    if (variables[i].value)
      environment = g_environ_setenv(environment, variables[i].name, variables[i].value, TRUE);
  return environment;
}

void git_answer(Emulator *emulator, const Request *request, Reply *reply)
{
  static const char *const backend[] = {"git", "http-backend", NULL};
  if (!names_repository(request->path + strlen(SCRIPT_NAME))) {
    reply_error(reply, 404, "not_found", "Repositories are at /git/NAME.git.");
    return;
  }
  if (request->body_bytes > GIT_BODY_LIMIT) {
    reply_error(reply, 413, "too_large", "A request to a repository has at most 64 MiB of body.");
    return;
  }
  g_auto(GStrv) environment = make_environment(emulator, request);
  CgiCall call = {.argv = backend,
                  .environment = (const char *const *)environment,
                  .body = request->body->data,
                  .body_length = request->body->len,
                  .stop_event = emulator->stop_event};
  if (!cgi_run(&call, reply))
    reply_error(reply, 502, "git_failed", "git-http-backend did not answer.");
}
