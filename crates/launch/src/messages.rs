//! What is said on stderr: warnings, errors and the log, none of which may show a key.

use std::borrow::Cow;
use std::env;
use std::io::{self, Write};
use std::sync::{Arc, PoisonError, RwLock};

use proofload_record::Secrets;
use proofload_units::printable;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::{LevelFilter, ParseError};
use tracing_subscriber::fmt::MakeWriter;

use crate::Terminal;

/// The variable that is read where `--log` is not given.
const FILTER_VARIABLE: &str = "PROOFLOAD_LOG";
/// Goes to the left edge and clears everything from there on: where progress is drawn in place, the
/// cursor waits at its start, and it is drawn again below what is said now.
const CLEAR_BELOW: &str = "\r\x1b[J";

/// A filter for the log that cannot be used.
#[derive(Debug, thiserror::Error)]
#[error(
    "{origin} is not a log filter: {fault}; write for example `debug` or \
     `warn,proofload_http_load=trace`"
)]
pub(crate) struct FilterError {
    origin: &'static str,
    /// Not its source: it repeats its own source's text, which would be printed twice.
    fault: ParseError,
}

/// Writes to stderr, with the run's keys taken out. Clones share the keys. A stderr that nobody
/// reads is no reason to fail.
#[derive(Clone, Debug, Default)]
pub(crate) struct Messages {
    secrets: Arc<RwLock<Secrets>>,
}

impl Messages {
    /// From now on none of `secrets` shows.
    pub(crate) fn protect(&self, secrets: &Secrets) {
        self.secrets.write().unwrap_or_else(PoisonError::into_inner).extend(secrets);
    }

    /// One line, or several. What would act on the terminal is written out: much of it comes from
    /// files and servers.
    pub(crate) fn say(&self, text: &str) {
        self.put(&format!("{}\n", printable(text)));
    }

    /// `error: …`, and a line for each of its causes.
    pub(crate) fn error(&self, error: &anyhow::Error) {
        let mut text = format!("error: {error}");
        for cause in error.chain().skip(1) {
            text.push_str(&format!("\n  caused by: {cause}"));
        }
        self.say(&text);
    }

    /// Takes away what may be drawn in place.
    pub(crate) fn clear(&self) {
        self.put("");
    }

    /// Sends the log of the whole program here. The filter is `filter`, else `PROOFLOAD_LOG`, else
    /// `warn`.
    pub(crate) fn take_log(&self, filter: Option<&str>) -> Result<(), FilterError> {
        let variable = env::var(FILTER_VARIABLE).unwrap_or_default();
        let (origin, text) = match filter {
            Some(text) => ("the value of --log", text),
            None => ("the value of PROOFLOAD_LOG", variable.as_str()),
        };
        let filter = EnvFilter::builder()
            .with_default_directive(LevelFilter::WARN.into())
            .parse(text)
            .map_err(|fault| FilterError { origin, fault })?;
        // Fails only where a log is taken already, as in a test that runs two programs.
        let _ = tracing_subscriber::fmt()
            .with_env_filter(filter)
            .with_ansi(Terminal::of_stderr().colour)
            .with_writer(self.clone())
            .try_init();
        Ok(())
    }

    fn put(&self, text: &str) {
        let text = self.redact(text);
        let mut stderr = io::stderr().lock();
        let clear = if Terminal::of_stderr().colour { CLEAR_BELOW } else { "" };
        let _ = write!(stderr, "{clear}{text}");
    }

    fn redact<'a>(&self, text: &'a str) -> Cow<'a, str> {
        self.secrets.read().unwrap_or_else(PoisonError::into_inner).redact(text)
    }
}

/// The log's formatter writes each event in one piece, so a key never lies in two.
impl Write for &Messages {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.put(&String::from_utf8_lossy(bytes));
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Messages {
    type Writer = &'a Self;

    fn make_writer(&'a self) -> Self::Writer {
        self
    }
}
