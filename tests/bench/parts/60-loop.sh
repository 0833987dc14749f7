# SPDX-License-Identifier: MIT
# How long the shim holds an event loop up.
part_title="An event loop while a token is fetched"

part_loop() {
  program loop "${quick[@]}"
}
