/* SPDX-License-Identifier: MIT */
#include "lib/key-age.h"

#include <stdio.h>
#include <time.h>

#define DAY 86400

bool key_age_days(const char *created, int64_t now, int *days)
{
  struct tm day = {0};
  int end = 0;
  if (!created || /* the widths bound the numbers: NOLINTNEXTLINE(cert-err34-c) */
      sscanf(created, "%4d-%2d-%2d%n", &day.tm_year, &day.tm_mon, &day.tm_mday, &end) != 3 ||
      created[end] != 0)
    return false;
  day.tm_year -= 1900;
  day.tm_mon -= 1;
  const int64_t seconds = now - (int64_t)timegm(&day);
  *days = (int)(seconds / DAY - (seconds % DAY < 0));
  return true;
}
