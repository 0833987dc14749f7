/* SPDX-License-Identifier: MIT */
/*
 * tokens - the tokens that were handed out and are still good.
 *
 * The table keeps digests, not tokens: its size does not depend on theirs, and a lookup takes the
 * same time however much of a wrong token is right. Every function may be called from any thread.
 */
#ifndef EMULATOR_TOKENS_H
#define EMULATOR_TOKENS_H

#include "route.h"

#include <glib.h>

typedef enum TokenKind { TOKEN_NONE = 0, TOKEN_PARTNER, TOKEN_BUSINESS } TokenKind;

typedef struct TokenTable TokenTable;

/* NULL without enough randomness. */
TokenTable *tokens_new(void);
void tokens_free(TokenTable *table);

typedef struct TokenWish {
  TokenKind kind;
  const char *host;     /* the only host that will take it */
  const char *subject;  /* the partner's UUID */
  const char *business; /* "" for a partner token */
  unsigned lifetime;    /* seconds */
  size_t bytes;         /* the token is padded to this length; 0: as it comes */
} TokenWish;

/* A new token, different from all before it; the caller frees it. NULL when OpenSSL fails. */
char *tokens_issue(TokenTable *table, const TokenWish *wish);

/*
 * What the token is now: TOKEN_NONE if it was never issued, has expired or was revoked, or belongs
 * to another host. host NULL asks for any host. `business` gets its business or "".
 */
TokenKind tokens_find(TokenTable *table, const char *text, const char *host,
                      char business[UUID_SIZE]);

/* Forgets the tokens of a kind (TOKEN_NONE: any) and business (NULL: any); returns how many. */
unsigned tokens_revoke(TokenTable *table, TokenKind kind, const char *business);

#endif
