/* SPDX-License-Identifier: MIT */
#include "plugin/preload/needs-libcurl.h"

#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* More than any object has; a file that lies costs no more than that. */
#define SEGMENTS_MAX 64u
#define ENTRIES_MAX  4096u

#define THIS_CLASS (sizeof(void *) == 8 ? ELFCLASS64 : ELFCLASS32)
#define THIS_DATA  (__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ ? ELFDATA2LSB : ELFDATA2MSB)

typedef struct {
  int fd;
  ElfW(Off) table; /* of the segments */
  unsigned count;
  uint64_t from; /* where in the file `bytes` come from */
  size_t length;
  char bytes[1024]; /* what is read next mostly lies behind what was read last */
} Object;

/* What there is of the file at `offset`, at most as much as `bytes` hold. */
static size_t fill(Object *object, uint64_t offset)
{
  ssize_t got = offset <= INT64_MAX
                    ? pread(object->fd, object->bytes, sizeof object->bytes, (off_t)offset)
                    : -1;
  object->from = offset;
  object->length = got > 0 ? (size_t)got : 0;
  return object->length;
}

static bool read_at(Object *object, void *to, size_t size, uint64_t offset)
{
  bool there = offset >= object->from && offset - object->from <= object->length &&
               object->length - (offset - object->from) >= size;
  if (!there && fill(object, offset) < size)
    return false;
  memcpy(to, object->bytes + (offset - object->from), size);
  return true;
}

static bool read_head(Object *object)
{
  ElfW(Ehdr) head;
  if (!read_at(object, &head, sizeof head, 0) || memcmp(head.e_ident, ELFMAG, SELFMAG) != 0 ||
      head.e_ident[EI_CLASS] != THIS_CLASS || head.e_ident[EI_DATA] != THIS_DATA ||
      head.e_phentsize != sizeof(ElfW(Phdr)))
    return false;
  object->table = head.e_phoff;
  object->count = head.e_phnum < SEGMENTS_MAX ? head.e_phnum : SEGMENTS_MAX;
  return true;
}

/* The first segment of a type; of PT_LOAD, the one that holds `address`. */
static bool find_segment(Object *object, unsigned type, ElfW(Addr) address, ElfW(Phdr) * segment)
{
  for (unsigned i = 0; i < object->count; i++) {
    if (!read_at(object, segment, sizeof *segment, object->table + i * sizeof *segment))
      return false;
    if (segment->p_type == type &&
        (type != PT_LOAD || address - segment->p_vaddr < segment->p_filesz))
      return true;
  }
  return false;
}

typedef struct {
  ElfW(Phdr) segment; /* PT_DYNAMIC */
  uint64_t strings;   /* where the names lie in the file */
} Dynamic;

/* The entries in turn; DT_NULL at the end. */
static ElfW(Dyn) entry_of(Object *object, const Dynamic *dynamic, unsigned i)
{
  ElfW(Dyn) entry;
  if (i >= ENTRIES_MAX || (i + 1) * sizeof entry > dynamic->segment.p_filesz ||
      !read_at(object, &entry, sizeof entry, dynamic->segment.p_offset + i * sizeof entry))
    return (ElfW(Dyn)){.d_tag = DT_NULL};
  return entry;
}

static bool find_strings(Object *object, Dynamic *dynamic)
{
  ElfW(Phdr) holds;
  ElfW(Dyn) entry;
  for (unsigned i = 0; (entry = entry_of(object, dynamic, i)).d_tag != DT_NULL; i++)
    if (entry.d_tag == DT_STRTAB && find_segment(object, PT_LOAD, entry.d_un.d_ptr, &holds)) {
      dynamic->strings = holds.p_offset + (entry.d_un.d_ptr - holds.p_vaddr);
      return true;
    }
  return false;
}

bool is_libcurl_name(const char *name)
{
  return strncmp(name, "libcurl.so", 10) == 0 || strncmp(name, "libcurl-", 8) == 0;
}

/* A name that begins like libcurl's; it may come with a path (DT_NEEDED of an object that was
 * linked with a libcurl without a SONAME). */
static bool names_libcurl(Object *object, uint64_t offset)
{
  char name[256];
  size_t length = fill(object, offset);
  length = length < sizeof name ? length : sizeof name - 1;
  memcpy(name, object->bytes, length);
  name[length] = 0;
  const char *slash = strrchr(name, '/');
  return is_libcurl_name(slash ? slash + 1 : name);
}

static bool object_needs_libcurl(Object *object)
{
  Dynamic dynamic;
  ElfW(Dyn) entry;
  if (!read_head(object) || !find_segment(object, PT_DYNAMIC, 0, &dynamic.segment) ||
      !find_strings(object, &dynamic))
    return false;
  for (unsigned i = 0; (entry = entry_of(object, &dynamic, i)).d_tag != DT_NULL; i++)
    if (entry.d_tag == DT_NEEDED && names_libcurl(object, dynamic.strings + entry.d_un.d_val))
      return true;
  return false;
}

/* Opening a FIFO would wake up who waits for a reader, a device anything. (One that takes the
 * file's place just now is not waited for, and cannot be read by pread.) */
static int open_regular(const char *file)
{
  struct stat st;
  return stat(file, &st) == 0 && S_ISREG(st.st_mode)
             ? open(file, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY)
             : -1;
}

bool needs_libcurl(const char *file)
{
  int saved = errno;
  bool needed = false;
  Object object = {.fd = file && strchr(file, '/') ? open_regular(file) : -1};
  if (object.fd >= 0) {
    needed = object_needs_libcurl(&object);
    close(object.fd);
  }
  errno = saved;
  return needed;
}
