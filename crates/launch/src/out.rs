//! Standard output, whose reader may go away.

use std::io::{self, Write};

/// Writes on until its reader goes away, and then into nothing.
///
/// `head` reads ten lines and leaves. That is no failure of the run, so it must neither end it nor
/// keep its files from being written: a reader that has gone is as good as one that has read all.
/// Any other failure (a full disk behind `>`) is an error and remembered.
pub(crate) struct Out<W> {
    inner: W,
    gone: bool,
    failed: bool,
}

impl<W: Write> Out<W> {
    pub(crate) fn new(inner: W) -> Self {
        Self { inner, gone: false, failed: false }
    }

    /// Whether something could not be written although somebody wanted it.
    pub(crate) fn has_failed(&self) -> bool {
        self.failed
    }

    fn put<T>(&mut self, instead: T, write: impl FnOnce(&mut W) -> io::Result<T>) -> io::Result<T> {
        if self.gone {
            return Ok(instead);
        }
        match write(&mut self.inner) {
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => {
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
    use super::Out;
    use std::io::{self, ErrorKind, Write};

    /// Takes `room` bytes and then fails.
    struct Full {
        room: usize,
        kind: ErrorKind,
    }

    impl Write for Full {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            if self.room == 0 {
                return Err(self.kind.into());
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
        for (kind, forgiven) in [
            (ErrorKind::BrokenPipe, true),
            (ErrorKind::StorageFull, false),
            (ErrorKind::PermissionDenied, false),
        ] {
            let mut out = Out::new(Full { room: 5, kind });
            let written = out.write_all(b"more than five").and_then(|()| out.flush());
            assert_eq!(written.is_ok(), forgiven, "{kind:?}");
            assert_eq!(out.has_failed(), !forgiven, "{kind:?}");
            if let Err(error) = written {
                assert_eq!(error.kind(), kind);
                assert!(error.to_string().starts_with("cannot write to standard output: "));
            }
        }
    }
}
