//! Getting a connection: the host's name, TCP, TLS, each with its own time.

use std::future::{Future, poll_fn};
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Waker};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::Full;
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use proofload_record::clock::Clock;
use proofload_record::{End, NotSent, Outcome};
use rustix::io::Errno;
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use tokio::net::TcpStream;
use tokio::sync::OnceCell;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tracing::debug;

use super::io::{Stamped, Stamps, Stream};
use super::timeouts::Alarm;
use super::{Endpoint, Failure};

/// Largest head of an answer that we hold.
pub(crate) const HEAD_LIMIT_BYTES: usize = 64 * 1024;

/// A connection that is ready for a request.
pub(crate) struct Connection {
    pub(crate) sender: SendRequest<Full<Bytes>>,
    pub(crate) driver: Driver,
    pub(crate) alarm: Alarm,
    pub(crate) stamps: Rc<Stamps>,
    /// Whether it has served a request before.
    pub(crate) reused: bool,
}

/// The half of a connection that reads and writes.
///
/// The request that uses the connection drives it, in its own task: a task for each would be woken
/// by the socket only to wake the other, twice a request. While a connection is idle nobody drives
/// it, and what its server did meanwhile is seen by the next look.
pub(crate) struct Driver(Option<Box<http1::Connection<TokioIo<Stream>, Full<Bytes>>>>);

impl Driver {
    /// Reads and writes what can be, and has `cx` woken when there is more to do. Whatever ends the
    /// connection is told to the request that uses it.
    pub(crate) fn drive(&mut self, cx: &mut Context<'_>) {
        if self.0.as_mut().is_some_and(|driver| Pin::new(driver).poll(cx).is_ready()) {
            self.0 = None;
        }
    }

    /// Does `work` that needs the connection, and drives it all the while.
    pub(crate) async fn driving<T>(&mut self, work: impl Future<Output = T>) -> T {
        let mut work = pin!(work);
        poll_fn(|cx| {
            self.drive(cx);
            work.as_mut().poll(cx)
        })
        .await
    }
}

impl Connection {
    /// Whether it can still take a request at once, after a look at its socket.
    pub(crate) fn is_alive(&mut self) -> bool {
        self.driver.drive(&mut Context::from_waker(Waker::noop()));
        self.sender.is_ready()
    }
}

/// How long the parts of connecting took, in nanoseconds.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Phases {
    pub(crate) dns_ns: u64,
    pub(crate) tcp_ns: u64,
    pub(crate) tls_ns: u64,
}

/// Opens connections to one endpoint for one worker.
pub(crate) struct Connector {
    endpoint: Endpoint,
    clock: Clock,
    tls: Option<(TlsConnector, ServerName<'static>)>,
    /// The addresses once the name has resolved: one look-up serves all who wait for it, and a
    /// failure is not remembered.
    resolved: OnceCell<Rc<[SocketAddr]>>,
}

impl Connector {
    pub(crate) fn new(
        endpoint: Endpoint,
        tls: Option<(Arc<ClientConfig>, ServerName<'static>)>,
        clock: Clock,
    ) -> Self {
        let tls = tls.map(|(config, name)| (TlsConnector::from(config), name));
        Self { endpoint, clock, tls, resolved: OnceCell::new() }
    }

    /// A new connection; the caller ends it at `limit`. `phases` is written as the parts end, so that a timeout keeps them.
    pub(crate) async fn open(
        &self,
        limit: Duration,
        phases: &mut Phases,
    ) -> Result<Connection, Failure> {
        let from_ns = self.clock.now_ns();
        let addresses = self.resolve().await?;
        let resolved_ns = self.clock.now_ns();
        phases.dns_ns = resolved_ns - from_ns;
        let socket = connect_any(&addresses, limit).await?;
        let connected_ns = self.clock.now_ns();
        phases.tcp_ns = connected_ns - resolved_ns;
        // A small request must not wait for the acknowledgement of the one before.
        socket.set_nodelay(true).map_err(|error| unconnected(&error))?;

        let stamps = Stamps::new(self.clock);
        let stamped = Stamped { socket, stamps: Rc::clone(&stamps) };
        let stream = match &self.tls {
            None => Stream::Plain(stamped),
            Some((connector, name)) => {
                let handshake = connector.connect(name.clone(), stamped).await;
                phases.tls_ns = self.clock.now_ns() - connected_ns;
                let tls = handshake.map_err(|error| {
                    Failure::sent(Outcome::Tls, format!("TLS handshake failed: {error}"))
                })?;
                Stream::Tls(Box::new(tls))
            }
        };
        let mut builder = http1::Builder::new();
        // One write of a flat buffer is cheaper than a gathering one for heads and bodies of this size.
        builder.max_buf_size(HEAD_LIMIT_BYTES).writev(false);
        let Phases { dns_ns, tcp_ns, tls_ns } = *phases;
        debug!(dns_ns, tcp_ns, tls_ns, "connected");
        let (sender, driver) = builder
            .handshake(TokioIo::new(stream))
            .await
            .map_err(|error| Failure::sent(Outcome::BadHttp, error.to_string()))?;
        let driver = Driver(Some(Box::new(driver)));
        Ok(Connection { sender, driver, alarm: Alarm::default(), stamps, reused: false })
    }

    async fn resolve(&self) -> Result<Rc<[SocketAddr]>, Failure> {
        self.resolved.get_or_try_init(|| self.look_up()).await.map(Rc::clone)
    }

    async fn look_up(&self) -> Result<Rc<[SocketAddr]>, Failure> {
        let (host, port) = (self.endpoint.host.as_str(), self.endpoint.port);
        if let Ok(ip) = host.parse::<IpAddr>() {
            return Ok(Rc::new([SocketAddr::new(ip, port)]));
        }
        let fault = |reason: String| {
            Failure::sent(Outcome::Dns, format!("cannot resolve {host:?}: {reason}"))
        };
        let found = tokio::net::lookup_host((host, port)).await;
        let found: Rc<[SocketAddr]> = found.map_err(|e| fault(e.to_string()))?.collect();
        if found.is_empty() { Err(fault("no address".to_owned())) } else { Ok(found) }
    }
}

/// The first address that takes a connection; the last one's fault if none does. All but the last
/// may take only their share of `limit`, or one that never answers would hide the others.
async fn connect_any(addresses: &[SocketAddr], limit: Duration) -> Result<TcpStream, Failure> {
    let share = limit / u32::try_from(addresses.len()).unwrap_or(u32::MAX).max(1);
    let Some((last, others)) = addresses.split_last() else {
        return Err(Failure::sent(Outcome::Dns, "no address"));
    };
    for address in others {
        if let Ok(Ok(socket)) = timeout(share, TcpStream::connect(address)).await {
            return Ok(socket);
        }
    }
    TcpStream::connect(last).await.map_err(|error| unconnected(&error))
}

/// Sorts the faults of our own machine from those of the other side.
fn unconnected(error: &io::Error) -> Failure {
    let reason = format!("cannot connect: {error}");
    let end = match Errno::from_io_error(error) {
        Some(Errno::MFILE | Errno::NFILE) => End::NotSent(NotSent::NoDescriptor),
        Some(Errno::ADDRNOTAVAIL | Errno::ADDRINUSE) => End::NotSent(NotSent::NoPort),
        Some(Errno::TIMEDOUT) => End::Sent(Outcome::ConnectTimeout),
        _ => End::Sent(Outcome::ConnectRefused),
    };
    Failure { end, reason: Some(reason) }
}

#[cfg(test)]
mod tests {
    use super::{End, Errno, NotSent, Outcome, unconnected};

    #[test]
    fn our_own_faults_are_not_the_servers() {
        for (errno, end) in [
            (Errno::MFILE, End::NotSent(NotSent::NoDescriptor)),
            (Errno::NFILE, End::NotSent(NotSent::NoDescriptor)),
            (Errno::ADDRNOTAVAIL, End::NotSent(NotSent::NoPort)),
            (Errno::CONNREFUSED, End::Sent(Outcome::ConnectRefused)),
            (Errno::HOSTUNREACH, End::Sent(Outcome::ConnectRefused)),
            (Errno::TIMEDOUT, End::Sent(Outcome::ConnectTimeout)),
        ] {
            assert_eq!(unconnected(&errno.into()).end, end, "{errno:?}");
        }
    }
}
