/* SPDX-License-Identifier: MIT */
/* elf-file.h - what an ELF file says of itself, as far as it matters to the shim. */
#ifndef THREDCTL_ELF_FILE_H
#define THREDCTL_ELF_FILE_H

#include <glib.h>
#include <stdbool.h>

typedef struct {
  int class, data, machine; /* ELFCLASS*, ELFDATA*, EM_* */
  bool dynamic;             /* has a dynamic section */
  char *interpreter;        /* PT_INTERP: its loader; NULL: none */
  char *rpath;              /* DT_RPATH, unless a DT_RUNPATH makes the loader ignore it */
  GPtrArray *needed;        /* DT_NEEDED, in order */
  GPtrArray *versions;      /* that it defines; the first is its own name */
  bool defines_curl;        /* has curl_easy_perform in it */
  bool opens_objects;       /* refers to dlsym */
} ElfFile;

/* NULL with a message in *error: it cannot be read, or is no ELF file. */
ElfFile *elf_file_read(const char *path, char **error);
void elf_file_free(ElfFile *file);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(ElfFile, elf_file_free)

/* The first place in the file where `text` stands, with what follows it up to a character that is
 * neither a digit nor a dot; NULL: nowhere in its first 64 MiB. */
char *elf_file_find_text(const char *path, const char *text);

#endif
