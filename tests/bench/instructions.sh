# SPDX-License-Identifier: MIT
# shellcheck shell=bash disable=SC2154  # scripts/bench has dir, top and work; tests/tap.sh the rest
# instructions.sh - sourced by scripts/bench: the instructions of the hot paths beside the recorded ones.
# They are exact on any machine, loaded or not, which times are not.
#
# tests/bench/instructions has a line "NAME OURS BELOW SYSTEM" for each path (hot-counts). More than 5 %
# more is a regression, or has to be recorded with its reason; so is one system call more, whose
# instructions are the kernel's. Less fails too: against a record that is too high the next regression
# would pass.
instructions_file=tests/bench/instructions
instructions_margin=5

# What our own instructions depend on: how they were made; whether the world has a cache of its own, and
# a key for it (a container may be refused both).
instructions_ours() {
  local optimization compiler shm=shared keyring='no keyring'
  optimization=$(jq -r '.[] | select(.name == "optimization").value' "$dir/meson-info/intro-buildoptions.json")
  compiler=$(readelf -p .comment "$dir/root/lib/libthred-auth.so.0" | sed -n 's/^ *\[ *0\] *//p')
  ! { unshare -m true || unshare -rm true; } 2>/dev/null || shm=private
  ! keyctl show @u >/dev/null 2>&1 || keyring=keyring
  echo "$compiler, -O$optimization, $shm /dev/shm, $keyring"
}

# What the others' depend on besides; releases, for security updates of Debian's change few instructions.
# The processor is valgrind's, but for what the real one has not.
instructions_others() {
  {
    dpkg-query -W -f '${Package} ${Version}\n' valgrind libc6 libssl3 libcurl4 | sed 's/ [0-9]*:/ /; s/[-+~].*//'
    grep -m 1 '^flags' /proc/cpuinfo | grep -owE 'sse4_2|avx2?|aes|f16c|rdrand|rdseed' | sort
  } | paste -sd ' '
}

instructions_count() {
  "$dir/tests/bench/bench-world" tests/bench/hot-counts "$dir" "$top/$dir/root" "$work"
}

# instructions_verdict COUNT RECORDED: "as recorded", or by how much it is not. One instruction, which
# may be a rounded half, decides nothing.
instructions_verdict() {
  awk -v count="$1" -v recorded="$2" -v margin="$instructions_margin" 'BEGIN {
    off = count - recorded
    if (off < 0) off = -off
    if (off <= 1 || 100 * off <= margin * recorded) print "as recorded"
    else printf "%.1f %% %s\n", (recorded ? 100 * off / recorded : 100), (count > recorded ? "more" : "less")
  }'
}

# instructions_compare WHAT COUNT RECORDED: one line of TAP.
instructions_compare() {
  is "$1: $2, recorded $3" 'as recorded' "$(instructions_verdict "$2" "$3")"
}

# instructions_recorded WORD: what stands in the file's line "# WORD: ...".
instructions_recorded() {
  sed -n "s/^# $1: //p" "$instructions_file"
}

# instructions_path NAME OURS BELOW SYSTEM: a path that was counted.
instructions_path() {
  local ours below system_calls
  if ! read -r ours below system_calls < <(sed -n "s/^$1 //p" "$instructions_file"); then
    is "$1: is recorded" yes no
    return
  fi
  if [ "$recorded_ours" != "$now_ours" ]; then
    skip "$1" "recorded with $recorded_ours; now $now_ours"
    return
  fi
  instructions_compare "$1, ours" "$2" "$ours"
  if [ "$recorded_others" = "$now_others" ]; then
    instructions_compare "$1, with what it calls" "$3" "$below"
    is "$1, system calls: $4, recorded $system_calls" "$system_calls" "$4"
  else
    skip "$1, with what it calls" "recorded with $recorded_others; now $now_others"
    skip "$1, system calls" "recorded with $recorded_others; now $now_others"
  fi
}

instructions_check() {
  local name counts recorded_ours recorded_others now_ours now_others
  # shellcheck source=tests/tap.sh
  . tests/tap.sh
  say "instructions"
  recorded_ours=$(instructions_recorded ours) now_ours=$(instructions_ours)
  recorded_others=$(instructions_recorded others) now_others=$(instructions_others)
  instructions_count >"$work/counts"
  while read -r name counts; do
    # shellcheck disable=SC2086  # three numbers
    instructions_path "$name" $counts
  done <"$work/counts"
  is 'every recorded path was counted' '' \
    "$(grep -v '^#' "$instructions_file" | cut -d ' ' -f 1 | grep -vxFf <(cut -d ' ' -f 1 "$work/counts"))"
  # And what is wrong is found.
  is 'a little more is no regression' 'as recorded' "$(instructions_verdict 1050 1000)"
  is 'more is one' '5.1 % more' "$(instructions_verdict 1051 1000)"
  is 'less makes the record a lie' '5.1 % less' "$(instructions_verdict 949 1000)"
  [ "$failures" = 0 ] || echo "# meant so? Then scripts/bench --record, and commit $instructions_file with the reason"
  finish
}

instructions_record() {
  instructions_count >"$work/counts"
  {
    echo "# One call of each hot path: instructions of our objects alone, and with what they call of libc, ld.so"
    echo "# and OpenSSL; system calls. Written by scripts/bench --record, compared by scripts/bench --check."
    echo "# ours: $(instructions_ours)"
    echo "# others: $(instructions_others)"
    cat "$work/counts"
  } >"$work/record"
  cp "$work/record" "$instructions_file"
  cat "$instructions_file"
}
