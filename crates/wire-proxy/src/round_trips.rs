//! Round trips as a client sees them: through a proxy, and without it.

use std::io::{self, BufRead, BufReader, ErrorKind, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use crate::link::Shared;

/// What Redis takes as a command and answers with a line, as any server of lines does.
const PING: &[u8] = b"PING\r\n";
/// A server that is longer silent does not speak in lines.
const PATIENCE: Duration = Duration::from_secs(10);
/// How often the allowance is set anew.
const ROUNDS: usize = 12;
/// Round trips with one before it is the other's turn.
const TURN: u32 = 10;
/// Off by less is not told from chance.
const GOOD: f64 = 0.02;

/// Times from writing a line until its answer was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RoundTrips {
    sorted: Vec<Duration>,
}

impl RoundTrips {
    /// How many were measured.
    #[must_use]
    pub fn count(&self) -> usize {
        self.sorted.len()
    }

    /// The median; the upper one of two.
    #[must_use]
    pub fn p50(&self) -> Duration {
        self.sorted.get(self.sorted.len() / 2).copied().unwrap_or_default()
    }

    /// The mean.
    #[must_use]
    pub fn mean(&self) -> Duration {
        let count = u32::try_from(self.sorted.len()).unwrap_or(u32::MAX);
        self.sorted.iter().sum::<Duration>().checked_div(count).unwrap_or_default()
    }

    /// The longest.
    #[must_use]
    pub fn max(&self) -> Duration {
        self.sorted.last().copied().unwrap_or_default()
    }
}

/// What the proxy added to a round trip once it was calibrated.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Calibration {
    /// What was asked for.
    pub asked: Duration,
    /// The median round trip through the proxy less the one without it.
    pub added: Duration,
    /// How early replies leave the proxy, for what the additional hops cost.
    pub early: Duration,
    /// Round trips without the proxy.
    pub direct: RoundTrips,
    /// Round trips through it.
    pub through: RoundTrips,
}

impl Calibration {
    /// By which share of what was asked the delay is off: 0.1 is a tenth, either way. No delay asked for
    /// is never off; what the hops cost then stands in [`added`](Self::added).
    #[must_use]
    pub fn off(&self) -> f64 {
        if self.asked.is_zero() {
            return 0.0;
        }
        self.added.abs_diff(self.asked).as_secs_f64() / self.asked.as_secs_f64()
    }
}

/// Measures `count` round trips, one after the other, with the server that listens at `address`.
///
/// # Errors
/// If it cannot be reached or does not answer `PING` with a line.
pub fn round_trips(address: SocketAddr, count: u32) -> io::Result<RoundTrips> {
    let mut client = Client::connect(address)?;
    let mut sorted = Vec::new();
    client.measure(count, &mut sorted)?;
    sorted.sort_unstable();
    Ok(RoundTrips { sorted })
}

/// Asks, and waits for the answer.
struct Client {
    stream: BufReader<TcpStream>,
    answer: Vec<u8>,
}

impl Client {
    fn connect(address: SocketAddr) -> io::Result<Self> {
        let stream = TcpStream::connect_timeout(&address, PATIENCE)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        Ok(Self { stream: BufReader::new(stream), answer: Vec::new() })
    }

    /// Adds so many round trips to `times`, after one that finds threads and caches cold.
    fn measure(&mut self, count: u32, times: &mut Vec<Duration>) -> io::Result<()> {
        self.ask()?;
        for _ in 0..count {
            times.push(self.ask()?);
        }
        Ok(())
    }

    fn ask(&mut self) -> io::Result<Duration> {
        self.answer.clear();
        let since = Instant::now();
        self.stream.get_mut().write_all(PING)?;
        self.stream.read_until(b'\n', &mut self.answer)?;
        let time = since.elapsed();
        match self.answer.last() {
            Some(b'\n') => Ok(time),
            _ => Err(ErrorKind::UnexpectedEof.into()),
        }
    }
}

pub(crate) fn calibrate(
    proxy: SocketAddr,
    upstream: SocketAddr,
    shared: &Shared,
    each: u32,
) -> io::Result<Calibration> {
    let (mut near, mut far) = (Client::connect(upstream)?, Client::connect(proxy)?);
    let asked = shared.delay();
    let mut best: Option<Calibration> = None;
    for round in 0..ROUNDS {
        let (mut direct, mut through) = (Vec::new(), Vec::new());
        let mut left = each;
        // In turns, so that whatever else the machine does meets both alike.
        while left > 0 {
            let count = left.min(TURN);
            near.measure(count, &mut direct)?;
            far.measure(count, &mut through)?;
            left -= count;
        }
        direct.sort_unstable();
        through.sort_unstable();
        let (direct, through) = (RoundTrips { sorted: direct }, RoundTrips { sorted: through });
        let added = through.p50().saturating_sub(direct.p50());
        let early = shared.early();
        let found = Calibration { asked, added, early, direct, through };
        let is_good = asked.is_zero() || found.off() < GOOD;
        if best.as_ref().is_none_or(|best| found.off() < best.off()) {
            best = Some(found);
        }
        if is_good {
            break;
        }
        // All of it at first; later what may be chance counts half.
        let share = if round == 0 { 1 } else { 2 };
        let wanted = match added.checked_sub(asked) {
            Some(more) => early + more / share,
            None => early.saturating_sub((asked - added) / share),
        };
        shared.set_early(wanted.min(asked));
    }
    let best = best.ok_or(ErrorKind::InvalidInput)?;
    // What is stated was measured with what is set.
    shared.set_early(best.early);
    Ok(best)
}
