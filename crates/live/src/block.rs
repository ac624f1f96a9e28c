//! Lines that are drawn again in place.

use std::io::{self, Write};

use rustix::termios::tcgetwinsize;

/// Where a terminal does not tell its size.
const USUAL: Size = Size { columns: 80, rows: 24 };
/// To the left edge, and away with all that stands from there on.
const CLEAR: &str = "\r\x1b[J";

/// A terminal's size in characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Size {
    pub(crate) columns: usize,
    pub(crate) rows: usize,
}

impl Size {
    /// That of stderr now; a window may change it at any time.
    pub(crate) fn of_stderr() -> Self {
        match tcgetwinsize(io::stderr()) {
            Ok(size) if size.ws_col > 0 && size.ws_row > 0 => {
                Self { columns: usize::from(size.ws_col), rows: usize::from(size.ws_row) }
            }
            _ => USUAL,
        }
    }

    /// Columns to write in. The last stays free: a terminal holds the cursor back there, and they do
    /// not agree on what clears what then.
    pub(crate) const fn usable_columns(self) -> usize {
        self.columns.saturating_sub(1)
    }
}

/// Draws `lines` over what stands there, as many as the terminal has rows, and leaves the cursor at
/// the start of the first. In one write, so that no other text comes between.
pub(crate) fn draw(out: &mut impl Write, lines: &[String], size: Size) -> io::Result<()> {
    let mut text = String::new();
    let shown = &lines[..lines.len().min(size.rows)];
    for (place, line) in shown.iter().enumerate() {
        // The rest of each line is cleared after it and not before: nothing flickers.
        text.push_str(if place == 0 { "\r" } else { "\n\r" });
        text.push_str(line);
        text.push_str("\x1b[K");
    }
    text.push_str("\x1b[J\r");
    if shown.len() > 1 {
        text.push_str(&format!("\x1b[{}A", shown.len() - 1));
    }
    out.write_all(text.as_bytes())
}

/// Takes the lines away.
pub(crate) fn clear(out: &mut impl Write) -> io::Result<()> {
    out.write_all(CLEAR.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::{Size, clear, draw};

    #[test]
    fn the_cursor_ends_at_the_start_of_the_lines() {
        let lines = ["one", "two", "three"].map(str::to_owned);
        for (rows, want) in [
            (24, "\rone\x1b[K\n\rtwo\x1b[K\n\rthree\x1b[K\x1b[J\r\x1b[2A"),
            (2, "\rone\x1b[K\n\rtwo\x1b[K\x1b[J\r\x1b[1A"),
            (1, "\rone\x1b[K\x1b[J\r"),
        ] {
            let mut out = Vec::new();
            draw(&mut out, &lines, Size { columns: 80, rows }).unwrap();
            assert_eq!(String::from_utf8(out).unwrap(), want, "{rows} rows");
        }
        let mut out = Vec::new();
        clear(&mut out).unwrap();
        assert_eq!(out, b"\r\x1b[J");
    }
}
