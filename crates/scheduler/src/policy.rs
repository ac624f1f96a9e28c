//! Which of the workers that fit is taken.

/// A rule that picks one of the workers that fit. Each is exact: if the rule picks none, none fits.
///
/// A list of GPU types is always tried in its order, and a type only if nothing of those before it
/// fits. A *level* is one of 64 relative steps of CPU or memory, four to an octave. A worker is *clear* of a
/// request if it is at a higher level on both.
///
/// One of several [replicas](crate::Replica) that was turned away follows the rule in its own share of the fleet,
/// and takes the emptiest worker beyond it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Policy {
    /// The emptiest worker that fits: the most free GPUs, then the highest level of free CPU, then the
    /// highest level of free memory. Workers equal in these and clear of the request take turns, first in
    /// first out; of others the one with the most free memory is taken, then CPU, then the first. So equal
    /// requests on equal workers go round evenly.
    #[default]
    Spread,
    /// The tightest worker that fits: the fewest free GPUs, then the lowest level of free CPU, then the
    /// lowest level of free memory. Of workers equal in these and clear of the request, the one that changed
    /// last, so that it is filled up before another is begun; of others the one with the least free memory,
    /// then CPU, then the first.
    BestFit,
    /// The worker that the container's id has the highest rendezvous weight for, of those that fit and
    /// would not rise above ⌈1.5 × (placed + 1) / eligible workers⌉ containers. Eligible are the workers
    /// that fit, and placed is what they hold: of several that fit, the least loaded is always below the
    /// bound. A worker that joins or leaves moves only what goes to it or was on it. Reads every worker
    /// of the request's kind: `O(n)`, where the other policies look at a bounded number of places.
    Affinity,
}

impl Policy {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Spread, Self::BestFit, Self::Affinity];

    /// Its name on a command line.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Spread => "spread",
            Self::BestFit => "best-fit",
            Self::Affinity => "affinity",
        }
    }
}

/// The most containers that a worker may have after one more is placed, under affinity.
pub(crate) fn affinity_bound(placed: u64, eligible: u64) -> u64 {
    (3 * (placed + 1)).div_ceil(2 * eligible.max(1))
}

/// The weight of a worker for a container; both are hashes of names.
pub(crate) fn rendezvous(container: u64, worker: u64) -> u64 {
    mix(container ^ worker.rotate_left(32))
}

/// FNV-1a with a final mix: the same on every machine and in every build.
pub(crate) fn hash(name: &str) -> u64 {
    mix(name.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    }))
}

/// SplitMix64's finalizer.
pub(crate) fn mix(mut z: u64) -> u64 {
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}
