#!/usr/bin/env bash
# Instructions of a request by callgrind: with the log compiled out, without a subscriber, with one
# whose filter leaves the spans out, and with the spans written as JSON. What starting and ending
# take drops out, as two runs of different length are compared.
set -euo pipefail
cd "$(dirname "$0")/.."
scratch=$(mktemp -d)
trap 'kill "$server" 2>/dev/null || true; rm -r "$scratch"' EXIT
few=2000 many=12000

cargo build -q --release --bin proofload-simulate
cargo build -q --release -p proofload-http-load --example closed_loop --features tracing/max_level_off
cp target/release/examples/closed_loop "$scratch/without"
cargo build -q --release -p proofload-http-load --example closed_loop
cp target/release/examples/closed_loop "$scratch/with"
target/release/proofload-simulate --listen 127.0.0.1:0 > "$scratch/address" &
server=$!
until [ -s "$scratch/address" ]; do sleep 0.1; done
address=$(sed 's#^http://##' "$scratch/address")

# instructions PROGRAM REQUESTS [FILTER]
instructions() {
  rm -rf "$scratch/run"
  valgrind --tool=callgrind --callgrind-out-file=/dev/null "$1" "$address" /null 64 "$2" "$scratch/run" ${3:+"$3"} \
    2>&1 >/dev/null | sed -n 's/^==[0-9]*== I *refs: *//p' | tr -d ,
}

echo '| log | instructions a request | more than without |'
echo '| --- | --- | --- |'
while IFS='|' read -r name program filter; do
  each=()
  for _ in 1 2 3; do
    a=$(instructions "$scratch/$program" $few $filter)
    b=$(instructions "$scratch/$program" $many $filter)
    each+=($(((b - a) / (many - few))))
  done
  middle=$(printf '%s\n' "${each[@]}" | sort -n | sed -n 2p)
  base=${base:-$middle}
  awk -v name="$name" -v n="$middle" -v base="$base" 'BEGIN { printf "| %s | %d | %+.2f %% |\n", name, n, 100 * (n / base - 1) }'
done <<'ROWS'
compiled out|without|
no subscriber|with|
JSON, filter `info`|with|info
JSON, filter `debug`|with|debug
ROWS
