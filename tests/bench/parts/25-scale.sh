# SPDX-License-Identifier: MIT
# Requests a second by many processes, or threads, each way to have the bearer.
part_title="Many processes and threads"

part_scale() {
  program scale "${quick[@]}"
}
