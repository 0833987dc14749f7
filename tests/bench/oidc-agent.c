/* SPDX-License-Identifier: MIT */
#include "tests/bench/oidc-agent.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/bench/bench.h"
#include "tests/integration/process.h"

#define PATIENCE_US (10 * 1000000)
#define STEP_US     10000
#define PATH_SIZE   128

/* Discovery (OpenID Connect Discovery 1.0, section 4), and a token endpoint for refresh tokens. */
static const char provider[] =
    "daemon off; master_process off; pid provider.pid; error_log stderr crit;\n"
    "events { }\n"
    "http {\n"
    "  access_log off; default_type application/json;\n"
    "  client_body_temp_path body; proxy_temp_path proxy; fastcgi_temp_path fastcgi;\n"
    "  uwsgi_temp_path uwsgi; scgi_temp_path scgi;\n"
    "  ssl_certificate ca.pem; ssl_certificate_key key.pem;\n"
    "  server {\n"
    "    listen 127.0.0.1:%u ssl; server_name localhost;\n"
    "    location = /.well-known/openid-configuration { return 200 '{\n"
    "      \"issuer\":\"https://localhost:%u/\", "
    "\"token_endpoint\":\"https://localhost:%u/token\",\n"
    "      \"authorization_endpoint\":\"https://localhost:%u/authorize\",\n"
    "      \"scopes_supported\":[\"openid\",\"offline_access\"],\n"
    "      \"grant_types_supported\":[\"refresh_token\"], "
    "\"response_types_supported\":[\"code\"]}'; }\n"
    "    location = /token { return 200 '{\"access_token\":\"%s\", \"token_type\":\"Bearer\",\n"
    "      \"expires_in\":3600, \"refresh_token\":\"any\", \"scope\":\"openid offline_access\"}'; "
    "}\n"
    "  }\n"
    "}\n";

/* An account without a question being asked; kept by the agent, which has fetched a token then. */
static bool add_account(const Api *api, unsigned port, OidcAgent *agent)
{
  static Outcome outcome;
  char issuer[64];
  snprintf(issuer, sizeof issuer, "--issuer=https://localhost:%u/", port);
  char certificate[PATH_SIZE];
  snprintf(certificate, sizeof certificate, "--cert-path=%s", api->ca);
  const char *argv[] = {"oidc-gen",
                        "--manual",
                        issuer,
                        certificate,
                        "--client-id=bench",
                        "--client-secret=bench",
                        "--scope=openid offline_access",
                        "--flow=refresh",
                        "--rt=any",
                        "--pw-cmd=echo bench",
                        "--prompt=none",
                        "--confirm-yes",
                        "--no-url-call",
                        "--no-scheme",
                        OIDC_ACCOUNT,
                        NULL};
  process_run(argv, NULL, &outcome);
  if (outcome.status)
    snprintf(agent->why, sizeof agent->why, "oidc-gen failed: %.200s", outcome.err);
  return outcome.status == 0;
}

static bool gives(const char *token, OidcAgent *agent)
{
  static Outcome outcome;
  const char *argv[] = {"oidc-token", OIDC_ACCOUNT, NULL};
  process_run(argv, NULL, &outcome);
  outcome.out[strcspn(outcome.out, "\n")] = 0;
  bool same = outcome.status == 0 && strcmp(outcome.out, token) == 0;
  if (!same)
    snprintf(agent->why, sizeof agent->why, "oidc-token gave another: %.200s", outcome.err);
  return same;
}

/* Its accounts, of which there is one, lie in the benchmark's folder. */
static void start_agent(OidcAgent *agent, const Api *api)
{
  char socket[PATH_SIZE], path[PATH_SIZE];
  snprintf(socket, sizeof socket, "%s/oidc.sock", api->dir);
  const char *argv[] = {"oidc-agent", "--console",     "--no-autoload", "--no-webserver",
                        "--quiet",    "--socket-path", socket,          NULL};
  snprintf(path, sizeof path, "%s/oidc", api->dir);
  const char *make[] = {"mkdir", "-m", "700", path, NULL};
  static Outcome outcome;
  process_run(make, NULL, &outcome);
  bench_require(outcome.status == 0, path);
  setenv("OIDC_CONFIG_DIR", path, 1);
  setenv("OIDC_SOCK", socket, 1);
  agent->agent = api_beside(api, "oidc-agent", argv, 0);
  for (int us = 0; access(socket, F_OK) != 0 && us < PATIENCE_US; us += STEP_US)
    usleep(STEP_US);
}

void oidc_agent_start(OidcAgent *agent, const Api *api, const char *token)
{
  char path[PATH_SIZE];
  unsigned port = api_free_port();
  *agent = (OidcAgent){.agent = 0};
  if (!process_has("oidc-agent")) {
    snprintf(agent->why, sizeof agent->why, "it is not installed (Debian's oidc-agent-cli)");
    return;
  }
  api_write(api, "provider.conf", path, sizeof path, provider, port, port, port, port, token);
  const char *argv[] = {"nginx", "-p", api->dir, "-c", path, "-e", "stderr", NULL};
  agent->provider = api_beside(api, "provider", argv, port);
  start_agent(agent, api);
  if (!add_account(api, port, agent) || !gives(token, agent))
    oidc_agent_stop(agent);
}

void oidc_agent_stop(OidcAgent *agent)
{
  if (agent->agent)
    process_stop(agent->agent);
  if (agent->provider)
    process_stop(agent->provider);
  agent->agent = agent->provider = 0;
}
