//! Ways in which a request goes wrong, and which request gets which.

use rand::{Rng, RngExt};
use std::cell::Cell;
use std::fmt;
use std::str::FromStr;

/// The kinds, for messages: a macro, so that a message can be put together at compile time.
macro_rules! kinds {
    () => {
        "http-NNN (400 to 599), redirect, empty, close, reset, bad-http, endless-header, silence, \
         no-tokens, no-finish, no-done, in-band-error, malformed, truncate, reset-body, \
         wrong-length, stall, slow-body, endless-line"
    };
}
pub(crate) use kinds;

/// One way in which a request goes wrong.
///
/// Faults that stand *instead of* an answer come at once, without a model or a queue. The others
/// happen *within* an answer: it waits for a slot and is decoded as usual, and goes wrong after
/// half of its tokens (at least one), or at its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Fault {
    /// `http-NNN`, 400 to 599: that status with an error object.
    Status(u16),
    /// `redirect`: 307 to another path.
    Redirect,
    /// `empty`: 200 without a body.
    Empty,
    /// `close`: the connection ends without an answer.
    Close,
    /// `reset`: the connection is reset without an answer.
    Reset,
    /// `bad-http`: something that is not HTTP.
    BadHttp,
    /// `endless-header`: a header line without an end.
    EndlessHeader,
    /// `silence`: nothing, until the client gives up.
    Silence,
    /// `no-tokens`: a whole answer without a token.
    NoTokens,
    /// `no-finish`: a whole answer without a finish reason.
    NoFinish,
    /// `no-done`: a whole stream without `[DONE]`; an unstreamed answer shows nothing of it.
    NoDone,
    /// `in-band-error`: an error object within the 200.
    InBandError,
    /// `malformed`: a chunk that is not JSON.
    Malformed,
    /// `truncate`: the connection ends in the middle of the body.
    Truncate,
    /// `reset-body`: the connection is reset in the middle of the body.
    ResetBody,
    /// `wrong-length`: a content length that is larger than the body.
    WrongLength,
    /// `stall`: no more bytes in the middle of the body, until the client gives up.
    Stall,
    /// `slow-body`: a byte at a time, as far apart as the setting `slow` says.
    SlowBody,
    /// `endless-line`: a line of the body without an end.
    EndlessLine,
}

impl Fault {
    /// The kinds that are only a name.
    const NAMED: [(Self, &'static str); 18] = [
        (Self::Redirect, "redirect"),
        (Self::Empty, "empty"),
        (Self::Close, "close"),
        (Self::Reset, "reset"),
        (Self::BadHttp, "bad-http"),
        (Self::EndlessHeader, "endless-header"),
        (Self::Silence, "silence"),
        (Self::NoTokens, "no-tokens"),
        (Self::NoFinish, "no-finish"),
        (Self::NoDone, "no-done"),
        (Self::InBandError, "in-band-error"),
        (Self::Malformed, "malformed"),
        (Self::Truncate, "truncate"),
        (Self::ResetBody, "reset-body"),
        (Self::WrongLength, "wrong-length"),
        (Self::Stall, "stall"),
        (Self::SlowBody, "slow-body"),
        (Self::EndlessLine, "endless-line"),
    ];
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Self::Status(status) = self {
            return write!(f, "http-{status}");
        }
        let named = Self::NAMED.iter().find(|(fault, _)| fault == self);
        f.write_str(named.map_or("", |&(_, name)| name))
    }
}

/// The text names no fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected one of {}", kinds!())]
pub struct ParseFaultError;

impl FromStr for Fault {
    type Err = ParseFaultError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if let Some(status) = text.strip_prefix("http-") {
            let status = status.parse().ok().filter(|status| (400..600).contains(status));
            return status.map(Self::Status).ok_or(ParseFaultError);
        }
        let named = Self::NAMED.iter().find(|&&(_, name)| name == text);
        named.map(|&(fault, _)| fault).ok_or(ParseFaultError)
    }
}

/// Which request gets which fault: first the script, in order of arrival, then by rate.
#[derive(Clone, Debug, Default)]
pub(crate) struct Faults {
    /// An entry a request; `None` is a request that goes well.
    pub(crate) script: Vec<Option<Fault>>,
    /// Begin again at the end of the script.
    pub(crate) repeat: bool,
    /// Each with its share of all requests; together at most 1.
    pub(crate) rates: Vec<(Fault, f64)>,
    /// Requests that the script has met.
    pub(crate) met: Cell<usize>,
}

impl Faults {
    /// Sum of the rates.
    pub(crate) fn total_rate(&self) -> f64 {
        self.rates.iter().map(|(_, rate)| rate).sum()
    }

    /// The fault of the request that has arrived now, whose own stream of chance is `rng`.
    pub(crate) fn next(&self, rng: &mut impl Rng) -> Option<Fault> {
        let met = self.met.replace(self.met.get().saturating_add(1));
        let place = if self.repeat { met.checked_rem(self.script.len()) } else { Some(met) };
        if let Some(&entry) = place.and_then(|place| self.script.get(place)) {
            return entry;
        }
        let mut left = rng.random::<f64>();
        for &(fault, rate) in &self.rates {
            if left < rate {
                return Some(fault);
            }
            left -= rate;
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::{Fault, Faults};
    use rand::SeedableRng;
    use rand_chacha::ChaCha8Rng;

    #[test]
    fn every_name_is_read_back_and_listed() {
        let named = Fault::NAMED.map(|(fault, _)| fault);
        for fault in named.into_iter().chain([Fault::Status(503)]) {
            assert_eq!(fault.to_string().parse(), Ok(fault));
        }
        for (_, name) in Fault::NAMED {
            assert!(kinds!().split(", ").any(|kind| kind == name), "{name}");
        }
        for text in ["", "http-", "http-200", "http-600", "http-x", "truncated"] {
            assert!(text.parse::<Fault>().is_err(), "{text}");
        }
    }

    fn fates(faults: &Faults, requests: usize) -> Vec<Option<Fault>> {
        let mut rng = ChaCha8Rng::seed_from_u64(1);
        (0..requests).map(|_| faults.next(&mut rng)).collect()
    }

    #[test]
    fn a_script_comes_first_and_may_begin_again() {
        let script = vec![None, Some(Fault::Stall)];
        let once = Faults { script: script.clone(), ..Faults::default() };
        assert_eq!(fates(&once, 4), [None, Some(Fault::Stall), None, None]);
        let again = Faults { script, repeat: true, ..Faults::default() };
        assert_eq!(fates(&again, 4), [None, Some(Fault::Stall), None, Some(Fault::Stall)]);
        let no_script = Faults { repeat: true, ..Faults::default() };
        assert_eq!(fates(&no_script, 1), [None]);
    }

    #[test]
    fn rates_share_out_the_requests() {
        let rates = vec![(Fault::Reset, 0.2), (Fault::Empty, 0.1)];
        let fates = fates(&Faults { rates, ..Faults::default() }, 10_000);
        let count = |fault| fates.iter().filter(|&&fate| fate == fault).count();
        assert!((1_800..2_200).contains(&count(Some(Fault::Reset))));
        assert!((850..1_150).contains(&count(Some(Fault::Empty))));
        assert!((6_700..7_300).contains(&count(None)));
    }
}
