/* SPDX-License-Identifier: MIT */
/* businesses - the partner's businesses: three fixed ones and what was made since. Any thread. */
#ifndef EMULATOR_BUSINESSES_H
#define EMULATOR_BUSINESSES_H

#include "route.h"

#include <json-c/json.h>

typedef struct BusinessList BusinessList;

BusinessList *businesses_new(void);
void businesses_free(BusinessList *list);

/* A new business with a random id; false when there are too many. */
bool businesses_create(BusinessList *list, char id[UUID_SIZE]);

bool businesses_exists(BusinessList *list, const char *id);

/* False if there is no such business. */
bool businesses_archive(BusinessList *list, const char *id, bool archived);

/* One of them (NULL if it does not exist), and all in the API's form. The caller owns the object.
 */
struct json_object *businesses_json(BusinessList *list, const char *id);
struct json_object *businesses_list_json(BusinessList *list);

#endif
