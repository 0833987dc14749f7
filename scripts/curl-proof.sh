# SPDX-License-Identifier: MIT
# curl-proof.sh - sourced by curl-suite: proof that the programs under test run with the shim, and that
# their calls go through it. ld.so writes down each reference that it binds (LD_DEBUG=bindings), and
# without -z now it binds a function's when that is first called. The run without the shim shows which
# calls there are, and that the same look finds nothing where there is nothing to find.

proof_tests=(1 500 530 1500 1540)
proof_programs=(curl lib500 lib530 lib1500 lib1540)

# bindings VARIANT PROGRAM: what was bound in its processes of the functions that the shim stands before,
# as "FROM FUNCTION TO". A reference of this libcurl's clients, and of its own, has a version; what has
# none is the shim's dlsym(3), which ld.so writes as the searched object's.
bindings() {
  cat "$runs/$1/bindings/$2".* |
    sed -nE "s/.*binding file ([^ ]*) .* to ([^ ]*) .*symbol .(curl_[a-z_]+)'( \[.*)?\$/\1 \3 \2\4/p" |
    awk 'NR == FNR { hooks[$1]; next }
      $2 in hooks { sub(".*/", "", $1); sub(".*/", "", $3); print NF == 4 ? $1 : "dlsym", $2, $3 }' \
      "$runs/hooks" - | sort -u
}

# among FILE LINES: all of LINES are in it.
among() {
  [ -z "$(comm -13 "$1" <(sort -u <<<"$2"))" ]
}

# proved PROGRAM: each call that goes to libcurl without the shim goes to the shim with it, none goes past
# it, and it has looked up what it hands them on to.
proved() {
  local with=$runs/bindings-with without=$runs/bindings-without shim_name=${shim##*/}
  bindings with "$1" >"$with"
  bindings without "$1" >"$without"
  grep -q "^$1 .* libcurl" "$without" && ! grep -q "$shim_name" "$without" || return 1
  among "$with" "$(awk -v to="$shim_name" '{ print $1, $2, to }' "$without")" || return 1
  ! grep -v "^dlsym \|^$shim_name " "$with" | grep ' libcurl' || return 1
  among "$with" "$(awk '{ print "dlsym", $2, $3 }' "$without")" || return 1
  echo "$1: $(grep -c "^$1 .* $shim_name" "$with") of its functions, $(
    grep -c "^libcurl.* $shim_name" "$with") of those that libcurl calls itself"
}

# Runs the five tests again, in both variants, with ld.so's record.
prove_shim() {
  local variant program
  nm -D --defined-only "$shim" | awk '{ print $3 }' >"$runs/hooks"
  for variant in without with; do
    mkdir -p "$runs/$variant/bindings"
    cat >>"$runs/$variant/before-exec" <<EOF
export LD_DEBUG=bindings LD_DEBUG_OUTPUT=$runs/$variant/bindings/\$program
EOF
  done
  both proof "${proof_tests[@]}"
  for program in "${proof_programs[@]}"; do
    proved "$program" || die "not every call of $program goes through the shim ($runs/*/bindings)"
  done
}
