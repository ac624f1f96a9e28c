//! A worker's lock, as the source's library takes it: `SET NX PX`, and a script that lets go.

use std::hash::{BuildHasher, RandomState};
use std::sync::{Arc, LazyLock};
use std::thread;
use std::time::{Duration, Instant};

use proofload_scheduler::{StoreError, Tally, WorkerKey};
use proofload_scheduler_redis::wire::{Script, Wire, WireError, cmd};

/// A lock ends by itself after this, whatever its holder does.
const LIFETIME: Duration = Duration::from_secs(10);
/// Whoever holds it that long has died, and its lock is gone by then.
const WAIT_MAX: Duration = Duration::from_secs(30);
const PAUSE_FIRST: Duration = Duration::from_millis(1);
const PAUSE_MAX: Duration = Duration::from_millis(50);

static RELEASE: LazyLock<Script> =
    LazyLock::new(|| Script::new("release", include_str!("release.lua")));

/// A worker's lock. Dropped without [`Primitives::release`](proofload_strategies::Primitives::release) it
/// stays on the server until its time is over.
#[derive(Debug)]
pub struct RedisLock {
    key: String,
    token: String,
    tally: Arc<Tally>,
    since: Instant,
}

impl RedisLock {
    /// Takes the lock, trying again for as long as somebody else has it.
    pub(crate) fn take(
        wire: &Wire,
        tally: &Arc<Tally>,
        worker: WorkerKey,
        key: String,
    ) -> Result<Self, StoreError> {
        let token = token();
        let asked = Instant::now();
        let mut pause = PAUSE_FIRST;
        let mut wait = None;
        let mut set = cmd("SET");
        set.arg(&key).arg(&token).arg("NX").arg("PX").arg(LIFETIME.as_millis() as u64);
        while wire.call::<Option<String>>(&set)?.is_none() {
            if asked.elapsed() >= WAIT_MAX {
                let seconds = WAIT_MAX.as_secs();
                return Err(StoreError::Failed(format!(
                    "worker {}: its lock `{key}` was not free for {seconds} s; does anybody set it without an end?",
                    worker.0
                )));
            }
            thread::sleep(by_chance(pause));
            pause = (2 * pause).min(PAUSE_MAX);
            wait = Some(asked.elapsed());
        }
        // The last pause was waited for as well, and so was the call that then succeeded.
        tally.lock(wait.map(|_| asked.elapsed()));
        Ok(Self { key, token, tally: Arc::clone(tally), since: Instant::now() })
    }

    /// Lets go of it, unless its time was over and it is somebody else's by now: nobody is told then, as
    /// in the source.
    pub(crate) fn release(self, wire: &Wire) -> Result<(), StoreError> {
        let _freed: u64 = wire.eval(RELEASE.on(&[&self.key]).arg(&self.token))?;
        Ok(())
    }
}

impl Drop for RedisLock {
    fn drop(&mut self) {
        self.tally.unlock(self.since.elapsed());
    }
}

/// Makes the server know the script, by letting go of a lock that is nobody's: the first release of a run
/// would cost more than the others.
pub(crate) fn prepare(wire: &Wire, key: &str) -> Result<(), WireError> {
    let _freed: u64 = wire.eval(RELEASE.on(&[key]).arg(token()))?;
    Ok(())
}

/// 128 bits that nobody else draws.
fn token() -> String {
    let drawn = || RandomState::new().hash_one(Instant::now());
    format!("{:016x}{:016x}", drawn(), drawn())
}

/// From half of a pause to all of it, so that those who wait for the same lock do not come at once.
fn by_chance(pause: Duration) -> Duration {
    let drawn = RandomState::new().hash_one(pause) as f64 / u64::MAX as f64;
    pause.mul_f64(0.5 + drawn / 2.0)
}
