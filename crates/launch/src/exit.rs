//! What a program's end says to whoever started it.

use std::error::Error;
use std::fmt;
use std::process::ExitCode;

/// How a program ended, with its number as the exit code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Code {
    /// All well, or no verdict was asked for.
    Ok = 0,
    /// A target, an SLO or a gate was not met.
    NotMet = 1,
    /// A flag is wrong.
    Usage = 2,
    /// Finished, but part of the data is missing, no request succeeded, or the run ended early.
    Degraded = 3,
    /// A verdict was asked for, and nothing could be concluded; 0 with `--allow-undecided`.
    Undecided = 4,
    /// An input file is bad.
    BadInput = 65,
    /// The target could not be reached before the run.
    Unreachable = 69,
    /// Something failed that should not: an error to which no other code fits.
    Internal = 70,
    /// The results cannot be written.
    Unwritable = 74,
    /// Ended by Ctrl-C, SIGTERM or SIGHUP; what was recorded is kept.
    Interrupted = 130,
}

/// The codes, gravest first. What could not be done comes before what was done and found; and of a
/// run that is over, what was asked for and is not met before data that is missing, and that before
/// an answer that is.
const GRAVEST_FIRST: [Code; 10] = [
    Code::Interrupted,
    Code::Internal,
    Code::Unwritable,
    Code::Unreachable,
    Code::BadInput,
    Code::Usage,
    Code::NotMet,
    Code::Degraded,
    Code::Undecided,
    Code::Ok,
];

impl Code {
    /// The graver of two codes, for a program that has several things to say.
    #[must_use]
    pub fn graver(self, other: Self) -> Self {
        let rank = |code: Self| GRAVEST_FIRST.iter().position(|grave| *grave == code);
        if rank(other) < rank(self) { other } else { self }
    }

    /// The code that the first [`Exit`] in the chain of `error` carries.
    pub(crate) fn of(error: &anyhow::Error) -> Self {
        let exit = error.chain().find_map(|cause| cause.downcast_ref::<Exit>());
        exit.map_or(Self::Internal, |exit| exit.code)
    }
}

impl From<Code> for ExitCode {
    fn from(code: Code) -> Self {
        Self::from(code as u8)
    }
}

/// An error that says with which code the program ends: `workload.plan(seed).map_err(Exit::bad_input)?`.
///
/// It shows as the error within, so it adds no line to the chain that the program prints.
#[derive(Debug)]
pub struct Exit {
    code: Code,
    error: anyhow::Error,
}

impl Exit {
    /// Ends with `code` because of `error`.
    pub fn with(code: Code, error: impl Into<anyhow::Error>) -> Self {
        Self { code, error: error.into() }
    }

    /// Ends with 2: a flag is wrong.
    pub fn usage(error: impl Into<anyhow::Error>) -> Self {
        Self::with(Code::Usage, error)
    }

    /// Ends with 65: an input file is bad.
    pub fn bad_input(error: impl Into<anyhow::Error>) -> Self {
        Self::with(Code::BadInput, error)
    }

    /// Ends with 69: the target cannot be reached.
    pub fn unreachable(error: impl Into<anyhow::Error>) -> Self {
        Self::with(Code::Unreachable, error)
    }

    /// Ends with 74: the results cannot be written.
    pub fn unwritable(error: impl Into<anyhow::Error>) -> Self {
        Self::with(Code::Unwritable, error)
    }
}

impl fmt::Display for Exit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.error.fmt(f)
    }
}

impl Error for Exit {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.error.source()
    }
}

#[cfg(test)]
mod tests {
    use super::{Code, Exit};
    use anyhow::{Context, anyhow};
    use std::io;

    #[test]
    fn of_several_codes_the_gravest_decides() {
        for (one, other, want) in [
            (Code::Ok, Code::Ok, Code::Ok),
            (Code::Ok, Code::Undecided, Code::Undecided),
            (Code::Degraded, Code::Undecided, Code::Degraded),
            (Code::NotMet, Code::Degraded, Code::NotMet),
            (Code::NotMet, Code::BadInput, Code::BadInput),
            (Code::BadInput, Code::Unwritable, Code::Unwritable),
            (Code::Interrupted, Code::Internal, Code::Interrupted),
        ] {
            assert_eq!(one.graver(other), want, "{one:?} {other:?}");
            assert_eq!(other.graver(one), want, "{other:?} {one:?}");
        }
    }

    #[test]
    fn the_code_is_found_wherever_it_stands_and_adds_nothing_to_the_chain() {
        let cause = || anyhow!("no such file").context("cannot read w.csv");
        for (name, error, code, chain) in [
            ("bare", cause(), Code::Internal, &["cannot read w.csv", "no such file"] as &[_]),
            (
                "tagged",
                Exit::bad_input(cause()).into(),
                Code::BadInput,
                &["cannot read w.csv", "no such file"],
            ),
            (
                "with context above",
                Err::<(), _>(Exit::usage(cause())).context("no plan").unwrap_err(),
                Code::Usage,
                &["no plan", "cannot read w.csv", "no such file"],
            ),
            (
                "tagged twice: the outer decides",
                Exit::with(Code::Degraded, Exit::unwritable(io::Error::other("disk full"))).into(),
                Code::Degraded,
                &["disk full"],
            ),
        ] {
            assert_eq!(Code::of(&error), code, "{name}");
            let found: Vec<String> = error.chain().map(ToString::to_string).collect();
            assert_eq!(found, chain, "{name}");
        }
    }
}
