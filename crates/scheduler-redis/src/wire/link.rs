//! One connection, from its handshake to its loss.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use proofload_scheduler::Tally;
use redis::aio::{ConnectionLike, MultiplexedConnection};
use redis::{AsyncConnectionConfig, Cmd, ErrorKind, Pipeline, RedisError, Value};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use super::address::Address;
use super::error::WireError;
use super::info::Info;
use super::stream::CountingStream;

/// Since then a script may read the clock before it writes, as its effects are replicated.
pub(super) const OLDEST: &str = "7.0";
const OLDEST_MAJOR: u32 = 7;

/// A connection that has been let in.
pub(super) struct Link {
    connection: MultiplexedConnection,
    driver: JoinHandle<()>,
    written: watch::Receiver<u64>,
    /// Commands given to the connection so far.
    given: u64,
}

/// A reply to come.
pub(super) type Reply<T> = JoinHandle<Result<T, RedisError>>;

/// What was sent, and how far it came.
pub(super) struct Sent<T> {
    pub(super) reply: Reply<T>,
    /// Its last byte is with the kernel.
    pub(super) whole: bool,
}

impl Drop for Link {
    fn drop(&mut self) {
        self.driver.abort();
    }
}

impl Link {
    /// Connects, introduces itself and looks whether it is a server to work with.
    pub(super) async fn open(
        address: &Address,
        tally: &Arc<Tally>,
        patience: Duration,
    ) -> Result<(Self, Info), WireError> {
        let silent = || WireError::Silent { address: address.clone(), waited: patience };
        let opened = tokio::time::timeout(patience, async {
            let mut link = Self::connect(address, tally).await?;
            let info = link.shake_hands(address).await?;
            Ok((link, info))
        });
        opened.await.unwrap_or_else(|_| Err(silent()))
    }

    async fn connect(address: &Address, tally: &Arc<Tally>) -> Result<Self, WireError> {
        let unreachable = |source| WireError::Unreachable { address: address.clone(), source };
        let socket = TcpStream::connect(address.endpoint()).await.map_err(unreachable)?;
        socket.set_nodelay(true).map_err(unreachable)?;
        let (stream, written) = CountingStream::new(socket, Arc::clone(tally));
        // Nothing is said by the library: the handshake is ours, so that its errors are named.
        let quiet = redis::RedisConnectionInfo::default().set_skip_set_lib_name();
        let config = AsyncConnectionConfig::new().set_response_timeout(None);
        let (connection, driver) = MultiplexedConnection::new_with_config(&quiet, stream, config)
            .await
            .map_err(|error| unreachable(std::io::Error::other(error.to_string())))?;
        Ok(Self { connection, driver: tokio::spawn(driver), written, given: 0 })
    }

    /// `HELLO` in RESP3 with the login, `SELECT` if it is not database 0, and `INFO`: one round trip.
    async fn shake_hands(&mut self, address: &Address) -> Result<Info, WireError> {
        let mut greeting = redis::pipe();
        greeting.cmd("HELLO").arg(3);
        if let Some(login) = address.login() {
            greeting.arg("AUTH").arg(login.user()).arg(login.password());
        }
        if address.database() != 0 {
            greeting.cmd("SELECT").arg(address.database());
        }
        greeting.cmd("INFO");
        let sent = self.send_all(greeting).await;
        let replies = match sent.reply.await {
            Ok(Ok(replies)) => replies,
            Ok(Err(error)) => return Err(no_greeting(address, &error)),
            Err(_) => return Err(closed(address)),
        };
        let mut replies = replies.into_iter();
        let failed = |call: &str, error| WireError::answered(address, call.to_owned(), error);
        let old = |version: String| WireError::TooOld { address: address.clone(), version };
        match replies.next() {
            // A server before RESP3 knows no such command.
            Some(Value::ServerError(error))
                if error.details().is_some_and(|text| text.contains("unknown command")) =>
            {
                return Err(old("before 6.0".to_owned()));
            }
            Some(Value::ServerError(error)) => return Err(failed("HELLO", &error)),
            Some(_) => {}
            None => return Err(closed(address)),
        }
        if address.database() != 0
            && let Some(Value::ServerError(error)) = replies.next()
        {
            return Err(failed("SELECT", &error));
        }
        let info = match replies.next() {
            Some(Value::ServerError(error)) => return Err(failed("INFO", &error)),
            Some(text) => info_of(address, text)?,
            None => return Err(closed(address)),
        };
        let major = info.version.split('.').next().and_then(|major| major.parse::<u32>().ok());
        if major.is_none_or(|major| major < OLDEST_MAJOR) {
            return Err(old(info.version));
        }
        if info.loading {
            return Err(WireError::Loading { address: address.clone() });
        }
        match info.replica_of {
            Some(replica_of) => Err(WireError::Replica { address: address.clone(), replica_of }),
            None => Ok(info),
        }
    }

    /// Sends a command; returns when its bytes are out.
    pub(super) async fn send(&mut self, command: Arc<Cmd>) -> Sent<Value> {
        let mut connection = self.connection.clone();
        let reply = async move { connection.req_packed_command(&command).await };
        self.follow(1, reply).await
    }

    /// Sends commands together.
    pub(super) async fn send_all(&mut self, mut commands: Pipeline) -> Sent<Vec<Value>> {
        let mut connection = self.connection.clone();
        // A transaction is sent between two commands of its own.
        let count = commands.len() as u64 + if commands.is_transaction() { 2 } else { 0 };
        commands.ignore_errors();
        let reply = async move {
            match commands.query_async(&mut connection).await? {
                Value::Array(replies) => Ok(replies),
                reply => Ok(vec![reply]),
            }
        };
        self.follow(count, reply).await
    }

    async fn follow<T: Send + 'static>(
        &mut self,
        commands: u64,
        reply: impl Future<Output = Result<T, RedisError>> + Send + 'static,
    ) -> Sent<T> {
        self.given += commands;
        let given = self.given;
        let reply = tokio::spawn(reply);
        // It fails when the connection is gone; the reply then says why.
        let whole = self.written.wait_for(|&written| written >= given).await.is_ok();
        Sent { reply, whole }
    }
}

pub(super) fn info_of(address: &Address, reply: Value) -> Result<Info, WireError> {
    let unexpected =
        |found| WireError::Unexpected { address: address.clone(), call: "INFO".to_owned(), found };
    let text: String =
        redis::from_redis_value(reply).map_err(|error| unexpected(error.to_string()))?;
    Info::read(&text).map_err(|missing| unexpected(format!("no line `{}`", missing.0)))
}

fn closed(address: &Address) -> WireError {
    let source = std::io::Error::from(std::io::ErrorKind::UnexpectedEof);
    WireError::Unreachable { address: address.clone(), source }
}

/// No reply to the first words.
fn no_greeting(address: &Address, error: &RedisError) -> WireError {
    let address = address.clone();
    match error.kind() {
        ErrorKind::Parse => {
            WireError::NotRedis { address, found: "it answers in another protocol" }
        }
        _ => {
            let source = std::io::Error::other(error.to_string());
            WireError::Unreachable { address, source }
        }
    }
}
