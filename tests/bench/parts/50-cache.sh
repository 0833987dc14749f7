# SPDX-License-Identifier: MIT
# The cache in shared memory: a read, many readers, its size; and beside other places for tokens.
part_title="The cache"

part_cache() {
  program cache-read "${quick[@]}"
  program cache-lookups "${quick[@]}"
  program cache-memory
  program cache-stores "${quick[@]}"
}
