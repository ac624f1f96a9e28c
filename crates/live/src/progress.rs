//! The thread that shows it.

use std::io::{self, Write};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use crate::block::{self, Size};
use crate::pace::Pace;
use crate::{Snapshot, text};

/// Columns that a plain line fits, on whatever screen or page it is read.
const COLUMNS: usize = 80;
/// Between two looks where lines are drawn in place: five a second.
const DRAW_EVERY: Duration = Duration::from_millis(200);
/// Between two plain lines.
const LINE_EVERY: Duration = Duration::from_secs(5);

/// What is shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Show {
    /// Nothing at all.
    pub quiet: bool,
    /// The target is the simulator, and all that is shown says so.
    pub simulated: bool,
    /// Stderr is a terminal whose lines may be drawn again in place; without it, lines are plain.
    pub in_place: bool,
}

/// Shows a run until it is stopped or dropped.
#[derive(Debug)]
pub struct Progress {
    thread: Option<(Sender<()>, JoinHandle<()>)>,
}

impl Progress {
    /// Shows what `read` returns. It is called at most five times a second, on the thread that
    /// shows, and once more at the end.
    pub fn start(show: Show, read: impl FnMut() -> Snapshot + Send + 'static) -> Self {
        if show.quiet {
            return Self { thread: None };
        }
        let (sender, stopped) = mpsc::channel();
        let work = move || {
            // An error means that nobody reads stderr any more. There is nobody to tell.
            let _ = if show.in_place {
                in_place(&mut io::stderr(), Size::of_stderr, show.simulated, &stopped, read)
            } else {
                lines(&mut io::stderr(), LINE_EVERY, show.simulated, &stopped, read)
            };
        };
        // A machine without a thread to spare has no time to show anything.
        let thread = thread::Builder::new().name("progress".to_owned()).spawn(work).ok();
        Self { thread: thread.map(|thread| (sender, thread)) }
    }

    /// Takes the lines away that were drawn in place, or writes the last plain one, and returns when
    /// that is done.
    pub fn stop(self) {
        drop(self);
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if let Some((sender, thread)) = self.thread.take() {
            drop(sender);
            // If it panicked, it has said so, and the run is none the worse.
            let _ = thread.join();
        }
    }
}

/// Whether `every` passed before the sender of `stopped` went away.
fn goes_on(stopped: &Receiver<()>, every: Duration) -> bool {
    stopped.recv_timeout(every) == Err(RecvTimeoutError::Timeout)
}

fn in_place(
    out: &mut impl Write,
    size: impl Fn() -> Size,
    simulated: bool,
    stopped: &Receiver<()>,
    mut read: impl FnMut() -> Snapshot,
) -> io::Result<()> {
    let mut pace = Pace::default();
    while goes_on(stopped, DRAW_EVERY) {
        let (now, size) = (read(), size());
        let lines = text::lines(&now, pace.add(&now), simulated, size.usable_columns());
        block::draw(out, &lines, size)?;
    }
    block::clear(out)
}

fn lines(
    out: &mut impl Write,
    every: Duration,
    simulated: bool,
    stopped: &Receiver<()>,
    mut read: impl FnMut() -> Snapshot,
) -> io::Result<()> {
    loop {
        let goes_on = goes_on(stopped, every);
        let line = text::one_line(&read(), simulated, COLUMNS) + "\n";
        out.write_all(line.as_bytes())?;
        if !goes_on {
            return Ok(());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Progress, Show, in_place, lines};
    use crate::Snapshot;
    use crate::block::Size;
    use std::io;
    use std::sync::mpsc::{self, Sender};
    use std::time::Duration;

    /// A run that is over when it has been looked at `looks` times.
    fn counting(looks: u64) -> (impl FnMut() -> Snapshot, mpsc::Receiver<()>) {
        let (sender, stopped) = mpsc::channel();
        let (mut sender, mut seen): (Option<Sender<()>>, u64) = (Some(sender), 0);
        let read = move || {
            seen += 1;
            if seen == looks {
                drop(sender.take());
            }
            Snapshot { planned: 9, released: seen, elapsed_ns: seen * 1_000, ..Snapshot::default() }
        };
        (read, stopped)
    }

    #[test]
    fn a_line_each_time_and_one_at_the_end() {
        let (read, stopped) = counting(2);
        let mut out = Vec::new();
        lines(&mut out, Duration::ZERO, true, &stopped, read).unwrap();
        let want = "SIMULATED 1.00 µs, 1/9 sent, 0 in flight\n\
                    SIMULATED 2.00 µs, 2/9 sent, 0 in flight\n\
                    SIMULATED 3.00 µs, 3/9 sent, 0 in flight\n";
        assert_eq!(String::from_utf8(out).unwrap(), want);
    }

    #[test]
    fn ends_when_nobody_reads_stderr() {
        struct Gone;
        impl io::Write for Gone {
            fn write(&mut self, _: &[u8]) -> io::Result<usize> {
                Err(io::ErrorKind::BrokenPipe.into())
            }
            fn flush(&mut self) -> io::Result<()> {
                Ok(())
            }
        }
        // The sender lives on: only the error can end them.
        let (_sender, stopped) = mpsc::channel();
        lines(&mut Gone, Duration::ZERO, false, &stopped, Snapshot::default).unwrap_err();
        let size = || Size { columns: 80, rows: 24 };
        in_place(&mut Gone, size, false, &stopped, Snapshot::default).unwrap_err();
    }

    #[test]
    fn what_is_drawn_in_place_follows_the_size_and_is_taken_away() {
        let (read, stopped) = counting(2);
        let columns = std::cell::Cell::new(60);
        let size = || Size { columns: columns.replace(20), rows: 6 };
        let mut out = Vec::new();
        in_place(&mut out, size, true, &stopped, read).unwrap();
        let text = String::from_utf8(out).unwrap();
        let (wide, rest) = text.split_once("\x1b[5A").unwrap();
        let (narrow, end) = rest.split_once("\x1b[5A").unwrap();
        for (drawn, columns) in [(wide, 60), (narrow, 20)] {
            let lines: Vec<_> = drawn.split("\x1b[K").map(|line| line.trim_matches('\n')).collect();
            let widest = lines.iter().map(|line| line.trim_start_matches('\r').chars().count());
            assert_eq!(lines.len(), 7, "{drawn:?}");
            assert!(widest.max().unwrap() < columns, "{drawn:?}");
            assert!(drawn.contains("SIMULATED"), "{drawn:?}");
        }
        assert_eq!(end, "\r\x1b[J");
    }

    #[test]
    fn stops_at_once() {
        let progress = Progress::start(Show::default(), Snapshot::default);
        progress.stop();
        Progress::start(Show { quiet: true, ..Show::default() }, || unreachable!()).stop();
    }
}
