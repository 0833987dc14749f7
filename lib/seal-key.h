/* SPDX-License-Identifier: MIT */
/*
 * seal-key.h - the key that the tokens of a segment are sealed with, in the kernel's keyring of the
 * user (user-keyring(7)): a copy of the segment's file, its pages in swap or a core dump are of no
 * use without it, and it goes with the machine's memory.
 *
 * It is a key of type "user", called "thred-auth:" and the segment's salt in hex digits, for this
 * user alone (view, read, search, setattr), and expires two hours after it was last renewed.
 *
 * Threads: any. Each is a few system calls that do not wait. A seccomp filter may refuse them (as
 * Docker's default does): that is EPERM or ENOSYS like any other errno here.
 */
#ifndef THRED_LIB_SEAL_KEY_H
#define THRED_LIB_SEAL_KEY_H

#include "lib/aead.h"

#define SEAL_SALT_SIZE 16

/* Each returns 0 or an errno; ENOKEY: there is no such key (any more), and there will not be. */
int seal_key_store(const uint8_t salt[SEAL_SALT_SIZE], const AeadKey *key);
int seal_key_load(const uint8_t salt[SEAL_SALT_SIZE], AeadKey *key);

/* Two hours from now on. */
int seal_key_renew(const uint8_t salt[SEAL_SALT_SIZE]);

/* Whether it is there, without putting its end off. */
int seal_key_look(const uint8_t salt[SEAL_SALT_SIZE]);

/* For a segment that is gone, or never came to be. */
void seal_key_forget(const uint8_t salt[SEAL_SALT_SIZE]);

#endif
