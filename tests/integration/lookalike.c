/* SPDX-License-Identifier: MIT */
/* lookalike.c - a libcurlpp.so.0 for test-flavours.c: a name like libcurl's, and nothing of it. */

int lookalike(void);

int lookalike(void)
{
  return 0;
}
