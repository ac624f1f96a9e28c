//! The socket, stamped: below TLS every read and write, above it the first plaintext.

use std::cell::Cell;
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};

use proofload_record::clock::Clock;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::client::TlsStream;

/// What the socket of one connection saw. The request that uses the connection arms it first.
pub(crate) struct Stamps {
    clock: Clock,
    /// When the last read that brought bytes returned.
    pub(crate) read_ns: Cell<u64>,
    /// Number of reads that brought bytes.
    pub(crate) reads: Cell<u64>,
    pub(crate) bytes_in: Cell<u64>,
    pub(crate) bytes_out: Cell<u64>,
    /// When the first write since arming began.
    pub(crate) written_ns: Cell<Option<u64>>,
    /// When the last one did.
    pub(crate) last_write_ns: Cell<Option<u64>>,
    /// When the read returned that brought the first plaintext since arming.
    pub(crate) first_byte_ns: Cell<Option<u64>>,
}

impl Stamps {
    pub(crate) fn new(clock: Clock) -> Rc<Self> {
        Rc::new(Self {
            clock,
            read_ns: Cell::new(0),
            reads: Cell::new(0),
            bytes_in: Cell::new(0),
            bytes_out: Cell::new(0),
            written_ns: Cell::new(None),
            last_write_ns: Cell::new(None),
            first_byte_ns: Cell::new(None),
        })
    }

    /// Starts to look for the first write and the first plaintext of a request, and counts its
    /// bytes from here.
    pub(crate) fn arm(&self) {
        self.written_ns.set(None);
        self.last_write_ns.set(None);
        self.first_byte_ns.set(None);
        self.bytes_in.set(0);
        self.bytes_out.set(0);
    }
}

/// A TCP socket that stamps its reads and writes.
pub(crate) struct Stamped {
    pub(crate) socket: TcpStream,
    pub(crate) stamps: Rc<Stamps>,
}

impl Stamped {
    fn wrote(&self, from_ns: u64, written: &Poll<io::Result<usize>>) {
        if let Poll::Ready(Ok(bytes)) = *written {
            let stamps = &self.stamps;
            if stamps.written_ns.get().is_none() {
                stamps.written_ns.set(Some(from_ns));
            }
            stamps.last_write_ns.set(Some(from_ns));
            stamps.bytes_out.set(stamps.bytes_out.get() + bytes as u64);
        }
    }
}

impl AsyncRead for Stamped {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        let result = ready!(Pin::new(&mut self.socket).poll_read(cx, buf));
        let bytes = buf.filled().len() - before;
        if bytes > 0 {
            let stamps = &self.stamps;
            stamps.read_ns.set(stamps.clock.now_ns());
            stamps.reads.set(stamps.reads.get() + 1);
            stamps.bytes_in.set(stamps.bytes_in.get() + bytes as u64);
        }
        Poll::Ready(result)
    }
}

impl AsyncWrite for Stamped {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        let from_ns = self.stamps.clock.now_ns();
        let written = Pin::new(&mut self.socket).poll_write(cx, buf);
        self.wrote(from_ns, &written);
        written
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let from_ns = self.stamps.clock.now_ns();
        let written = Pin::new(&mut self.socket).poll_write_vectored(cx, bufs);
        self.wrote(from_ns, &written);
        written
    }

    fn is_write_vectored(&self) -> bool {
        self.socket.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_shutdown(cx)
    }
}

/// What hyper reads and writes: plaintext over either.
pub(crate) enum Stream {
    Plain(Stamped),
    Tls(Box<TlsStream<Stamped>>),
}

impl Stream {
    fn stamps(&self) -> &Stamps {
        match self {
            Self::Plain(socket) => &socket.stamps,
            Self::Tls(tls) => &tls.get_ref().0.stamps,
        }
    }
}

impl AsyncRead for Stream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        let result = ready!(match &mut *self {
            Self::Plain(socket) => Pin::new(socket).poll_read(cx, buf),
            Self::Tls(tls) => Pin::new(tls).poll_read(cx, buf),
        });
        let stamps = self.stamps();
        if buf.filled().len() > before && stamps.first_byte_ns.get().is_none() {
            stamps.first_byte_ns.set(Some(stamps.read_ns.get()));
        }
        Poll::Ready(result)
    }
}

impl AsyncWrite for Stream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        match &mut *self {
            Self::Plain(socket) => Pin::new(socket).poll_write(cx, buf),
            Self::Tls(tls) => Pin::new(tls).poll_write(cx, buf),
        }
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        match &mut *self {
            Self::Plain(socket) => Pin::new(socket).poll_write_vectored(cx, bufs),
            Self::Tls(tls) => Pin::new(tls).poll_write_vectored(cx, bufs),
        }
    }

    fn is_write_vectored(&self) -> bool {
        match self {
            Self::Plain(socket) => socket.is_write_vectored(),
            Self::Tls(tls) => tls.is_write_vectored(),
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut *self {
            Self::Plain(socket) => Pin::new(socket).poll_flush(cx),
            Self::Tls(tls) => Pin::new(tls).poll_flush(cx),
        }
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut *self {
            Self::Plain(socket) => Pin::new(socket).poll_shutdown(cx),
            Self::Tls(tls) => Pin::new(tls).poll_shutdown(cx),
        }
    }
}
