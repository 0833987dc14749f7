# SPDX-License-Identifier: MIT
# A curl(1) for one request, as in a script.
part_title="One curl"

part_oneshot() {
  program oneshot "${quick[@]}" --then "$top/tests/bench/oneshot-instructions.sh"
}
