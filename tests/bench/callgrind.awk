# SPDX-License-Identifier: MIT
# callgrind.awk - sums up what callgrind has written with --compress-strings=no and --compress-pos=no
# (valgrind's manual, "Callgrind Format Specification"). Prints, with tabs between:
#
#   function OBJECT NAME SELF INCLUSIVE      its own instructions, and with everything that it calls
#   call OBJECT NAME OBJECT COUNT            what its calls into another object took
/^ob=/ { object = substr($0, 4); next }
/^fn=/ { name = object "\t" substr($0, 4); next }
/^cob=/ { to = substr($0, 5); next }
/^calls=/ { called = 1; next }
/^[0-9]+ [0-9]+$/ {
  inclusive[name] += $2
  if (!called) self[name] += $2
  else if (to != "" && to != object) call[name "\t" to] += $2
  called = 0
  to = ""
}
END {
  for (name in inclusive) printf "function\t%s\t%.0f\t%.0f\n", name, self[name], inclusive[name]
  for (pair in call) printf "call\t%s\t%.0f\n", pair, call[pair]
}
