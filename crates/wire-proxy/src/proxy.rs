//! Taking connections, and ending them.

use std::io::{self, ErrorKind};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Arc, OnceLock};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use rustix::event::{EventfdFlags, PollFd, PollFlags, eventfd, poll};

use crate::held::{Held, Passed};
use crate::link::{Link, Shared};
use crate::plan::{Direction, Fault, Plan};
use crate::pump::Pump;
use crate::round_trips::{Calibration, calibrate};

/// How many connections there may be at a time; further ones wait until one has ended.
pub const CONNECTIONS_MAX: usize = 256;
/// The longest delay; more than that is a fault in whatever asks for it.
pub const DELAY_MAX: Duration = Duration::from_secs(3_600);
/// How long the server may take to accept.
const CONNECT_MAX: Duration = Duration::from_secs(5);
/// How often a full house is looked at again.
const LOOK: Duration = Duration::from_millis(10);

/// A proxy that runs until it is dropped. Its connections end with it.
pub struct Proxy {
    address: SocketAddr,
    upstream: SocketAddr,
    shared: Arc<Shared>,
    accepting: Option<JoinHandle<()>>,
}

impl std::fmt::Debug for Proxy {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Proxy")
            .field("address", &self.address)
            .field("upstream", &self.upstream)
            .field("delay", &self.shared.delay())
            .finish_non_exhaustive()
    }
}

impl Proxy {
    /// Listens on a free port of 127.0.0.1 and forwards to `upstream`. A client whose connection
    /// `upstream` does not take is closed at once.
    ///
    /// # Errors
    /// If there is no port, thread or file descriptor to be had, and if the delay is longer than
    /// [`DELAY_MAX`].
    pub fn start(upstream: SocketAddr, plan: Plan) -> io::Result<Self> {
        if plan.delay > DELAY_MAX {
            let (asked, most) = (plan.delay.as_secs(), DELAY_MAX.as_secs());
            let why = format!("a delay of {asked} s: expected at most {most} s a round trip");
            return Err(io::Error::new(ErrorKind::InvalidInput, why));
        }
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?;
        let stop = eventfd(0, EventfdFlags::CLOEXEC)?;
        let shared = Arc::new(Shared::new(stop, plan.delay, plan.fault));
        let accept = {
            let shared = Arc::clone(&shared);
            move || accept(&listener, upstream, &shared)
        };
        let accepting = thread::Builder::new().name("proxy-accept".to_owned()).spawn(accept)?;
        Ok(Self { address, upstream, shared, accepting: Some(accepting) })
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Has a fault happen, counted from now; one that is armed and has not happened is forgotten.
    pub fn arm(&self, fault: Fault) {
        *self.shared.armed() = Some(fault);
    }

    /// Whether a fault is still to happen.
    #[must_use]
    pub fn is_armed(&self) -> bool {
        self.shared.armed().is_some()
    }

    /// What has passed one way since the beginning or since it was forgotten.
    #[must_use]
    pub fn passed(&self, direction: Direction) -> Passed {
        self.shared.held(direction).passed()
    }

    /// Begins [`passed`](Self::passed) anew, for both directions.
    pub fn forget_passed(&self) {
        for direction in [Direction::Request, Direction::Reply] {
            *self.shared.held(direction) = Held::default();
        }
    }

    /// Measures round trips of `PING` through the proxy and without it, `each` of them a time, and lets
    /// replies go early by what the additional hops cost, until the difference is the delay that was asked
    /// for. The server sees the `PING`s; [`passed`](Self::passed) begins anew.
    ///
    /// # Errors
    /// If the server does not answer a line with a line.
    pub fn calibrate(&self, each: u32) -> io::Result<Calibration> {
        let calibration = calibrate(self.address, self.upstream, &self.shared, each);
        self.forget_passed();
        calibration
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.shared.stopped.store(true, Relaxed);
        // Its counter is far from full, which is the one way in which this can fail.
        let _ = rustix::io::write(&self.shared.stop, &1u64.to_ne_bytes());
        if let Some(accepting) = self.accepting.take() {
            // It does not panic; if it did there would be nothing left to end.
            let _ = accepting.join();
        }
    }
}

fn accept(listener: &TcpListener, upstream: SocketAddr, shared: &Arc<Shared>) {
    let mut pumps: Vec<JoinHandle<()>> = Vec::new();
    while !shared.stopped.load(Relaxed) {
        pumps.retain(|pump| !pump.is_finished());
        if pumps.len() >= 2 * CONNECTIONS_MAX {
            thread::sleep(LOOK);
            continue;
        }
        let mut fds =
            [PollFd::new(&shared.stop, PollFlags::IN), PollFd::new(listener, PollFlags::IN)];
        if poll(&mut fds, None).is_err() {
            continue;
        }
        match listener.accept() {
            // Without an upstream or a thread the client is closed by being dropped.
            Ok((client, _)) => pumps.extend(link(client, upstream, shared).into_iter().flatten()),
            Err(error) if error.kind() == ErrorKind::WouldBlock => {}
            // Out of file descriptors, say: some may be free in a moment.
            Err(_) => thread::sleep(LOOK),
        }
    }
    for pump in pumps {
        // As above: a pump does not panic.
        let _ = pump.join();
    }
}

fn link(
    client: TcpStream,
    upstream: SocketAddr,
    shared: &Arc<Shared>,
) -> io::Result<[JoinHandle<()>; 2]> {
    let upstream = TcpStream::connect_timeout(&upstream, CONNECT_MAX)?;
    for stream in [&client, &upstream] {
        stream.set_nodelay(true)?;
        stream.set_nonblocking(true)?;
    }
    let shared = Arc::clone(shared);
    let link = Arc::new(Link { client, upstream, shared, ending: OnceLock::new() });
    let pump = |direction, name: &str| {
        let pump = Pump::new(Arc::clone(&link), direction);
        thread::Builder::new().name(name.to_owned()).spawn(move || pump.run())
    };
    let request = pump(Direction::Request, "proxy-request")?;
    match pump(Direction::Reply, "proxy-reply") {
        Ok(reply) => Ok([request, reply]),
        Err(error) => {
            link.break_off();
            Err(error)
        }
    }
}
