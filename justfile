# Everything beside the two commands of the README. `just` alone lists it.

[private]
default:
    @just --list --unsorted

# Replay the built-in workload against the built-in simulator
demo *ARGS:
    cargo run --release --bin proofload-replay -- {{ARGS}}

# What CI runs
ci:
    bash .ci/run

# Tests, as in the README
test *ARGS:
    cargo test --workspace {{ARGS}}

# All criterion benches; `just bench --save-baseline x` works
bench *ARGS:
    cargo bench -- {{ARGS}}

# How late requests leave, at 1,000 and 10,000 requests/s, by pacing mode; best of three
pacing *ARGS:
    cargo run --release -p proofload-benches --example pacing -- {{ARGS}}

# How far the client's figures are from the truth, on the real ten-minute trace at 20 times its speed
truth *ARGS:
    #!/usr/bin/env bash
    set -euo pipefail
    scratch=$(mktemp -d)
    trap 'rm -r "$scratch"' EXIT
    cargo run --release --bin proofload-replay -- --quiet --speed 20 {{ARGS}} \
        --workload workloads/workload_explicit_local5_skewed_bursty_10m.csv \
        --sim truth="$scratch/truth" --out "$scratch/run" > "$scratch/summary" || { cat "$scratch/summary"; exit 1; }
    cargo run --quiet --release -p proofload-benches --example truth -- "$scratch/run" "$scratch/truth"

# How much memory a workload of 2 GB takes to open, plan and walk (writes it to a temporary file)
memory:
    cargo run --release -p proofload-benches --example memory -- workloads/workload_explicit_local5_skewed_bursty_10m.csv

# Twenty million placements by racing scheduler threads: ten times what the tests do
schedule-race:
    cargo test --release -p proofload-scheduler -- --ignored twenty_million

# Remove and double each of the scheduler's counters: a test must fail for each
mutants:
    .ci/mutants

# Make the lists of packages anew that each README command may build
layers:
    .ci/layers --write

# Format and lint
tidy:
    cargo fmt --all
    cargo clippy --workspace --all-targets -- -D warnings
