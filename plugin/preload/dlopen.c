/* SPDX-License-Identifier: MIT */
/*
 * dlopen.c - dlopen(3) without RTLD_DEEPBIND for objects that need libcurl. PHP opens its
 * extensions with that flag: what they refer to is then looked up among their own dependencies
 * first, and no preloaded object is seen. For every other object the flag stays: it keeps symbols
 * of the same name apart.
 *
 * The C library takes $ORIGIN, RUNPATH and the namespace from whoever calls dlopen, that is from
 * the return address: hence a stub that jumps, and nothing on architectures that have none here.
 */
#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>

#include "plugin/preload/dlopen.h"
#include "plugin/preload/needs-libcurl.h"

#if defined(RTLD_DEEPBIND) && (defined(__aarch64__) || (defined(__x86_64__) && defined(__LP64__)))

_Static_assert(RTLD_DEEPBIND == 8, "the stub tests bit 3");

/* The C library's, or that of whoever interposes it behind us. The stub jumps there. */
extern void *thred_dlopen;
__attribute__((visibility("hidden"))) void *thred_dlopen;

bool dlopen_was_called(void)
{
  return __atomic_load_n(&thred_dlopen, __ATOMIC_RELAXED) != NULL;
}

/* For the first call, and for calls with RTLD_DEEPBIND: returns the flags to go on with.
 * Environment variables do not count under AT_SECURE. */
int thred_dlopen_flags(const char *file, int flags);
__attribute__((visibility("hidden"), used)) int thred_dlopen_flags(const char *file, int flags)
{
  if (!__atomic_load_n(&thred_dlopen, __ATOMIC_RELAXED))
    __atomic_store_n(&thred_dlopen, dlsym(RTLD_NEXT, "dlopen"), __ATOMIC_RELAXED);
  if (!(flags & RTLD_DEEPBIND) || !needs_libcurl(file))
    return flags;
  const char *disabled = secure_getenv("THRED_DISABLE");
  return disabled && strcmp(disabled, "1") == 0 ? flags : flags & ~RTLD_DEEPBIND;
}

#if defined(__x86_64__)
__asm__(".text\n"
        ".globl dlopen\n"
        ".type dlopen, @function\n"
        ".p2align 4\n"
        "dlopen:\n"
        "  .cfi_startproc\n"
        "  endbr64\n"
        "  movq thred_dlopen(%rip), %rax\n"
        "  testq %rax, %rax\n"
        "  je 1f\n"
        "  testb $8, %sil\n"
        "  jne 1f\n"
        "  jmp *%rax\n"
        "1: pushq %rdi\n"
        "  .cfi_adjust_cfa_offset 8\n"
        "  call thred_dlopen_flags\n"
        "  popq %rdi\n"
        "  .cfi_adjust_cfa_offset -8\n"
        "  movl %eax, %esi\n"
        "  movq thred_dlopen(%rip), %rax\n"
        "  testq %rax, %rax\n"
        "  je 2f\n"
        "  jmp *%rax\n"
        "2: ret\n" /* NULL: there is no dlopen */
        "  .cfi_endproc\n"
        ".size dlopen, .-dlopen\n");
#else
/* hint 34 is `bti c`; a jump through x16 may go to where one stands. */
__asm__(".text\n"
        ".globl dlopen\n"
        ".type dlopen, %function\n"
        ".p2align 4\n"
        "dlopen:\n"
        "  .cfi_startproc\n"
        "  hint 34\n"
        "  adrp x16, thred_dlopen\n"
        "  ldr x16, [x16, :lo12:thred_dlopen]\n"
        "  cbz x16, 1f\n"
        "  tbnz w1, #3, 1f\n"
        "  br x16\n"
        "1: stp x29, x30, [sp, -32]!\n"
        "  .cfi_adjust_cfa_offset 32\n"
        "  .cfi_rel_offset x29, 0\n"
        "  .cfi_rel_offset x30, 8\n"
        "  mov x29, sp\n"
        "  str x0, [sp, 16]\n"
        "  bl thred_dlopen_flags\n"
        "  mov w1, w0\n"
        "  ldr x0, [sp, 16]\n"
        "  ldp x29, x30, [sp], 32\n"
        "  .cfi_restore x30\n"
        "  .cfi_restore x29\n"
        "  .cfi_adjust_cfa_offset -32\n"
        "  adrp x16, thred_dlopen\n"
        "  ldr x16, [x16, :lo12:thred_dlopen]\n"
        "  cbz x16, 2f\n"
        "  br x16\n"
        "2: mov x0, xzr\n" /* NULL: there is no dlopen */
        "  ret\n"
        "  .cfi_endproc\n"
        ".size dlopen, .-dlopen\n");
#endif

#else

bool dlopen_was_called(void)
{
  return true;
}

#endif
