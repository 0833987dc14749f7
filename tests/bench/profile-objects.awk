# SPDX-License-Identifier: MIT
# profile-objects.awk - two of callgrind.awk's lists, without the shim and with it: a row for each object.
function short(object) {
  sub(/.*\//, "", object)
  sub(/^ld-linux.*/, "ld.so", object)
  sub(/\.so.*/, "", object)
  return object ~ /^(lib(curl|ssl|crypto|c|thred-preload|thred-auth)|ld)$/ ? (object == "ld" ? "ld.so" : object) : "others"
}
function row(name, bare, shim) {
  printf "| %s | %.0f | %.0f | %+.0f |\n", name, bare, shim, shim - bare
}
FNR == 1 { file++ }
$1 == "function" {
  count[file, short($2)] += $4
  all[file] += $4
}
END {
  rows = split("libcurl libssl libcrypto libc ld.so libthred-preload libthred-auth others", names, " ")
  for (i = 1; i <= rows; i++) row(names[i], count[1, names[i]], count[2, names[i]])
  row("**all**", all[1], all[2])
}
