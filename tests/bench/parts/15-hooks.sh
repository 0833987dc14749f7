# SPDX-License-Identifier: MIT
# What the shim adds to each call of libcurl's by a program that never talks to Thred.
part_title="Calls of libcurl that lead nowhere near Thred"

part_hooks() {
  program hooks "${quick[@]}"
}
