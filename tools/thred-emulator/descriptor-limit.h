/* SPDX-License-Identifier: MIT */
/* descriptor-limit - what this process may have open. */
#ifndef EMULATOR_DESCRIPTOR_LIMIT_H
#define EMULATOR_DESCRIPTOR_LIMIT_H

/* A descriptor for each of a thousand clients and more; the soft limit is often 1,024. */
void raise_descriptor_limit(void);

#endif
