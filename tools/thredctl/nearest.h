/* SPDX-License-Identifier: MIT */
/* nearest.h - what somebody most likely meant who has mistyped a word. */
#ifndef THREDCTL_NEAREST_H
#define THREDCTL_NEAREST_H

/* The one of `candidates` (ends with NULL) that is nearest to `word`, the first of several; NULL if
 * none is near: more than a third of its letters would be wrong. */
const char *nearest(const char *word, const char *const *candidates);

#endif
