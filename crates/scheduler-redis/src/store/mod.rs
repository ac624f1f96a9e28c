//! A store on a Redis server: handles, and how a call gets there and back.

mod answer;
mod calls;
mod error;
mod exchange;
mod known;
mod open;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

pub(crate) use answer::Answer;
pub use calls::Parcel;
pub use error::OpenError;
pub(crate) use error::malformed;
pub use exchange::Pending;
pub(crate) use exchange::container_key;
use known::Known;
use proofload_scheduler::{Counters, StoreError, Tally, WorkerKey};

use crate::keys::Keys;
use crate::packed::{SLOT_BYTES, Slot, read_worker};
use crate::scripts;
use crate::wire::{self, Address, Eval, Script, Wire, WireError, cmd};

/// How often a call is made anew because the store has begun another incarnation.
const ROUNDS: usize = 4;

/// Whose time decides when leases end and containers that were put back are ready.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Time {
    /// The server's, read in the script: callers' clocks need not agree.
    #[default]
    Server,
    /// The `now` of the calls: for tests and simulations that do not want to wait.
    Caller,
}

/// How a store is used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Options {
    /// Of the connection.
    pub wire: wire::Options,
    /// How long a worker is believed to be there without a beat; `None`: until it is removed.
    pub worker_ttl: Option<Duration>,
    /// How long workers are waited for after the server was set back.
    pub report_within: Duration,
    /// Whose time counts.
    pub time: Time,
}

impl Default for Options {
    /// Workers stay until they are removed, and have a minute to report; the server's time.
    fn default() -> Self {
        Self {
            wire: wire::Options::default(),
            worker_ttl: None,
            report_within: Duration::from_secs(60),
            time: Time::Server,
        }
    }
}

/// A handle of a store on Redis: a connection of its own, with counters of its own.
pub struct RedisStore {
    wire: Wire,
    keys: Arc<Keys>,
    options: Options,
    counters: Arc<Counters>,
    tally: Arc<Tally>,
    known: Mutex<Known>,
}

impl std::fmt::Debug for RedisStore {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RedisStore")
            .field("address", self.wire.address())
            .field("prefix", &self.keys.prefix())
            .finish_non_exhaustive()
    }
}

/// A script's call, to be made as often as it takes.
pub(crate) struct Call {
    pub(crate) script: &'static Script,
    /// The queues that it touches.
    pub(crate) queues: Vec<WorkerKey>,
    pub(crate) arguments: Vec<Vec<u8>>,
}

impl Call {
    pub(crate) fn new(script: &'static Script) -> Self {
        Self { script, queues: Vec::new(), arguments: Vec::new() }
    }

    pub(crate) fn queues(mut self, queues: impl IntoIterator<Item = WorkerKey>) -> Self {
        self.queues.extend(queues);
        self
    }

    pub(crate) fn arg(mut self, argument: impl Into<Vec<u8>>) -> Self {
        self.arguments.push(argument.into());
        self
    }

    pub(crate) fn number(self, number: impl ToString + Copy) -> Self {
        self.arg(number.to_string())
    }
}

/// Whether a call whose answer was lost may simply be made again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Again {
    /// To do it twice is to do it once.
    Yes,
    /// The caller has to decide.
    No,
}

impl RedisStore {
    fn connect(address: &Address, keys: Arc<Keys>, options: Options) -> Result<Self, WireError> {
        let (counters, tally) = Counters::for_store();
        let tally = Arc::new(tally);
        let wire = Wire::connect(address, options.wire, Arc::clone(&tally))?;
        Ok(Self { wire, keys, options, counters, tally, known: Mutex::default() })
    }

    /// Another handle of the same store: a connection of its own, and counters that start at zero.
    ///
    /// # Errors
    /// If the server cannot be reached.
    pub fn handle(&self) -> Result<Self, WireError> {
        Self::connect(self.wire.address(), Arc::clone(&self.keys), self.options)
    }

    /// Its connection, for what the server says of itself.
    pub fn wire(&self) -> &Wire {
        &self.wire
    }

    /// The prefix of its keys.
    pub fn prefix(&self) -> &str {
        self.keys.prefix()
    }

    pub(crate) fn keys(&self) -> &Keys {
        &self.keys
    }

    pub(crate) fn options(&self) -> &Options {
        &self.options
    }

    pub(crate) fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The call as it is sent now.
    fn eval(&self, call: &Call) -> Eval {
        let queues: Vec<String> = call.queues.iter().map(|&key| self.keys.queue(key)).collect();
        let keys: Vec<&str> = self.keys.fixed().iter().chain(&queues).map(String::as_str).collect();
        let mut eval = call.script.on(&keys);
        let known = self.known();
        eval.run_id(&self.wire.server().run_id);
        match self.options.time {
            Time::Server => eval.arg(""),
            Time::Caller => eval.arg(microseconds(known.now)),
        };
        match known.incarnation {
            None => eval.arg(""),
            Some(incarnation) => eval.arg(incarnation),
        };
        for argument in &call.arguments {
            eval.arg(argument.as_slice());
        }
        eval
    }

    /// Makes a call until the store has answered it, through whatever incarnation begins meanwhile.
    pub(crate) fn ask(
        &self,
        again: Again,
        call: impl Fn() -> Result<Call, StoreError>,
    ) -> Result<Answer, StoreError> {
        for _ in 0..ROUNDS {
            let call = call()?;
            let attempt = || self.wire.eval(&self.eval(&call));
            let value = match again {
                Again::Yes => self.wire.retry(attempt),
                Again::No => match attempt() {
                    Err(WireError::NotSent { .. }) => self.wire.reconnect().and_then(|_| attempt()),
                    done => done,
                },
            };
            let mut answer = Answer::new(call.script.name(), value?)?;
            match answer.word() {
                "SETBACK" => self.recover()?,
                "MOVED" => {
                    let incarnation = answer.number()?;
                    self.known().enter(incarnation);
                }
                "SCHEMA" => return Err(self.other_schema()),
                "RECOVERING" => return Err(StoreError::SetBack { waiting_for: answer.number()? }),
                _ => return Ok(answer),
            }
        }
        Err(StoreError::NoAnswer("the server is set back again and again".to_owned()))
    }

    /// The server has less than it had, or was started anew: asks every worker what it has.
    fn recover(&self) -> Result<(), StoreError> {
        let mut workers = self.known().workers();
        for _ in 0..ROUNDS {
            let seen = self.known().seen.map_or_else(String::new, |seen| seen.to_string());
            let call = Call::new(&scripts::RECOVER)
                .queues((0..workers as u32).map(WorkerKey))
                .arg(seen)
                .number(microseconds(self.options.report_within))
                .number(workers);
            let value = self.wire.retry(|| self.wire.eval(&self.eval(&call)))?;
            let mut answer = Answer::new(call.script.name(), value)?;
            match answer.word() {
                "OK" => return Ok(()),
                "QUEUES" => workers = answer.number()? as usize,
                "SCHEMA" => return Err(self.other_schema()),
                _ => return Err(answer.unexpected()),
            }
        }
        Err(StoreError::NoAnswer("workers register faster than they can be listed".to_owned()))
    }

    fn other_schema(&self) -> StoreError {
        StoreError::Failed(format!(
            "`{}` is of another schema than this version writes; somebody has taken the prefix over",
            self.keys.named("meta")
        ))
    }

    /// The key of a worker's name, which never changes within an incarnation.
    pub(crate) fn worker_key(&self, name: &str) -> Result<WorkerKey, StoreError> {
        if let Some(key) = self.known().key(name) {
            return Ok(key);
        }
        let command = cmd("HGET").arg(self.keys.named("workers")).arg(name).take();
        let key: Option<u32> = self.wire.retry(|| self.wire.call(&command))?;
        let key = key.ok_or_else(|| StoreError::NoSuchWorker(name.to_owned()))?;
        self.known().name_is(name, WorkerKey(key));
        Ok(WorkerKey(key))
    }

    /// A worker's slot and its name, read by themselves: no call of the steady state.
    pub(crate) fn look_up(&self, key: WorkerKey) -> Result<Option<(Slot, String)>, StoreError> {
        let at = key.0 as usize * SLOT_BYTES;
        let slot = self.range("fleet", at, SLOT_BYTES)?;
        if slot.len() < SLOT_BYTES {
            return Ok(None);
        }
        let slot = Slot::read(&slot).map_err(malformed)?;
        let text = self.range("registry", slot.text_at as usize, slot.text_bytes as usize)?;
        let worker = read_worker(&text, slot.total).map_err(malformed)?;
        let id = worker.id.clone();
        self.known().registered(key, slot.epoch, Arc::new(worker));
        Ok(Some((slot, id)))
    }

    pub(crate) fn range(&self, name: &str, at: usize, bytes: usize) -> Result<Vec<u8>, StoreError> {
        let last = (at + bytes).saturating_sub(1);
        let command = cmd("GETRANGE").arg(self.keys.named(name)).arg(at).arg(last).take();
        Ok(self.wire.retry(|| self.wire.call(&command))?)
    }
}

/// The longest that anything lasts, 142 years: added to the server's time it is still a number that Lua
/// has exactly.
const MICROSECONDS_MAX: u64 = 1 << 52;

pub(crate) fn microseconds(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX).min(MICROSECONDS_MAX)
}
