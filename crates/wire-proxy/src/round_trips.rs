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
const ROUNDS: usize = 6;

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
    let stream = TcpStream::connect_timeout(&address, PATIENCE)?;
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    let mut stream = BufReader::new(stream);
    let mut answer = Vec::new();
    let mut sorted = Vec::new();
    // The first one finds threads and caches cold.
    for trip in 0..=count {
        answer.clear();
        let since = Instant::now();
        stream.get_mut().write_all(PING)?;
        stream.read_until(b'\n', &mut answer)?;
        let time = since.elapsed();
        if answer.last() != Some(&b'\n') {
            return Err(ErrorKind::UnexpectedEof.into());
        }
        if trip > 0 {
            sorted.push(time);
        }
    }
    sorted.sort_unstable();
    Ok(RoundTrips { sorted })
}

pub(crate) fn calibrate(
    proxy: SocketAddr,
    upstream: SocketAddr,
    shared: &Shared,
    each: u32,
) -> io::Result<Calibration> {
    let asked = shared.delay();
    let mut round = 0;
    loop {
        let direct = round_trips(upstream, each)?;
        let through = round_trips(proxy, each)?;
        let added = through.p50().saturating_sub(direct.p50());
        let early = shared.early();
        let calibration = Calibration { asked, added, early, direct, through };
        round += 1;
        // What is set here is measured before it is stated.
        if round == ROUNDS || asked.is_zero() || calibration.off() < 0.02 {
            return Ok(calibration);
        }
        shared.set_early((early + added).saturating_sub(asked).min(asked));
    }
}
