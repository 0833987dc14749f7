/* SPDX-License-Identifier: MIT */
#include "lib/fetch/config-values.h"

#include <string.h>

#include "lib/fetch/config-routes.h"
#include "lib/fetch/config-stack.h"

/* One value at a time goes through GKeyFile, under this name, for its escapes and lists. */
#define SLOT "value"

char *config_value_string(GKeyFile *value)
{
  /* It returns a string for a wrong escape too; only the error tells. */
  g_autoptr(GError) wrong = NULL;
  g_autofree char *text = g_key_file_get_string(value, SLOT, SLOT, &wrong);
  return wrong ? NULL : g_steal_pointer(&text);
}

char **config_value_list(GKeyFile *value)
{
  g_autoptr(GError) wrong = NULL;
  g_auto(GStrv) list = g_key_file_get_string_list(value, SLOT, SLOT, NULL, &wrong);
  if (wrong || !list || !list[0])
    return NULL;
  for (char **word = list; *word; word++)
    if (!*g_strstrip(*word))
      return NULL;
  return g_steal_pointer(&list);
}

static bool has_control(const char *text)
{
  for (; *text; text++)
    if (g_ascii_iscntrl(*text))
      return true;
  return false;
}

static char *bad_escape(void)
{
  return g_strdup("has a wrong escape; \\s \\n \\t \\r and \\\\ are the ones there are");
}

/* The value as a string for the parsers below, or the sentence that says why there is none. */
static char *string_or_why(GKeyFile *value, char **text)
{
  *text = config_value_string(value);
  return *text ? NULL : bad_escape();
}

static char *parse_word(const ConfigKey *key, GKeyFile *value, ConfigEntry *entry)
{
  g_autofree char *text = config_value_string(value);
  if (!text)
    return bad_escape();
  for (guint i = 0; key->choices[i]; i++)
    if (strcmp(text, key->choices[i]) == 0) {
      entry->number = i;
      return NULL;
    }
  g_autofree char *quoted = config_quote(text);
  g_autofree char *choices = g_strjoinv(", ", (char **)key->choices);
  return g_strdup_printf("%s is not one of: %s", quoted, choices);
}

static char *parse_boolean(const ConfigKey *key G_GNUC_UNUSED, GKeyFile *value, ConfigEntry *entry)
{
  g_autofree char *text = NULL;
  char *why = string_or_why(value, &text);
  if (why)
    return why;
  bool yes = !g_ascii_strcasecmp(text, "yes") || !g_ascii_strcasecmp(text, "true");
  if (yes || !g_ascii_strcasecmp(text, "no") || !g_ascii_strcasecmp(text, "false")) {
    entry->number = yes;
    return NULL;
  }
  g_autofree char *quoted = config_quote(text);
  return g_strdup_printf("%s is neither yes nor no", quoted);
}

static char *parse_integer(const ConfigKey *key, GKeyFile *value, ConfigEntry *entry)
{
  g_autofree char *text = NULL;
  char *why = string_or_why(value, &text);
  if (why)
    return why;
  guint64 number;
  if (g_ascii_string_to_unsigned(text, 10, key->minimum, key->maximum, &number, NULL)) {
    entry->number = (guint32)number;
    return NULL;
  }
  g_autofree char *quoted = config_quote(text);
  return g_strdup_printf("%s is not a whole number from %u to %u", quoted, key->minimum,
                         key->maximum);
}

static char *parse_name(const ConfigKey *key G_GNUC_UNUSED, GKeyFile *value, ConfigEntry *entry)
{
  char *why = string_or_why(value, &entry->text);
  if (why || config_is_name(entry->text))
    return why;
  g_autofree char *quoted = config_quote(entry->text);
  return g_strdup_printf("%s is not a name; letters, digits, _ and - make one", quoted);
}

static char *parse_uuid(const ConfigKey *key G_GNUC_UNUSED, GKeyFile *value, ConfigEntry *entry)
{
  g_autofree char *text = NULL;
  char *why = string_or_why(value, &text);
  if (why)
    return why;
  if (g_uuid_string_is_valid(text)) {
    entry->text = g_ascii_strdown(text, -1);
    return NULL;
  }
  g_autofree char *quoted = config_quote(text);
  return g_strdup_printf("%s is not a UUID like 3c90c3cc-0d44-4b50-8888-8dd25736052a", quoted);
}

static bool is_date(const char *text)
{
  if (strlen(text) != 10 || text[4] != '-' || text[7] != '-')
    return false;
  for (guint i = 0; i < 10; i++)
    if (i != 4 && i != 7 && !g_ascii_isdigit(text[i]))
      return false;
  guint year = (guint)g_ascii_strtoull(text, NULL, 10);
  guint month = (guint)g_ascii_strtoull(text + 5, NULL, 10);
  guint day = (guint)g_ascii_strtoull(text + 8, NULL, 10);
  return g_date_valid_dmy((GDateDay)day, (GDateMonth)month, (GDateYear)year);
}

static char *parse_date(const ConfigKey *key G_GNUC_UNUSED, GKeyFile *value, ConfigEntry *entry)
{
  char *why = string_or_why(value, &entry->text);
  if (why || is_date(entry->text))
    return why;
  g_autofree char *quoted = config_quote(entry->text);
  return g_strdup_printf("%s is not a date like 2026-09-01", quoted);
}

static char *parse_path(const ConfigKey *key G_GNUC_UNUSED, GKeyFile *value, ConfigEntry *entry)
{
  char *why = string_or_why(value, &entry->text);
  if (why || (g_path_is_absolute(entry->text) && !has_control(entry->text)))
    return why;
  g_autofree char *quoted = config_quote(entry->text);
  return g_strdup_printf("%s is not an absolute path", quoted);
}

/* One HOST of HOST:PORT, possibly empty, possibly [IPv6]; the ':' after it, or NULL. */
static const char *after_host(const char *text)
{
  if (*text == '[') {
    const char *end = text + 1 + strspn(text + 1, "0123456789abcdefABCDEF:.");
    return end > text + 1 && end[0] == ']' && end[1] == ':' ? end + 1 : NULL;
  }
  while (g_ascii_isalnum(*text) || *text == '.' || *text == '-' || *text == '_')
    text++;
  return *text == ':' ? text : NULL;
}

/* One PORT, possibly empty: what follows it, or NULL. */
static const char *after_port(const char *text)
{
  guint digits = 0, number = 0;
  for (; g_ascii_isdigit(*text) && digits <= 5; text++, digits++)
    number = number * 10 + (guint)(*text - '0');
  return digits > 5 || number > 65535 || (digits && !number) ? NULL : text;
}

/* CURLOPT_CONNECT_TO(3): HOST:PORT:CONNECT-TO-HOST:CONNECT-TO-PORT, each possibly empty. */
static bool is_connect_to(const char *text)
{
  text = after_host(text);
  text = text ? after_port(text + 1) : NULL;
  text = text && *text == ':' ? after_host(text + 1) : NULL;
  text = text ? after_port(text + 1) : NULL;
  return text && !*text;
}

static char *parse_connect_to(const ConfigKey *key G_GNUC_UNUSED, GKeyFile *value,
                              ConfigEntry *entry)
{
  char *why = string_or_why(value, &entry->text);
  if (why || is_connect_to(entry->text))
    return why;
  g_autofree char *quoted = config_quote(entry->text);
  return g_strdup_printf("%s is not HOST:PORT:CONNECT-TO-HOST:CONNECT-TO-PORT, as "
                         "::127.0.0.1:8443 is",
                         quoted);
}

static char *parse_allow(const ConfigKey *key G_GNUC_UNUSED, GKeyFile *value, ConfigEntry *entry)
{
  g_auto(GStrv) kinds = config_value_list(value);
  for (char **kind = kinds; kind && *kind; kind++) {
    if (strcmp(*kind, "partner") == 0) {
      entry->number |= SNAPSHOT_ALLOW_PARTNER;
    } else if (strcmp(*kind, "business") == 0) {
      entry->number |= SNAPSHOT_ALLOW_BUSINESS;
    } else {
      g_autofree char *quoted = config_quote(*kind);
      return g_strdup_printf("%s is neither partner nor business", quoted);
    }
  }
  return kinds ? NULL : g_strdup("is not a list of token kinds like partner;business;");
}

/* RFC 1123 labels, at most 253 bytes: no port, no trailing dot, no address. */
static bool is_host(const char *host)
{
  gsize length = strlen(host), label = 0;
  for (gsize i = 0; i <= length; i++) {
    if (host[i] == '.' || host[i] == 0) {
      if (label == 0 || label > 63 || host[i - 1] == '-' || host[i - label] == '-')
        return false;
      label = 0;
    } else if (g_ascii_isalnum(host[i]) || host[i] == '-') {
      label++;
    } else {
      return false;
    }
  }
  return length <= 253;
}

static char *judge_host(const char *host)
{
  g_autofree char *quoted = config_quote(host);
  if (!is_host(host))
    return g_strdup_printf("%s is not a host name (no port, no trailing dot, no address)", quoted);
  /* The ceiling of promise 1. It stands here for the message; lib/route has it once more. */
  if (strcmp(host, "thredfi.com") != 0 && !g_str_has_suffix(host, ".thredfi.com"))
    return g_strdup_printf("%s is neither thredfi.com nor a host below it; no token goes anywhere "
                           "else",
                           quoted);
  return NULL;
}

/* The hosts that are right stay in the list: they remain claimed, by a group that is disabled. */
static char *parse_hosts(const ConfigKey *key G_GNUC_UNUSED, GKeyFile *value, ConfigEntry *entry)
{
  g_auto(GStrv) words = config_value_list(value);
  if (!words)
    return g_strdup("is not a list of host names like sandbox.thredfi.com;");
  char *why = NULL;
  GPtrArray *hosts = g_ptr_array_new();
  for (char **word = words; *word; word++) {
    g_autofree char *host = g_ascii_strdown(*word, -1);
    char *wrong = judge_host(host);
    if (!wrong && !g_ptr_array_find_with_equal_func(hosts, host, g_str_equal, NULL))
      g_ptr_array_add(hosts, g_steal_pointer(&host));
    if (why)
      g_free(wrong);
    else
      why = wrong;
  }
  g_ptr_array_add(hosts, NULL);
  entry->list = (char **)g_ptr_array_free(hosts, FALSE);
  return why;
}

static char *parse_stack(const ConfigKey *key G_GNUC_UNUSED, GKeyFile *value, ConfigEntry *entry)
{
  g_autofree char *line = NULL;
  char *why = string_or_why(value, &line);
  return why ? why : config_stack_parse(line, &entry->words);
}

static char *parse_method(const ConfigKey *key G_GNUC_UNUSED, GKeyFile *value, ConfigEntry *entry)
{
  g_auto(GStrv) methods = config_value_list(value);
  return config_route_methods(methods, &entry->text);
}

static char *parse_route(const ConfigKey *key G_GNUC_UNUSED, GKeyFile *value, ConfigEntry *entry)
{
  g_autofree char *path = NULL;
  char *why = string_or_why(value, &path);
  return why ? why : config_route_path(path, &entry->text);
}

/* The module itself judges its options. */
static char *parse_option(const ConfigKey *key G_GNUC_UNUSED, GKeyFile *value, ConfigEntry *entry)
{
  return string_or_why(value, &entry->text);
}

/* In the order of the enums that they become. */
static const char *const log_words[] = {"error", "warning", "info", "debug", NULL};
static const char *const seal_words[] = {"auto", "required", "off", NULL};
static const char *const existing_words[] = {"keep", "replace", NULL};
static const char *const token_words[] = {"none", "partner", "business", NULL};

static const ConfigKey keys[] = {
    {.kind = CONFIG_THRED,
     .name = "log",
     .parse = parse_word,
     .choices = log_words,
     .standard = "warning"},
    {.kind = CONFIG_THRED,
     .name = "seal",
     .parse = parse_word,
     .choices = seal_words,
     .limited = true,
     .standard = "auto"},
    {.kind = CONFIG_THRED,
     .name = "entries",
     .parse = parse_integer,
     .minimum = 16,
     .maximum = 131072,
     .standard = "1024"},
    {.kind = CONFIG_THRED, .name = "environment", .parse = parse_name},
    {.kind = CONFIG_ENVIRONMENT, .name = "hosts", .parse = parse_hosts},
    {.kind = CONFIG_ENVIRONMENT, .name = "credentials", .parse = parse_stack},
    {.kind = CONFIG_ENVIRONMENT, .name = "next", .parse = parse_stack},
    {.kind = CONFIG_ENVIRONMENT, .name = "business", .parse = parse_uuid, .limited = true},
    {.kind = CONFIG_ENVIRONMENT,
     .name = "pin-business",
     .parse = parse_boolean,
     .limited = true,
     .standard = "no"},
    {.kind = CONFIG_ENVIRONMENT,
     .name = "allow",
     .parse = parse_allow,
     .limited = true,
     .standard = "partner;business;"},
    {.kind = CONFIG_ENVIRONMENT,
     .name = "refresh-before",
     .parse = parse_integer,
     .minimum = 0,
     .maximum = 86400,
     .standard = "300"},
    {.kind = CONFIG_ENVIRONMENT,
     .name = "existing-authorization",
     .parse = parse_word,
     .choices = existing_words,
     .standard = "keep"},
    {.kind = CONFIG_ENVIRONMENT,
     .name = "connect-timeout",
     .parse = parse_integer,
     .minimum = 1,
     .maximum = 300,
     .standard = "5"},
    {.kind = CONFIG_ENVIRONMENT,
     .name = "timeout",
     .parse = parse_integer,
     .minimum = 1,
     .maximum = 300,
     .standard = "15"},
    {.kind = CONFIG_ENVIRONMENT, .name = "key-created", .parse = parse_date},
    {.kind = CONFIG_ENVIRONMENT, .name = "ca-file", .parse = parse_path},
    {.kind = CONFIG_ENVIRONMENT, .name = "connect-to", .parse = parse_connect_to},
    {.kind = CONFIG_CREDENTIALS, .name = "module", .parse = parse_name},
    {.kind = CONFIG_ROUTE, .name = "method", .parse = parse_method, .standard = "*"},
    {.kind = CONFIG_ROUTE, .name = "path", .parse = parse_route},
    {.kind = CONFIG_ROUTE, .name = "token", .parse = parse_word, .choices = token_words},
};

static const ConfigKey option = {.kind = CONFIG_CREDENTIALS, .parse = parse_option};

const ConfigKey *config_key_find(ConfigKind kind, const char *name)
{
  for (guint i = 0; i < G_N_ELEMENTS(keys); i++)
    if (keys[i].kind == kind && strcmp(keys[i].name, name) == 0)
      return &keys[i];
  return kind == CONFIG_CREDENTIALS ? &option : NULL;
}

const ConfigKey *config_key_next(ConfigKind kind, const ConfigKey *before)
{
  for (const ConfigKey *key = before ? before + 1 : keys; key < keys + G_N_ELEMENTS(keys); key++)
    if (key->kind == kind)
      return key;
  return NULL;
}

char *config_key_names(ConfigKind kind)
{
  GString *names = g_string_new(NULL);
  for (guint i = 0; i < G_N_ELEMENTS(keys); i++)
    if (keys[i].kind == kind)
      g_string_append_printf(names, "%s%s", names->len ? ", " : "", keys[i].name);
  return g_string_free(names, FALSE);
}

char *config_key_parse(const ConfigKey *key, const char *raw, ConfigEntry *entry)
{
  g_autoptr(GKeyFile) value = g_key_file_new();
  g_key_file_set_value(value, SLOT, SLOT, raw);
  return key->parse(key, value, entry);
}
