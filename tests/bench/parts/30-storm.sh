# SPDX-License-Identifier: MIT
# 1,000 processes that have no token ask for one at once.
part_title="A cold storm"

part_storm() {
  program storm "${quick[@]}"
}
