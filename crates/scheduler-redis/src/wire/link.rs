//! One connection, from its handshake to its loss.

use std::future::Future;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use proofload_scheduler::Tally;
use redis::aio::{ConnectionLike, MultiplexedConnection};
use redis::{AsyncConnectionConfig, Cmd, Pipeline, RedisConnectionInfo, RedisError, Value};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::task::{JoinError, JoinHandle};
use tokio::time::timeout;

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
    pub(super) out: Out,
}

/// How many of the commands of a request the kernel has to their last byte; no others can be carried out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Out {
    All,
    Some,
    None,
}

impl Drop for Link {
    fn drop(&mut self) {
        self.driver.abort();
    }
}

impl Link {
    /// Connects, introduces itself and looks whether it is a server to work with, each of both within
    /// `patience`.
    pub(super) async fn open(
        address: &Address,
        tally: &Arc<Tally>,
        patience: Duration,
    ) -> Result<(Self, Info), WireError> {
        let connected = timeout(patience, Self::connect(address, tally)).await;
        let mut link = connected
            .unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))
            .map_err(|source| WireError::Unreachable { address: address.clone(), source })?;
        let silent = WireError::Silent { address: address.clone(), waited: patience };
        let info = timeout(patience, link.shake_hands(address)).await.unwrap_or(Err(silent))?;
        Ok((link, info))
    }

    async fn connect(address: &Address, tally: &Arc<Tally>) -> io::Result<Self> {
        let socket = TcpStream::connect(address.endpoint()).await?;
        socket.set_nodelay(true)?;
        let (stream, written) = CountingStream::new(socket, Arc::clone(tally));
        // The library says nothing by itself: the handshake is ours, so that its errors have names.
        let quiet = RedisConnectionInfo::default().set_skip_set_lib_name();
        let config = AsyncConnectionConfig::new().set_response_timeout(None);
        let made = MultiplexedConnection::new_with_config(&quiet, stream, config).await;
        let (connection, driver) = made.map_err(io::Error::other)?;
        Ok(Self { connection, driver: tokio::spawn(driver), written, given: 0 })
    }

    /// `HELLO` in RESP3 with the login, then `SELECT` if it is not database 0, and `INFO`.
    async fn shake_hands(&mut self, address: &Address) -> Result<Info, WireError> {
        let mut hello = redis::cmd("HELLO");
        hello.arg(3);
        if let Some(login) = address.login() {
            hello.arg("AUTH").arg(login.user()).arg(login.password());
        }
        let old = |version: String| WireError::TooOld { address: address.clone(), version };
        let said = self.send(Arc::new(hello)).await.reply.await;
        if let Value::ServerError(error) = greeting(address, said)? {
            // A server before RESP3 has no such command.
            if error.details().is_some_and(|text| text.contains("unknown command")) {
                return Err(old("before 6.0".to_owned()));
            }
            return Err(WireError::answered(address, "HELLO".to_owned(), &error));
        }
        if address.database() != 0 {
            let select = redis::cmd("SELECT").arg(address.database()).take();
            let said = self.send(Arc::new(select)).await.reply.await;
            if let Value::ServerError(error) = greeting(address, said)? {
                return Err(WireError::answered(address, "SELECT".to_owned(), &error));
            }
        }
        let said = self.send(Arc::new(redis::cmd("INFO"))).await.reply.await;
        let info = match greeting(address, said)? {
            Value::ServerError(error) => {
                return Err(WireError::answered(address, "INFO".to_owned(), &error));
            }
            text => info_of(address, text)?,
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
        // A turn for the socket: what is closed by now is found out before anything is written to it.
        tokio::task::yield_now().await;
        self.given += commands;
        let given = self.given;
        let reply = tokio::spawn(reply);
        // It ends early when the connection does; the reply then says why.
        let _ = self.written.wait_for(|&written| written >= given).await;
        let missing = given.saturating_sub(*self.written.borrow());
        let out = match missing {
            0 => Out::All,
            _ if missing < commands => Out::Some,
            _ => Out::None,
        };
        Sent { reply, out }
    }
}

pub(super) fn info_of(address: &Address, reply: Value) -> Result<Info, WireError> {
    let unexpected =
        |found| WireError::Unexpected { address: address.clone(), call: "INFO".to_owned(), found };
    let kind = kind_of(&reply);
    let text: String = redis::from_redis_value(reply).map_err(|_| unexpected(kind.to_owned()))?;
    Info::read(&text).map_err(|missing| unexpected(format!("no line `{}`", missing.0)))
}

/// What came of one of the first words.
fn greeting(
    address: &Address,
    said: Result<Result<Value, RedisError>, JoinError>,
) -> Result<Value, WireError> {
    let address = address.clone();
    match said {
        Ok(Ok(reply)) => Ok(reply),
        Ok(Err(error)) if error.kind() == redis::ErrorKind::Parse => {
            Err(WireError::NotRedis { address, found: "it speaks another protocol" })
        }
        _ => {
            let found = "it closed the connection before it answered";
            let source = io::Error::new(io::ErrorKind::UnexpectedEof, found);
            Err(WireError::Unreachable { address, source })
        }
    }
}

/// What a reply is; not what is in it, which may be anybody's and of any length.
pub(super) fn kind_of(reply: &Value) -> &'static str {
    match reply {
        Value::Nil => "nothing",
        Value::Int(_) | Value::Double(_) | Value::BigNumber(_) => "a number",
        Value::Array(_) | Value::Set(_) | Value::Push { .. } => "an array",
        Value::Map(_) | Value::Attribute { .. } => "a map",
        Value::Boolean(_) => "a truth value",
        _ => "a text",
    }
}
