# SPDX-License-Identifier: MIT
# A curl(1) for one request, as in a script.
part_title="One curl"

part_oneshot() {
  local then=(--then "$top/tests/bench/oneshot-instructions.sh")
  [ ${#quick[@]} -eq 0 ] || then=()
  program oneshot "${quick[@]}" "${then[@]}"
  [ ${#then[@]} -gt 0 ] || printf '\nThe instructions of a curl: without --quick.\n'
}
