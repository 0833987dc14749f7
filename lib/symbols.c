/* SPDX-License-Identifier: MIT */
#include "lib/symbols.h"

#include <dlfcn.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "lib/link-map.h"
#include "lib/objects.h"

#define SHIM "libthred-preload.so"

#if UINTPTR_MAX > UINT32_MAX
#define SYMBOL_OF(info) ELF64_R_SYM(info)
#else
#define SYMBOL_OF(info) ELF32_R_SYM(info)
#endif
/* Both classes have the same. */
#define TYPE_OF(info)    ELF64_ST_TYPE(info)
#define BINDING_OF(info) ELF64_ST_BIND(info)

/* ---- a reference ---- */

typedef struct {
  const char *name;
  uintptr_t address; /* what it is bound to */
} Reference;

typedef struct {
  Objects objects;
  const Object *object;       /* the one that the check is about, in `objects` */
  const struct link_map *map; /* the same */
  void *handle;          /* dlopen's of it: its search order has the object and its dependencies */
  const void *inside;    /* an address in `only` */
  void *opened;          /* the handle, if it was opened for the first reference that needs it */
  const Object *good[8]; /* where references may lead, and have: most go to a few */
  size_t good_count;
  const Object *only; /* the one library whose references matter, or NULL: all */
  Error *error;
} Check;

/* The C library's parts (musl's is its loader, too) and the compiler's: others may stand before
 * them, and do. glibc's time(3) and gettimeofday(3) are the kernel's own (an IFUNC that leads into
 * the vDSO). */
static bool is_everybodys(const Object *owner)
{
  static const char *const names[] = {
      "libc.so",       "libm.so.", "libpthread.so.", "libdl.so.",    "librt.so.",
      "libresolv.so.", "ld-linux", "ld-musl",        "libgcc_s.so.", "libstdc++.so.",
      "libmvec.so.",   "ld64.so.", "linux-vdso.so."};
  for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
    if (strncmp(owner->file, names[i], strlen(names[i])) == 0)
      return true;
  return false;
}

/* Of an object that the program started with, the loader goes through all dependencies at that:
 * longer than the whole check takes. Where one library alone matters it will do, which has few. */
static bool open_object(Check *check)
{
  const struct link_map *map = check->inside ? link_map_of(check->inside) : check->map;
  if (map)
    check->handle = check->opened = link_map_open(map);
  if (!check->handle)
    dlerror();
  return check->handle != NULL;
}

/* The object that has the symbol by right: found among the object's own dependencies, without the
 * global scope. NULL: none; then whoever has it was meant to have it. */
static const Object *rightful_owner(const Check *check, const char *name, uintptr_t *address)
{
  *address = (uintptr_t)dlsym(check->handle, name);
  if (*address)
    return objects_at(&check->objects, *address);
  dlerror();
  return NULL;
}

/* A relocation that fills the very place where the symbol is bound: R_*_COPY. */
static bool has_copy_at(const Object *program, int tag, int size_tag, size_t entry, uintptr_t place)
{
  uintptr_t table = object_address(program, tag);
  size_t size = object_number(program, size_tag);
  for (size_t at = 0; table && at + entry <= size; at += entry) {
    const ElfW(Rel) *relocation = (const ElfW(Rel) *)(table + at);
    if (SYMBOL_OF(relocation->r_info) && program->base + relocation->r_offset == place)
      return true;
  }
  return false;
}

/* A symbol that the program does not define, but gives an address to. */
#ifdef THRED_HAS_DLADDR1
static bool has_entry_at(const Object *program, uintptr_t address)
{
  Dl_info info;
  const ElfW(Sym) *symbol = NULL;
  (void)program;
  return dladdr1((const void *)address, &info, (void **)&symbol, RTLD_DL_SYMENT) && symbol &&
         symbol->st_shndx == SHN_UNDEF;
}
#else
static bool has_entry_at(const Object *program, uintptr_t address)
{
  const ElfW(Sym) *symbols = (const ElfW(Sym) *)object_address(program, DT_SYMTAB);
  uintptr_t table = object_address(program, DT_JMPREL);
  size_t size = object_number(program, DT_PLTRELSZ);
  size_t entry =
      object_number(program, DT_PLTREL) == DT_RELA ? sizeof(ElfW(Rela)) : sizeof(ElfW(Rel));
  for (size_t at = 0; symbols && table && at + entry <= size; at += entry) {
    const ElfW(Sym) *symbol = &symbols[SYMBOL_OF(((const ElfW(Rel) *)(table + at))->r_info)];
    if (symbol->st_shndx == SHN_UNDEF && symbol->st_value &&
        program->base + symbol->st_value == address)
      return true;
  }
  return false;
}
#endif

/* The program does not define it, but uses it: its entry for calls stands for the function's
 * address everywhere (in a program at a fixed place), or its copy of a variable for the variable.
 */
static bool is_mere_use(const Check *check, const Reference *reference)
{
  const Object *program = &check->objects.all[0];
  return has_entry_at(program, reference->address) ||
         has_copy_at(program, DT_RELA, DT_RELASZ, sizeof(ElfW(Rela)), reference->address) ||
         has_copy_at(program, DT_REL, DT_RELSZ, sizeof(ElfW(Rel)), reference->address);
}

static int complain(const Check *check, const Reference *reference, const Object *owner)
{
  Dl_info info;
  const char *taker = "somewhere unknown";
  if (dladdr((const void *)reference->address, &info) && info.dli_fname)
    taker = info.dli_fname;
  return error_set(check->error, THRED_E_CLASH,
                   "%.128s of %.200s stands in front of that of %s, which is needed",
                   reference->name, taker, owner->file);
}

static bool is_known_good(const Check *check, uintptr_t address)
{
  for (size_t i = 0; i < check->good_count; i++)
    if (address - check->good[i]->start < check->good[i]->end - check->good[i]->start)
      return true;
  return false;
}

static int judge(Check *check, const Reference *reference)
{
  uintptr_t meant;
  if (!reference->address || is_known_good(check, reference->address))
    return THRED_OK;
  const Object *taker = objects_at(&check->objects, reference->address);
  if (taker && (taker->linked || strcmp(taker->file, SHIM) == 0)) {
    if (check->good_count < sizeof check->good / sizeof check->good[0])
      check->good[check->good_count++] = taker;
    return THRED_OK;
  }
  if (!check->handle && !open_object(check))
    return error_set(check->error, THRED_E_INTERNAL, "a loaded object cannot be opened");
  const Object *owner = rightful_owner(check, reference->name, &meant);
  if (!owner || meant == reference->address || is_everybodys(owner) ||
      (check->only && owner != check->only) || is_mere_use(check, reference))
    return THRED_OK;
  return complain(check, reference, owner);
}

/* ---- all of them ---- */

/* What the loader has written there. AddressSanitizer holds some of these words, in the midst of
 * what it lays around an object's variables, for nobody's. */
__attribute__((no_sanitize("address"))) static void *word_at(uintptr_t address)
{
  return *(void *const *)address;
}

/* Those of one table, behind the `relative` first ones, which have no symbol. Rel is the beginning
 * of Rela; what the words are relative to, or which kind a relocation is, does not matter: what was
 * written for a symbol is where it is. */
static int each_of(Check *check, const Object *of, uintptr_t table, size_t size, size_t entry,
                   size_t relative)
{
  const ElfW(Sym) *symbols = (const ElfW(Sym) *)object_address(of, DT_SYMTAB);
  const char *strings = (const char *)object_address(of, DT_STRTAB);
  for (size_t at = relative * entry; symbols && strings && table && at + entry <= size;
       at += entry) {
    const ElfW(Rel) *relocation = (const ElfW(Rel) *)(table + at);
    const ElfW(Sym) *symbol = &symbols[SYMBOL_OF(relocation->r_info)];
    /* No symbol; its place in the thread's memory and not an address; one that may be missing, or
     * of which each object has its own and any will do (C++). */
    if (SYMBOL_OF(relocation->r_info) == 0 || TYPE_OF(symbol->st_info) == STT_TLS ||
        BINDING_OF(symbol->st_info) == STB_WEAK || BINDING_OF(symbol->st_info) == STB_GNU_UNIQUE)
      continue;
    Reference reference = {.name = strings + symbol->st_name,
                           .address = (uintptr_t)word_at(of->base + relocation->r_offset)};
    int code = judge(check, &reference);
    if (code)
      return code;
  }
  return THRED_OK;
}

static int each_reference(Check *check, const Object *of)
{
  bool rela = object_number(of, DT_PLTREL) == DT_RELA;
  int code = each_of(check, of, object_address(of, DT_JMPREL), object_number(of, DT_PLTRELSZ),
                     rela ? sizeof(ElfW(Rela)) : sizeof(ElfW(Rel)), 0);
  if (!code)
    code = each_of(check, of, object_address(of, DT_RELA), object_number(of, DT_RELASZ),
                   sizeof(ElfW(Rela)), object_number(of, DT_RELACOUNT));
  if (!code)
    code = each_of(check, of, object_address(of, DT_REL), object_number(of, DT_RELSZ),
                   sizeof(ElfW(Rel)), object_number(of, DT_RELCOUNT));
  return code;
}

/* ---- checks ---- */

static int begin(Check *check, const struct link_map *map, void *handle, bool deep, Error *error)
{
  *check = (Check){.handle = handle, .map = map, .error = error};
  if (!objects_list(&check->objects))
    return error_set(error, THRED_E_NO_MEMORY, "out of memory for a list of the loaded objects");
  Object *object = map ? objects_with(&check->objects, map->l_ld) : NULL;
  if (!object)
    return error_set(error, THRED_E_INTERNAL, "a loaded object cannot be found in memory");
  check->object = object;
  objects_mark_linked(&check->objects, object, deep);
  return THRED_OK;
}

static void end(Check *check)
{
  objects_free(&check->objects);
  if (check->opened)
    dlclose(check->opened);
}

struct SymbolsBefore {
  size_t count;
  const void *headers[]; /* what tells them apart */
};

static SymbolsBefore *list_before(void)
{
  Objects objects;
  SymbolsBefore *before = NULL;
  if (objects_list(&objects))
    before = malloc(sizeof *before + objects.count * sizeof before->headers[0]);
  if (before)
    before->count = objects.count;
  for (size_t i = 0; before && i < objects.count; i++)
    before->headers[i] = objects.all[i].headers;
  objects_free(&objects);
  return before;
}

const SymbolsBefore *symbols_before(void)
{
  static _Atomic(SymbolsBefore *) kept;
  SymbolsBefore *before = atomic_load(&kept), *made;
  if (before || !(made = list_before()))
    return before;
  if (atomic_compare_exchange_strong(&kept, &before, made))
    return made;
  free(made);
  return before;
}

static bool has(const SymbolsBefore *before, const Object *object)
{
  for (size_t i = 0; i < before->count; i++)
    if (before->headers[i] == object->headers)
      return true;
  return false;
}

int symbols_check_new(void *handle, const SymbolsBefore *before, Error *error)
{
  Check check;
  struct link_map *map = NULL;
  int code = begin(&check, dlinfo(handle, RTLD_DI_LINKMAP, &map) ? NULL : map, handle, true, error);
  for (size_t i = 0; !code && i < check.objects.count; i++) {
    const Object *object = &check.objects.all[i];
    if (object == check.object || (object->linked && !has(before, object)))
      code = each_reference(&check, object);
  }
  end(&check);
  return code;
}

int symbols_check_into(const struct link_map *map, const void *inside, Error *error)
{
  Check check;
  int code = begin(&check, map, NULL, false, error);
  check.only = objects_at(&check.objects, (uintptr_t)inside);
  check.inside = inside;
  if (!code)
    code = each_reference(&check, check.object);
  end(&check);
  return code;
}

/* ---- of the library itself ---- */

static int check_own(Error *error)
{
  const struct link_map *map = link_map_of((const void *)(uintptr_t)check_own);
  if (!map)
    return error_set(error, THRED_E_INTERNAL, "the library cannot be found in memory");
  if (link_map_is_program(map)) /* thredctl, a test: which is its own affair */
    return THRED_OK;
  Check check;
  int code = begin(&check, map, NULL, false, error);
  if (!code)
    code = each_reference(&check, check.object);
  end(&check);
  return code;
}

int symbols_check_own(Error *error)
{
  static _Atomic(const Error *) answer;
  static const Error good = ERROR_INIT;
  const Error *known = atomic_load_explicit(&answer, memory_order_acquire);
  if (known == &good)
    return THRED_OK;
  if (known)
    return error_set(error, known->code, "%s", known->message);
  Error found = ERROR_INIT, *kept;
  int code = check_own(&found);
  if (!code)
    atomic_store_explicit(&answer, &good, memory_order_release);
  else if (code == THRED_E_CLASH && (kept = malloc(sizeof *kept))) {
    *kept = found;
    known = NULL;
    if (!atomic_compare_exchange_strong(&answer, &known, kept))
      free(kept);
  }
  return code ? error_set(error, code, "%s", found.message) : THRED_OK;
}
