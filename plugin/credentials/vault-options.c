/* SPDX-License-Identifier: MIT */
/* What the options of `vault` may be, and what an answer depends on. */
#include <stdlib.h>
#include <string.h>

#include "plugin/credentials/vault.h"

#define DEFAULT_JWT_FILE "/var/run/secrets/kubernetes.io/serviceaccount/token"
#define VALUE_MAX        1024 /* bytes of an option */

static const char *const auths[] = {"token", "token-file", "approle", "kubernetes", NULL};
static const char *const versions[] = {"1", "2", NULL};

static const ModuleRule rules[] = {
    {"address", offsetof(Vault, address), MODULE_TEXT, NULL},
    {"namespace", offsetof(Vault, namespace), MODULE_TEXT, NULL},
    {"ca-file", offsetof(Vault, ca_file), MODULE_PATH, NULL},
    {"mount", offsetof(Vault, mount), MODULE_TEXT, NULL},
    {"kv", offsetof(Vault, kv), MODULE_WORD, versions},
    {"path", offsetof(Vault, path), MODULE_TEXT, NULL},
    {"uuid-field", offsetof(Vault, uuid_field), MODULE_TEXT, NULL},
    {"key-field", offsetof(Vault, key_field), MODULE_TEXT, NULL},
    {"auth", offsetof(Vault, auth), MODULE_WORD, auths},
    {"token-file", offsetof(Vault, token_file), MODULE_PATH, NULL},
    {"role-id", offsetof(Vault, role_id), MODULE_TEXT, NULL},
    {"secret-id-file", offsetof(Vault, secret_id_file), MODULE_PATH, NULL},
    {"role", offsetof(Vault, role), MODULE_TEXT, NULL},
    {"jwt-file", offsetof(Vault, jwt_file), MODULE_PATH, NULL},
    {"auth-mount", offsetof(Vault, auth_mount), MODULE_TEXT, NULL},
    MODULE_RULES_END,
};

/* ---- options ---- */

static bool has_control(const char *text)
{
  for (; *text; text++)
    if ((unsigned char)*text < 0x20 || *text == 0x7f)
      return true;
  return false;
}

/* What is wrong with a value by itself, or NULL. */
static const char *value_problem(const char *key, const char *value)
{
  if (strlen(value) > VALUE_MAX)
    return "is longer than 1024 bytes";
  if (strcmp(key, "address") == 0)
    return vault_address_problem(value);
  if (strcmp(key, "namespace") == 0)
    return vault_namespace_problem(value);
  if (strcmp(key, "mount") == 0 || strcmp(key, "path") == 0 || strcmp(key, "auth-mount") == 0)
    return vault_path_problem(value, false);
  return has_control(value) ? "has a control character in it" : NULL;
}

/* An option that the chosen auth does not look at is a misunderstanding. NULL: it has a use. */
static const char *unused(const char *key, const char *auth)
{
  static const struct {
    const char *key, *auth, *belongs;
  } uses[] = {
      {"token-file", "token-file", "goes with auth = token-file"},
      {"role-id", "approle", "goes with auth = approle"},
      {"secret-id-file", "approle", "goes with auth = approle"},
      {"role", "kubernetes", "goes with auth = kubernetes"},
      {"jwt-file", "kubernetes", "goes with auth = kubernetes"},
  };
  for (size_t i = 0; i < sizeof uses / sizeof *uses; i++)
    if (strcmp(uses[i].key, key) == 0)
      return strcmp(uses[i].auth, auth) == 0 ? NULL : uses[i].belongs;
  return strcmp(key, "auth-mount") == 0 && strncmp(auth, "token", 5) == 0
             ? "goes with auth = approle or kubernetes"
             : NULL;
}

static bool check_each(const ThredModuleHost *host, const Vault *vault,
                       const ThredModuleOption *options, size_t n_options)
{
  const char *auth = vault->auth ? vault->auth : "token";
  for (size_t i = 0; i < n_options; i++) {
    const char *problem = value_problem(options[i].key, options[i].value);
    if (!problem)
      problem = unused(options[i].key, auth);
    if (problem) {
      module_says(host, THRED_CREDENTIAL_UNAVAIL, "%s:%u: %s %s", options[i].file, options[i].line,
                  options[i].key, problem);
      return false;
    }
  }
  return true;
}

static bool check_all(const ThredModuleHost *host, const Vault *vault,
                      const ThredModuleOption *options, size_t n_options)
{
  const char *auth = vault->auth ? vault->auth : "token", *missing = NULL;
  if (!vault->path)
    missing = "path";
  else if (strcmp(auth, "token-file") == 0 && !vault->token_file)
    missing = "token-file";
  else if (strcmp(auth, "approle") == 0 && !vault->role_id)
    missing = "role-id";
  else if (strcmp(auth, "kubernetes") == 0 && !vault->role)
    missing = "role";
  const ThredModuleOption *at = n_options ? &options[0] : NULL;
  for (size_t i = 0; i < n_options; i++)
    if (strcmp(options[i].key, "auth") == 0)
      at = &options[i];
  if (missing && at)
    module_says(host, THRED_CREDENTIAL_UNAVAIL, "%s:%u: the module vault (auth = %s): no %s",
                at->file, at->line, auth, missing);
  else if (missing)
    module_says(host, THRED_CREDENTIAL_UNAVAIL, "the module vault: no %s", missing);
  return !missing;
}

static bool set_default(char **slot, const char *value)
{
  if (!*slot)
    *slot = strdup(value);
  return *slot != NULL;
}

static bool set_defaults(Vault *vault)
{
  return set_default(&vault->mount, "secret") && set_default(&vault->kv, "2") &&
         set_default(&vault->uuid_field, "partner_uuid") &&
         set_default(&vault->key_field, "api_key") && set_default(&vault->auth, "token") &&
         (strcmp(vault->auth, "kubernetes") != 0 ||
          set_default(&vault->jwt_file, DEFAULT_JWT_FILE)) &&
         (strncmp(vault->auth, "token", 5) == 0 || set_default(&vault->auth_mount, vault->auth));
}

void vault_close(void *instance)
{
  module_free(rules, instance);
}

ThredCredentialStatus vault_open(const ThredModuleHost *host, const ThredModuleOption *options,
                                 size_t n_options, void **instance)
{
  Vault *vault = calloc(1, sizeof *vault);
  if (!vault)
    return module_says(host, THRED_CREDENTIAL_UNAVAIL, "out of memory");
  if (module_read(host, "vault", rules, vault, options, n_options) &&
      check_each(host, vault, options, n_options) && check_all(host, vault, options, n_options)) {
    if (set_defaults(vault)) {
      *instance = vault;
      return THRED_CREDENTIAL_SUCCESS;
    }
    module_says(host, THRED_CREDENTIAL_UNAVAIL, "out of memory");
  }
  vault_close(vault);
  return THRED_CREDENTIAL_UNAVAIL;
}

/* ---- identity ---- */

static void declare(const ThredModuleHost *host, const char *key, const char *value)
{
  char text[VALUE_MAX + 32];
  if (!value)
    return;
  snprintf(text, sizeof text, "%s=%s", key, value);
  host->identity(host, THRED_IDENTITY_TEXT, text);
}

static void declare_file(const ThredModuleHost *host, const char *path)
{
  if (path)
    host->identity(host, THRED_IDENTITY_FILE, path);
}

static void declare_variable(const ThredModuleHost *host, bool counts, const char *name)
{
  if (counts && !host->at_secure)
    host->identity(host, THRED_IDENTITY_ENV, name);
}

ThredCredentialStatus vault_identity(void *instance, const ThredModuleHost *host)
{
  const Vault *vault = instance;
  declare(host, "address", vault->address);
  declare(host, "namespace", vault->namespace);
  declare(host, "mount", vault->mount);
  declare(host, "kv", vault->kv);
  declare(host, "path", vault->path);
  declare(host, "uuid-field", vault->uuid_field);
  declare(host, "key-field", vault->key_field);
  declare(host, "auth", vault->auth);
  declare(host, "auth-mount", vault->auth_mount);
  declare(host, "role-id", vault->role_id);
  declare(host, "role", vault->role);
  declare_variable(host, !vault->address, VAULT_ADDRESS_VARIABLE);
  declare_variable(host, !vault->namespace, VAULT_NAMESPACE_VARIABLE);
  declare_variable(host, strcmp(vault->auth, "token") == 0, VAULT_TOKEN_VARIABLE);
  /* By its path: the kubelet writes it anew about every hour, and each time a token of Thred's that
   * is good still would not be found again. */
  declare(host, "jwt-file", vault->jwt_file);
  declare_file(host, vault->ca_file);
  declare_file(host, vault->token_file);
  declare_file(host, vault->secret_id_file);
  return THRED_CREDENTIAL_SUCCESS;
}
