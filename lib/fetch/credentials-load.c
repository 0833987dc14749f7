/* SPDX-License-Identifier: MIT */
#include "lib/fetch/credentials-load.h"

#include <dlfcn.h>
#include <errno.h>
#include <limits.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/errno-text.h"
#include "lib/fetch/credentials.h"
#include "lib/secure.h"
#include "lib/symbols.h"

/*
 * The modules of this process: a list that only grows, by compare-and-swap at its head. There is no
 * mutex in it, so none can be found locked in the child of a fork(2), and none is held while dlopen
 * runs a module's constructors. (dlopen's own lock is glibc's, which makes it new in the child.)
 * The list exists so that a process keeps the modules it began with: an upgrade that turns a link
 * to another file does not load a second copy beside the first.
 */
typedef struct Loaded {
  struct Loaded *next;
  const ThredCredentialModule *module;
  atomic_int hanging; /* calls that have not come back, of threads .. */
  atomic_int pid;     /* .. of this process: a child has none of them */
  char path[];
} Loaded;

static _Atomic(Loaded *) loaded_modules;

static const Loaded *find_loaded(const Loaded *list, const char *path)
{
  while (list && strcmp(list->path, path) != 0)
    list = list->next;
  return list;
}

/* Two threads may load the same module at once: dlopen gave both the same object, and one entry. */
static const ThredCredentialModule *remember(const char *path, const ThredCredentialModule *module)
{
  size_t size = strlen(path) + 1;
  Loaded *entry = malloc(sizeof *entry + size);
  if (!entry)
    return module; /* only the next call's shortcut is lost */
  entry->module = module;
  atomic_init(&entry->hanging, 0);
  atomic_init(&entry->pid, 0);
  memcpy(entry->path, path, size);
  entry->next = atomic_load(&loaded_modules);
  do {
    const Loaded *other = find_loaded(entry->next, path);
    if (other) {
      free(entry);
      return other->module;
    }
  } while (!atomic_compare_exchange_weak(&loaded_modules, &entry->next, entry));
  return module;
}

/* One module may be there by several paths: all of them are asked. */
bool credentials_is_hanging(const ThredCredentialModule *module)
{
  for (Loaded *each = atomic_load(&loaded_modules); each; each = each->next)
    if (each->module == module && atomic_load(&each->hanging) > 0 &&
        atomic_load(&each->pid) == (int)getpid())
      return true;
  return false;
}

void credentials_note_hanging(const ThredCredentialModule *module, bool hangs)
{
  Loaded *entry = atomic_load(&loaded_modules);
  while (entry && entry->module != module)
    entry = entry->next;
  if (!entry)
    return;
  if (atomic_exchange(&entry->pid, (int)getpid()) != (int)getpid())
    atomic_store(&entry->hanging, 0);
  atomic_fetch_add(&entry->hanging, hangs ? 1 : -1);
}

static bool plain_name(const char *name)
{
  size_t length = strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_-");
  return length > 0 && name[length] == 0 && length <= NAME_MAX - strlen(".so");
}

char *credentials_module_path(const char *module_dir, const char *module)
{
  char *path = NULL;
  if (!module_dir || !module || !plain_name(module) ||
      asprintf(&path, "%s/%s.so", module_dir, module) < 0)
    return NULL;
  return path;
}

static bool judge(const char *path, SecureRule rule, char *why, size_t why_size)
{
  struct stat st;
  int fd = secure_open(path, rule, &st, why, why_size);
  if (fd >= 0)
    close(fd);
  return fd >= 0;
}

/*
 * Judges the file and the directory that it really lies in, links resolved, and returns that path.
 * dlopen(3) takes a path, not a descriptor, and opens it a second time: between the two only
 * someone who may write the directory can exchange the file, and that is root or us, who need no
 * trick.
 * (/proc/self/fd/N would close even that gap, and break $ORIGIN and the name in every backtrace.)
 */
static char *judged_path(const char *module_dir, const char *path, char *why, size_t why_size)
{
  if (!judge(module_dir, SECURE_DIRECTORY, why, why_size))
    return NULL;
  char *real = realpath(path, NULL);
  if (!real) {
    char text[128];
    const bool missing = errno == ENOENT;
    snprintf(why, why_size, "%s: %s%s", path, errno_text(errno, text, sizeof text),
             missing ? " (name a module that is installed, or a group [credentials NAME])" : "");
    return NULL;
  }
  char *slash = strrchr(real, '/');
  *slash = 0;
  bool accepted = judge(slash == real ? "/" : real, SECURE_DIRECTORY, why, why_size);
  *slash = '/';
  if (accepted && judge(real, SECURE_CONFIG, why, why_size))
    return real;
  free(real);
  return NULL;
}

/* The descriptor may be shorter than ours: nothing behind struct_size is read before that is known.
 */
static bool check_descriptor(const ThredCredentialModule *m, const char *name, const char *path,
                             char *why, size_t why_size)
{
  const char *missing = NULL;
  if (m->abi != THRED_CREDENTIAL_MODULE_ABI)
    snprintf(why, why_size, "%s: is for module ABI %u, this library has %u", path, (unsigned)m->abi,
             THRED_CREDENTIAL_MODULE_ABI);
  else if (m->struct_size < sizeof *m)
    snprintf(why, why_size, "%s: its descriptor has %u bytes, this library needs %zu", path,
             (unsigned)m->struct_size, sizeof *m);
  else if (!m->name || strcmp(m->name, name) != 0)
    snprintf(why, why_size, "%s: calls itself '%.64s', not '%s'", path, m->name ? m->name : "",
             name);
  else if ((missing = !m->open       ? "open"
                      : !m->identity ? "identity"
                      : !m->get      ? "get"
                      : !m->close    ? "close"
                                     : NULL))
    snprintf(why, why_size, "%s: has no operation '%s'", path, missing);
  else if (m->flags & ~THRED_CREDENTIAL_MODULE_LOCAL)
    snprintf(why, why_size, "%s: has flags that this library does not know (0x%x)", path,
             (unsigned)m->flags);
  else
    return true;
  return false;
}

/* The handle is never closed: a module's code may be on another thread's stack, and its memory in a
 * thread-exit handler. An unusable one stays loaded too; dlopen finds it again by device and inode.
 */
static const ThredCredentialModule *load_object(const char *name, const char *real, char *why,
                                                size_t why_size)
{
  Error error = ERROR_INIT;
  const SymbolsBefore *before = symbols_before();
  void *handle = dlopen(real, RTLD_NOW | RTLD_LOCAL);
  if (!handle) {
    const char *text = dlerror();
    snprintf(why, why_size, "%s: cannot be loaded: %s", real, text ? text : "unknown reason");
    return NULL;
  }
  const ThredCredentialModule *module = dlsym(handle, THRED_CREDENTIAL_MODULE_SYMBOL);
  if (!module) {
    snprintf(why, why_size, "%s: is no credential module: it has no symbol %s", real,
             THRED_CREDENTIAL_MODULE_SYMBOL);
    return NULL;
  }
  if (!before || symbols_check_new(handle, before, &error)) {
    snprintf(why, why_size, "%s: cannot be used here: %s", real,
             before ? error.message : "out of memory");
    return NULL;
  }
  return check_descriptor(module, name, real, why, why_size) ? module : NULL;
}

const ThredCredentialModule *credentials_load(const char *module_dir, const char *name, char *why,
                                              size_t why_size)
{
  /* A relative one would mean whatever the program's directory is at that moment. */
  if (!module_dir || module_dir[0] != '/') {
    snprintf(why, why_size, "the module directory '%s' is not an absolute path",
             module_dir ? module_dir : "");
    return NULL;
  }
  if (!plain_name(name)) {
    snprintf(why, why_size, "'%.64s' is no module name ([a-z0-9_-]+)", name);
    return NULL;
  }
  char *path = credentials_module_path(module_dir, name);
  if (!path) {
    snprintf(why, why_size, "out of memory");
    return NULL;
  }

  const Loaded *known = find_loaded(atomic_load(&loaded_modules), path);
  const ThredCredentialModule *module = known ? known->module : NULL;
  char *real = known ? NULL : judged_path(module_dir, path, why, why_size);
  if (real) {
    module = load_object(name, real, why, why_size);
    if (module)
      module = remember(path, module);
  }
  free(real);
  free(path);
  return module;
}
