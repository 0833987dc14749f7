/* SPDX-License-Identifier: MIT */
#include "tools/thredctl/diagnosis.h"

#include <gelf.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "config.h"
#include "tools/thredctl/libcurls.h"
#include "tools/thredctl/loader.h"
#include "tools/thredctl/pair.h"

/* ---- findings ---- */

/* The first reason is the verdict. */
static void refuse(Diagnosis *diagnosis, const char *reason, const char *format, ...)
    G_GNUC_PRINTF(3, 4);
static void refuse(Diagnosis *diagnosis, const char *reason, const char *format, ...)
{
  va_list args;
  if (diagnosis->reason)
    return;
  va_start(args, format);
  diagnosis->reason = reason;
  diagnosis->verdict = g_strdup_vprintf(format, args);
  va_end(args);
}

static void note(Diagnosis *diagnosis, const char *format, ...) G_GNUC_PRINTF(2, 3);
static void note(Diagnosis *diagnosis, const char *format, ...)
{
  va_list args;
  va_start(args, format);
  g_ptr_array_add(diagnosis->notes, g_strdup_vprintf(format, args));
  va_end(args);
}

/* ---- the program's file ---- */

static const char *machine_name(int machine)
{
  static const struct {
    int machine;
    const char *name;
  } names[] = {{EM_386, "i386"},        {EM_X86_64, "x86-64"}, {EM_ARM, "arm"},
               {EM_AARCH64, "aarch64"}, {EM_PPC64, "ppc64"},   {EM_S390, "s390"},
               {EM_RISCV, "riscv"},     {EM_MIPS, "mips"}};
  for (size_t i = 0; i < G_N_ELEMENTS(names); i++)
    if (names[i].machine == machine)
      return names[i].name;
  return "another machine";
}

static int bits(const ElfFile *file)
{
  return file->class == ELFCLASS64 ? 64 : 32;
}

/* Compared with thredctl itself, which was built with the shim. */
static void judge_architecture(Diagnosis *diagnosis, const ElfFile *file)
{
  g_autofree char *error = NULL;
  g_autoptr(ElfFile) self = elf_file_read("/proc/self/exe", &error);
  if (self &&
      (self->machine != file->machine || self->class != file->class || self->data != file->data))
    refuse(diagnosis, "architecture",
           "it is a %d-bit program for %s; the shim is for %d-bit programs for %s", bits(file),
           machine_name(file->machine), bits(self), machine_name(self->machine));
}

static bool is_same_file(const char *a, const char *b)
{
  struct stat first, second;
  return stat(a, &first) == 0 && stat(b, &second) == 0 && first.st_dev == second.st_dev &&
         first.st_ino == second.st_ino;
}

static void judge_loader(Diagnosis *diagnosis, const ElfFile *file)
{
  const char *loader = loader_path();
  if (!file->interpreter)
    refuse(diagnosis, "static",
           "it is statically linked: there is no loader that could load the shim");
  else if (strstr(file->interpreter, "ld-musl") && loader && !strstr(loader, "ld-musl"))
    refuse(diagnosis, "musl", "it is linked with musl (%s); the shim is for the GNU C library",
           file->interpreter);
  else if (loader && !is_same_file(loader, file->interpreter))
    refuse(diagnosis, "loader", "its loader is %s; the shim is for that of this system, %s",
           file->interpreter, loader);
}

/* ld.so(8), "Secure-execution mode": what sets AT_SECURE (Linux, security/commoncap.c). */
static void judge_rights(Diagnosis *diagnosis, const char *path)
{
  struct stat st;
  struct statvfs fs;
  if (stat(path, &st) != 0 || (statvfs(path, &fs) == 0 && (fs.f_flag & ST_NOSUID)))
    return;
  bool setuid = (st.st_mode & S_ISUID) && st.st_uid != getuid();
  bool setgid = (st.st_mode & (S_ISGID | S_IXGRP)) == (S_ISGID | S_IXGRP) && st.st_gid != getgid();
  bool capable = getuid() != 0 && getxattr(path, "security.capability", NULL, 0) > 0;
  if (setuid || setgid || capable)
    refuse(diagnosis, "secure", "it runs with elevated rights (%s): the loader ignores LD_PRELOAD",
           setuid   ? "setuid"
           : setgid ? "setgid"
                    : "file capabilities");
}

static bool defines_libcurl(const char *path, const ElfFile *file, char **version)
{
  *version = libcurl_version_in(path);
  return file->defines_curl || *version;
}

/* A libcurl inside the program is called without a symbol that could be another's. */
static void judge_own_libcurl(Diagnosis *diagnosis, const char *path, const ElfFile *file)
{
  g_autofree char *version = NULL;
  if (diagnosis->libcurls->len > 0 || !defines_libcurl(path, file, &version))
    return;
  refuse(diagnosis, "own-libcurl",
         "it seems to contain a libcurl (%s%s), which no shim can stand before",
         file->defines_curl ? "curl_easy_perform" : "libcurl/", version ? version : "");
}

/* ---- AddressSanitizer ---- */

static const char *shared_asan(const ElfFile *file)
{
  for (guint i = 0; i < file->needed->len; i++)
    if (g_str_has_prefix(file->needed->pdata[i], "libasan.so") ||
        g_str_has_prefix(file->needed->pdata[i], "libclang_rt.asan"))
      return file->needed->pdata[i];
  return NULL;
}

/* Its runtime refuses to start behind another object. */
static void find_first(Diagnosis *diagnosis, const char *path, const ElfFile *file)
{
  g_autofree char *complaints = NULL;
  const char *runtime = shared_asan(file);
  if (!runtime)
    return;
  g_autoptr(GPtrArray) objects = loader_list(path, NULL, g_getenv("LD_LIBRARY_PATH"), &complaints);
  const LoadedObject *object = loader_find(objects, runtime);
  diagnosis->first = object ? g_strdup(object->path) : NULL;
}

static void judge_asan(Diagnosis *diagnosis, const ElfFile *file)
{
  const char *runtime = shared_asan(file);
  if (runtime && !diagnosis->first)
    refuse(diagnosis, "asan", "it is built with AddressSanitizer, whose runtime %s is not found",
           runtime);
  else if (runtime)
    note(diagnosis,
         "it is built with AddressSanitizer, whose runtime must be loaded first: 'thredctl exec' "
         "puts "
         "%s before the shim",
         diagnosis->first);
}

/* ---- what it loads ---- */

/* A preload that cannot be loaded is passed over, with a word on stderr. */
static void judge_shim(Diagnosis *diagnosis, const GPtrArray *objects, const char *complaint)
{
  if (!loader_find(objects, THRED_PRELOAD_OBJECT))
    refuse(diagnosis, "shim", "the loader does not take the shim: %s",
           complaint[0] ? complaint : THRED_PRELOAD_OBJECT);
}

#define VERSION_MAJOR 7
#define VERSION_MINOR 80

static bool is_too_old(const char *version)
{
  int major = 0, minor = 0;
  /* libcurl's own version: NOLINTNEXTLINE(cert-err34-c) */
  return version && sscanf(version, "%d.%d", &major, &minor) == 2 &&
         (major < VERSION_MAJOR || (major == VERSION_MAJOR && minor < VERSION_MINOR));
}

static void judge_libcurls(Diagnosis *diagnosis)
{
  for (guint i = 0; i < diagnosis->libcurls->len; i++) {
    const Libcurl *libcurl = diagnosis->libcurls->pdata[i];
    if (is_too_old(libcurl->version))
      refuse(diagnosis, "old-libcurl",
             "its libcurl %s (%s) has no hook before each request; that came with %d.%d",
             libcurl->version, libcurl->path, VERSION_MAJOR, VERSION_MINOR);
  }
}

/* The first line. To be freed. */
static char *line_of(const char *text)
{
  return text ? g_strndup(text, strcspn(text, "\n")) : g_strdup("");
}

static void look_at_objects(Diagnosis *diagnosis, const char *path)
{
  g_autofree char *complaints = NULL;
  g_autofree char *preload = diagnosis->first
                                 ? g_strdup_printf("%s:" THRED_PRELOAD_OBJECT, diagnosis->first)
                                 : g_strdup(THRED_PRELOAD_OBJECT);
  g_autoptr(GPtrArray) objects =
      loader_list(path, preload, g_getenv("LD_LIBRARY_PATH"), &complaints);
  g_autofree char *complaint = line_of(complaints);
  if (!objects) {
    refuse(diagnosis, "loader", "the loader does not load it: %s", complaint);
    return;
  }
  g_ptr_array_unref(diagnosis->libcurls);
  diagnosis->libcurls = libcurls_of(path, objects);
  judge_shim(diagnosis, objects, complaint);
  judge_libcurls(diagnosis);
}

/* ---- how it calls libcurl ---- */

static void find_folders(Diagnosis *diagnosis, const char *path, const ElfFile *file, char **why,
                         char **problem)
{
  *problem = NULL;
  *why = pair_reason(diagnosis->program, file);
  if (*why)
    diagnosis->folders = pair_folders(path, file, problem);
}

static void note_folders(Diagnosis *diagnosis, const char *path, const ElfFile *file)
{
  g_autofree char *why = NULL, *problem = NULL;
  find_folders(diagnosis, path, file, &why, &problem);
  if (diagnosis->folders)
    note(diagnosis, "%s: for that, 'thredctl exec' puts %s in front of LD_LIBRARY_PATH", why,
         diagnosis->folders);
  else if (why)
    note(diagnosis, "%s: such calls the shim does not see; %s", why, problem);
}

/* Of architectures that have a stub for dlopen (plugin/preload/dlopen.c). */
static bool strips_deepbind(void)
{
#if defined(__aarch64__) || (defined(__x86_64__) && defined(__LP64__))
  return true;
#else
  return false;
#endif
}

static void note_deepbind(Diagnosis *diagnosis)
{
  if (!g_str_has_prefix(diagnosis->program->name, "php"))
    return;
  if (strips_deepbind())
    note(diagnosis,
         "PHP opens its extensions with RTLD_DEEPBIND, past any preloaded object: the shim "
         "takes that flag away for those that need libcurl");
  else
    refuse(diagnosis, "deepbind",
           "PHP opens its extensions with RTLD_DEEPBIND, past any preloaded object");
}

static void note_libcurl(Diagnosis *diagnosis)
{
  if (diagnosis->libcurls->len == 0)
    note(diagnosis, "it is linked with no libcurl: it makes no requests over one, unless something "
                    "that it loads does");
}

static const char *const shells[] = {"sh", "dash", "bash", "zsh", "ksh", "mksh", "busybox"};

static void note_children(Diagnosis *diagnosis)
{
  for (size_t i = 0; i < G_N_ELEMENTS(shells); i++)
    if (strcmp(diagnosis->program->name, shells[i]) == 0)
      note(diagnosis, "it is a shell: what it runs is under the shim too; ask for those programs");
}

/* ---- all of it ---- */

static void look(Diagnosis *diagnosis, const char *path, const ElfFile *file)
{
  judge_architecture(diagnosis, file);
  judge_loader(diagnosis, file);
  judge_rights(diagnosis, path);
  if (!diagnosis->reason) {
    find_first(diagnosis, path, file);
    judge_asan(diagnosis, file);
    look_at_objects(diagnosis, path);
  }
  judge_own_libcurl(diagnosis, path, file);
  if (diagnosis->reason)
    return;
  note_libcurl(diagnosis);
  note_deepbind(diagnosis);
  note_folders(diagnosis, path, file);
  note_children(diagnosis);
}

static Diagnosis *begin(const char *command)
{
  Diagnosis *diagnosis = g_new0(Diagnosis, 1);
  diagnosis->program = program_find(command);
  diagnosis->notes = g_ptr_array_new_with_free_func(g_free);
  diagnosis->libcurls = g_ptr_array_new_with_free_func(g_free);
  return diagnosis;
}

Diagnosis *diagnose(const char *command)
{
  g_autofree char *error = NULL;
  Diagnosis *diagnosis = begin(command);
  const Program *program = diagnosis->program;
  if (program->problem) {
    refuse(diagnosis, program->reason, "%s", program->problem);
    return diagnosis;
  }
  g_autoptr(ElfFile) file = elf_file_read(program_path(program), &error);
  if (!file)
    refuse(diagnosis, "unreadable", "%s: %s", program_path(program), error);
  else if (program->cleared)
    refuse(diagnosis, "env", "env(1) in its first line takes LD_PRELOAD away");
  if (file)
    look(diagnosis, program_path(program), file);
  if (!diagnosis->reason) {
    diagnosis->reason = "reachable";
    diagnosis->verdict = g_strdup("the shim reaches it");
  }
  return diagnosis;
}

Diagnosis *diagnose_needs(const char *command)
{
  g_autofree char *error = NULL, *why = NULL, *problem = NULL;
  Diagnosis *diagnosis = begin(command);
  const Program *program = diagnosis->program;
  g_autoptr(ElfFile) file = program->problem ? NULL : elf_file_read(program_path(program), &error);
  if (!file || !file->interpreter || !loader_path() ||
      !is_same_file(file->interpreter, loader_path()))
    return diagnosis;
  find_first(diagnosis, program_path(program), file);
  find_folders(diagnosis, program_path(program), file, &why, &problem);
  return diagnosis;
}

bool diagnosis_is_reachable(const Diagnosis *diagnosis)
{
  return strcmp(diagnosis->reason, "reachable") == 0;
}

void diagnosis_free(Diagnosis *diagnosis)
{
  program_free(diagnosis->program);
  g_free(diagnosis->verdict);
  g_ptr_array_unref(diagnosis->notes);
  g_ptr_array_unref(diagnosis->libcurls);
  g_free(diagnosis->first);
  g_free(diagnosis->folders);
  g_free(diagnosis);
}
