# SPDX-License-Identifier: MIT
# What the shim and the library add to a process in memory, threads and descriptors.
part_title="Memory"

part_memory() {
  program memory "${quick[@]}"
}
