# SPDX-License-Identifier: MIT
# metrics-check.awk - is this OpenMetrics 1.0 that is good as Prometheus's text format too? Only what
# thredctl prints: gauges and counters. Prints the first mistake and fails.

function wrong(why) {
  if (!bad)
    printf "line %d: %s: %s\n", NR, why, $0
  bad = 1
  exit 1
}

# Labels, as text between { and }: each name once, each value quoted and escaped.
function check_labels(text,   name, seen) {
  while (text != "") {
    if (!match(text, /^[a-zA-Z_][a-zA-Z0-9_]*="([^"\\]|\\\\|\\"|\\n)*"/))
      wrong("a label")
    name = substr(text, 1, index(text, "=") - 1)
    if (name in seen)
      wrong("a label twice")
    seen[name] = 1
    text = substr(text, RLENGTH + 1)
    if (text != "" && text !~ /^,[a-zA-Z_]/)
      wrong("what follows a label")
    sub(/^,/, "", text)
  }
}

ended { wrong("something behind EOF") }
/[^ -~]/ { wrong("a byte that is not printable") }
/^# EOF$/ { ended = 1; next }

/^#/ {
  if ($0 !~ /^# (HELP|TYPE|UNIT) [a-zA-Z_:][a-zA-Z0-9_:]* [^ ]/)
    wrong("a comment")
  if ($3 != family) {
    if (($3) in families)
      wrong("a family in two places")
    family = $3
    families[family] = 1
  }
  if (samples[family] || ($2, family) in told)
    wrong("it comes too late, or twice")
  told[$2, family] = 1
  if ($2 == "HELP" && $0 ~ /["\\]/)
    wrong("a help text that both formats do not escape alike")
  if ($2 == "TYPE") {
    if ($4 != "gauge" && $4 != "counter")
      wrong("a type")
    type[family] = $4
    if ($4 == "counter" && family ~ /_total$/)
      wrong("the name of a counter's family")
  }
  if ($2 == "UNIT" && substr(family, length(family) - length($4)) != "_" $4)
    wrong("a unit that the name does not end with")
  next
}

{
  if (!match($0, /^[a-zA-Z_:][a-zA-Z0-9_:]*\{.*\} [0-9]+(\.[0-9]+)?$/))
    wrong("a sample (and nothing may follow its value)")
  name = substr($0, 1, index($0, "{") - 1)
  if (name != family (type[family] == "counter" ? "_total" : ""))
    wrong("a sample of another family")
  if (!(("HELP", family) in told) || !(("TYPE", family) in told))
    wrong("a sample without help or type")
  if (name ~ /_(seconds|bytes)$/ && !(("UNIT", family) in told))
    wrong("a sample without its unit")
  samples[family]++
  labels = $0
  sub(/^[^{]*\{/, "", labels)
  sub(/\} [^}]*$/, "", labels)
  check_labels(labels)
  if ((name, labels) in values)
    wrong("a sample twice")
  values[name, labels] = 1
}

END {
  if (!bad && !ended) {
    print "no EOF"
    exit 1
  }
  exit bad
}
