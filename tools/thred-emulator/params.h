/* SPDX-License-Identifier: MIT */
/* params - the arguments of a control request, from its query string and its form body. */
#ifndef EMULATOR_PARAMS_H
#define EMULATOR_PARAMS_H

#include "request.h"
#include "tokens.h"

typedef struct Params Params;

/*
 * `allowed` (NULL-terminated): any other name is an error, as is a name given twice and text that
 * is not UTF-8. NULL and `error` on failure.
 */
Params *params_read(const Request *request, const char *const *allowed, GError **error);

/* The same from "NAME=VALUE" words. */
Params *params_of_words(char *const *words, const char *const *allowed, GError **error);

void params_free(Params *params);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Params, params_free)

/* NULL if it was not given. */
const char *params_text(const Params *params, const char *name);

/* These leave `value` alone if it was not given, and fail with `error` if it does not parse. */
bool params_number(const Params *params, const char *name, guint64 least, guint64 most,
                   guint64 *value, GError **error);
bool params_flag(const Params *params, const char *name, bool *value, GError **error);
bool params_kind(const Params *params, const char *name, TokenKind *value, GError **error);
bool params_uuid(const Params *params, const char *name, char value[UUID_SIZE], GError **error);

/* All errors of the control API. */
#define CONTROL_ERROR (g_quark_from_static_string("control"))

#endif
