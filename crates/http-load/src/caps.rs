//! How much can be in flight before this machine itself gives way.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Descriptors that are not sockets of ours: files, timers, the simulator's side of a connection.
const OTHER_DESCRIPTORS: u64 = 64;
/// Memory of one request in flight with its connection and buffers, generously.
const BYTES_EACH: u64 = 64 * 1024;

/// The stated cap of requests in flight, for each worker.
///
/// Reaching it is a fault of our own machine: the request is *not sent*, and the run says so. It is
/// never a low default, which would turn an open loop into a closed one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InFlightCap {
    /// Requests.
    pub requests: u32,
    /// Bytes of their bodies.
    pub body_bytes: u64,
}

impl InFlightCap {
    /// What this machine bears now, divided among `workers`. `shared_server` halves the
    /// descriptors where the server's end of each connection is in this process too.
    #[must_use]
    pub fn of_machine(workers: usize, shared_server: bool) -> Self {
        let descriptors = getrlimit(Resource::Nofile).current.unwrap_or(1 << 20);
        Self::from_limits(descriptors, available_memory_bytes(), workers, shared_server)
    }

    fn from_limits(descriptors: u64, memory: u64, workers: usize, shared_server: bool) -> Self {
        let ends = if shared_server { 2 } else { 1 };
        let sockets = descriptors.saturating_sub(OTHER_DESCRIPTORS).max(ends) / ends;
        let requests = sockets.min(memory / 2 / BYTES_EACH);
        let workers = workers.max(1) as u64;
        let each = u32::try_from(requests / workers).unwrap_or(u32::MAX).max(1);
        Self { requests: each, body_bytes: memory / 4 / workers }
    }
}

/// Raises the soft limit of open files to the hard one; returns the limit in force.
pub fn raise_descriptor_limit() -> Option<u64> {
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit { current: limit.maximum, maximum: limit.maximum };
    if setrlimit(Resource::Nofile, raised).is_ok() { limit.maximum } else { limit.current }
}

/// `MemAvailable`, or a cautious gigabyte where `/proc` does not tell.
fn available_memory_bytes() -> u64 {
    let text = std::fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix("MemAvailable:"));
    let kib = line.and_then(|rest| rest.trim().trim_end_matches(" kB").parse::<u64>().ok());
    kib.map_or(1 << 30, |kib| kib * 1024)
}

#[cfg(test)]
mod tests {
    use super::InFlightCap;

    #[test]
    fn the_scarcer_of_descriptors_and_memory_decides() {
        for (name, descriptors, memory, workers, shared, requests) in [
            ("descriptors", 1_064, 1 << 34, 1, false, 1_000),
            ("both ends in one process", 1_064, 1 << 34, 1, true, 500),
            ("two workers", 1_064, 1 << 34, 2, false, 500),
            ("memory", 1 << 20, 128 << 20, 1, false, 1_024),
            ("never none", 10, 0, 4, true, 1),
        ] {
            let cap = InFlightCap::from_limits(descriptors, memory, workers, shared);
            assert_eq!(cap.requests, requests, "{name}");
        }
    }
}
