//! A file whose length and checksum are known once it is written, without reading it again.

use crate::manifest::Sum;
use std::fs::File;
use std::io::{self, Write};

/// Sums up what it hands on to `W`.
pub(crate) struct Summed<W> {
    output: W,
    sum: Sum,
}

impl<W> Summed<W> {
    /// Begins with `output`, which is empty.
    pub(crate) fn new(output: W) -> Self {
        Self { output, sum: Sum::default() }
    }

    /// Length and checksum of what was written.
    pub(crate) const fn sum(&self) -> Sum {
        self.sum
    }
}

impl Summed<File> {
    /// Makes it durable.
    pub(crate) fn sync_all(&self) -> io::Result<()> {
        self.output.sync_all()
    }
}

impl<W: Write> Write for Summed<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.output.write(bytes)?;
        self.sum.add(&bytes[..written]);
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.output.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::Summed;
    use crate::manifest::Sum;
    use std::io::{self, Write};

    /// Takes three bytes a call at most, as a kernel may.
    struct Slow(Vec<u8>);

    impl Write for Slow {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.write(&bytes[..bytes.len().min(3)])
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn what_was_taken_is_summed_and_nothing_else() {
        let mut summed = Summed::new(Slow(Vec::new()));
        assert_eq!(summed.write(b"12345").unwrap(), 3);
        summed.write_all(b"456789").unwrap();
        assert_eq!(summed.output.0, b"123456789");
        assert_eq!(summed.sum(), Sum { bytes: 9, crc32c: 0xe306_9283 });
    }
}
