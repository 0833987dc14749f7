/* SPDX-License-Identifier: MIT */
/* key-age.h - how old an API key is. Thred asks for a new one every 90 days. */
#ifndef THRED_LIB_KEY_AGE_H
#define THRED_LIB_KEY_AGE_H

#include <stdbool.h>
#include <stdint.h>

#define KEY_AGE_LIMIT 90 /* days */
#define KEY_AGE_WARN  80 /* days: from then on it is said */

/* Whole days from `created` ("YYYY-MM-DD", UTC) to `now` (seconds since the epoch). False: it is no
 * date; NULL is none. A date to come has a negative age. */
bool key_age_days(const char *created, int64_t now, int *days);

#endif
