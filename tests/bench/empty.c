/* SPDX-License-Identifier: MIT */
/* empty.c - an object that does nothing: what preloading one takes, before it does something. */
typedef int Nothing;
