//! What went wrong, sorted into outcomes.

use std::error::Error as _;
use std::io;

use proofload_record::{End, Outcome};

/// A request that did not succeed, with the reason in words where there are any.
#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) end: End,
    pub(crate) reason: Option<String>,
}

impl Failure {
    pub(crate) fn sent(outcome: Outcome, reason: impl Into<String>) -> Self {
        Self { end: End::Sent(outcome), reason: Some(reason.into()) }
    }

    /// The same after so many attempts: what has been on a connection once was sent, even if there
    /// was no descriptor or port for another.
    pub(crate) fn after(self, attempts: u8) -> Self {
        match self.end {
            End::NotSent(_) if attempts > 0 => Self { end: End::Sent(Outcome::Reset), ..self },
            _ => self,
        }
    }

    /// An error before the answer's head was whole.
    pub(crate) fn in_head(error: &hyper::Error) -> Self {
        let outcome = if broken_tls(error) {
            Outcome::Tls
        } else if error.is_parse_too_large() {
            Outcome::TooLarge
        } else if error.is_parse() {
            Outcome::BadHttp
        } else {
            Outcome::Reset
        };
        Self::sent(outcome, in_words(error))
    }

    /// An error in the middle of a body.
    pub(crate) fn in_body(error: &hyper::Error) -> Self {
        let kind = io_cause(error).map(io::Error::kind);
        let outcome = match kind {
            _ if broken_tls(error) => Outcome::Tls,
            Some(io::ErrorKind::UnexpectedEof) => Outcome::Truncated,
            Some(io::ErrorKind::InvalidInput | io::ErrorKind::InvalidData) => Outcome::BadHttp,
            Some(_) => Outcome::Reset,
            None if error.is_incomplete_message() => Outcome::Truncated,
            None if error.is_parse() => Outcome::BadHttp,
            None => Outcome::Reset,
        };
        Self::sent(outcome, in_words(error))
    }
}

/// The error and its causes in one line.
fn in_words(error: &hyper::Error) -> String {
    let mut words = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        words.push_str(": ");
        words.push_str(&error.to_string());
        cause = error.source();
    }
    words
}

fn io_cause(error: &hyper::Error) -> Option<&io::Error> {
    let mut cause = error.source();
    while let Some(error) = cause {
        if let Some(io) = error.downcast_ref::<io::Error>() {
            return Some(io);
        }
        cause = error.source();
    }
    None
}

fn broken_tls(error: &hyper::Error) -> bool {
    io_cause(error)
        .and_then(io::Error::get_ref)
        .is_some_and(|inner| inner.downcast_ref::<rustls::Error>().is_some())
}
