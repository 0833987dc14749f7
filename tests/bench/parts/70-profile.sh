# SPDX-License-Identifier: MIT
# Where the instructions go: by object, by function; and the system calls.
part_title="Where it goes"

part_profile() {
  "$dir/tests/bench/bench-world" --nginx tests/bench/profile "$dir" "$top/$dir/root" "$work" || failed=1
  cat tests/bench/parts/left.md
}
