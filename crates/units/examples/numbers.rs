//! Reads durations as people write them and prints numbers as people read them:
//! `cargo run -p proofload-units --example numbers -- 250ms 1.5h 20`.
#![expect(clippy::print_stdout, reason = "an example shows what it does")]

use proofload_units::{human_bytes, human_count, human_duration, parse_duration, utc_time};

fn main() {
    let given: Vec<String> = std::env::args().skip(1).collect();
    let texts =
        if given.is_empty() { ["250ms", "1.5h", "20"].map(str::to_owned).to_vec() } else { given };
    for text in texts {
        match parse_duration(&text) {
            Ok(duration) => {
                let ns = u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX);
                println!("{text} is {}, {} ns", human_duration(ns), human_count(ns));
            }
            Err(error) => println!("{text}: {error}"),
        }
    }
    println!("{} in {}", human_bytes(1_572_864), human_duration(1_234_567));
    println!("the epoch began at {}", utc_time(0));
}
