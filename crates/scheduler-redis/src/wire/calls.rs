//! Calls: sent, waited for, and what can be said of those that got no reply.

use std::sync::Arc;

use redis::{Cmd, ErrorKind, FromRedisValue, Pipeline, Value, cmd};
use tokio::time::timeout;

use super::Wire;
use super::error::WireError;
use super::info::Info;
use super::link::{self, Out, Reply, Sent};
use super::script::{Eval, Script};

/// A call that is under way.
pub struct Pending {
    command: Arc<Cmd>,
    /// To load it if the server does not have it.
    script: Option<Script>,
    /// The only run of the server that it is for.
    run_id: Option<String>,
    link: u64,
    reply: Reply<Value>,
}

impl Wire {
    /// What the server says of itself now.
    ///
    /// # Errors
    /// [`WireError`].
    pub fn info(&self) -> Result<Info, WireError> {
        link::info_of(&self.address, self.call(&cmd("INFO"))?)
    }

    /// Sends a command and waits for its reply.
    ///
    /// # Errors
    /// [`WireError`].
    pub fn call<T: FromRedisValue>(&self, command: &Cmd) -> Result<T, WireError> {
        self.receive(self.submit(command)?)
    }

    /// Sends commands together and waits for all their replies; each may have failed by itself.
    ///
    /// # Errors
    /// [`WireError`], if the replies did not come.
    pub fn call_all(
        &self,
        commands: &Pipeline,
    ) -> Result<Vec<Result<Value, WireError>>, WireError> {
        if commands.is_empty() {
            return Ok(Vec::new());
        }
        let mut state = self.state();
        let number = state.number;
        let what = || "a pipeline".to_owned();
        let Some(link) = &mut state.link else { return Err(self.not_sent(what())) };
        let patience = self.options.response_timeout;
        let sent = self
            .runtime
            .block_on(async { timeout(patience, link.send_all(commands.clone())).await });
        let reply = match sent {
            Ok(Sent { out: Out::None, .. }) => {
                state.link = None;
                return Err(self.not_sent(what()));
            }
            Ok(Sent { reply, .. }) => reply,
            Err(_) => {
                drop(state);
                return Err(self.lost(number, what(), self.too_late()));
            }
        };
        drop(state);
        let replies = self.wait(number, reply, what)?;
        let names: Vec<_> = commands.cmd_iter().map(name_of).collect();
        let checked = replies.into_iter().zip(names).map(|(reply, name)| match reply {
            Value::ServerError(error) => Err(WireError::answered(&self.address, name, &error)),
            reply => Ok(reply),
        });
        Ok(checked.collect())
    }

    /// Calls a script and waits for its reply.
    ///
    /// # Errors
    /// [`WireError`].
    pub fn eval<T: FromRedisValue>(&self, eval: &Eval) -> Result<T, WireError> {
        self.receive(self.submit_eval(eval)?)
    }

    /// Sends a command; returns when its bytes are on their way.
    ///
    /// # Errors
    /// [`WireError::NotSent`].
    pub fn submit(&self, command: &Cmd) -> Result<Pending, WireError> {
        self.send(Arc::new(command.clone()), None, None)
    }

    /// Sends a call of a script; returns when its bytes are on their way.
    ///
    /// # Errors
    /// [`WireError::NotSent`].
    pub fn submit_eval(&self, eval: &Eval) -> Result<Pending, WireError> {
        let Eval { script, command, run_id } = eval.clone();
        self.send(Arc::new(command), Some(script), run_id)
    }

    fn send(
        &self,
        command: Arc<Cmd>,
        script: Option<Script>,
        run_id: Option<String>,
    ) -> Result<Pending, WireError> {
        let mut state = self.state();
        let number = state.number;
        let name = || name(&command, script.as_ref());
        if run_id.as_ref().is_some_and(|run_id| *run_id != state.server.run_id) {
            return Err(self.not_sent(name()));
        }
        let Some(link) = &mut state.link else { return Err(self.not_sent(name())) };
        let patience = self.options.response_timeout;
        let sending = Arc::clone(&command);
        let sent = self.runtime.block_on(async { timeout(patience, link.send(sending)).await });
        match sent {
            Ok(Sent { reply, out: Out::All }) => {
                Ok(Pending { command, script, run_id, link: number, reply })
            }
            // Not to its end, and never will be: its connection goes.
            _ => {
                state.link = None;
                Err(self.not_sent(name()))
            }
        }
    }

    /// Waits for the reply to a call.
    ///
    /// A script that the server does not have is loaded, and the call sent once more: it had not begun.
    ///
    /// # Errors
    /// [`WireError`].
    pub fn receive<T: FromRedisValue>(&self, pending: Pending) -> Result<T, WireError> {
        let Pending { command, script, run_id, link, reply } = pending;
        let name = || name(&command, script.as_ref());
        let mut value = self.wait(link, reply, name)?;
        if let (Some(script), Value::ServerError(error)) = (&script, &value)
            && error.code() == "NOSCRIPT"
        {
            let _hash: String = self.call(&script.load())?;
            self.tally.script_load(1);
            let again = self.send(Arc::clone(&command), Some(script.clone()), run_id)?;
            value = self.wait(again.link, again.reply, name)?;
        }
        if script.is_some() {
            value = self.script_reply(value, name)?;
        }
        if let Value::ServerError(error) = &value {
            return Err(WireError::answered(&self.address, name(), error));
        }
        let kind = link::kind_of(&value);
        redis::from_redis_value(value).map_err(|_| WireError::Unexpected {
            address: self.address.clone(),
            call: name(),
            found: kind.to_owned(),
        })
    }

    /// Counts the calls that a script says it made; what is left is what it returned.
    fn script_reply(&self, value: Value, name: impl Fn() -> String) -> Result<Value, WireError> {
        let parts = match value {
            Value::Array(parts) => parts,
            failed @ Value::ServerError(_) => return Ok(failed),
            _ => Vec::new(),
        };
        let mut parts = parts.into_iter();
        match parts.next() {
            Some(Value::Int(calls)) if calls >= 0 => {
                self.tally.script_call(calls.unsigned_abs());
                Ok(parts.next().unwrap_or(Value::Nil))
            }
            _ => Err(WireError::Unexpected {
                address: self.address.clone(),
                call: name(),
                found: "a script's reply without its number of calls".to_owned(),
            }),
        }
    }

    fn wait<T>(
        &self,
        link: u64,
        reply: Reply<T>,
        name: impl Fn() -> String,
    ) -> Result<T, WireError> {
        let patience = self.options.response_timeout;
        match self.runtime.block_on(async { timeout(patience, reply).await }) {
            Ok(Ok(Ok(reply))) => Ok(reply),
            Ok(Ok(Err(error))) if error.kind() == ErrorKind::Parse => {
                Err(self.lost(link, name(), "what came is no reply".to_owned()))
            }
            // A transaction that the server did not carry out.
            Ok(Ok(Err(error))) if error.code().is_some() => Err(WireError::Refused {
                address: self.address.clone(),
                call: name(),
                code: error.code().unwrap_or_default().to_owned(),
                message: "nothing of it was carried out".to_owned(),
            }),
            Ok(_) => Err(self.lost(link, name(), "the connection was closed".to_owned())),
            Err(_) => Err(self.lost(link, name(), self.too_late())),
        }
    }

    fn too_late(&self) -> String {
        format!("no reply within {} ms", self.options.response_timeout.as_millis())
    }

    fn not_sent(&self, call: String) -> WireError {
        WireError::NotSent { address: self.address.clone(), call }
    }

    /// A sent call has no answer, and its connection is of no more use.
    fn lost(&self, link: u64, call: String, why: String) -> WireError {
        let mut state = self.state();
        if state.number == link {
            state.link = None;
        }
        WireError::NoAnswer { address: self.address.clone(), call, why }
    }
}

/// What a call is called in an error: its script or its command.
fn name(command: &Cmd, script: Option<&Script>) -> String {
    script.map_or_else(|| name_of(command), |script| script.name().to_owned())
}

fn name_of(command: &Cmd) -> String {
    match command.args_iter().next() {
        Some(redis::Arg::Simple(name)) => String::from_utf8_lossy(name).into_owned(),
        _ => String::new(),
    }
}
