# SPDX-License-Identifier: MIT
# What the stack of credential modules takes, once a token must be fetched.
part_title="Credential modules"

part_credentials() {
  program credentials "${quick[@]}" "$top/$dir/root/lib/thred/credentials"
}
