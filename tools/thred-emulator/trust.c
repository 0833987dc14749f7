/* SPDX-License-Identifier: MIT */
#include "trust.h"

#include <errno.h>
#include <glib/gstdio.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

const char *const trust_bundles[] = {
    "/etc/ssl/certs/ca-certificates.crt",                /* Debian */
    "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem", /* Fedora */
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem", /* SUSE */
    "/etc/ssl/cert.pem",      /* Alpine */
    NULL};

char *trust_system_directory(void)
{
  char *resolved = realpath(X509_get_default_cert_dir(), NULL);
  char *copy = g_strdup(resolved);
  free(resolved);
  return copy;
}

bool trust_is_in_directory(const char *directory, const char *bundle)
{
  char *resolved = realpath(bundle, NULL);
  g_autofree char *parent = resolved ? g_path_get_dirname(resolved) : NULL;
  free(resolved);
  return g_strcmp0(parent, directory) == 0;
}

/* The system's authorities and the emulator's; the caller frees it. */
static char *bundle_text(const char *ca)
{
  g_autofree char *system = NULL;
  for (unsigned i = 0; !system && trust_bundles[i]; i++)
    (void)g_file_get_contents(trust_bundles[i], &system, NULL, NULL);
  return g_strconcat(system ? system : "", system ? "\n" : "", ca, NULL);
}

static bool write_file(const char *dir, const char *name, const char *text, GError **error)
{
  g_autofree char *path = g_build_filename(dir, name, NULL);
  return g_file_set_contents_full(path, text, -1, G_FILE_SET_CONTENTS_CONSISTENT, 0644, error);
}

/* Links stay links: relative ones are true again when the directory stands where the original is.
 */
static void copy_entry(const char *from, const char *to)
{
  g_autofree char *text = NULL;
  gsize length = 0;
  g_autofree char *target = g_file_read_link(from, NULL);
  if (target && symlink(target, to) == 0)
    return;
  if (g_file_test(from, G_FILE_TEST_IS_REGULAR) && g_file_get_contents(from, &text, &length, NULL))
    (void)g_file_set_contents_full(to, text, (gssize)length, G_FILE_SET_CONTENTS_NONE, 0644, NULL);
}

static void copy_system(const char *system, const char *to)
{
  g_autoptr(GDir) entries = g_dir_open(system, 0, NULL);
  const char *name;
  while (entries && (name = g_dir_read_name(entries))) {
    g_autofree char *source = g_build_filename(system, name, NULL);
    g_autofree char *copy = g_build_filename(to, name, NULL);
    copy_entry(source, copy);
  }
}

/* "1a2b3c4d.0", as openssl-rehash(1) names it; a number that is free. */
static char *hashed_path(const char *directory, const char *ca)
{
  BIO *bio = BIO_new_mem_buf(ca, -1);
  X509 *certificate = bio ? PEM_read_bio_X509(bio, NULL, NULL, NULL) : NULL;
  unsigned long hash = certificate ? X509_subject_name_hash(certificate) : 0;
  char *path = NULL;
  for (unsigned number = 0; certificate && !path; number++) {
    path = g_strdup_printf("%s/%08lx.%u", directory, hash, number);
    if (g_access(path, F_OK) == 0)
      g_clear_pointer(&path, g_free);
  }
  X509_free(certificate);
  BIO_free(bio);
  return path;
}

/* Also Debian's, where the package ca-certificates is not installed: programs look for it. */
static bool write_bundles(const char *system, const char *copy, const char *text, GError **error)
{
  for (unsigned i = 0; trust_bundles[i]; i++) {
    g_autofree char *name = g_path_get_basename(trust_bundles[i]);
    g_autofree char *parent = g_path_get_dirname(trust_bundles[i]);
    bool is_there = trust_is_in_directory(system, trust_bundles[i]);
    bool is_missing = g_str_equal(parent, system) && g_access(trust_bundles[i], F_OK) != 0;
    if ((is_there || is_missing) && !write_file(copy, name, text, error))
      return false;
  }
  return true;
}

static bool write_directory(const char *dir, const char *ca, const char *text, GError **error)
{
  g_autofree char *system = trust_system_directory();
  g_autofree char *copy = g_build_filename(dir, TRUST_DIRECTORY, NULL);
  if (!system)
    return true;
  if (g_mkdir(copy, 0755) != 0 && errno != EEXIST) {
    int reason = errno;
    g_set_error(error, G_FILE_ERROR, g_file_error_from_errno(reason), "cannot make %s: %s", copy,
                g_strerror(reason));
    return false;
  }
  copy_system(system, copy);
  g_autofree char *path = hashed_path(copy, ca);
  return write_bundles(system, copy, text, error) &&
         (!path || g_file_set_contents(path, ca, -1, error));
}

bool trust_write(const char *dir, const char *ca, GError **error)
{
  g_autofree char *text = bundle_text(ca);
  return write_file(dir, TRUST_BUNDLE, text, error) && write_directory(dir, ca, text, error);
}
