/* SPDX-License-Identifier: MIT */
/* target.c - nothing: of the library that this makes, only its name counts (meson.build). */
extern const int target;
