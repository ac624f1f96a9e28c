//! What standard output and stderr can show.

use std::env;
use std::ffi::OsStr;
use std::io::{self, IsTerminal};
use std::os::fd::AsFd;

use rustix::termios::tcgetwinsize;

/// What standard output or stderr can show.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Terminal {
    /// Colours may be used and lines drawn in place: it is a terminal, `NO_COLOR` is unset or empty, `TERM` is not `dumb`.
    pub colour: bool,
    /// Its width in characters, 80 where it is not a terminal or does not tell.
    pub columns: u16,
}

impl Terminal {
    /// What standard output can show now.
    #[must_use]
    pub fn of_stdout() -> Self {
        Self::of(&io::stdout())
    }

    /// What stderr can show now.
    #[must_use]
    pub fn of_stderr() -> Self {
        Self::of(&io::stderr())
    }

    fn of(stream: &(impl IsTerminal + AsFd)) -> Self {
        let columns = tcgetwinsize(stream).map_or(0, |size| size.ws_col);
        let columns = if columns == 0 { 80 } else { columns };
        let (no_color, term) = (env::var_os("NO_COLOR"), env::var_os("TERM"));
        let wanted = wanted(no_color.as_deref(), term.as_deref());
        Self { colour: stream.is_terminal() && wanted, columns }
    }
}

/// See <https://no-color.org>: an empty `NO_COLOR` counts as unset.
fn wanted(no_color: Option<&OsStr>, term: Option<&OsStr>) -> bool {
    no_color.is_none_or(OsStr::is_empty) && term.is_none_or(|term| term != "dumb")
}

#[cfg(test)]
mod tests {
    use super::wanted;
    use std::ffi::OsStr;

    #[test]
    fn colour_is_used_unless_refused() {
        for (no_color, term, want) in [
            (None, Some("xterm"), true),
            (None, None, true),
            (Some(""), Some("xterm"), true),
            (Some("1"), Some("xterm"), false),
            (Some("0"), None, false),
            (None, Some("dumb"), false),
        ] {
            assert_eq!(
                wanted(no_color.map(OsStr::new), term.map(OsStr::new)),
                want,
                "{no_color:?} {term:?}"
            );
        }
    }
}
