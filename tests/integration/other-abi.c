/* SPDX-License-Identifier: MIT */
/* other-abi.c - what stands in for libthred-auth when the shim meets another version of it. */
#include <stdint.h>

extern const uint32_t thred_preload_api[16];
__attribute__((visibility("default"))) const uint32_t thred_preload_api[16] = {999, 64};
