/* SPDX-License-Identifier: MIT */
/*
 * module.h - what the modules that are shipped have in common: options, sentences, files, and the
 * text that a credential is written in. Each module takes what it needs as source.
 */
#ifndef THRED_CREDENTIALS_MODULE_H
#define THRED_CREDENTIALS_MODULE_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/stat.h>
#include <thred/credential-module.h>

#include "lib/secure.h"

/* Says one sentence, and is the status. */
__attribute__((format(printf, 3, 4))) ThredCredentialStatus
module_says(const ThredModuleHost *host, ThredCredentialStatus status, const char *format, ...);

/* ---- options ---- */

typedef enum {
  MODULE_TEXT,
  MODULE_PATH, /* absolute */
  MODULE_WORD, /* one of `words` */
} ModuleOptionKind;

typedef struct {
  const char *key;
  size_t offset; /* of a char * in the instance: NULL, or the value, malloc'ed */
  ModuleOptionKind kind;
  const char *const *words; /* up to a NULL */
} ModuleRule;

/* Rules end with one without a key. */
#define MODULE_RULES_END                                                                           \
  {                                                                                                \
    NULL, 0, MODULE_TEXT, NULL                                                                     \
  }

/*
 * Takes every option into the instance, which begins as zeros. False: one is unknown, or its value
 * is none, and that has been said with its file and line. module_free() is due either way.
 */
bool module_read(const ThredModuleHost *host, const char *module, const ModuleRule *rules,
                 void *instance, const ThredModuleOption *options, size_t n_options);

/* Frees the options, and the instance. */
void module_free(const ModuleRule *rules, void *instance);

/* ---- secrets in files ---- */

#define MODULE_FILE_MAX (16u * 1024u) /* bytes */

typedef struct {
  char *bytes; /* NUL-terminated; NULL: not read */
  size_t length;
  size_t room; /* bytes that are wiped */
} ModuleSecret;

/*
 * Reads a file that holds a secret: owner and mode are those of SECURE_SECRET (lib/secure.h), and
 * under AT_SECURE it is not the caller's. Anything but SUCCESS has been said, and names the path;
 * NOTFOUND: it is not there. module_secret_clear() is due either way.
 */
ThredCredentialStatus module_read_secret(const ThredModuleHost *host, const char *path,
                                         ModuleSecret *secret);

/* The same for a file of up to `max` bytes that is judged by another rule. */
ThredCredentialStatus module_read_file(const ThredModuleHost *host, const char *path,
                                       SecureRule rule, size_t max, ModuleSecret *secret);

/* Under AT_SECURE a file of the person who started the program is not the administrator's word. */
bool module_is_callers(const ThredModuleHost *host, const struct stat *st);

/* Cuts line ends and blanks off the end: editors and `echo` leave them. */
void module_trim_secret(ModuleSecret *secret);

void module_secret_clear(ModuleSecret *secret);

/* ---- the credential as text ---- */

#define MODULE_UUID_NAME "THRED_PARTNER_UUID"
#define MODULE_KEY_NAME  "THRED_API_KEY"

/*
 * Delivers the credential from lines KEY=value. `where` is what messages call the text; they name
 * the line, and quote nothing of it: half a key may stand in any.
 */
ThredCredentialStatus module_deliver_lines(const ThredModuleHost *host, const char *where,
                                           const char *text, size_t length);

/* The same from a file of such lines; and from two files that hold nothing but the value. */
ThredCredentialStatus module_deliver_file(const ThredModuleHost *host, const char *path);
ThredCredentialStatus module_deliver_files(const ThredModuleHost *host, const char *uuid_path,
                                           const char *key_path);

/* host->credential() as a status. */
ThredCredentialStatus module_deliver(const ThredModuleHost *host, const char *uuid,
                                     size_t uuid_length, const char *key, size_t key_length);

#endif
