/* SPDX-License-Identifier: MIT */
#include "lib/fetch/config-routes.h"

#include <string.h>

enum { PATH_MAX_BYTES = 1024 };

/* RFC 9110, 9.1: method names are case-sensitive, and the ones in use are capitals and '-'. */
static bool is_method(const char *text)
{
  if (!g_ascii_isupper(*text))
    return false;
  for (; *text; text++)
    if (!g_ascii_isupper(*text) && *text != '-')
      return false;
  return true;
}

char *config_route_methods(char **methods, char **result)
{
  if (!methods)
    return g_strdup("is neither * nor a list of methods like GET;POST;");
  if (strcmp(methods[0], "*") == 0 && !methods[1]) {
    *result = g_strdup("*");
    return NULL;
  }
  GString *list = g_string_new(NULL);
  for (char **method = methods; *method; method++) {
    if (!is_method(*method)) {
      g_autofree char *quoted = config_quote(*method);
      g_string_free(list, TRUE);
      return g_strdup_printf("%s is not a method in capitals; * stands alone, for all of them",
                             quoted);
    }
    g_string_append_printf(list, "%s;", *method);
  }
  *result = g_string_free(list, FALSE);
  return NULL;
}

/* Kinds of segments, the more specific first. */
typedef enum { SEGMENT_LITERAL, SEGMENT_BUSINESS, SEGMENT_ONE, SEGMENT_REST } Segment;

static Segment segment_kind(const char *text, gsize length)
{
  if (length == strlen("{business_id}") && memcmp(text, "{business_id}", length) == 0)
    return SEGMENT_BUSINESS;
  if (length == 1 && *text == '*')
    return SEGMENT_ONE;
  return length == 2 && memcmp(text, "**", 2) == 0 ? SEGMENT_REST : SEGMENT_LITERAL;
}

/* RFC 3986, 2.3: unreserved characters, so that a path has one spelling. */
static bool is_literal(const char *text, gsize length)
{
  for (gsize i = 0; i < length; i++)
    if (!g_ascii_isalnum(text[i]) && !memchr("-._~", text[i], 4))
      return false;
  return length && !(text[0] == '.' && (length == 1 || (length == 2 && text[1] == '.')));
}

static char *judge_path(const char *path)
{
  guint businesses = 0;
  if (*path != '/')
    return g_strdup("does not start with /");
  if (strlen(path) > PATH_MAX_BYTES)
    return g_strdup_printf("is longer than %d bytes", PATH_MAX_BYTES);
  for (const char *at = path + 1; *at;) {
    gsize length = strcspn(at, "/");
    Segment kind = segment_kind(at, length);
    if (kind == SEGMENT_LITERAL && !is_literal(at, length)) {
      g_autofree char *segment = g_strndup(at, length);
      g_autofree char *quoted = config_quote(segment);
      return g_strdup_printf("%s is not a segment: letters, digits, - . _ ~ (not . or ..), "
                             "or {business_id}, * or ** as a whole",
                             quoted);
    }
    if (kind == SEGMENT_BUSINESS && ++businesses > 1)
      return g_strdup("has {business_id} twice");
    at += length;
    if (kind == SEGMENT_REST && strcmp(at, "") != 0 && strcmp(at, "/") != 0)
      return g_strdup("has ** before its end");
    at += *at == '/';
  }
  return NULL;
}

char *config_route_path(const char *path, char **result)
{
  char *why = judge_path(path);
  if (why)
    return why;
  gsize length = strlen(path);
  *result = g_strndup(path, length > 1 && path[length - 1] == '/' ? length - 1 : length);
  return NULL;
}

typedef struct {
  const ConfigGroup *group;
  const char *methods;
  const ConfigEntry *path;
  guint32 token;
  guint order; /* of what was read last of it */
} Route;

/*
 * Segment by segment from the left: literal, {business_id}, *, **. Two literals that differ can
 * never match the same URL; their order only has to be the same each time. The same holds for a
 * path and its own beginning: only ** matches beyond its own length, and it ranks last.
 */
static int compare_paths(const char *x, const char *y)
{
  while (*x && *y) {
    x++, y++; /* the '/' */
    gsize length_x = strcspn(x, "/"), length_y = strcspn(y, "/");
    Segment kind_x = segment_kind(x, length_x), kind_y = segment_kind(y, length_y);
    if (kind_x != kind_y)
      return kind_x < kind_y ? -1 : 1;
    int order = memcmp(x, y, MIN(length_x, length_y));
    if (order)
      return order;
    if (length_x != length_y)
      return length_x < length_y ? -1 : 1;
    x += length_x, y += length_y;
  }
  return *x ? 1 : *y ? -1 : 0;
}

/*
 * The order in which routes are tried, so that the first match is the right one: the more specific
 * path; of one path, a route that names its methods before one with *; of those, the later in
 * reading order. The order is total, for no two routes were read at the same place.
 */
static gint compare_routes(gconstpointer a, gconstpointer b)
{
  const Route *x = a, *y = b;
  int order = compare_paths(x->path->text, y->path->text);
  if (order)
    return order;
  bool any_x = *x->methods == '*', any_y = *y->methods == '*';
  if (any_x != any_y)
    return any_x ? 1 : -1;
  return x->order > y->order ? -1 : x->order < y->order;
}

static guint last_order(const ConfigGroup *group)
{
  guint order = 0;
  GHashTableIter iter;
  gpointer value;
  g_hash_table_iter_init(&iter, group->entries);
  while (g_hash_table_iter_next(&iter, NULL, &value))
    order = MAX(order, ((ConfigEntry *)value)->order);
  return order;
}

/*
 * Fills in *route; false if there is no path to keep. A disabled route stays, with the token
 * `none`: if it went, a wider route could hand out a token where this one may have forbidden it.
 * Its methods are all, if the ones it has may not be the ones that were meant (config-lines.c).
 */
static bool judge_route(ConfigTree *tree, ConfigGroup *group, Route *route)
{
  route->group = group;
  route->path = config_group_entry(group, "path");
  if (!group->disabled && !route->path) {
    config_problem(tree, group->place, group->label, "path", "is missing; a route needs one");
    config_disable(group, group->place);
  }
  if (!group->disabled && !config_group_entry(group, "token")) {
    config_problem(tree, group->place, group->label, "token",
                   "is missing; it is partner, business or none");
    config_disable(group, group->place);
  }
  const char *methods = config_group_text(group, "method");
  route->methods = methods ? methods : "*";
  route->token = group->disabled ? SNAPSHOT_TOKEN_NONE : config_group_number(group, "token", 0);
  route->order = last_order(group);
  return route->path != NULL;
}

void config_routes_write(ConfigTree *tree, SnapshotBuild *build)
{
  g_autoptr(GPtrArray) groups = config_tree_groups(tree, CONFIG_ROUTE);
  g_autoptr(GArray) routes = g_array_new(FALSE, FALSE, sizeof(Route));
  for (guint i = 0; i < groups->len; i++) {
    Route route;
    if (judge_route(tree, g_ptr_array_index(groups, i), &route))
      g_array_append_val(routes, route);
  }
  g_array_sort(routes, compare_routes);
  for (guint i = 0; i < routes->len; i++) {
    const Route *route = &g_array_index(routes, Route, i);
    SnapshotRoute record = {
        snapshot_build_string(build, route->group->name),
        snapshot_build_string(build, route->methods),
        snapshot_build_string(build, route->path->text),
        route->token,
        snapshot_build_string(build, route->path->place.file),
        route->path->place.line,
    };
    snapshot_build_add(build, SNAPSHOT_BUILD_ROUTES, &record);
  }
}
