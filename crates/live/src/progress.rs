//! The thread that shows it.

use std::io::{self, IsTerminal, Write};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::Snapshot;

/// Columns that every line fits, on whatever screen or page it is read.
const COLUMNS: usize = 80;
/// The least that a bar takes of them, with the blank after it.
const BAR_COLUMNS: usize = 9;
/// Between two looks where stderr is a terminal: five a second.
const BAR_EVERY: Duration = Duration::from_millis(200);
/// Between two lines where it is not.
const LINE_EVERY: Duration = Duration::from_secs(5);

/// What is shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Show {
    /// Nothing at all.
    pub quiet: bool,
    /// The target is the simulator, and every line says so.
    pub simulated: bool,
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
            if io::stderr().is_terminal() {
                bar(ProgressDrawTarget::stderr_with_hz(5), show.simulated, &stopped, read);
            } else {
                lines(&mut io::stderr(), LINE_EVERY, show.simulated, &stopped, read);
            }
        };
        // A machine without a thread to spare has no time to show anything.
        let thread = thread::Builder::new().name("progress".to_owned()).spawn(work).ok();
        Self { thread: thread.map(|thread| (sender, thread)) }
    }

    /// Takes the bar away, or writes the last line, and returns when that is done.
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

fn bar(
    target: ProgressDrawTarget,
    simulated: bool,
    stopped: &Receiver<()>,
    mut read: impl FnMut() -> Snapshot,
) {
    let bar = ProgressBar::with_draw_target(None, target);
    if let Ok(style) = ProgressStyle::with_template("{wide_bar} {msg}") {
        bar.set_style(style.progress_chars("##-"));
    }
    while goes_on(stopped, BAR_EVERY) {
        let snapshot = read();
        bar.set_length(snapshot.planned);
        bar.set_position(snapshot.finished);
        bar.set_message(snapshot.line(simulated, COLUMNS - BAR_COLUMNS));
    }
    bar.finish_and_clear();
}

fn lines(
    out: &mut impl Write,
    every: Duration,
    simulated: bool,
    stopped: &Receiver<()>,
    mut read: impl FnMut() -> Snapshot,
) {
    loop {
        let goes_on = goes_on(stopped, every);
        let written = writeln!(out, "{}", read().line(simulated, COLUMNS));
        if written.is_err() || !goes_on {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{BAR_EVERY, COLUMNS, Progress, Show, bar, lines};
    use crate::Snapshot;
    use indicatif::{ProgressDrawTarget, TermLike};
    use std::io;
    use std::sync::mpsc::{self, Sender};
    use std::sync::{Arc, Mutex};
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
        lines(&mut out, Duration::ZERO, true, &stopped, read);
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
        let (sender, stopped) = mpsc::channel();
        lines(&mut Gone, Duration::ZERO, false, &stopped, Snapshot::default);
        drop(sender);
    }

    /// A terminal of 80 columns that keeps what was drawn.
    #[derive(Clone, Debug, Default)]
    struct Screen {
        drawn: Arc<Mutex<Vec<String>>>,
    }

    impl TermLike for Screen {
        fn width(&self) -> u16 {
            80
        }
        fn move_cursor_up(&self, _: usize) -> io::Result<()> {
            Ok(())
        }
        fn move_cursor_down(&self, _: usize) -> io::Result<()> {
            Ok(())
        }
        fn move_cursor_right(&self, _: usize) -> io::Result<()> {
            Ok(())
        }
        fn move_cursor_left(&self, _: usize) -> io::Result<()> {
            Ok(())
        }
        fn write_line(&self, text: &str) -> io::Result<()> {
            self.write_str(text)
        }
        fn write_str(&self, text: &str) -> io::Result<()> {
            self.drawn.lock().unwrap().push(text.to_owned());
            Ok(())
        }
        fn clear_line(&self) -> io::Result<()> {
            Ok(())
        }
        fn flush(&self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn the_bar_fits_the_screen_and_names_the_simulator() {
        let (read, stopped) = counting(2);
        let screen = Screen::default();
        let target = ProgressDrawTarget::term_like(Box::new(screen.clone()));
        bar(target, true, &stopped, read);
        let drawn = screen.drawn.lock().unwrap();
        assert!(drawn.iter().any(|text| text.contains("SIMULATED")), "{BAR_EVERY:?}: {drawn:?}");
        for text in &*drawn {
            assert!(text.trim_end().chars().count() <= COLUMNS, "{text:?}");
        }
    }

    #[test]
    fn stops_at_once() {
        let progress = Progress::start(Show::default(), Snapshot::default);
        progress.stop();
        Progress::start(Show { quiet: true, ..Show::default() }, || unreachable!()).stop();
    }
}
