//! Shows a made-up run of two seconds on stderr: six lines in place on a terminal, plain lines
//! elsewhere. `cargo run -p proofload-live --example progress`

use std::io::IsTerminal;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use proofload_live::{Progress, Show, Snapshot, Times};

const PLANNED: u64 = 200;

fn main() {
    let sent = Arc::new(AtomicU64::new(0));
    let (counter, began) = (Arc::clone(&sent), Instant::now());
    let show = Show { simulated: true, in_place: std::io::stderr().is_terminal(), quiet: false };
    // Called by the thread that shows; the run itself is never asked to wait.
    let progress = Progress::start(show, move || {
        let released = counter.load(Ordering::Relaxed);
        let in_flight = (PLANNED - released).min(3);
        Snapshot {
            planned: PLANNED,
            released,
            ok: released.saturating_sub(in_flight),
            in_flight,
            elapsed_ns: began.elapsed().as_nanos() as u64,
            span_ns: 2_000_000_000,
            ttft: Some(Times { n: released, p50_ns: 41_000_000, p99_ns: 180_000_000 }),
            ..Snapshot::default()
        }
    });
    for _ in 0..PLANNED {
        std::thread::sleep(Duration::from_millis(10));
        sent.fetch_add(1, Ordering::Relaxed);
    }
    progress.stop();
}
