# SPDX-License-Identifier: MIT
# Tokens that expire under load.
part_title="Tokens that expire under load"

part_rotation() {
  program rotation "${quick[@]}"
}
