# SPDX-License-Identifier: MIT
# What the shim adds to the start of a program: time, page faults, and the loader's work.
part_title="The start of a program"

# startup_preloads : NAME and path of each object, tabs between them; the first is none.
startup_preloads() {
  local libraries
  libraries=/usr/lib/$(gcc -print-multiarch)
  printf '%s\t%s\n' "without a preload" "" \
    "thred-auth's shim" "$THRED_TEST_ROOT/lib/thred/libthred-preload.so" \
    "an empty object" "$top/$dir/tests/bench/libbench-empty.so" \
    "libfaketime, which does nothing" "$libraries/faketime/libfaketime.so.1" \
    "socket_wrapper, which does nothing" "$libraries/libsocket_wrapper.so"
}

# Of the program from its first instruction in the loader to its last one.
# libfaketime does not remove its two files then, whose names have the process's id.
startup_instructions() {
  local words id
  words=$(env LD_PRELOAD="$1" valgrind --tool=callgrind --callgrind-out-file=/dev/null "${@:2}" 2>&1 >/dev/null)
  id=$(sed -n 's/^==\([0-9]*\)==.*/\1/p;q' <<<"$words")
  rm -f "/dev/shm/faketime_shm_$id" "/dev/shm/sem.faketime_sem_$id"
  sed -n 's/.*Collected : //p' <<<"$words"
}

# Those that have a symbol to be found, which is what takes long. ld.so itself counts.
startup_relocations() {
  env LD_PRELOAD="$1" LD_DEBUG=statistics "${@:2}" 2>&1 >/dev/null |
    sed -n 's/.*final number of relocations: *//p'
}

# startup_counts FUNCTION ID TITLE PROGRAM... : one table, each object's more than without it.
startup_counts() {
  local name object count bare='' rows=()
  while IFS=$'\t' read -r name object; do
    [ -z "$object" ] || [ -e "$object" ] || continue # bench-startup tells
    count=$("$1" "$object" "${@:4}")
    rows+=("$name" "$count" "")
    [ -z "$bare" ] || rows+=("  more" "$((count - bare))" "")
    bare=${bare:-$count}
  done < <(startup_preloads)
  "$dir/tests/bench/bench-row" "$2" "$3" "${rows[@]}" || failed=1
}

part_startup() {
  program startup "${quick[@]}"
  startup_counts startup_instructions startup-instructions \
    "Instructions of /bin/true, the loader's included" /bin/true
  startup_counts startup_relocations startup-relocations \
    "Relocations by name when /bin/true starts" /bin/true
  [ ${#quick[@]} = 0 ] || return 0
  startup_counts startup_instructions startup-curl-instructions \
    "Instructions of curl --version, the loader's included" curl --version
}
