# SPDX-License-Identifier: MIT
# profile-functions.awk - one of callgrind.awk's lists: a row for each function of ours, and after a tab
# what to sort by: what it takes itself and of libc, ld.so and OpenSSL. What it calls of ours has a row
# itself, and libcurl, which the shim calls for the program, is not ours.
$2 !~ /libthred-/ { next }
{ name = $2 "\t" $3 }
$1 == "function" { self[name] = $4; inclusive[name] = $5 }
$1 == "call" && $4 ~ /\/(libc|ld-linux[^\/]*|libcrypto|libssl)\.so/ { below[name] += $5 }
END {
  for (name in self) {
    split(name, part, "\t")
    object = part[1]
    sub(/.*\//, "", object)
    sub(/\.so.*/, "", object)
    printf "| `%s` (%s) | %.0f | %.0f | %.0f |\t%.0f\n", part[2], object, self[name],
      self[name] + below[name], inclusive[name], self[name] + below[name]
  }
}
