#!/bin/sh
# Runs every fuzz target in BUILD for SECONDS_EACH (default 20). Findings stay as files under BUILD/findings.
set -eu
build=$1
seconds=${SECONDS_EACH:-20}
here=$(cd "$(dirname "$0")" && pwd)
passed=0
failed=0
for source in "$here"/*_fuzz.cc; do
  name=$(basename "$source" .cc)
  mkdir -p "$build/corpus/$name" "$build/findings"
  seeds=""
  [ -d "$here/seeds/$name" ] && seeds="$here/seeds/$name"
  # shellcheck disable=SC2086
  if "$build/$name" -max_total_time="$seconds" -timeout=10 -rss_limit_mb=2048 -print_final_stats=0 -verbosity=0 \
      -artifact_prefix="$build/findings/$name-" "$build/corpus/$name" $seeds >"$build/$name.log" 2>&1; then
    echo "ok      $name"
    passed=$((passed + 1))
  else
    echo "FAILED  $name (see $build/$name.log and $build/findings)"
    tail -n 20 "$build/$name.log"
    failed=$((failed + 1))
  fi
done
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
