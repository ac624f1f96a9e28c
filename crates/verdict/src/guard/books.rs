//! G09: is every planned request accounted for?

use crate::{Level, Trust};
use proofload_record::{Books, Outcome};
use proofload_units::human_count;

/// How a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending<'a> {
    /// It ran to the end of its plan.
    Complete,
    /// It was ended before that, in these words.
    Early(&'a str),
    /// It was killed: what is known ends at the last thing written.
    Killed,
}

/// The books of a run and how they came to be.
#[derive(Clone, Copy, Debug)]
pub struct Ledger<'a> {
    /// The books themselves.
    pub books: &'a Books,
    /// How the run ended.
    pub ending: Ending<'a>,
    /// Bytes cut off the end of its journal because they were not whole.
    pub torn_bytes: u64,
    /// Requests whose record was lost from the file of chunk arrivals.
    pub chunks_dropped: u64,
    /// Requests whose text was not kept because the writer could not keep up.
    pub responses_dropped: u64,
    /// Parts that were altered or are missing, in words.
    pub damage: &'a [String],
    /// Requests that ended and whose row cannot be read any more; `damage` says why.
    pub rows_unreadable: u64,
    /// The first sum that does not add up, in words.
    pub imbalance: Option<&'a str>,
}

/// G09: the books balance and nothing is missing.
#[must_use]
pub fn ledger(seen: &Ledger<'_>) -> Trust {
    let books = seen.books;
    let mut evidence = format!(
        "{} planned = {} sent + {} not sent + {} not reached + {} unknown",
        human_count(books.planned),
        human_count(books.sent),
        human_count(books.not_sent_total()),
        human_count(books.not_reached),
        human_count(books.unknown)
    );
    let mut level = Level::Ok;
    let mut add = |at_least: Level, text: String| {
        level = level.max(at_least);
        evidence += "; ";
        evidence += &text;
    };
    if let Some(imbalance) = seen.imbalance {
        add(Level::Invalid, format!("UNBALANCED: {imbalance}"));
    }
    match seen.ending {
        Ending::Complete => {}
        Ending::Early(why) => add(Level::Warn, format!("ended early: {why}")),
        Ending::Killed => add(Level::Warn, "the program was killed".to_owned()),
    }
    let lost = books.outcome(Outcome::Lost);
    for (count, what) in [
        (lost, "lost in flight"),
        (
            books.rows_dropped,
            "rows dropped (the writer could not keep up), counted as missing their objective",
        ),
        (
            seen.chunks_dropped,
            "requests without their chunk arrivals (the writer could not keep up)",
        ),
        (
            seen.responses_dropped,
            "requests without the text of their answer (the writer could not keep up)",
        ),
        (seen.torn_bytes, "torn bytes cut off the journal"),
    ] {
        if count > 0 {
            add(Level::Warn, format!("{} {what}", human_count(count)));
        }
    }
    // What is left of the rows is some part of the run, and nobody chose which.
    let of_damage = if seen.rows_unreadable > 0 { Level::Invalid } else { Level::Warn };
    for damage in seen.damage {
        add(of_damage, damage.clone());
    }
    let remedy = match level {
        Level::Invalid => Some("do not use this run: its files contradict one another"),
        Level::Warn => Some("run it again to its end if the missing part matters"),
        Level::Ok | Level::Note => None,
    };
    Trust { id: "G09", title: "books of the requests", level, evidence, remedy }
}

#[cfg(test)]
mod tests {
    use super::{Ending, Ledger, ledger};
    use crate::Level::{Invalid, Ok, Warn};
    use proofload_record::{Books, Outcome};

    fn books() -> Books {
        let mut books = Books { planned: 10, sent: 8, not_reached: 1, ..Books::default() };
        books.not_sent[0] = 1;
        books.outcomes[usize::from(Outcome::Ok.code())] = 8;
        books
    }

    fn whole(books: &Books) -> Ledger<'_> {
        let ending = Ending::Complete;
        Ledger {
            books,
            ending,
            torn_bytes: 0,
            chunks_dropped: 0,
            responses_dropped: 0,
            damage: &[],
            rows_unreadable: 0,
            imbalance: None,
        }
    }

    #[test]
    fn books_that_balance_are_well() {
        let trust = ledger(&whole(&books()));
        assert_eq!(trust.level, Ok);
        let want = "10 planned = 8 sent + 1 not sent + 1 not reached + 0 unknown";
        assert_eq!(trust.evidence, want);
    }

    #[test]
    fn whatever_is_missing_is_named() {
        let mut lost = books();
        lost.outcomes[usize::from(Outcome::Ok.code())] = 6;
        lost.outcomes[usize::from(Outcome::Lost.code())] = 2;
        let dropped = Books { rows_dropped: 3, ..books() };
        let unknown = Books { not_reached: 0, unknown: 1, ..books() };
        let books = books();
        let killed = |books| Ledger { ending: Ending::Killed, ..whole(books) };
        let early = Ending::Early("interrupted");
        let damage = ["requests.txt is missing".to_owned()];
        for (name, seen, want, part) in [
            ("lost", killed(&lost), Warn, "2 lost in flight"),
            ("dropped", whole(&dropped), Warn, "3 rows dropped"),
            ("unknown", killed(&unknown), Warn, "1 unknown"),
            ("torn", Ledger { torn_bytes: 17, ..killed(&books) }, Warn, "17 torn bytes"),
            ("early", Ledger { ending: early, ..whole(&books) }, Warn, "ended early: interrupted"),
            (
                "damaged",
                Ledger { damage: &damage, ..whole(&books) },
                Warn,
                "requests.txt is missing",
            ),
            (
                "unreadable",
                Ledger { damage: &damage, rows_unreadable: 1, ..whole(&books) },
                Invalid,
                "requests.txt is missing",
            ),
            ("chunks", Ledger { chunks_dropped: 4, ..whole(&books) }, Warn, "4 requests without"),
            ("texts", Ledger { responses_dropped: 3, ..whole(&books) }, Warn, "3 requests without"),
            (
                "unbalanced",
                Ledger { imbalance: Some("11 is not 10"), ..killed(&books) },
                Invalid,
                "UNBALANCED: 11 is not 10",
            ),
        ] {
            let trust = ledger(&seen);
            assert_eq!(trust.level, want, "{name}: {}", trust.evidence);
            assert!(trust.evidence.contains(part), "{name}: {}", trust.evidence);
        }
    }
}
