# Everything beside the two commands of the README. `just` alone lists it.

# Arguments with spaces and signs reach the programs as they are
set positional-arguments

[private]
default:
    @just --list --unsorted

# Replay the built-in workload against the built-in simulator
demo *ARGS:
    cargo run --release --bin proofload-replay -- "$@"

# The same in containers, with the simulator's log in a database; ARGS as for proofload-replay
[no-exit-message]
replay-docker *ARGS:
    @workloads/docker/replay "$@"

# What CI runs
ci:
    bash .ci/run

# Tests, as in the README
test *ARGS:
    cargo test --workspace "$@"

# All criterion benches; `just bench --save-baseline x` works
bench *ARGS:
    cargo bench -- "$@"

# How late requests leave, at 1,000 and 10,000 requests/s, by pacing mode; best of three
pacing *ARGS:
    cargo run --release -p proofload-benches --example pacing -- "$@"

# How far the client's figures are from the truth, on the real ten-minute trace at 20 times its speed
truth *ARGS:
    #!/usr/bin/env bash
    set -euo pipefail
    scratch=$(mktemp -d)
    trap 'rm -r "$scratch"' EXIT
    cargo run --release --bin proofload-replay -- --quiet --speed 20 "$@" \
        --workload workloads/workload_explicit_local5_skewed_bursty_10m.csv \
        --sim truth="$scratch/truth" --out "$scratch/run" > "$scratch/summary" || { cat "$scratch/summary"; exit 1; }
    cargo run --quiet --release -p proofload-benches --example truth -- "$scratch/run" "$scratch/truth"

# What a request of a closed loop costs, beside wrk and oha, and its memory (needs nginx and wrk)
peers ROUNDS="5":
    cargo build --release -p proofload-http-load --example closed_loop
    cargo build --profile dist -p proofload-http-load --example closed_loop
    cargo build --release -p proofload-benches --example peers
    target/release/examples/peers {{ROUNDS}} target/release/examples/closed_loop target/dist/examples/closed_loop
    target/release/examples/peers 0 target/release/examples/closed_loop

# What a million recorded requests take: memory of the run, analysing them, the same files again
million REQUESTS="1000000": programs
    cargo run --release -p proofload-benches --example million -- target/release {{REQUESTS}}

# What users feel of a server that stands still for a second, and what we say they did
stall: programs
    cargo run --release -p proofload-benches --example stall -- target/release

# 5,000 streams at once: memory, CPU, and stamps against the truth
streams: programs
    cargo run --release -p proofload-benches --example streams -- target/release

# What the spans of requests cost while nobody listens, in instructions (needs valgrind)
spans:
    bash benches/spans.sh

[private]
programs:
    cargo build --release --bin proofload-replay --bin proofload-analyze --bin proofload-simulate

# How much memory a workload of 2 GB takes to open, plan and walk (writes it to a temporary file)
memory:
    cargo run --release -p proofload-benches --example memory -- workloads/workload_explicit_local5_skewed_bursty_10m.csv

# The goals of the scheduler's core, each beside what it is compared with, in one run
decisions:
    cargo run --release -p proofload-benches --example decisions

# The goals of the scheduler on Redis, on a server of its own; needs `redis-server`
schedule-redis-bench *PART:
    cargo run --release -p proofload-benches --example redis -- {{PART}}

# Where the time of 100 containers on 20 workers goes, over 5 s: a flamegraph and a pprof file
schedule-cpu-profile DIRECTORY="results/schedule-profile" SECONDS="5":
    cargo run --release -p proofload-benches --example schedule_cpu_profile -- {{SECONDS}} {{quote(DIRECTORY)}}

# What the same asks of the allocator, over 5 s: a file for DHAT's viewer
schedule-alloc-profile DIRECTORY="results/schedule-profile" SECONDS="5":
    cargo run --release -p proofload-benches --example schedule_alloc_profile -- {{SECONDS}} {{quote(DIRECTORY)}}

# Twenty million placements by racing scheduler threads: ten times what the tests do
schedule-race:
    cargo test --release -p proofload-scheduler -- --ignored twenty_million

# Kill schedulers, and once the server, for 20 s while containers come and run, and add everything up
[no-exit-message]
schedule-chaos *ARGS:
    cargo run --release -p proofload-scheduler-redis --example chaos -- "$@"

# Two million placements by racing scheduler processes on Redis: ten times what the tests do
schedule-redis-race:
    cargo test --release -p proofload-scheduler-redis --test chaos -- --ignored --nocapture "2 million"

# A thousand kills of a scheduler on Redis: twenty times what the tests do
schedule-redis-kills:
    cargo test --release -p proofload-scheduler-redis --test chaos -- --ignored --nocapture "1,000 kills"

# Remove and double each of the scheduler's counters: a test must fail for each
mutants:
    .ci/mutants

# Schedule 100 containers on 20 workers in four ways; ARGS as for proofload-schedule
[no-exit-message]
schedule *ARGS:
    cargo run --release --bin proofload-schedule -- "$@"

# The same twenty times, each run and the average in stress_test_results.txt of the run directory
[no-exit-message]
stress *ARGS:
    cargo run --release --bin proofload-schedule -- --preset stress "$@"

# Make the lists of packages anew that each README command may build
layers:
    .ci/layers --write

# Format and lint
tidy:
    cargo fmt --all
    cargo clippy --workspace --all-targets -- -D warnings
