//! Ctrl-C, SIGTERM, and a terminal that goes away.

use std::fs;
use std::future::poll_fn;
use std::io;
use std::process;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Poll;
use std::thread;

use tokio::runtime;
use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::Code;
use crate::messages::Messages;

/// Whether somebody wants the program to end: Ctrl-C, SIGTERM or SIGHUP. Clones are the same.
///
/// The first signal asks: it runs what was handed to [`Self::on_set`], and the scenario ends in good
/// order. The second Ctrl-C or SIGTERM ends the process at once, however busy it is, with exit code
/// 130. A further SIGHUP does not: shell and kernel both send one when a terminal is closed.
#[derive(Clone, Default)]
pub struct Interrupt {
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    set: bool,
    actions: Vec<Box<dyn FnOnce() + Send>>,
}

impl Interrupt {
    /// Whether it has been asked to end.
    #[must_use]
    pub fn is_set(&self) -> bool {
        self.state().set
    }

    /// Calls `act` once when it is asked to end, at once if that has happened. It is called on the
    /// thread that waits for signals, so it must be quick.
    pub fn on_set(&self, act: impl FnOnce() + Send + 'static) {
        let mut state = self.state();
        if state.set {
            drop(state);
            act();
        } else {
            state.actions.push(Box::new(act));
        }
    }

    /// Waits for signals from now on, on a thread of its own.
    pub(crate) fn listen(&self, messages: Messages) -> io::Result<()> {
        let runtime = runtime::Builder::new_current_thread().enable_io().build()?;
        let guard = runtime.enter();
        // Taken here and not on the thread, so that no signal slips through before it runs.
        let mut ends = [signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?];
        let heard = !hangup_is_ignored();
        let mut hangup = heard.then(|| signal(SignalKind::hangup())).transpose()?;
        drop(guard);
        let interrupt = self.clone();
        let wait = move || {
            runtime.block_on(next(ends.iter_mut().chain(&mut hangup)));
            interrupt.set();
            messages.say("interrupted: ending in good order; once more ends at once");
            runtime.block_on(next(ends.iter_mut()));
            messages.clear();
            process::exit(i32::from(Code::Interrupted as u8));
        };
        thread::Builder::new().name("signals".to_owned()).spawn(wait)?;
        Ok(())
    }

    fn set(&self) {
        let mut state = self.state();
        state.set = true;
        let actions = std::mem::take(&mut state.actions);
        drop(state);
        for act in actions {
            act();
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Ready when one of `signals` has come.
async fn next<'a>(signals: impl Iterator<Item = &'a mut Signal>) {
    let mut signals: Vec<_> = signals.collect();
    poll_fn(|context| {
        let came = signals.iter_mut().any(|signal| signal.poll_recv(context).is_ready());
        if came { Poll::Ready(()) } else { Poll::Pending }
    })
    .await;
}

/// Whether whoever started the program wants it to outlive its terminal, as `nohup` does: it starts
/// it with SIGHUP ignored, and listening would undo that.
fn hangup_is_ignored() -> bool {
    // Where there is no such file, nothing is known of it, and a hang-up ends the run in good order.
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let mask = mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
    // Signal 1 is the lowest bit.
    mask.is_some_and(|mask| mask & 1 == 1)
}

#[cfg(test)]
mod tests {
    use super::Interrupt;
    use std::sync::mpsc;

    #[test]
    fn actions_run_once_whether_they_came_before_or_after() {
        let interrupt = Interrupt::default();
        let (sender, done) = mpsc::channel();
        let early = sender.clone();
        interrupt.on_set(move || early.send("early").unwrap());
        assert!(!interrupt.is_set());
        assert!(done.try_recv().is_err());
        interrupt.clone().set();
        assert!(interrupt.is_set());
        interrupt.on_set(move || sender.send("late").unwrap());
        interrupt.set();
        assert_eq!(done.iter().collect::<Vec<_>>(), ["early", "late"]);
    }
}
