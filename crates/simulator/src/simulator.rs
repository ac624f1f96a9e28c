//! Starting and stopping.

use crate::connection::serve;
use crate::server::Server;
use crate::{Counts, Options, truth};
use proofload_record::ServerLog;
use std::io;
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;
use tokio::net::{TcpListener, TcpSocket};
use tokio::runtime::{self, Runtime};
use tokio::sync::oneshot;
use tokio::task::{LocalSet, spawn_local};

/// Connections that the kernel holds until they are accepted.
const BACKLOG: u32 = 4_096;

/// A running simulator, on a thread and a runtime of its own. It stops when it is dropped.
pub struct Simulator {
    addr: SocketAddr,
    counts: Arc<Mutex<Counts>>,
    running: Option<Running>,
}

struct Running {
    stop: oneshot::Sender<()>,
    thread: JoinHandle<io::Result<()>>,
}

impl Simulator {
    /// Listens on `listen` (port 0 for any free one) and serves from then on. `log` gets a row for
    /// each chat request.
    ///
    /// # Errors
    /// It cannot listen there, the truth file cannot be made, or there is no thread to be had.
    pub fn start(
        options: Options,
        listen: SocketAddr,
        log: Option<Box<dyn ServerLog>>,
    ) -> io::Result<Self> {
        let runtime = runtime::Builder::new_current_thread().enable_io().enable_time().build()?;
        let listener = {
            let _context = runtime.enter();
            bind(listen).map_err(|error| {
                io::Error::new(error.kind(), format!("cannot listen on {listen}: {error}"))
            })?
        };
        let addr = listener.local_addr()?;
        let truth = options.truth.as_deref().map(truth::Writer::create).transpose()?;
        let counts = Arc::new(Mutex::new(Counts::default()));
        let (stop, stopped) = oneshot::channel();
        let thread = thread::Builder::new().name("simulator".to_owned()).spawn({
            let counts = Arc::clone(&counts);
            move || {
                let server = Rc::new(Server::new(options, counts, truth, log));
                run(&runtime, server, &listener, stopped)
            }
        })?;
        Ok(Self { addr, counts, running: Some(Running { stop, thread }) })
    }

    /// Where it listens.
    #[must_use]
    pub const fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// What was served until now. Complete once it has stopped.
    #[must_use]
    pub fn counts(&self) -> Counts {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Ends every connection, where it stands, and waits until the truth file is written. A second
    /// call does nothing.
    ///
    /// # Errors
    /// The truth file could not be written to its end.
    pub fn stop(&mut self) -> io::Result<()> {
        let Some(running) = self.running.take() else { return Ok(()) };
        // An error says that the thread has ended already; joining it tells why.
        let _ = running.stop.send(());
        running.thread.join().unwrap_or_else(|_| Err(io::Error::other("the simulator panicked")))
    }
}

impl Drop for Simulator {
    fn drop(&mut self) {
        if let Err(error) = self.stop() {
            tracing::error!(%error, "the simulator did not stop well");
        }
    }
}

fn bind(listen: SocketAddr) -> io::Result<TcpListener> {
    let socket = if listen.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    socket.set_reuseaddr(true)?;
    socket.bind(listen)?;
    socket.listen(BACKLOG)
}

fn run(
    runtime: &Runtime,
    server: Rc<Server>,
    listener: &TcpListener,
    stopped: oneshot::Receiver<()>,
) -> io::Result<()> {
    let tasks = LocalSet::new();
    tasks.block_on(runtime, async {
        tokio::select! {
            () = accept(&server, listener) => {}
            _ = stopped => {}
        }
    });
    // Ends the connections, and with them the accounts of their requests.
    drop(tasks);
    let truth = Rc::into_inner(server).and_then(Server::into_truth);
    truth.map_or(Ok(()), truth::Writer::finish)
}

async fn accept(server: &Rc<Server>, listener: &TcpListener) {
    loop {
        match listener.accept().await {
            Ok((stream, _)) => {
                // Without it a chunk may wait for the acknowledgement of the one before.
                if let Err(error) = stream.set_nodelay(true) {
                    tracing::debug!(%error, "no TCP_NODELAY");
                }
                spawn_local(serve(Rc::clone(server), stream));
            }
            Err(error) => {
                // Most likely no descriptor is free; one will be when a connection ends.
                tracing::warn!(%error, "cannot accept a connection");
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        }
    }
}
