/* SPDX-License-Identifier: MIT */
/*
 * config-current.h - the configuration that is in force for this process now.
 *
 * Out of the process, else out of the segment, else parsed by the miss part; looked at again once a
 * second by stat(2) alone.
 */
#ifndef THRED_LIB_CONFIG_CURRENT_H
#define THRED_LIB_CONFIG_CURRENT_H

#include <stdbool.h>

#include "lib/error.h"
#include "lib/snapshot.h"

/* A reference to the current snapshot, to be given back; NULL with an error. Any thread. */
const Snapshot *config_acquire(Error *error);
void config_release(const Snapshot *snapshot);

/* The same where nobody may wait: NULL with THRED_E_AGAIN if the files have to be read first, which
 * a config_acquire() in another thread does. */
const Snapshot *config_at_hand(Error *error);

/* Whether `snapshot`, to which the caller has a reference, is what these would give, and that is
 * known without a look at the files. NULL is not. Takes no lock. */
bool config_is_current(const Snapshot *snapshot);

/* Another reference to one that the caller holds. */
const Snapshot *config_again(const Snapshot *snapshot);

#endif
