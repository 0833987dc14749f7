# SPDX-License-Identifier: MIT
# blocks.awk - takes a Markdown page apart (awk -v to=DIR -f blocks.awk PAGE): each block of code, fenced or
# indented, becomes DIR/NNN, and a line "NNN LINE LANGUAGE" on standard output; LANGUAGE is "-" without one.

BEGIN { blank = 1 }

function open_block(language) {
  block = sprintf("%03d", ++blocks)
  print block, NR, language == "" ? "-" : language
  printf "" > (to "/" block)
}

/^```/ {
  if (fenced) { fenced = 0; close(to "/" block) }
  else { fenced = 1; open_block(substr($0, 4)) }
  blank = 0
  next
}
fenced { print > (to "/" block); next }

# Four blanks after an empty line, but not what goes on with an entry of a list.
/^    / && (indented || (blank && !listed)) {
  if (!indented) open_block("")
  indented = 1
  print substr($0, 5) > (to "/" block)
  next
}
/^$/ { blank = 1; next }
{
  indented = 0
  blank = 0
  if (/^[^ ]/) listed = /^([-*] |[0-9]+\. )/
}
