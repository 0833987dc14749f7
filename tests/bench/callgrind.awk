# SPDX-License-Identifier: MIT
# callgrind.awk - sums up what callgrind has written with --compress-strings=no and --compress-pos=no
# (valgrind's manual, "Callgrind Format Specification"). Prints, with tabs between:
#
#   function OBJECT NAME SELF INCLUSIVE SYSTEM    its own instructions, with all that it calls, and system
#                                                 calls that it makes itself (--collect-systime=yes)
#   call OBJECT NAME OBJECT COUNT SYSTEM          what its calls into another object took
/^ob=/ { object = substr($0, 4); next }
/^fn=/ { name = object "\t" substr($0, 4); next }
/^cob=/ { to = substr($0, 5); next }
/^calls=/ { called = 1; next }
/^[0-9]+( [0-9]+)+$/ {
  inclusive[name] += $2
  if (!called) {
    self[name] += $2
    system_calls[name] += $3
  } else if (to != "" && to != object) {
    call[name "\t" to] += $2
    system_below[name "\t" to] += $3
  }
  called = 0
  to = ""
}
END {
  for (name in inclusive) printf "function\t%s\t%.0f\t%.0f\t%d\n", name, self[name], inclusive[name], system_calls[name]
  for (pair in call) printf "call\t%s\t%.0f\t%d\n", pair, call[pair], system_below[pair]
}
