/* SPDX-License-Identifier: MIT */
/*
 * keyring - the credential from the kernel's keyring of this user (keyrings(7)): one key whose
 * payload is the lines KEY=value of the module file.
 *
 *     keyctl padd user thred @u </path/to/lines
 *
 * Only rings that all processes of the user share are read: of what a session keyring holds, no
 * identity could be named that is the same in each process that reads the configuration.
 *
 * Who may look for a key may not always read it: for that it must lie in a keyring of the process
 * (keyctl_read(3)), and a service's own session leads to no user keyring. So it is linked into the
 * keyring of this thread while it is read, and that is emptied of it again.
 */
#include <errno.h>
#include <keyutils.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/errno-text.h"
#include "lib/secure.h"
#include "plugin/credentials/module.h"

#define DEFAULT_DESCRIPTION "thred"

typedef struct {
  char *description, *keyring, *type;
} Keyring;

static const char *const rings[] = {"user", "user-session", NULL};
static const char *const types[] = {"user", "big_key", NULL};

static const ModuleRule rules[] = {
    {"description", offsetof(Keyring, description), MODULE_TEXT, NULL},
    {"keyring", offsetof(Keyring, keyring), MODULE_WORD, rings},
    {"type", offsetof(Keyring, type), MODULE_WORD, types},
    MODULE_RULES_END,
};

static const char *or_default(const char *value, const char *word)
{
  return value ? value : word;
}

static void keyring_close(void *instance)
{
  module_free(rules, instance);
}

static ThredCredentialStatus keyring_open(const ThredModuleHost *host,
                                          const ThredModuleOption *options, size_t n_options,
                                          void **instance)
{
  Keyring *keyring = calloc(1, sizeof *keyring);
  if (!keyring)
    return module_says(host, THRED_CREDENTIAL_UNAVAIL, "out of memory");
  if (!module_read(host, "keyring", rules, keyring, options, n_options)) {
    keyring_close(keyring);
    return THRED_CREDENTIAL_UNAVAIL;
  }
  *instance = keyring;
  return THRED_CREDENTIAL_SUCCESS;
}

static ThredCredentialStatus keyring_identity(void *instance, const ThredModuleHost *host)
{
  const Keyring *keyring = instance;
  host->identity(host, THRED_IDENTITY_TEXT, or_default(keyring->keyring, rings[0]));
  host->identity(host, THRED_IDENTITY_TEXT, or_default(keyring->type, types[0]));
  host->identity(host, THRED_IDENTITY_TEXT, or_default(keyring->description, DEFAULT_DESCRIPTION));
  return THRED_CREDENTIAL_SUCCESS;
}

/* keyctl_search(3), keyctl_read(3). */
static ThredCredentialStatus refused(const ThredModuleHost *host, const Keyring *keyring,
                                     int errno_value)
{
  char text[128];
  ThredCredentialStatus status = THRED_CREDENTIAL_UNAVAIL;
  const char *why = errno_text(errno_value, text, sizeof text);
  switch (errno_value) {
  case ENOKEY:
    status = THRED_CREDENTIAL_NOTFOUND;
    why = "there is no such key";
    break;
  case EKEYEXPIRED:
    why = "the key has expired";
    break;
  case EKEYREVOKED:
    why = "the key has been revoked";
    break;
  case EACCES:
    why = "the key's permissions do not let this process read it (keyctl_setperm(3))";
    break;
  case EPERM:
  case ENOSYS:
    why = "the kernel's keyrings are not to be had here; many containers forbid them";
    break;
  }
  return module_says(host, status, "key '%.128s' (type %s) in the keyring '%s': %s",
                     or_default(keyring->description, DEFAULT_DESCRIPTION),
                     or_default(keyring->type, types[0]), or_default(keyring->keyring, rings[0]),
                     why);
}

/* Its length, or -1 with errno. What it holds may have changed between two looks at its size. */
static long read_key(key_serial_t key, char *to, size_t size)
{
  long length = keyctl_read(key, to, size);
  if (length > (long)size)
    errno = EFBIG;
  return length > (long)size ? -1 : length;
}

static ThredCredentialStatus deliver(const Keyring *keyring, const ThredModuleHost *host,
                                     key_serial_t key)
{
  char where[160], *bytes = malloc(MODULE_FILE_MAX);
  if (!bytes)
    return module_says(host, THRED_CREDENTIAL_UNAVAIL, "out of memory");
  snprintf(where, sizeof where, "key '%.128s'",
           or_default(keyring->description, DEFAULT_DESCRIPTION));
  long length = read_key(key, bytes, MODULE_FILE_MAX);
  ThredCredentialStatus status =
      length < 0
          ? errno == EFBIG
                ? module_says(host, THRED_CREDENTIAL_UNAVAIL, "%s: is larger than 16 KiB", where)
                : refused(host, keyring, errno)
          : module_deliver_lines(host, where, bytes, (size_t)length);
  secure_wipe(bytes, MODULE_FILE_MAX);
  free(bytes);
  return status;
}

/* The rings of the user who started a set-user-ID program are that user's affair. */
static ThredCredentialStatus keyring_get(void *instance, const ThredModuleHost *host,
                                         int64_t deadline_ms)
{
  (void)deadline_ms; /* the kernel's memory does not wait */
  const Keyring *keyring = instance;
  if (host->at_secure)
    return module_says(host, THRED_CREDENTIAL_NOTFOUND,
                       "a user's keyrings do not count in a program with AT_SECURE");
  /* These are the rings of the real user, while the cache and all else is the effective one's. */
  if (getuid() != geteuid())
    return module_says(host, THRED_CREDENTIAL_UNAVAIL,
                       "the process runs as user %u for user %u: keyrings are the latter's",
                       (unsigned)geteuid(), (unsigned)getuid());
  const key_serial_t ring = strcmp(or_default(keyring->keyring, rings[0]), rings[0]) == 0
                                ? KEY_SPEC_USER_KEYRING
                                : KEY_SPEC_USER_SESSION_KEYRING;
  long key =
      keyctl_search(ring, or_default(keyring->type, types[0]),
                    or_default(keyring->description, DEFAULT_DESCRIPTION), KEY_SPEC_THREAD_KEYRING);
  if (key < 0)
    return refused(host, keyring, errno);
  ThredCredentialStatus status = deliver(keyring, host, (key_serial_t)key);
  keyctl_unlink((key_serial_t)key, KEY_SPEC_THREAD_KEYRING);
  return status;
}

/* Not LOCAL, though it never waits: in a thread of its own, that thread's keyring is nobody's. */
const ThredCredentialModule thred_credential_module = {
    .abi = THRED_CREDENTIAL_MODULE_ABI,
    .struct_size = sizeof(ThredCredentialModule),
    .name = "keyring",
    .open = keyring_open,
    .identity = keyring_identity,
    .get = keyring_get,
    .close = keyring_close,
};
