//! How a planned request ended.

/// How a request that was started ended.
///
/// Which one wins when several fit is the ordered table in `docs/metrics.md`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
pub enum Outcome {
    /// Status 2xx, a complete answer without an error object, a finish reason, at least one token.
    Ok = 0,
    /// Status 400 to 499.
    Http4xx = 1,
    /// Status 500 to 599.
    Http5xx = 2,
    /// Any other status that is not 2xx, redirects among them.
    HttpOther = 3,
    /// What came back is not HTTP.
    BadHttp = 4,
    /// A whole answer with status 2xx that holds no token.
    Empty = 5,
    /// The answer ended before it was whole.
    Truncated = 6,
    /// An error object inside an answer with status 2xx.
    InBandError = 7,
    /// The body cannot be read as what it claims to be (event stream or JSON).
    MalformedStream = 8,
    /// Nobody listens at the address.
    ConnectRefused = 9,
    /// No connection within the connect timeout.
    ConnectTimeout = 10,
    /// The peer ended the connection before the answer's head was whole, or reset it.
    Reset = 11,
    /// No byte of an answer within the first-byte timeout.
    TimeoutFirstByte = 12,
    /// No byte for the idle timeout in the middle of an answer.
    TimeoutIdle = 13,
    /// Not finished within the total timeout.
    TimeoutTotal = 14,
    /// The TLS handshake or its records failed.
    Tls = 15,
    /// The host's name did not resolve.
    Dns = 16,
    /// A header, a line or a body larger than we are willing to hold.
    TooLarge = 17,
    /// Cut because the run was ended.
    Cancelled = 18,
    /// Started, but no record of its end: the program was killed.
    Lost = 19,
    /// Only of an imported run: its client failed and did not say how.
    ClientError = 20,
}

impl Outcome {
    /// Every outcome, in the order of its code.
    pub const ALL: [Self; 21] = [
        Self::Ok,
        Self::Http4xx,
        Self::Http5xx,
        Self::HttpOther,
        Self::BadHttp,
        Self::Empty,
        Self::Truncated,
        Self::InBandError,
        Self::MalformedStream,
        Self::ConnectRefused,
        Self::ConnectTimeout,
        Self::Reset,
        Self::TimeoutFirstByte,
        Self::TimeoutIdle,
        Self::TimeoutTotal,
        Self::Tls,
        Self::Dns,
        Self::TooLarge,
        Self::Cancelled,
        Self::Lost,
        Self::ClientError,
    ];

    /// Number of outcomes.
    pub const COUNT: usize = Self::ALL.len();

    /// The name in every output.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Http4xx => "http_4xx",
            Self::Http5xx => "http_5xx",
            Self::HttpOther => "http_other",
            Self::BadHttp => "bad_http",
            Self::Empty => "empty",
            Self::Truncated => "truncated",
            Self::InBandError => "in_band_error",
            Self::MalformedStream => "malformed_stream",
            Self::ConnectRefused => "connect_refused",
            Self::ConnectTimeout => "connect_timeout",
            Self::Reset => "reset",
            Self::TimeoutFirstByte => "timeout_first_byte",
            Self::TimeoutIdle => "timeout_idle",
            Self::TimeoutTotal => "timeout_total",
            Self::Tls => "tls",
            Self::Dns => "dns",
            Self::TooLarge => "too_large",
            Self::Cancelled => "cancelled",
            Self::Lost => "lost",
            Self::ClientError => "client_error",
        }
    }

    /// The number on disk; it never changes its meaning.
    #[must_use]
    pub const fn code(self) -> u8 {
        self as u8
    }

    /// The outcome of a number on disk.
    #[must_use]
    pub fn from_code(code: u8) -> Option<Self> {
        Self::ALL.get(usize::from(code)).copied()
    }
}

/// Why a request that was due never left: a fault of our own machine, and a failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
pub enum NotSent {
    /// No file descriptor left.
    NoDescriptor = 0,
    /// No local port or address left.
    NoPort = 1,
    /// The stated cap of requests in flight was reached.
    InFlightCap = 2,
}

impl NotSent {
    /// Every reason, in the order of its code.
    pub const ALL: [Self; 3] = [Self::NoDescriptor, Self::NoPort, Self::InFlightCap];

    /// The name in every output.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::NoDescriptor => "no_descriptor",
            Self::NoPort => "no_port",
            Self::InFlightCap => "in_flight_cap",
        }
    }

    /// The number on disk; it never changes its meaning.
    #[must_use]
    pub const fn code(self) -> u8 {
        self as u8
    }

    /// The reason of a number on disk.
    #[must_use]
    pub fn from_code(code: u8) -> Option<Self> {
        Self::ALL.get(usize::from(code)).copied()
    }
}

/// What became of a request that has a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum End {
    /// It was started and ended so.
    Sent(Outcome),
    /// It was due and never left, for this reason.
    NotSent(NotSent),
}

impl End {
    /// Whether it succeeded.
    #[must_use]
    pub const fn is_ok(self) -> bool {
        matches!(self, Self::Sent(Outcome::Ok))
    }

    /// The outcome's name, or `not_sent`.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Sent(outcome) => outcome.label(),
            Self::NotSent(_) => "not_sent",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{NotSent, Outcome};

    #[test]
    fn codes_and_labels_are_one_to_one() {
        let mut labels = std::collections::HashSet::new();
        for (code, outcome) in (0u8..).zip(Outcome::ALL) {
            assert_eq!(outcome.code(), code, "{outcome:?}");
            assert_eq!(Outcome::from_code(code), Some(outcome));
            assert!(labels.insert(outcome.label()));
        }
        assert_eq!(Outcome::from_code(21), None);
        for (code, reason) in (0u8..).zip(NotSent::ALL) {
            assert_eq!(NotSent::from_code(code), Some(reason));
            assert!(labels.insert(reason.label()));
        }
        assert_eq!(NotSent::from_code(3), None);
    }
}
