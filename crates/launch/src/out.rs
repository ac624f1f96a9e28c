//! Standard output, whose reader may go away.

use std::io::{self, IsTerminal, Write};

use rustix::io::Errno;

/// Writes on until its reader goes away, and then into nothing.
///
/// `head` reads ten lines and leaves, a terminal is closed. That is no failure of the run, so it must
/// neither end it nor keep its files from being written: a reader that has gone is as good as one
/// that has read all. Any other failure (a full disk behind `>`) is an error and remembered.
pub(crate) struct Out<W> {
    inner: W,
    is_terminal: bool,
    gone: bool,
    failed: bool,
}

impl<W: Write + IsTerminal> Out<W> {
    pub(crate) fn new(inner: W) -> Self {
        // Asked now: one that has been closed is no terminal any more.
        let is_terminal = inner.is_terminal();
        Self { inner, is_terminal, gone: false, failed: false }
    }
}

impl<W: Write> Out<W> {
    /// Whether something could not be written although somebody wanted it.
    pub(crate) fn has_failed(&self) -> bool {
        self.failed
    }

    /// A pipe without a reader, or a terminal that was closed.
    fn means_gone(&self, error: &io::Error) -> bool {
        let closed = self.is_terminal && Errno::from_io_error(error) == Some(Errno::IO);
        closed || error.kind() == io::ErrorKind::BrokenPipe
    }

    fn put<T>(&mut self, instead: T, write: impl FnOnce(&mut W) -> io::Result<T>) -> io::Result<T> {
        if self.gone {
            return Ok(instead);
        }
        match write(&mut self.inner) {
            Err(error) if self.means_gone(&error) => {
                self.gone = true;
                Ok(instead)
            }
            Err(error) if error.kind() != io::ErrorKind::Interrupted => {
                self.failed = true;
                let text = format!("cannot write to standard output: {error}");
                Err(io::Error::new(error.kind(), text))
            }
            other => other,
        }
    }
}

impl<W: Write> Write for Out<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.put(bytes.len(), |inner| inner.write(bytes))
    }

    fn flush(&mut self) -> io::Result<()> {
        self.put((), Write::flush)
    }
}

#[cfg(test)]
mod tests {
    use super::{Errno, Out};
    use std::io::{self, Write};

    /// Takes `room` bytes and then fails.
    struct Full {
        room: usize,
        fault: Errno,
    }

    impl Write for Full {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            if self.room == 0 {
                return Err(self.fault.into());
            }
            let taken = bytes.len().min(self.room);
            self.room -= taken;
            Ok(taken)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn only_a_reader_that_went_away_is_forgiven() {
        for (fault, is_terminal, forgiven) in [
            (Errno::PIPE, false, true),
            (Errno::IO, true, true),
            (Errno::IO, false, false),
            (Errno::NOSPC, false, false),
            (Errno::NOSPC, true, false),
        ] {
            let inner = Full { room: 5, fault };
            let mut out = Out { inner, is_terminal, gone: false, failed: false };
            let written = out.write_all(b"more than five").and_then(|()| out.flush());
            assert_eq!(written.is_ok(), forgiven, "{fault:?} {is_terminal}");
            assert_eq!(out.has_failed(), !forgiven, "{fault:?} {is_terminal}");
            if let Err(error) = written {
                assert_eq!(error.kind(), io::Error::from(fault).kind());
                assert!(error.to_string().starts_with("cannot write to standard output: "));
            }
        }
    }
}
