/* SPDX-License-Identifier: MIT */
#include "tools/thredctl/nearest.h"

#include <glib.h>
#include <string.h>

enum { LONGEST = 64 }; /* letters; no command or option comes near it */

/*
 * How many letters are to be put in, left out, changed, or exchanged with their neighbour (optimal
 * string alignment: Damerau, "A technique for computer detection and correction of spelling
 * errors", CACM 7:3, without a second change of the same letters).
 */
static guint distance(const char *a, gsize a_length, const char *b, gsize b_length)
{
  guint rows[3][LONGEST + 1]; /* of the last three letters of `a` */
  for (gsize j = 0; j <= b_length; j++)
    rows[0][j] = (guint)j;
  for (gsize i = 1; i <= a_length; i++) {
    guint *row = rows[i % 3], *above = rows[(i - 1) % 3];
    row[0] = (guint)i;
    for (gsize j = 1; j <= b_length; j++) {
      row[j] = MIN(MIN(above[j], row[j - 1]) + 1, above[j - 1] + (a[i - 1] != b[j - 1]));
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
        row[j] = MIN(row[j], rows[(i - 2) % 3][j - 2] + 1);
    }
  }
  return rows[a_length % 3][b_length];
}

const char *nearest(const char *word, const char *const *candidates)
{
  const char *best = NULL;
  guint least = G_MAXUINT;
  gsize length = strlen(word);
  for (; length <= LONGEST && *candidates; candidates++) {
    gsize theirs = strlen(*candidates);
    if (theirs > LONGEST)
      continue;
    guint wrong = distance(word, length, *candidates, theirs);
    if (wrong < least && wrong * 3 <= theirs) {
      best = *candidates;
      least = wrong;
    }
  }
  return best;
}
