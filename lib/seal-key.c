/* SPDX-License-Identifier: MIT */
/* seal-key.c - by system calls, as libkeyutils is not for the hot part: add_key(2), keyctl(2). */
#include "lib/seal-key.h"

#include <errno.h>
#include <linux/keyctl.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#define LIFETIME_S  7200u
/* keyctl_setperm(3): of the possessor and the user VIEW, READ, SEARCH and SETATTR. A service with a
 * session keyring of its own is not a possessor. */
#define PERMISSIONS 0x2b2b0000u

typedef struct {
  char text[sizeof "thred-auth:" + 2 * SEAL_SALT_SIZE];
} Name;

static Name name_of(const uint8_t *salt)
{
  Name name;
  char *end = stpcpy(name.text, "thred-auth:");
  for (size_t i = 0; i < SEAL_SALT_SIZE; i++)
    end += sprintf(end, "%02x", salt[i]);
  return name;
}

static long control(int operation, long a, long b, long c, long d)
{
  return syscall(SYS_keyctl, operation, a, b, c, d);
}

/* What cannot be made good by asking again. */
static int error_of(int error)
{
  return error == EKEYEXPIRED || error == EKEYREVOKED ? ENOKEY : error;
}

/* The key's serial number, or -1 with errno. The keyring of the user is the real user's, while the
 * segment, and all else, is the effective one's. */
static long find(const uint8_t *salt)
{
  const Name name = name_of(salt);
  if (getuid() != geteuid()) {
    errno = EPERM;
    return -1;
  }
  return control(KEYCTL_SEARCH, KEY_SPEC_USER_KEYRING, (long)"user", (long)name.text, 0);
}

/*
 * It is made in the process's own keyring: a service, whose session keyring leads to none of the
 * user's, possesses it there, and may set its time (in the user's it could only look at it); and
 * who dies before that is set leaves nothing. What stays behind is that keyring, empty, for as long
 * as the process lives. A thread's would cost more: every thread that is begun by one that has such
 * a keyring gets another (copy_creds in Linux's kernel/cred.c), and 200 of them are all the keys
 * that the user may have (keyrings(7)).
 */
int seal_key_store(const uint8_t salt[SEAL_SALT_SIZE], const AeadKey *key)
{
  const Name name = name_of(salt);
  if (getuid() != geteuid())
    return EPERM;
  long serial = syscall(SYS_add_key, "user", name.text, key->bytes, sizeof key->bytes,
                        (long)KEY_SPEC_PROCESS_KEYRING);
  if (serial < 0)
    return errno;
  int error = control(KEYCTL_SET_TIMEOUT, serial, LIFETIME_S, 0, 0) ||
                      control(KEYCTL_LINK, serial, KEY_SPEC_USER_KEYRING, 0, 0) ||
                      control(KEYCTL_SETPERM, serial, PERMISSIONS, 0, 0)
                  ? errno
                  : 0;
  if (error)
    control(KEYCTL_UNLINK, serial, KEY_SPEC_USER_KEYRING, 0, 0);
  control(KEYCTL_UNLINK, serial, KEY_SPEC_PROCESS_KEYRING, 0, 0);
  return error;
}

int seal_key_load(const uint8_t salt[SEAL_SALT_SIZE], AeadKey *key)
{
  long serial = find(salt);
  if (serial < 0)
    return error_of(errno);
  long size = control(KEYCTL_READ, serial, (long)key->bytes, sizeof key->bytes, 0);
  if (size < 0)
    return error_of(errno);
  if (size != sizeof key->bytes)
    return ENOKEY; /* somebody else's under this name */
  control(KEYCTL_SET_TIMEOUT, serial, LIFETIME_S, 0, 0);
  return 0;
}

int seal_key_renew(const uint8_t salt[SEAL_SALT_SIZE])
{
  long serial = find(salt);
  return serial >= 0 && control(KEYCTL_SET_TIMEOUT, serial, LIFETIME_S, 0, 0) == 0
             ? 0
             : error_of(errno);
}

int seal_key_look(const uint8_t salt[SEAL_SALT_SIZE])
{
  return find(salt) >= 0 ? 0 : error_of(errno);
}

void seal_key_forget(const uint8_t salt[SEAL_SALT_SIZE])
{
  long serial = find(salt);
  if (serial >= 0)
    control(KEYCTL_UNLINK, serial, KEY_SPEC_USER_KEYRING, 0, 0);
}
