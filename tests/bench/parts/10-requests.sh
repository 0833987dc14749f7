# SPDX-License-Identifier: MIT
# A request with the correct bearer over a kept connection.
part_title="A request over a kept connection"

part_requests() {
  [ ${#quick[@]} -eq 0 ] || local -x BENCH_TURNS=100
  program requests "${quick[@]}" --then "$top/tests/bench/requests-instructions.sh"
}
