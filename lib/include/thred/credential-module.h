/* SPDX-License-Identifier: MIT */
/*
 * thred/credential-module.h - how a credential module is written.
 *
 * A module is a shared object in $libdir/thred/credentials that exports one symbol,
 * `thred_credential_module`, of type ThredCredentialModule. It says where the partner UUID and the
 * API key come from and nothing else: it never sees a token or a URL of a program.
 *
 * It runs inside other people's processes: no exit, abort, print, signal, environment, locale or
 * umask change, no thread or descriptor left behind. Its functions are called from one thread at a
 * time for one instance, not always the same one; different instances may run at once. It is loaded
 * RTLD_NOW|RTLD_LOCAL and never unloaded.
 *
 * An instance lives for one question: `open`, then `identity` or `get`, then `close`. Whatever a
 * module keeps beyond that, it keeps with a lock of its own that a fork cannot leave taken.
 */
#ifndef THRED_CREDENTIAL_MODULE_H
#define THRED_CREDENTIAL_MODULE_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define THRED_CREDENTIAL_MODULE_ABI    1u
#define THRED_CREDENTIAL_MODULE_SYMBOL "thred_credential_module"

/* What a source answered; the words of nsswitch.conf(5), and what the stack's actions name. */
typedef enum ThredCredentialStatus {
  THRED_CREDENTIAL_SUCCESS = 0,  /* a credential was delivered */
  THRED_CREDENTIAL_NOTFOUND = 1, /* the source works and holds none */
  THRED_CREDENTIAL_UNAVAIL = 2,  /* the source cannot be used: missing, refused, misconfigured */
  THRED_CREDENTIAL_TRYAGAIN = 3  /* the source is busy or unreachable now */
} ThredCredentialStatus;

/* One `key = value` of the module's [credentials NAME] group. Owned by the library. */
typedef struct ThredModuleOption {
  const char *key;
  const char *value;
  const char *file; /* where it was written, for messages */
  unsigned line;
} ThredModuleOption;

/* What an answer of the module depends on: data that is compared without running the module. */
typedef enum ThredIdentityKind {
  THRED_IDENTITY_ENV = 0,  /* an environment variable, by name: its value counts */
  THRED_IDENTITY_FILE = 1, /* a file, by path: device, inode, size, mtime and ctime count */
  THRED_IDENTITY_TEXT = 2, /* fixed text: an address, a path in a store, a role, a login */
  /* A file that the environment names. "VARIABLE:/PATH", "VARIABLE:~/PATH": the one whose path is
   * the variable's value, else the one behind the colon; ~/ is $HOME in both. "VARIABLE/NAME": the
   * one of this name in the folder that is the variable's value. Each process finds its own, while
   * FILE is what the process saw that has parsed the configuration for all. */
  THRED_IDENTITY_ENV_FILE = 3
} ThredIdentityKind;

/*
 * The library's side of a call. A module calls these and keeps none of them past the call.
 * `size` is sizeof(ThredModuleHost) of the library: test it before using a later addition.
 */
typedef struct ThredModuleHost {
  size_t size;
  void *data;
  /* One sentence for the person who has to mend it: what, where, why. No secrets. Copied. The last
   * one of a call counts. */
  void (*message)(const struct ThredModuleHost *host, const char *text);
  /* In `identity` only: declares one thing that the answer depends on. `text` is copied. */
  void (*identity)(const struct ThredModuleHost *host, ThredIdentityKind kind, const char *text);
  /* In `get` only: hands over the credential. Both are copied into memory that the library wipes;
   * the module wipes its own copies. Returns 0, or -1 if it is unusable (see the limits). */
  int (*credential)(const struct ThredModuleHost *host, const char *partner_uuid,
                    size_t partner_uuid_length, const char *api_key, size_t api_key_length);
  /* 1 in a process with AT_SECURE: environment variables and the user's files do not count. */
  int at_secure;
  /* In `get`: 1 if Thred has just refused what this stack delivered. Nothing that was kept may be
   * handed over then, and of a store with several versions the next one. */
  int refused;
  /* In `get` only: around each moment in which the module does nothing but wait (poll, waitpid),
   * `begins` 1 before and 0 after it. Until the second call nothing of the module's, or of the
   * libraries that it uses, may be locked or half changed: the program may fork or exit meanwhile,
   * and then the second call does not return. Without it a fork or exit waits a moment for the
   * module. */
  void (*wait)(const struct ThredModuleHost *host, int begins);
  /* In `get` only: a line for the log, at the level `info`. No secrets. Copied. */
  void (*note)(const struct ThredModuleHost *host, const char *text);
} ThredModuleHost;

/* ThredCredentialModule.flags */
#define THRED_CREDENTIAL_MODULE_LOCAL                                                              \
  1u /* `get` never waits: it reads memory, or a file of this machine. Else it runs in a thread of \
        its own, and who does not come back in time is left behind. */

#define THRED_PARTNER_UUID_MAX 128u  /* bytes */
#define THRED_API_KEY_MAX      4096u /* bytes */

typedef struct ThredCredentialModule {
  uint32_t abi;         /* THRED_CREDENTIAL_MODULE_ABI */
  uint32_t struct_size; /* sizeof(ThredCredentialModule) */
  const char *name;     /* the file's name without ".so" */

  /*
   * Reads the options; touches no network and no secret. Every option the module does not know is
   * an error: say so by message() with file and line and answer UNAVAIL. On SUCCESS *instance is
   * the module's own (it may be NULL) and `close` is called for it exactly once.
   */
  ThredCredentialStatus (*open)(const ThredModuleHost *host, const ThredModuleOption *options,
                                size_t n_options, void **instance);
  /* Names what the answer depends on by host->identity(). Called when a configuration is parsed;
   * with `open` it has two seconds. A module that fails here is not asked for credentials. */
  ThredCredentialStatus (*identity)(void *instance, const ThredModuleHost *host);
  /*
   * Delivers the credential by host->credential(), within the deadline: milliseconds of
   * CLOCK_MONOTONIC. May block until then, not longer.
   */
  ThredCredentialStatus (*get)(void *instance, const ThredModuleHost *host, int64_t deadline_ms);
  void (*close)(void *instance);
  uint32_t flags; /* THRED_CREDENTIAL_MODULE_*; others are an error */
} ThredCredentialModule;

#if defined(__GNUC__)
#define THRED_CREDENTIAL_MODULE_EXPORT __attribute__((visibility("default")))
#else
#define THRED_CREDENTIAL_MODULE_EXPORT
#endif
extern THRED_CREDENTIAL_MODULE_EXPORT const ThredCredentialModule thred_credential_module;

#ifdef __cplusplus
}
#endif

#endif
