//! The books of a run: every planned request is in exactly one place.

use crate::{NotSent, Outcome};
use std::fmt;

/// Where the planned requests of a run went.
///
/// They balance when `planned = sent + not_sent + not_reached + unknown` and
/// `sent = Σ outcomes`; see [`Books::check`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Books {
    /// Requests in the plan.
    pub planned: u64,
    /// Started, whether or not a byte went out.
    pub sent: u64,
    /// Due but never started, by reason.
    pub not_sent: [u64; NotSent::ALL.len()],
    /// Due after the run ended; outside every denominator.
    pub not_reached: u64,
    /// Planned beyond the last thing that a killed run wrote down.
    pub unknown: u64,
    /// Of those sent, by [`Outcome::code`].
    pub outcomes: [u64; Outcome::COUNT],
    /// Ended requests whose row was dropped because the writer could not keep up. They are counted
    /// in `sent` and `outcomes` all the same.
    pub rows_dropped: u64,
}

/// A sum of the books that does not add up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unbalanced {
    /// The two sides in words.
    pub identity: &'static str,
    /// Left side.
    pub left: u64,
    /// Right side.
    pub right: u64,
}

impl fmt::Display for Unbalanced {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {} is not {}", self.identity, self.left, self.right)
    }
}

impl std::error::Error for Unbalanced {}

impl Books {
    /// Number that ended with `outcome`.
    #[must_use]
    pub const fn outcome(&self, outcome: Outcome) -> u64 {
        self.outcomes[outcome.code() as usize]
    }

    /// Due but never started, for whatever reason.
    #[must_use]
    pub fn not_sent_total(&self) -> u64 {
        self.not_sent.iter().sum()
    }

    /// Requests that were due while the run lasted and whose fate is known: the denominator of
    /// every attainment.
    #[must_use]
    pub fn offered(&self) -> u64 {
        self.sent + self.not_sent_total()
    }

    /// Checks both identities.
    ///
    /// # Errors
    /// The first identity that does not hold, with both sides.
    pub fn check(&self) -> Result<(), Unbalanced> {
        let ended: u64 = self.outcomes.iter().sum();
        let placed = self.sent + self.not_sent_total() + self.not_reached + self.unknown;
        for (identity, left, right) in [
            ("planned = sent + not_sent + not_reached + unknown", self.planned, placed),
            ("sent = sum of the outcomes", self.sent, ended),
        ] {
            if left != right {
                return Err(Unbalanced { identity, left, right });
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::Books;
    use crate::Outcome;

    #[test]
    fn books_that_do_not_add_up_are_refused_by_name() {
        let mut books = Books { planned: 10, sent: 6, not_reached: 3, ..Books::default() };
        books.not_sent[0] = 1;
        books.outcomes[usize::from(Outcome::Ok.code())] = 5;
        books.outcomes[usize::from(Outcome::Lost.code())] = 1;
        assert_eq!(books.check(), Ok(()));
        assert_eq!(books.offered(), 7);
        books.outcomes[0] = 4;
        assert_eq!(books.check().unwrap_err().identity, "sent = sum of the outcomes");
        books.unknown = 1;
        assert_eq!(books.check().unwrap_err().left, 10);
    }
}
