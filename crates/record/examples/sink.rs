//! A sink of one's own: it takes what a worker saw and keeps only what it wants to know.
//! `cargo run -p proofload-record --example sink`
#![expect(clippy::print_stdout, reason = "an example shows what it does")]

use proofload_record::{Books, End, Load, Note, Outcome, Row, Sink, Stamp};

/// Counts how requests ended, and keeps the slowest first token.
#[derive(Default)]
struct Tally {
    books: Books,
    slowest_ttft_ns: Option<u64>,
}

impl Sink for Tally {
    fn released(&mut self, _lateness_ns: u64) {}

    fn gap(&mut self, _index: u32, _class: u16, _gap_ns: u64) {}

    fn finished(&mut self, row: &Row, _note: Note) {
        self.books.planned += 1;
        match row.end {
            End::Sent(outcome) => {
                self.books.sent += 1;
                self.books.outcomes[usize::from(outcome.code())] += 1;
            }
            End::NotSent(reason) => self.books.not_sent[usize::from(reason.code())] += 1,
        }
        self.slowest_ttft_ns = self.slowest_ttft_ns.max(row.ttft_ns());
    }

    fn chunks(&mut self, _index: u32, _arrivals_ns: &[u64]) {}
    fn response(&mut self, _index: u32, _text: String, _truncated: bool) {}
    fn tick(&mut self, _load: Load) {}
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut tally = Tally::default();
    for (index, outcome) in [Outcome::Ok, Outcome::Ok, Outcome::Truncated].into_iter().enumerate() {
        let due_ns = index as u64 * 1_000_000;
        let mut row = Row::new(index as u32, 0, 0, Stamp::at(due_ns), End::Sent(outcome));
        row.first_token = Stamp::at(due_ns + 40_000_000 + due_ns);
        tally.finished(&row, Note::default());
    }
    // sent = ok + all other outcomes, and planned = sent + not sent + …, or it says what does not.
    tally.books.check()?;
    println!("{} sent, {} ok", tally.books.sent, tally.books.outcome(Outcome::Ok));
    println!("slowest first token: {:?} ns after it was due", tally.slowest_ttft_ns);
    Ok(())
}
