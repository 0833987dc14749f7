/* SPDX-License-Identifier: MIT */
/* elf-file.c - by libelf, which checks what it reads against the file's size. */
#include "tools/thredctl/elf-file.h"

#include <errno.h>
#include <fcntl.h>
#include <gelf.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* No honest file has more. */
#define ENTRIES_MAX 65536u
#define STRINGS_MAX (16u << 20)
#define SEARCH_MAX  (64u << 20)

/* ---- segments ---- */

/* The first segment of a type; of PT_LOAD, the one that holds `address`. */
static bool find_segment(Elf *elf, GElf_Word type, GElf_Addr address, GElf_Phdr *segment)
{
  size_t count = 0;
  elf_getphdrnum(elf, &count);
  for (size_t i = 0; i < count; i++)
    if (gelf_getphdr(elf, (int)i, segment) && segment->p_type == type &&
        (type != PT_LOAD || address - segment->p_vaddr < segment->p_filesz))
      return true;
  return false;
}

static Elf_Data *chunk(Elf *elf, GElf_Off offset, GElf_Xword size, Elf_Type type)
{
  return size > 0 && size <= STRINGS_MAX && offset <= INT64_MAX - size
             ? elf_getdata_rawchunk(elf, (int64_t)offset, size, type)
             : NULL;
}

/* The text that begins at `offset` in a chunk; NULL: it does not end there. */
static const char *text_at(const Elf_Data *data, GElf_Xword offset)
{
  return data && offset < data->d_size &&
                 memchr((const char *)data->d_buf + offset, 0, data->d_size - offset)
             ? (const char *)data->d_buf + offset
             : NULL;
}

static void read_interpreter(Elf *elf, ElfFile *file)
{
  GElf_Phdr segment;
  if (find_segment(elf, PT_INTERP, 0, &segment))
    file->interpreter =
        g_strdup(text_at(chunk(elf, segment.p_offset, segment.p_filesz, ELF_T_BYTE), 0));
}

/* ---- the dynamic section ---- */

static Elf_Data *read_dynamic(Elf *elf)
{
  GElf_Phdr segment;
  return find_segment(elf, PT_DYNAMIC, 0, &segment)
             ? chunk(elf, segment.p_offset, segment.p_filesz, ELF_T_DYN)
             : NULL;
}

/* The value of the first entry with the tag; 0: there is none. */
static GElf_Xword value_of(Elf_Data *dynamic, GElf_Sxword tag)
{
  GElf_Dyn entry;
  for (int i = 0; i < (int)ENTRIES_MAX && gelf_getdyn(dynamic, i, &entry); i++) {
    if (entry.d_tag == DT_NULL)
      break;
    if (entry.d_tag == tag)
      return entry.d_un.d_val;
  }
  return 0;
}

static Elf_Data *read_strings(Elf *elf, Elf_Data *dynamic)
{
  GElf_Phdr segment;
  GElf_Addr address = value_of(dynamic, DT_STRTAB);
  if (!find_segment(elf, PT_LOAD, address, &segment))
    return NULL;
  return chunk(elf, segment.p_offset + (address - segment.p_vaddr), value_of(dynamic, DT_STRSZ),
               ELF_T_BYTE);
}

static void note_entry(ElfFile *file, const GElf_Dyn *entry, const char *text)
{
  if (entry->d_tag == DT_NEEDED)
    g_ptr_array_add(file->needed, g_strdup(text));
  else if (entry->d_tag == DT_RPATH && !file->rpath)
    file->rpath = g_strdup(text);
}

static void read_names(Elf *elf, ElfFile *file)
{
  GElf_Dyn entry;
  Elf_Data *dynamic = read_dynamic(elf);
  Elf_Data *strings = dynamic ? read_strings(elf, dynamic) : NULL;
  file->dynamic = dynamic != NULL;
  for (int i = 0; strings && i < (int)ENTRIES_MAX && gelf_getdyn(dynamic, i, &entry); i++) {
    const char *text = text_at(strings, entry.d_un.d_val);
    if (entry.d_tag == DT_NULL)
      break;
    if (text)
      note_entry(file, &entry, text);
  }
  if (strings && value_of(dynamic, DT_RUNPATH))
    g_clear_pointer(&file->rpath, g_free);
}

/* ---- symbols and versions ---- */

static void note_symbol(ElfFile *file, const GElf_Sym *symbol, const char *name)
{
  if (symbol->st_shndx != SHN_UNDEF)
    file->defines_curl |= strcmp(name, "curl_easy_perform") == 0;
  else
    file->opens_objects |= strcmp(name, "dlsym") == 0 || strcmp(name, "dlvsym") == 0;
}

static void read_symbols(Elf *elf, Elf_Scn *section, const GElf_Shdr *header, ElfFile *file)
{
  GElf_Sym symbol;
  Elf_Data *data = elf_getdata(section, NULL);
  for (int i = 0; data && gelf_getsym(data, i, &symbol); i++) {
    const char *name = elf_strptr(elf, header->sh_link, symbol.st_name);
    if (name)
      note_symbol(file, &symbol, name);
  }
}

/* The place of what begins `distance` behind `offset`; -1, which is none: it lies too far. */
static int behind(int offset, GElf_Word distance)
{
  return distance <= (GElf_Word)(INT_MAX - offset) ? offset + (int)distance : -1;
}

static void read_versions(Elf *elf, Elf_Scn *section, const GElf_Shdr *header, ElfFile *file)
{
  Elf_Data *data = elf_getdata(section, NULL);
  GElf_Verdef definition;
  GElf_Verdaux name;
  int offset = 0;
  for (unsigned i = 0; data && offset >= 0 && i < header->sh_info && i < ENTRIES_MAX; i++) {
    if (!gelf_getverdef(data, offset, &definition) ||
        !gelf_getverdaux(data, behind(offset, definition.vd_aux), &name))
      return;
    const char *text = elf_strptr(elf, header->sh_link, name.vda_name);
    if (text)
      g_ptr_array_add(file->versions, g_strdup(text));
    offset = behind(offset, definition.vd_next);
  }
}

/* The first of each kind: an honest file has no second one. */
static void read_sections(Elf *elf, ElfFile *file)
{
  static const struct {
    GElf_Word type;
    void (*read)(Elf *, Elf_Scn *, const GElf_Shdr *, ElfFile *);
  } kinds[] = {
      {SHT_DYNSYM, read_symbols}, {SHT_SYMTAB, read_symbols}, {SHT_GNU_verdef, read_versions}};
  bool seen[G_N_ELEMENTS(kinds)] = {false};
  GElf_Shdr header;
  for (Elf_Scn *section = elf_nextscn(elf, NULL); section; section = elf_nextscn(elf, section))
    for (size_t i = 0; gelf_getshdr(section, &header) && i < G_N_ELEMENTS(kinds); i++)
      if (header.sh_type == kinds[i].type && !seen[i]) {
        seen[i] = true;
        kinds[i].read(elf, section, &header, file);
      }
}

/* ---- the file ---- */

static ElfFile *read_elf(Elf *elf)
{
  GElf_Ehdr header;
  if (!elf || elf_kind(elf) != ELF_K_ELF || !gelf_getehdr(elf, &header))
    return NULL;
  ElfFile *file = g_new0(ElfFile, 1);
  file->class = header.e_ident[EI_CLASS];
  file->data = header.e_ident[EI_DATA];
  file->machine = header.e_machine;
  file->needed = g_ptr_array_new_with_free_func(g_free);
  file->versions = g_ptr_array_new_with_free_func(g_free);
  read_interpreter(elf, file);
  read_names(elf, file);
  read_sections(elf, file);
  return file;
}

/* A FIFO would be waited for, a device do anything. */
static int open_regular(const char *path)
{
  struct stat st;
  int fd = stat(path, &st) == 0 && S_ISREG(st.st_mode)
               ? open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
               : -1;
  if (fd >= 0 && (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode))) {
    close(fd);
    return -1;
  }
  return fd;
}

ElfFile *elf_file_read(const char *path, char **error)
{
  errno = 0;
  int fd = open_regular(path);
  if (fd < 0) {
    *error = g_strdup(errno ? strerror(errno) : "not a regular file");
    return NULL;
  }
  elf_version(EV_CURRENT);
  Elf *elf = elf_begin(fd, ELF_C_READ, NULL);
  ElfFile *file = read_elf(elf);
  if (!file)
    *error = g_strdup("not an ELF file");
  elf_end(elf);
  close(fd);
  return file;
}

void elf_file_free(ElfFile *file)
{
  g_free(file->interpreter);
  g_free(file->rpath);
  g_ptr_array_unref(file->needed);
  g_ptr_array_unref(file->versions);
  g_free(file);
}

/* ---- text ---- */

static char *with_number(const char *found, const char *text, const char *end)
{
  const char *stop = found + strlen(text);
  while (stop < end && (g_ascii_isdigit(*stop) || *stop == '.'))
    stop++;
  return g_strndup(found, (gsize)(stop - found));
}

/* In pieces that overlap, so that nothing is missed between two of them. */
char *elf_file_find_text(const char *path, const char *text)
{
  enum { PIECE = 1 << 16, OVERLAP = 64 };
  g_autofree char *buffer = g_malloc(OVERLAP + PIECE);
  char *result = NULL;
  size_t kept = 0, total = 0;
  ssize_t got;
  int fd = open_regular(path);
  while (fd >= 0 && !result && total < SEARCH_MAX && (got = read(fd, buffer + kept, PIECE)) > 0) {
    size_t size = kept + (size_t)got;
    const char *found = memmem(buffer, size, text, strlen(text));
    /* Near the end: once more, with what follows. */
    if (found && (size_t)(buffer + size - found) >= OVERLAP)
      result = with_number(found, text, buffer + size);
    kept = MIN(size, OVERLAP);
    memmove(buffer, buffer + size - kept, kept);
    total += (size_t)got;
  }
  if (!result && kept > 0) {
    const char *found = memmem(buffer, kept, text, strlen(text));
    result = found ? with_number(found, text, buffer + kept) : NULL;
  }
  if (fd >= 0) /* NOLINT(clang-analyzer-unix.Malloc): it does not know g_autofree */
    close(fd);
  return result;
}
