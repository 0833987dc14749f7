/* SPDX-License-Identifier: MIT */
#include "surroundings.h"

#include "complain.h"
#include "trust.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

/* curl, OpenSSL's own lookup (and so Python's, Ruby's, PHP's), git, Python's requests, Node.js. */
const char *const surroundings_ca_names[] = {"CURL_CA_BUNDLE",      "SSL_CERT_FILE",
                                             "GIT_SSL_CAINFO",      "REQUESTS_CA_BUNDLE",
                                             "NODE_EXTRA_CA_CERTS", NULL};

/* Whether an entry of no_proxy keeps Thred's hosts from the proxy. */
static bool excepts_thred(const char *entry)
{
  static const char domain[] = ".thredfi.com";
  while (*entry == '.')
    entry++;
  size_t length = strlen(entry);
  if (strcmp(entry, "*") == 0)
    return true;
  g_autofree char *suffix = g_strconcat(".", entry, NULL);
  g_autofree char *lower = g_ascii_strdown(suffix, -1);
  return length > 0 && (g_str_has_suffix(domain, lower) || g_str_has_suffix(lower, domain));
}

/* Else the command would ask the real Thred. */
static void keep_thred_in_proxy(const char *name)
{
  const char *value = g_getenv(name);
  g_auto(GStrv) entries = g_strsplit_set(value ? value : "", ", ", -1);
  for (char **entry = entries; *entry; entry++) {
    if (!excepts_thred(*entry))
      continue;
    complain("%s holds '%s', so the command does not get it", name, *entry);
    g_unsetenv(name);
    return;
  }
}

static void set_proxy(const char *proxy)
{
  static const char *const others[] = {"http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY", NULL};
  static const char *const names[] = {"https_proxy", "HTTPS_PROXY", NULL};
  for (const char *const *name = names; *name; name++) {
    g_unsetenv(*name);
    if (proxy)
      g_setenv(*name, proxy, TRUE);
  }
  for (const char *const *name = others; !proxy && *name; name++)
    g_unsetenv(*name);
  if (proxy) {
    keep_thred_in_proxy("no_proxy");
    keep_thred_in_proxy("NO_PROXY");
  }
}

void surroundings_set(const char *dir, const char *proxy)
{
  g_autofree char *conf_dir = g_build_filename(dir, "conf.d", NULL);
  g_autofree char *bundle = g_build_filename(dir, TRUST_BUNDLE, NULL);
  g_setenv("THRED_CONF_DIR", conf_dir, TRUE);
  g_setenv("THRED_EMULATOR_DIR", dir, TRUE);
  for (const char *const *name = surroundings_ca_names; *name; name++)
    g_setenv(*name, bundle, TRUE);
  set_proxy(proxy);
}
