//! A socket that counts what goes through it.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use proofload_scheduler::Tally;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::sync::watch;

use super::requests::Requests;

/// The socket, below everything else, so that nothing that goes over it is left out: bytes at read and
/// write, commands in the bytes that were written, a round trip at each flush that carries some.
pub(super) struct CountingStream {
    socket: TcpStream,
    tally: Arc<Tally>,
    requests: Requests,
    /// Commands whose last byte the kernel has. Closed when the connection is.
    written: watch::Sender<u64>,
    unflushed: bool,
}

impl CountingStream {
    pub(super) fn new(socket: TcpStream, tally: Arc<Tally>) -> (Self, watch::Receiver<u64>) {
        let (written, commands) = watch::channel(0);
        let requests = Requests::default();
        (Self { socket, tally, requests, written, unflushed: false }, commands)
    }
}

impl AsyncRead for CountingStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        ready!(Pin::new(&mut self.socket).poll_read(context, buffer))?;
        self.tally.byte_received((buffer.filled().len() - before) as u64);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for CountingStream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let count = ready!(Pin::new(&mut self.socket).poll_write(context, bytes))?;
        self.tally.byte_sent(count as u64);
        let ended = self.requests.ended_in(&bytes[..count]);
        self.tally.command(ended);
        self.unflushed |= count > 0;
        if ended > 0 {
            self.written.send_modify(|commands| *commands += ended);
        }
        Poll::Ready(Ok(count))
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(Pin::new(&mut self.socket).poll_flush(context))?;
        if self.unflushed {
            self.unflushed = false;
            self.tally.round_trip(1);
        }
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_shutdown(context)
    }
}
