/* SPDX-License-Identifier: MIT */
#include "files.h"

#include "surroundings.h"

#include <errno.h>
#include <ftw.h>
#include <glib/gstdio.h>
#include <openssl/crypto.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool fail(GError **error, const char *what, const char *path)
{
  int reason = errno;
  g_set_error(error, G_FILE_ERROR, g_file_error_from_errno(reason), "cannot %s %s: %s", what, path,
              g_strerror(reason));
  return false;
}

static bool make_dir(const char *path, GError **error)
{
  if (g_mkdir_with_parents(path, 0700) == 0)
    return true;
  return fail(error, "make directory", path);
}

/* A reader sees the old file, no file or the whole new one (GLib writes another and renames it). */
static bool write_file(const char *dir, const char *name, const char *text, int mode,
                       GError **error)
{
  g_autofree char *path = g_build_filename(dir, name, NULL);
  return g_file_set_contents_full(path, text, -1, G_FILE_SET_CONTENTS_CONSISTENT, mode, error);
}

static bool remove_file(const char *dir, const char *name, GError **error)
{
  g_autofree char *path = g_build_filename(dir, name, NULL);
  if (g_unlink(path) == 0 || errno == ENOENT)
    return true;
  return fail(error, "remove", path);
}

bool files_remove_ports(const char *dir, GError **error)
{
  return remove_file(dir, "port", error) && remove_file(dir, "http-port", error) &&
         remove_file(dir, "proxy-port", error);
}

char *files_prepare(const char *dir, GError **error)
{
  if (!make_dir(dir, error))
    return NULL;
  char *resolved = realpath(dir, NULL);
  if (!resolved) {
    fail(error, "resolve", dir);
    return NULL;
  }
  char *path = g_strdup(resolved);
  free(resolved);
  if (files_remove_ports(path, error))
    return path;
  g_free(path);
  return NULL;
}

static bool write_configuration(const char *dir, const Leaflet *leaflet, GError **error)
{
  /* The environments that thred-auth ships. */
  static const char *const groups[] = {"environment sandbox", "environment production",
                                       "environment staging", "environment development"};
  g_autofree char *conf_dir = g_build_filename(dir, "conf.d", NULL);
  g_autofree char *ca = g_build_filename(dir, "ca.pem", NULL);
  g_autofree char *credentials = g_build_filename(dir, "credentials", NULL);
  g_autofree char *connect_to = g_strdup_printf("::%s:%u", leaflet->address, leaflet->port);
  g_autoptr(GKeyFile) file = g_key_file_new();

  g_key_file_set_string(file, "thred", "environment", "sandbox");
  for (size_t i = 0; i < (leaflet->every_environment ? G_N_ELEMENTS(groups) : 1); i++) {
    g_key_file_set_string(file, groups[i], "credentials", "file");
    if (!leaflet->on_443)
      g_key_file_set_string(file, groups[i], "connect-to", connect_to);
    g_key_file_set_string(file, groups[i], "ca-file", ca);
  }
  g_key_file_set_string(file, "credentials file", "path", credentials);
  g_autofree char *text = g_key_file_to_data(file, NULL, NULL);
  return make_dir(conf_dir, error) && write_file(conf_dir, "50-emulator.conf", text, 0600, error);
}

static void add_export(GString *text, const char *name, const char *value)
{
  g_autofree char *quoted = g_shell_quote(value);
  g_string_append_printf(text, "export %s=%s\n", name, quoted);
}

/* For the shell: with these, programs that know nothing of the emulator take it for Thred. */
static bool write_environment(const char *dir, const Leaflet *leaflet, GError **error)
{
  g_autofree char *conf_dir = g_build_filename(dir, "conf.d", NULL);
  g_autofree char *ca = g_build_filename(dir, "ca.pem", NULL);
  g_autofree char *proxy = g_strdup_printf("http://%s:%u", leaflet->address, leaflet->proxy_port);
  GString *text = g_string_new(NULL);
  add_export(text, "THRED_CONF_DIR", conf_dir);
  if (leaflet->proxy_port)
    add_export(text, "https_proxy", proxy);
  for (const char *const *name = surroundings_ca_names; *name; name++)
    add_export(text, *name, ca);
  bool ok = write_file(dir, "env.sh", text->str, 0600, error);
  g_string_free(text, TRUE);
  return ok;
}

bool files_write(const char *dir, const Leaflet *leaflet, GError **error)
{
  char *server = g_strconcat(leaflet->certificates->server, leaflet->certificates->key, NULL);
  g_autofree char *credentials = g_strdup_printf("THRED_PARTNER_UUID=%s\nTHRED_API_KEY=%s\n",
                                                 leaflet->partner, leaflet->api_key);
  bool ok = write_file(dir, "ca.pem", leaflet->certificates->ca, 0644, error) &&
            write_file(dir, "server.pem", server, 0600, error) &&
            write_file(dir, "credentials", credentials, 0600, error) &&
            write_environment(dir, leaflet, error) && write_configuration(dir, leaflet, error);
  OPENSSL_cleanse(server, strlen(server));
  g_free(server);
  return ok;
}

static int remove_entry(const char *path, const struct stat *st, int kind, struct FTW *where)
{
  (void)st, (void)kind, (void)where;
  (void)remove(path);
  return 0;
}

void files_remove(const char *dir)
{
  (void)nftw(dir, remove_entry, 16, FTW_DEPTH | FTW_PHYS | FTW_MOUNT);
}

bool files_write_port(const char *dir, const char *name, unsigned port, GError **error)
{
  g_autofree char *text = g_strdup_printf("%u\n", port);
  return write_file(dir, name, text, 0644, error);
}
