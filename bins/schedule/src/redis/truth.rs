//! What the server says that a run has cost it, beside what we have counted.

use std::sync::Arc;
use std::time::Duration;

use proofload_scheduler::{Counters, Snapshot};
use proofload_scheduler_redis::wire::{Address, Info, Options, Wire, WireError};

/// A connection of its own that asks the server.
pub(crate) struct Observer {
    pub(crate) wire: Wire,
    counters: Arc<Counters>,
}

/// One look.
pub(crate) struct Look {
    info: Info,
    own: u64,
}

/// The server's own count of a run, and ours.
#[derive(Clone, Debug)]
pub(crate) struct Truth {
    /// Commands that the server carried out meanwhile, for anybody; none if it was started anew.
    pub(crate) server: Option<u64>,
    /// Commands that we know of: those of the strategy, and those that belong to none.
    pub(crate) strategy: u64,
    pub(crate) beside: u64,
    /// A replica died, and what it had sent is known to nobody.
    pub(crate) is_short: bool,
    /// CPU time of the server's process, in user and in kernel mode.
    pub(crate) cpu: Option<Duration>,
}

impl Observer {
    pub(crate) fn connect(address: &Address) -> Result<Self, WireError> {
        let (counters, tally) = Counters::for_store();
        let wire = Wire::connect(address, Options::default(), Arc::new(tally))?;
        Ok(Self { wire, counters })
    }

    pub(crate) fn look(&self) -> Result<Look, WireError> {
        // The server counts an `INFO` when it has answered it, we when it is sent.
        let own = commands(&self.counters.snapshot());
        Ok(Look { info: self.wire.info()?, own })
    }
}

impl Truth {
    /// Between two looks. `strategy` has been counted as its cost, `beside` by others of ours.
    pub(super) fn between(before: &Look, after: &Look, strategy: u64, beside: u64) -> Self {
        let is_same = before.info.run_id == after.info.run_id;
        let of = |info: &Info| info.cpu.user + info.cpu.system;
        Self {
            server: is_same.then(|| after.info.commands.saturating_sub(before.info.commands)),
            strategy,
            beside: beside + (after.own - before.own),
            is_short: false,
            cpu: is_same.then(|| of(&after.info).saturating_sub(of(&before.info))),
        }
    }

    pub(crate) fn is_equal(&self) -> bool {
        self.server == Some(self.strategy + self.beside)
    }

    /// In words.
    pub(crate) fn text(&self) -> String {
        let ours = self.strategy + self.beside;
        let of = format!("{} of the run, {} beside it", self.strategy, self.beside);
        match self.server {
            None => format!("none: it was started anew meanwhile ({of})"),
            Some(server) if server == ours => format!("{server} commands: {of}, no others"),
            Some(server) if server > ours => {
                let more = server - ours;
                let whose = match self.is_short {
                    true => "of a replica that died, or of others",
                    false => "of others who used the server meanwhile",
                };
                format!("{server} commands: {of}, {more} {whose}")
            }
            Some(server) => format!(
                "{server} commands, {} fewer than we sent ({of}): some were turned away unread",
                ours - server
            ),
        }
    }
}

/// Commands sent, and those that scripts made.
pub(crate) fn commands(counted: &Snapshot) -> u64 {
    counted.wire.map_or(0, |wire| wire.commands + wire.script_calls)
}

#[cfg(test)]
mod tests {
    use super::Truth;

    #[test]
    fn a_difference_is_told() {
        for (server, text) in [
            (Some(71), "71 commands: 69 of the run, 2 beside it, no others"),
            (Some(80), "80 commands: 69 of the run, 2 beside it, 9 of others who used the server"),
            (Some(70), "70 commands, 1 fewer than we sent"),
            (None, "none: it was started anew meanwhile"),
        ] {
            let truth = Truth { server, strategy: 69, beside: 2, is_short: false, cpu: None };
            assert!(truth.text().starts_with(text), "{}", truth.text());
            assert_eq!(truth.is_equal(), server == Some(71));
        }
        let truth = Truth { server: Some(80), strategy: 69, beside: 2, is_short: true, cpu: None };
        assert!(truth.text().ends_with("9 of a replica that died, or of others"));
    }
}
