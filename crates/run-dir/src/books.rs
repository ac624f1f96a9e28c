//! The books of a run, out of the last heartbeat that it wrote or, failing that, its rows.

use crate::format::block::Heartbeat;
use proofload_record::{Books, End, Outcome, Row};

/// The books of a run of `planned` requests that had come as far as `last`.
///
/// A request that was released and has not ended is `lost`: the program was killed with it in
/// flight. What was never released was not reached where the run was `sealed`; where it was not,
/// nobody knows what happened to it after the heartbeat.
pub(crate) fn books(planned: u64, last: &Heartbeat, sealed: bool) -> Books {
    let released: u64 = last.workers.iter().map(|worker| worker.released).sum();
    let finished: u64 = last.workers.iter().map(|worker| worker.finished).sum();
    let not_sent: u64 = last.not_sent.iter().sum();
    let mut outcomes = last.outcomes;
    outcomes[usize::from(Outcome::Lost.code())] += released.saturating_sub(finished);
    // Saturated, so that numbers that cannot be come out as books that do not balance.
    let rest = planned.saturating_sub(released);
    let (not_reached, unknown) = if sealed { (rest, 0) } else { (0, rest) };
    Books {
        planned,
        sent: released.saturating_sub(not_sent),
        not_sent: last.not_sent,
        not_reached,
        unknown,
        outcomes,
        rows_dropped: last.rows_dropped,
    }
}

/// The books of a run of `planned` requests whose heartbeats cannot be believed any more: what has
/// no row is unknown.
pub(crate) fn books_of(planned: u64, rows: &[Row]) -> Books {
    let mut books = Books { planned, ..Books::default() };
    for row in rows {
        match row.end {
            End::Sent(outcome) => {
                books.sent += 1;
                books.outcomes[usize::from(outcome.code())] += 1;
            }
            End::NotSent(reason) => books.not_sent[usize::from(reason.code())] += 1,
        }
    }
    books.unknown = planned.saturating_sub(rows.len() as u64);
    books
}

#[cfg(test)]
mod tests {
    use super::books;
    use crate::format::block::{Heartbeat, WorkerCount};
    use proofload_record::Outcome;

    #[test]
    fn what_a_kill_left_open_is_lost_or_unknown() {
        let mut last = Heartbeat {
            workers: vec![
                WorkerCount { released: 5, finished: 3 },
                WorkerCount { released: 4, finished: 4 },
            ],
            rows_dropped: 1,
            ..Heartbeat::default()
        };
        last.outcomes[0] = 6;
        last.not_sent[1] = 1;
        for (name, sealed, not_reached, unknown) in
            [("sealed", true, 11, 0), ("killed", false, 0, 11)]
        {
            let books = books(20, &last, sealed);
            assert_eq!(books.check(), Ok(()), "{name}");
            assert_eq!((books.not_reached, books.unknown), (not_reached, unknown), "{name}");
            assert_eq!((books.sent, books.outcome(Outcome::Lost)), (8, 2), "{name}");
            assert_eq!(books.rows_dropped, 1, "{name}");
        }
        assert!(books(8, &last, true).check().is_err(), "more released than planned");
    }
}
