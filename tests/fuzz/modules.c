/* SPDX-License-Identifier: MIT */
#include "tests/fuzz/modules.h"

#include "lib/clock.h"
#include "lib/fetch/credentials-load.h"
#include "tests/fuzz/fuzz.h"

extern const ThredCredentialModule module_aws_secrets_manager, module_env, module_exec, module_file,
    module_keyring, module_systemd, module_vault;

const char *const module_names[MODULES] = {
    "aws-secrets-manager", "env", "exec", "file", "keyring", "systemd", "vault"};

static const ThredCredentialModule *const originals[MODULES] = {&module_aws_secrets_manager,
                                                                &module_env,
                                                                &module_exec,
                                                                &module_file,
                                                                &module_keyring,
                                                                &module_systemd,
                                                                &module_vault};

static ModuleAnswer *asked;

/* ---- in place of credentials-load.c ---- */

const ThredCredentialModule *credentials_load(const char *module_dir, const char *module, char *why,
                                              size_t why_size)
{
  static ThredCredentialModule copies[MODULES];
  (void)module_dir;
  for (size_t i = 0; i < MODULES; i++)
    if (strcmp(module_names[i], module) == 0) {
      copies[i] = *originals[i];
      copies[i].flags |= THRED_CREDENTIAL_MODULE_LOCAL;
      return &copies[i];
    }
  snprintf(why, why_size, "no module '%.64s'", module);
  return NULL;
}

char *credentials_module_path(const char *module_dir, const char *module)
{
  char *path = NULL;
  return asprintf(&path, "%s/%s.so", module_dir, module) < 0 ? NULL : path;
}

void credentials_note_hanging(const ThredCredentialModule *module, bool hangs)
{
  (void)module, (void)hangs;
}

bool credentials_is_hanging(const ThredCredentialModule *module)
{
  (void)module;
  return false;
}

/* ---- one question ---- */

static void take_note(const char *text)
{
  size_t used = strlen(asked->notes);
  FUZZ_SAYS(fuzz_is_tame(text), text);
  snprintf(asked->notes + used, sizeof asked->notes - used, "%s\n", text);
}

static void take_identity(ThredIdentityKind kind, const char *text, void *data)
{
  (void)data;
  FUZZ_TRUE(kind >= THRED_IDENTITY_ENV && kind <= THRED_IDENTITY_ENV_FILE && text[0]);
  asked->identities++;
}

static SourceQuestion question_of(const char *module, const ThredModuleOption *options, size_t n,
                                  ModuleAnswer *answer)
{
  *answer = (ModuleAnswer){0};
  asked = answer;
  return (SourceQuestion){.module_dir = "/",
                          .module = module,
                          .options = options,
                          .n_options = n,
                          .deadline_ms = clock_monotonic_ms() + 60000,
                          .note = take_note};
}

static void check(const ModuleAnswer *answer)
{
  FUZZ_TRUE(answer->status <= THRED_CREDENTIAL_TRYAGAIN);
  FUZZ_TRUE(answer->status == THRED_CREDENTIAL_SUCCESS || answer->said[0]);
  FUZZ_SAYS(fuzz_is_tame(answer->said), answer->said);
  /* "the module 'NAME' is broken", of one that answers what no module may. */
  FUZZ_SAYS(strncmp(answer->said, "the module '", 12) != 0, answer->said);
}

void module_get(const char *module, const ThredModuleOption *options, size_t n_options,
                ModuleAnswer *answer)
{
  SourceQuestion question = question_of(module, options, n_options, answer);
  answer->status = source_get(&question, &answer->credential, answer->said);
  check(answer);
  const Credential *credential = &answer->credential;
  bool got = answer->status == THRED_CREDENTIAL_SUCCESS;
  FUZZ_TRUE(got == (credential->partner_uuid_length > 0) &&
            got == (credential->api_key_length > 0));
  FUZZ_TRUE(!credential->partner_uuid[credential->partner_uuid_length] &&
            !credential->api_key[credential->api_key_length]);
  /* RFC 7617: they become a header. */
  FUZZ_TRUE(fuzz_is_tame(credential->partner_uuid) && fuzz_is_tame(credential->api_key));
  FUZZ_TRUE(!strchr(credential->partner_uuid, ':'));
}

void module_identity(const char *module, const ThredModuleOption *options, size_t n_options,
                     bool at_secure, ModuleAnswer *answer)
{
  SourceQuestion question = question_of(module, options, n_options, answer);
  question.at_secure = at_secure;
  answer->status = source_identity(&question, take_identity, NULL, answer->said);
  check(answer);
}
