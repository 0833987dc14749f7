/* SPDX-License-Identifier: MIT */
#include "tokens.h"

#include "jwt.h"

#include <json-c/json.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <pthread.h>
#include <string.h>
#include <time.h>

#define MAX_TOKENS   100000
/* Makes room for this many at a time, so that a full table is not searched for every new token. */
#define EVICT_TOKENS 1000
#define DIGEST_SIZE  32

typedef struct Token {
  unsigned char digest[DIGEST_SIZE];
  TokenKind kind;
  char business[UUID_SIZE];
  gint64 expires; /* microseconds of the monotonic clock */
  GList link;     /* in TokenTable.by_age */
  char host[];
} Token;

struct TokenTable {
  pthread_mutex_t lock;
  unsigned char key[JWT_KEY_SIZE];
  GHashTable *by_digest; /* owns the tokens */
  GQueue by_age;         /* oldest first */
};

/* The digest is random already: its first bytes are as good a hash as any. */
static guint hash_digest(gconstpointer token)
{
  guint hash;
  memcpy(&hash, ((const Token *)token)->digest, sizeof hash);
  return hash;
}

static gboolean same_digest(gconstpointer one, gconstpointer other)
{
  return CRYPTO_memcmp(((const Token *)one)->digest, ((const Token *)other)->digest, DIGEST_SIZE) ==
         0;
}

static bool digest_text(unsigned char digest[DIGEST_SIZE], const char *text)
{
  size_t length = 0;
  return EVP_Q_digest(NULL, "SHA256", NULL, text, strlen(text), digest, &length) == 1 &&
         length == DIGEST_SIZE;
}

TokenTable *tokens_new(void)
{
  TokenTable *table = g_new0(TokenTable, 1);
  if (RAND_bytes(table->key, sizeof table->key) != 1) {
    g_free(table);
    return NULL;
  }
  pthread_mutex_init(&table->lock, NULL);
  g_queue_init(&table->by_age);
  table->by_digest = g_hash_table_new_full(hash_digest, same_digest, g_free, NULL);
  return table;
}

void tokens_free(TokenTable *table)
{
  if (!table)
    return;
  g_hash_table_destroy(table->by_digest);
  pthread_mutex_destroy(&table->lock);
  OPENSSL_cleanse(table->key, sizeof table->key);
  g_free(table);
}

static void forget_inlock(TokenTable *table, Token *token)
{
  g_queue_unlink(&table->by_age, &token->link);
  g_hash_table_remove(table->by_digest, token);
}

/* Called with a full table: first what is worthless, then the oldest. */
static void make_room_inlock(TokenTable *table)
{
  gint64 now = g_get_monotonic_time();
  for (GList *at = table->by_age.head, *next; at; at = next) {
    next = at->next;
    Token *token = at->data;
    if (token->expires <= now)
      forget_inlock(table, token);
  }
  for (int i = 0;
       i < EVICT_TOKENS && table->by_age.head && table->by_age.length > MAX_TOKENS - EVICT_TOKENS;
       i++)
    forget_inlock(table, table->by_age.head->data);
}

static void keep(TokenTable *table, Token *token)
{
  pthread_mutex_lock(&table->lock);
  if (table->by_age.length >= MAX_TOKENS)
    make_room_inlock(table);
  g_queue_push_tail_link(&table->by_age, &token->link);
  g_hash_table_add(table->by_digest, token);
  pthread_mutex_unlock(&table->lock);
}

static struct json_object *claims_of(const TokenWish *wish)
{
  gint64 now = (gint64)time(NULL);
  g_autofree char *jti = g_uuid_string_random();
  struct json_object *claims = json_object_new_object();
  json_object_object_add(claims, "sub", json_object_new_string(wish->subject));
  json_object_object_add(claims, "iat", json_object_new_int64(now));
  json_object_object_add(claims, "exp", json_object_new_int64(now + wish->lifetime));
  if (*wish->business)
    json_object_object_add(claims, "business_id", json_object_new_string(wish->business));
  json_object_object_add(claims, "jti", json_object_new_string(jti));
  return claims;
}

char *tokens_issue(TokenTable *table, const TokenWish *wish)
{
  struct json_object *claims = claims_of(wish);
  char *text = jwt_make(table->key, claims, wish->bytes);
  json_object_put(claims);
  if (!text)
    return NULL;

  Token *token = g_malloc0(sizeof *token + strlen(wish->host) + 1);
  if (!digest_text(token->digest, text)) {
    g_free(token);
    g_free(text);
    return NULL;
  }
  token->kind = wish->kind;
  token->expires = g_get_monotonic_time() + (gint64)wish->lifetime * G_USEC_PER_SEC;
  token->link.data = token;
  memcpy(token->host, wish->host, strlen(wish->host) + 1);
  g_strlcpy(token->business, wish->business, sizeof token->business);
  keep(table, token);
  return text;
}

TokenKind tokens_find(TokenTable *table, const char *text, const char *host,
                      char business[UUID_SIZE])
{
  TokenKind kind = TOKEN_NONE;
  Token wanted;
  business[0] = '\0';
  if (!digest_text(wanted.digest, text))
    return TOKEN_NONE;
  pthread_mutex_lock(&table->lock);
  const Token *token = g_hash_table_lookup(table->by_digest, &wanted);
  if (token && token->expires > g_get_monotonic_time() &&
      (!host || g_str_equal(host, token->host))) {
    kind = token->kind;
    g_strlcpy(business, token->business, UUID_SIZE);
  }
  pthread_mutex_unlock(&table->lock);
  return kind;
}

unsigned tokens_revoke(TokenTable *table, TokenKind kind, const char *business)
{
  unsigned revoked = 0;
  pthread_mutex_lock(&table->lock);
  for (GList *at = table->by_age.head, *next; at; at = next) {
    next = at->next;
    Token *token = at->data;
    if ((kind != TOKEN_NONE && token->kind != kind) ||
        (business && !g_str_equal(token->business, business)))
      continue;
    forget_inlock(table, token);
    revoked++;
  }
  pthread_mutex_unlock(&table->lock);
  return revoked;
}
