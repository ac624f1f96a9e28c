//! Scripts that say how many calls they made.

use std::sync::Arc;

use redis::{Cmd, ToRedisArgs};

/// Before every script, on its first line, so that line numbers in errors are the script's own. It has no
/// way to the server but `call`: by the name of `redis` there is nothing.
const HEAD: &str = "local function script(call, redis) ";
/// After it: what counts its calls, out of its reach, and hands the count out before the reply. An error
/// goes out there too, so a script that fails half-way is counted up to where it failed.
const FOOT: &str = include_str!("counting.lua");

/// A script for the server: Lua, whose `return` is the reply.
///
/// It has `KEYS` and `ARGV`, and calls the server with `call('GET', KEYS[1])` instead of
/// `redis.call(…)`: that is what is counted. Every key it touches has to be among `KEYS`.
#[derive(Clone, Debug)]
pub struct Script(Arc<Text>);

#[derive(Debug)]
struct Text {
    name: &'static str,
    code: String,
    hash: String,
}

impl Script {
    /// A script under a name that errors give.
    #[must_use]
    pub fn new(name: &'static str, lua: &str) -> Self {
        let code = format!("{HEAD}{lua}{FOOT}");
        let hash = redis::Script::new(&code).get_hash().to_owned();
        Self(Arc::new(Text { name, code, hash }))
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &'static str {
        self.0.name
    }

    pub(super) fn load(&self) -> Cmd {
        redis::cmd("SCRIPT").arg("LOAD").arg(&self.0.code).take()
    }

    /// A call of it on these keys; arguments come after with [`Eval::arg`].
    #[must_use]
    pub fn on<K: ToRedisArgs>(&self, keys: &[K]) -> Eval {
        let mut command = redis::cmd("EVALSHA");
        command.arg(&self.0.hash).arg(keys.len());
        for key in keys {
            command.arg(key);
        }
        Eval { script: self.clone(), command, run_id: None }
    }
}

/// A call of a [`Script`] that is put together.
#[derive(Clone)]
pub struct Eval {
    pub(super) script: Script,
    pub(super) command: Cmd,
    pub(super) run_id: Option<String>,
}

impl Eval {
    /// Adds an argument, or with a slice several.
    pub fn arg<A: ToRedisArgs>(&mut self, argument: A) -> &mut Self {
        self.command.arg(argument);
        self
    }

    /// Adds the run id of the server that it is meant for. If meanwhile the wire, say by another thread,
    /// was connected to a server started anew, it is not sent.
    pub fn run_id(&mut self, run_id: &str) -> &mut Self {
        self.run_id = Some(run_id.to_owned());
        self.arg(run_id)
    }
}

/// Shows which script, not what it is called with.
impl std::fmt::Debug for Eval {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Eval").field("script", &self.script.name()).finish_non_exhaustive()
    }
}
