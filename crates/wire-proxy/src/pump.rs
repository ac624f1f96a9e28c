//! One direction of one connection.

use std::io::{self, ErrorKind, Read, Write};
use std::net::Shutdown;
use std::num::NonZeroU64;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::thread::set_current_timer_slack;

use crate::link::Link;
use crate::plan::{Direction, Ending};
use crate::queue::Queue;

const READ_MAX_BYTES: usize = 64 * 1024;
/// How long a side that was cut off may take to close. Closing with bytes unread would reset the connection,
/// and so take from the other side what it has not read yet.
const LINGER: Duration = Duration::from_secs(1);

pub(crate) struct Pump {
    link: Arc<Link>,
    direction: Direction,
    queue: Queue,
    /// This direction's last bytes are in the queue, and then this happens.
    last: Option<Ending>,
    /// The source has nothing more.
    ended: bool,
    /// The sink takes nothing at the moment.
    full: bool,
    buffer: Box<[u8]>,
}

/// What a wait has brought.
struct Ready {
    source: bool,
    sink: bool,
}

impl Pump {
    pub(crate) fn new(link: Arc<Link>, direction: Direction) -> Self {
        let buffer = vec![0; READ_MAX_BYTES].into_boxed_slice();
        let queue = Queue::default();
        Self { link, direction, queue, last: None, ended: false, full: false, buffer }
    }

    /// Forwards until the connection ends or the proxy is to stop.
    pub(crate) fn run(mut self) {
        // Without it, waking up 50 µs late is what the kernel is free to do. It is late, then, not wrong.
        let _ = set_current_timer_slack(NonZeroU64::new(1));
        if self.forward().is_err() {
            self.link.break_off();
        }
    }

    fn forward(&mut self) -> io::Result<()> {
        let link = Arc::clone(&self.link);
        while !link.shared.stopped.load(Relaxed) {
            if self.last.is_none()
                && let Some(&ending) = link.ending.get()
            {
                return self.end(ending);
            }
            self.write_what_is_due()?;
            if let Some(ending) = self.last.filter(|_| self.queue.is_empty()) {
                if ending == Ending::Cut {
                    link.close();
                }
                return self.end(ending);
            }
            if self.ended && self.queue.is_empty() {
                // The peer may have gone already.
                let _ = link.sink(self.direction).shutdown(Shutdown::Write);
                return Ok(());
            }
            let ready = self.wait()?;
            // Read first: a receipt is stamped before it waits for a write.
            if ready.source {
                self.read()?;
            }
            if ready.sink {
                self.full = false;
            }
        }
        link.break_off();
        Ok(())
    }

    fn wait(&self) -> io::Result<Ready> {
        let reads = !self.ended && self.last.is_none() && self.queue.has_room();
        let timeout = match self.queue.due(self.link.shared.hold(self.direction)) {
            Some(due) if !self.full => {
                Some(due.saturating_duration_since(Instant::now()).max(Duration::from_nanos(1)))
            }
            _ => None,
        };
        let source = if reads { PollFlags::IN } else { PollFlags::empty() };
        let sink = if self.full { PollFlags::OUT } else { PollFlags::empty() };
        self.poll(source, sink, timeout)
    }

    fn poll(
        &self,
        source: PollFlags,
        sink: PollFlags,
        timeout: Option<Duration>,
    ) -> io::Result<Ready> {
        let timeout = timeout.and_then(|timeout| Timespec::try_from(timeout).ok());
        let mut fds = vec![PollFd::new(&self.link.shared.stop, PollFlags::IN)];
        // One that is not asked for is left out: its hang-up would be told again and again.
        for (stream, flags) in
            [(self.link.source(self.direction), source), (self.link.sink(self.direction), sink)]
        {
            if !flags.is_empty() {
                fds.push(PollFd::new(stream, flags));
            }
        }
        match poll(&mut fds, timeout.as_ref()) {
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
        let happened = |at: usize| fds.get(at).is_some_and(|fd| !fd.revents().is_empty());
        let (has_source, has_sink) = (!source.is_empty(), !sink.is_empty());
        Ok(Ready {
            source: has_source && happened(1),
            sink: has_sink && happened(1 + usize::from(has_source)),
        })
    }

    fn read(&mut self) -> io::Result<()> {
        let received = Instant::now();
        match self.link.source(self.direction).read(&mut self.buffer) {
            Ok(0) => self.ended = true,
            Ok(bytes) => self.queue.push(&self.buffer[..bytes], received),
            Err(error) if is_later(&error) => {}
            Err(error) => return Err(error),
        }
        Ok(())
    }

    fn write_what_is_due(&mut self) -> io::Result<()> {
        let shared = &self.link.shared;
        let hold = shared.hold(self.direction);
        while !self.full && self.queue.due(hold).is_some_and(|due| due <= Instant::now()) {
            let Some(chunk) = self.queue.first() else { break };
            if !std::mem::replace(&mut chunk.counted, true) {
                if self.last.is_some() {
                    self.queue.pop();
                    continue;
                }
                let (most, ending) = shared.admit(self.direction, chunk.bytes.len());
                chunk.bytes.truncate(most);
                if let Some(ending) = ending {
                    self.last = Some(ending);
                    // The other direction may have an end of its own; the first one holds.
                    let _ = self.link.ending.set(ending);
                }
            }
            // Held while writing, so that whoever has read the bytes finds them counted.
            let mut held = shared.held(self.direction);
            let left = &chunk.bytes[chunk.sent..];
            if !left.is_empty() {
                match self.link.sink(self.direction).write(left) {
                    Ok(0) => return Err(ErrorKind::WriteZero.into()),
                    Ok(sent) => {
                        chunk.sent += sent;
                        held.bytes(sent);
                    }
                    Err(error) if is_later(&error) => {
                        self.full = error.kind() == ErrorKind::WouldBlock;
                    }
                    Err(error) => return Err(error),
                }
            }
            if chunk.sent == chunk.bytes.len() {
                if chunk.sent > 0 {
                    held.chunk(chunk.received.elapsed());
                }
                drop(held);
                self.queue.pop();
            }
        }
        Ok(())
    }

    /// What is left to do once no more may pass.
    fn end(&mut self, ending: Ending) -> io::Result<()> {
        let link = Arc::clone(&self.link);
        let until = match ending {
            Ending::Cut => Some(Instant::now() + LINGER),
            Ending::Stall => None,
        };
        // Bytes that are cut off are read and dropped; those of a stall stay where they are.
        let flags = until.map_or(PollFlags::RDHUP, |_| PollFlags::IN);
        while !link.shared.stopped.load(Relaxed) {
            let left = until.map(|until| until.saturating_duration_since(Instant::now()));
            if left.is_some_and(|left| left.is_zero()) {
                break;
            }
            if !self.poll(flags, PollFlags::empty(), left)?.source {
                continue;
            }
            if ending == Ending::Stall {
                break;
            }
            match link.source(self.direction).read(&mut self.buffer) {
                Ok(0) => return Ok(()),
                Ok(_) => {}
                Err(error) if is_later(&error) => {}
                Err(error) => return Err(error),
            }
        }
        link.break_off();
        Ok(())
    }
}

/// Nothing is wrong, it is only not the time.
fn is_later(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted)
}
