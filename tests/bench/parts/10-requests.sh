# SPDX-License-Identifier: MIT
# A request with the correct bearer over a kept connection.
part_title="A request over a kept connection"

part_requests() {
  program requests "${quick[@]}" --then "$top/tests/bench/requests-instructions.sh"
}
