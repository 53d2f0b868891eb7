#!/usr/bin/env bash
# Instructions per row under callgrind, without the noise of the machine: the difference between 2 N and N rows,
# for the thread that records and for all threads.
set -euo pipefail
cd "$(dirname "$0")/../.."
# Few enough to fit a lane: waiting for the writer, which valgrind slows down, is not what is counted.
rows=${1:-1200}
binary=$(cargo bench -p ups-track --bench cost --no-run 2>&1 | sed -n 's/.*(\(.*\)).*/\1/p' | tail -n 1)
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT

# count ROWS NAME: runs ROWS rows; the totals of each thread are then in $dir/NAME.*
count() {
    valgrind --tool=callgrind --separate-threads=yes --callgrind-out-file="$dir/$2" \
        "$binary" rows-process "$1" "$dir" >/dev/null 2>&1
}
total() {
    awk '/^(totals|summary):/ { print $2; exit }' "$1"
}
all() {
    local sum=0 file
    for file in "$dir/$1"-*; do sum=$((sum + $(total "$file"))); done
    echo "$sum"
}
count "$rows" once
count $((2 * rows)) twice
caller=$((($(total "$dir/twice-01") - $(total "$dir/once-01")) / rows))
everyone=$((($(all twice) - $(all once)) / rows))
echo "instructions per row: $caller on the caller's thread (goal: <= 600), $everyone on all threads"
