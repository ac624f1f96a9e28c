//! What is looked for: the requests of a run.

use std::time::Duration;

/// How long rows are waited for that a server writes late.
#[derive(Clone, Copy)]
pub struct Late<'a> {
    /// At most so long after the run.
    pub most: Duration,
    /// Whether somebody wants it to end now.
    pub hurry: &'a dyn Fn() -> bool,
    /// Hears once how many requests are waited for.
    pub waiting: &'a dyn Fn(usize),
}

impl Late<'_> {
    /// At most so long, which nobody cuts short or hears of.
    #[must_use]
    pub const fn of(most: Duration) -> Self {
        Self { most, hurry: &|| false, waiting: &|_| () }
    }
}

/// The requests of a run, as far as a log may know them.
pub struct Run<'a> {
    /// First part of the ids that the client made.
    pub run_id: &'a str,
    /// Length of the plan.
    pub planned: u32,
    /// Nanoseconds since the Unix epoch at which the run began, by the client's clock.
    pub began_wall_ns: u64,
    /// What is looked for of a planned request; `None` for one that never reached a connection.
    pub wanted: &'a dyn Fn(u32) -> Option<Wanted>,
}

/// A request whose row is looked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wanted {
    /// The server's id for it, where it gave one, otherwise the client's.
    pub id: String,
    /// Times that it was sent; the log may have as many rows.
    pub attempts: u8,
    /// Whether it was answered in full: then its row must be there.
    pub answered: bool,
    /// Nanoseconds since the Unix epoch at which it was written, by the client's clock.
    pub written_wall_ns: u64,
}

impl Run<'_> {
    /// The id that the client gave to a request.
    pub(crate) fn own_id(&self, index: u32) -> String {
        format!("{}-{index}", self.run_id)
    }

    /// Whether a row with this id belongs to a request that is looked for by it.
    pub(crate) fn knows(&self, id: &str) -> bool {
        let number = id.strip_prefix(self.run_id).and_then(|rest| rest.strip_prefix('-'));
        let index = number.and_then(|number| number.parse::<u32>().ok());
        let wanted = index.filter(|index| *index < self.planned).and_then(self.wanted);
        wanted.is_some_and(|wanted| wanted.id == id)
    }
}
