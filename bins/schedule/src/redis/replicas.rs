//! Replicas as processes: this program started again once for each, and what becomes of them.

use std::env;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, anyhow};
use proofload_scheduler::StoreError;
use proofload_strategies::{Ran, Strategy};

use super::line::{Job, Order, Said};
use super::server::Server;
use crate::scenario::Scenario;

/// How often it is looked whether the run is to end.
const LOOK: Duration = Duration::from_millis(20);
/// A replica that has been told that all is over may still wait for an answer of the server.
const END_MAX: Duration = Duration::from_secs(12);
/// After a death the containers that the dead one held come back within this.
const LEASES_BACK: Duration = Duration::from_secs(35);
/// After a death, and with an empty backlog, nothing of steps is under way any more.
const STEPS_QUIET: Duration = Duration::from_secs(2);

/// Replicas that are connected.
pub(super) struct Replicas {
    children: Vec<One>,
    events: Receiver<(usize, Event)>,
}

struct One {
    process: Child,
    orders: Option<ChildStdin>,
    /// What it ran, or how it ended without.
    end: Option<Result<Box<super::line::Told>, String>>,
}

enum Event {
    Said(Said),
    /// It says nothing more.
    Silent,
}

/// What they came to.
pub(super) struct Together {
    pub(super) ran: Ran,
    pub(super) beside: u64,
    /// Those that ended by themselves, in words.
    pub(super) died: Vec<String>,
}

impl Replicas {
    /// Starts them and waits until all are connected.
    pub(super) fn start(
        server: &Server,
        prefix: &str,
        strategy: Strategy,
        scenario: &Scenario,
        stop: &AtomicBool,
    ) -> anyhow::Result<Self> {
        let program = env::current_exe().context("cannot find this program, to start it again")?;
        let (sender, events) = channel();
        let mut replicas = Self { children: Vec::new(), events };
        for index in 0..scenario.replicas {
            let job = Job {
                near: server.near.revealed(),
                far: server.far().revealed(),
                prefix: prefix.to_owned(),
                strategy: strategy.name().to_owned(),
                index,
                count: scenario.replicas,
                containers: scenario.containers as usize,
                policy: scenario.policy.name().to_owned(),
                seed: scenario.seed,
                batch: scenario.batching.most,
                window_us: scenario.batching.window.as_micros() as u64,
                adaptive: scenario.batching.adaptive,
                cache_ttl_us: scenario.cache_lifetime.as_micros() as u64,
            };
            let mut command = Command::new(&program);
            // A Ctrl-C in the terminal is for the program, which then ends them.
            command.arg("--replica").process_group(0);
            command.stdin(Stdio::piped()).stdout(Stdio::piped());
            let mut process = command.spawn().context("cannot start a replica")?;
            let (orders, said) = (process.stdin.take(), process.stdout.take());
            replicas.children.push(One { process, orders, end: None });
            let said = said.context("a replica has no output")?;
            hear(index as usize, BufReader::new(said), sender.clone())?;
            replicas.tell(index as usize, &job);
        }
        let mut ready = 0;
        while ready < replicas.children.len() && !stop.load(Ordering::Relaxed) {
            match replicas.next()? {
                None => {}
                Some((_, Event::Said(Said::Ready))) => ready += 1,
                Some((index, Event::Said(Said::Failed(why)))) => {
                    return Err(anyhow!("replica {index} did not begin: {why}"));
                }
                Some((index, _)) => {
                    let how = replicas.children[index].ended();
                    return Err(anyhow!("replica {index} did not begin: {how}"));
                }
            }
        }
        Ok(replicas)
    }

    /// Lets them begin, and end when all containers are settled. `is_drained` tells, after a death,
    /// whether anything more can come.
    pub(super) fn run(
        mut self,
        containers: usize,
        stop: &AtomicBool,
        is_drained: impl Fn() -> Result<bool, StoreError>,
    ) -> anyhow::Result<Together> {
        self.tell_all(Order::Go);
        let mut settled = 0;
        // The last time that something happened, and whether somebody died.
        let (mut moved, mut is_short) = (Instant::now(), false);
        while settled < containers && !stop.load(Ordering::Relaxed) && !self.is_over() {
            match self.next()? {
                Some((_, Event::Said(Said::Settled(more)))) => {
                    settled += more;
                    moved = Instant::now();
                }
                Some((index, event)) => {
                    self.heard(index, event);
                    is_short |= matches!(self.children[index].end, Some(Err(_)));
                    moved = Instant::now();
                }
                None if is_short && moved.elapsed() > LEASES_BACK => break,
                None if is_short && moved.elapsed() > STEPS_QUIET && is_drained()? => break,
                None => {}
            }
        }
        self.tell_all(Order::Over);
        let until = Instant::now() + END_MAX;
        while !self.is_over() && Instant::now() < until {
            if let Some((index, event)) = self.next()? {
                self.heard(index, event);
            }
        }
        Ok(self.together())
    }

    fn together(mut self) -> Together {
        let mut together = Together { ran: Ran::default(), beside: 0, died: Vec::new() };
        for (index, one) in self.children.iter_mut().enumerate() {
            let number = one.process.id();
            match one.end.take() {
                Some(Ok(told)) => {
                    together.beside += told.beside;
                    together.ran.join(told.ran(index));
                }
                Some(Err(how)) => {
                    together.died.push(format!("replica {index} (process {number}) {how}"));
                }
                None => together.died.push(format!(
                    "replica {index} (process {number}) did not end in {} s and was killed",
                    END_MAX.as_secs()
                )),
            }
        }
        together
    }

    /// Whether none of them has anything more to say.
    fn is_over(&self) -> bool {
        self.children.iter().all(|one| one.end.is_some())
    }

    fn heard(&mut self, index: usize, event: Event) {
        let one = &mut self.children[index];
        if one.end.is_some() {
            return;
        }
        match event {
            Event::Said(Said::Ran(told)) => one.end = Some(Ok(told)),
            Event::Said(Said::Failed(why)) => one.end = Some(Err(format!("gave up: {why}"))),
            Event::Said(Said::Ready | Said::Settled(_)) => {}
            Event::Silent => one.end = Some(Err(one.ended())),
        }
    }

    /// What one of them says next; nothing for a while.
    fn next(&self) -> anyhow::Result<Option<(usize, Event)>> {
        match self.events.recv_timeout(LOOK) {
            Ok(event) => Ok(Some(event)),
            Err(RecvTimeoutError::Timeout) => Ok(None),
            Err(RecvTimeoutError::Disconnected) => Err(anyhow!("no replica is left")),
        }
    }

    fn tell_all(&mut self, order: Order) {
        for index in 0..self.children.len() {
            self.tell(index, &order);
        }
    }

    /// One that has ended is found out by its silence.
    fn tell(&mut self, index: usize, what: &impl serde::Serialize) {
        let Some(orders) = &mut self.children[index].orders else { return };
        let mut line = serde_json::to_vec(what).unwrap_or_default();
        line.push(b'\n');
        if orders.write_all(&line).is_err() {
            self.children[index].orders = None;
        }
    }
}

impl One {
    /// How it ended, for one that says nothing more.
    fn ended(&mut self) -> String {
        self.orders = None;
        let until = Instant::now() + Duration::from_secs(1);
        loop {
            match self.process.try_wait() {
                Ok(Some(status)) => return words(status),
                Ok(None) if Instant::now() < until => thread::sleep(Duration::from_millis(2)),
                _ => return "says nothing any more".to_owned(),
            }
        }
    }
}

fn words(status: ExitStatus) -> String {
    match (status.signal(), status.code()) {
        (Some(signal), _) => format!("was ended by signal {signal}"),
        (None, Some(code)) => format!("ended by itself, with code {code}"),
        (None, None) => "ended by itself".to_owned(),
    }
}

/// None of them outlives the program's interest.
impl Drop for Replicas {
    fn drop(&mut self) {
        for one in &mut self.children {
            // Its input ends, and so does it; one that is stopped or stuck is killed.
            one.orders = None;
            let until = Instant::now() + Duration::from_millis(200);
            while matches!(one.process.try_wait(), Ok(None)) && Instant::now() < until {
                thread::sleep(Duration::from_millis(1));
            }
            // They fail for one that has ended, which is what is wanted.
            let _ = one.process.kill();
            let _ = one.process.wait();
        }
    }
}

/// Hands on what a replica says, until it says nothing more.
fn hear(
    index: usize,
    said: impl BufRead + Send + 'static,
    to: Sender<(usize, Event)>,
) -> anyhow::Result<()> {
    let hear = move || {
        for line in said.lines() {
            let Some(said) = line.ok().and_then(|line| serde_json::from_str(&line).ok()) else {
                break;
            };
            if to.send((index, Event::Said(said))).is_err() {
                return;
            }
        }
        // Where nobody listens any more nobody has to know.
        let _ = to.send((index, Event::Silent));
    };
    thread::Builder::new().name(format!("replica-{index}")).spawn(hear)?;
    Ok(())
}
