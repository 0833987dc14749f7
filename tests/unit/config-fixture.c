/* SPDX-License-Identifier: MIT */
#include "tests/unit/config-fixture.h"

#include <fcntl.h>
#include <ftw.h>
#include <sys/stat.h>
#include <unistd.h>

static _Thread_local int calls;

/* ---- in place of the modules: what the word says is what it does ---- */

char *credentials_module_path(const char *module_dir, const char *module)
{
  char *path = NULL;
  for (const char *c = module; *c; c++)
    if (*c >= 'A' && *c <= 'Z')
      return NULL;
  return asprintf(&path, "%s/%s.so", module_dir, module) < 0 ? NULL : path;
}

ThredCredentialStatus credentials_identity(const char *module_dir, const char *module,
                                           const ThredModuleOption *options, size_t n_options,
                                           int at_secure, CredentialsIdentityFunc each, void *data,
                                           Error *error)
{
  (void)module_dir;
  calls++;
  if (strcmp(module, "env") == 0) {
    if (at_secure) {
      error_set(error, THRED_E_CREDENTIALS, "no environment under AT_SECURE");
      return THRED_CREDENTIAL_UNAVAIL;
    }
    each(THRED_IDENTITY_ENV, "THRED_PARTNER_UUID", data);
    each(THRED_IDENTITY_ENV, "THRED_API_KEY", data);
    return THRED_CREDENTIAL_SUCCESS;
  }
  if (strcmp(module, "file") == 0) {
    const char *path = "/etc/thred/credentials";
    for (size_t i = 0; i < n_options; i++)
      if (strcmp(options[i].key, "path") == 0)
        path = options[i].value;
    each(THRED_IDENTITY_FILE, path, data);
    return THRED_CREDENTIAL_SUCCESS;
  }
  if (strcmp(module, "flood") == 0) {
    for (int i = 0; i < 100000; i++)
      each(THRED_IDENTITY_TEXT, "same", data);
    return THRED_CREDENTIAL_SUCCESS;
  }
  if (strcmp(module, "silent") == 0)
    return THRED_CREDENTIAL_TRYAGAIN;
  if (strcmp(module, "half") == 0)
    each(THRED_IDENTITY_TEXT, "said before it failed", data);
  if (n_options)
    error_set(error, THRED_E_CREDENTIALS, "%s:%u: no option %s", options[0].file, options[0].line,
              options[0].key);
  else
    error_set(error, THRED_E_CREDENTIALS, "no module '%s'\nis installed", module);
  return THRED_CREDENTIAL_UNAVAIL;
}

/* ---- directories and files ---- */

int fixture_setup(void **state)
{
  Fixture *f = calloc(1, sizeof *f);
  assert_non_null(f);
  strcpy(f->root, "/tmp/thred-config-XXXXXX");
  assert_non_null(mkdtemp(f->root));
  assert_int_equal(chmod(f->root, 0755), 0);
  snprintf(f->shipped, sizeof f->shipped, "%s/shipped", f->root);
  snprintf(f->admin, sizeof f->admin, "%s/admin", f->root);
  snprintf(f->user, sizeof f->user, "%s/user", f->root);
  snprintf(f->modules, sizeof f->modules, "%s/modules", f->root);
  const char *const directories[] = {f->shipped, f->admin, f->user, f->modules};
  for (size_t i = 0; i < sizeof directories / sizeof *directories; i++) {
    assert_int_equal(mkdir(directories[i], 0755), 0);
    assert_int_equal(chmod(directories[i], 0755), 0);
  }
  f->origin = (SnapshotOrigin){f->shipped, f->admin, f->user, f->modules, geteuid(), 0};
  *state = f;
  return 0;
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
  (void)st, (void)type, (void)ftw;
  return remove(path);
}

int fixture_teardown(void **state)
{
  Fixture *f = *state;
  nftw(f->root, remove_one, 8, FTW_DEPTH | FTW_PHYS);
  free(f->snapshot);
  free(f);
  return 0;
}

char *fixture_expand(const Fixture *f, const char *text)
{
  char *result = NULL;
  size_t size = 0;
  FILE *out = open_memstream(&result, &size);
  assert_non_null(out);
  for (; *text; text++) {
    const char *directory = NULL;
    if (*text == '$')
      directory = text[1] == 'S'   ? f->shipped
                  : text[1] == 'A' ? f->admin
                  : text[1] == 'U' ? f->user
                  : text[1] == 'M' ? f->modules
                  : text[1] == 'R' ? f->root
                                   : NULL;
    if (directory) {
      fputs(directory, out);
      text++;
    } else {
      fputc(*text, out);
    }
  }
  fclose(out);
  return result;
}

void fixture_write_bytes(const Fixture *f, const char *path, const void *bytes, size_t size)
{
  char *full = fixture_expand(f, path);
  int fd = open(full, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
  assert_true(fd >= 0);
  assert_int_equal(fchmod(fd, 0644), 0);
  for (size_t done = 0; done < size;) {
    ssize_t put = write(fd, (const char *)bytes + done, size - done);
    assert_true(put > 0);
    done += (size_t)put;
  }
  close(fd);
  free(full);
}

void fixture_write(const Fixture *f, const char *path, const char *text)
{
  fixture_write_bytes(f, path, text, strlen(text));
}

void fixture_remove(const Fixture *f, const char *path)
{
  char *full = fixture_expand(f, path);
  assert_int_equal(remove(full), 0);
  free(full);
}

void fixture_chmod(const Fixture *f, const char *path, unsigned mode)
{
  char *full = fixture_expand(f, path);
  assert_int_equal(chmod(full, (mode_t)mode), 0);
  free(full);
}

/* ---- loading, and looking at the block ---- */

void fixture_load(Fixture *f)
{
  Error error = ERROR_INIT;
  void *block = NULL;
  free(f->snapshot);
  f->snapshot = NULL;
  calls = 0;
  if (config_load(&f->origin, &block, &f->size, &error) != THRED_OK)
    fail_msg("config_load: %s", error.message);
  assert_true(snapshot_check(block, f->size));
  f->snapshot = block;
  f->identity_calls = calls;
}

void fixture_problems(const Fixture *f, ...)
{
  va_list args;
  va_start(args, f);
  uint32_t n = 0;
  for (const char *text; (text = va_arg(args, const char *)); n++) {
    char *expected = fixture_expand(f, text);
    if (n >= f->snapshot->problems.count)
      fail_msg("missing problem: %s", expected);
    const SnapshotProblem *problem = snapshot_problem(f->snapshot, n);
    assert_string_equal(snapshot_string(f->snapshot, problem->text), expected);
    const char *file = snapshot_string(f->snapshot, problem->file);
    assert_non_null(file);
    assert_memory_equal(expected, file, strlen(file));
    char line[16] = "";
    if (problem->line)
      snprintf(line, sizeof line, ":%u:", problem->line);
    assert_memory_equal(expected + strlen(file), line, strlen(line));
    free(expected);
  }
  va_end(args);
  if (n < f->snapshot->problems.count)
    fail_msg("unexpected problem: %s",
             snapshot_string(f->snapshot, snapshot_problem(f->snapshot, n)->text));
}

bool fixture_has_problem(const Fixture *f, const char *text)
{
  char *expected = fixture_expand(f, text);
  bool found = false;
  for (uint32_t i = 0; i < f->snapshot->problems.count && !found; i++)
    found = strstr(snapshot_string(f->snapshot, snapshot_problem(f->snapshot, i)->text), expected);
  free(expected);
  return found;
}

const SnapshotEnvironment *fixture_environment(const Fixture *f, const char *name)
{
  uint32_t index = snapshot_find_environment(f->snapshot, name);
  if (index == SNAPSHOT_NONE)
    fail_msg("no environment %s", name);
  return snapshot_environment(f->snapshot, index);
}

const char *fixture_string(const Fixture *f, uint32_t offset)
{
  return snapshot_string(f->snapshot, offset);
}

char *fixture_hosts(const Fixture *f, const char *environment)
{
  char *result = NULL;
  size_t size = 0;
  FILE *out = open_memstream(&result, &size);
  const SnapshotEnvironment *e = fixture_environment(f, environment);
  for (uint32_t i = 0; i < e->host_count; i++) {
    const SnapshotHost *host = snapshot_host(f->snapshot, e->first_host + i);
    assert_ptr_equal(snapshot_environment(f->snapshot, host->environment), e);
    fprintf(out, "%s ", fixture_string(f, host->name));
  }
  fclose(out);
  return result;
}

char *fixture_stack(const Fixture *f, SnapshotTable run)
{
  char *result = NULL;
  size_t size = 0;
  FILE *out = open_memstream(&result, &size);
  for (uint32_t i = 0; i < run.count; i++) {
    const SnapshotStackEntry *entry = snapshot_stack(f->snapshot, run.offset + i);
    fprintf(out, "%s:%s:", fixture_string(f, entry->name), fixture_string(f, entry->module));
    for (int status = 0; status < 4; status++)
      fputc(entry->action[status] == SNAPSHOT_ACTION_RETURN ? 'R' : 'C', out);
    fputc(' ', out);
  }
  fclose(out);
  return result;
}

const SnapshotRoute *fixture_route(const Fixture *f, const char *name)
{
  for (uint32_t i = 0; i < f->snapshot->routes.count; i++)
    if (strcmp(fixture_string(f, snapshot_route(f->snapshot, i)->name), name) == 0)
      return snapshot_route(f->snapshot, i);
  return NULL;
}

bool fixture_has_source(const Fixture *f, const char *path, bool present)
{
  char *expected = fixture_expand(f, path);
  bool found = false;
  for (uint32_t i = 0; i < f->snapshot->sources.count && !found; i++) {
    const SnapshotSource *source = snapshot_source(f->snapshot, i);
    found = strcmp(fixture_string(f, source->path), expected) == 0 &&
            source->present == (uint32_t)present;
  }
  free(expected);
  return found;
}
