/* SPDX-License-Identifier: MIT */
/*
 * stubs.c - libcurl.so.4 and libcurl-gnutls.so.4 in $libdir/thred/curl (plugin/preload/pair.h says
 * what for). One stub for each function that the shim stands before, from the shim's own list
 * (PAIR_HOOKS); it leaves arguments, stack and return address as they are.
 */
#include <stddef.h>

#include "pair-hooks.h"
#include "plugin/preload/pair.h"

_Static_assert(offsetof(PairCall, caller) == 0 && offsetof(PairCall, pair) == 8,
               "the stubs write a PairCall");

extern const char begin[] __asm__("__ehdr_start") __attribute__((visibility("hidden")));
extern const char end[] __asm__("_end") __attribute__((visibility("hidden")));

extern Pair thred_pair;
__attribute__((visibility("hidden"))) Pair thred_pair = {PAIR_TARGET, begin, end, NULL};

__attribute__((constructor)) static void announce(void)
{
  thred_preload_add_pair(&thred_pair);
}

/* clang-format off */
#if defined(__x86_64__)
/* r10 and r11 are nobody's here; al is an argument of functions such as curl_easy_setopt. */
#define JUMP(name)                                          \
  "  endbr64\n"                                             \
  "  movq thred_preload_call@gottpoff(%rip), %r11\n"        \
  "  movq (%rsp), %r10\n"                                   \
  "  movq %r10, %fs:(%r11)\n"                               \
  "  leaq thred_pair(%rip), %r10\n"                         \
  "  movq %r10, %fs:8(%r11)\n"                              \
  "  jmp *thred_hook_" name "@GOTPCREL(%rip)\n"
#elif defined(__aarch64__)
/* hint 34 is `bti c`; x16 and x17 are nobody's here. */
#define JUMP(name)                                          \
  "  hint 34\n"                                             \
  "  adrp x16, :gottprel:thred_preload_call\n"              \
  "  ldr x16, [x16, :gottprel_lo12:thred_preload_call]\n"   \
  "  mrs x17, tpidr_el0\n"                                  \
  "  add x16, x16, x17\n"                                   \
  "  adrp x17, thred_pair\n"                                \
  "  add x17, x17, :lo12:thred_pair\n"                      \
  "  stp x30, x17, [x16]\n"                                 \
  "  adrp x16, :got:thred_hook_" name "\n"                  \
  "  ldr x16, [x16, :got_lo12:thred_hook_" name "]\n"       \
  "  br x16\n"
#endif

#define STUB(name)                                          \
  __asm__(".text\n"                                         \
          ".globl " #name "\n"                              \
          ".type " #name ", %function\n"                    \
          ".p2align 4\n"                                    \
          #name ":\n"                                       \
          "  .cfi_startproc\n"                              \
          JUMP(#name)                                       \
          "  .cfi_endproc\n"                                \
          ".size " #name ", .-" #name "\n");
/* clang-format on */

PAIR_HOOKS
