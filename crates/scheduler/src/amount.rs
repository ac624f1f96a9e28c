//! Amounts of CPU, memory and GPUs: whole numbers within stated ranges.
//!
//! A range is checked once, where a number comes in. Inside, sums of a few amounts cannot overflow
//! and differences are only taken where they are known to be positive.

use std::fmt;

/// Why a number is no amount.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{what}: expected a whole number from 0 to {max}, found {found}")]
pub struct AmountError {
    /// What was counted, with its unit.
    pub what: &'static str,
    /// The greatest number allowed.
    pub max: u32,
    /// What was given.
    pub found: i64,
}

macro_rules! amount {
    ($(#[$doc:meta])* $name:ident, $what:literal, $max:expr, $unit:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(u32);

        impl $name {
            /// None of it.
            pub const ZERO: Self = Self(0);
            /// The most that one worker can have.
            pub const MAX: Self = Self($max);

            /// Fails with [`AmountError`] below 0 and above [`Self::MAX`].
            pub fn new(value: i64) -> Result<Self, AmountError> {
                match u32::try_from(value) {
                    Ok(fits) if fits <= $max => Ok(Self(fits)),
                    _ => Err(AmountError { what: $what, max: $max, found: value }),
                }
            }

            /// The bare number.
            pub const fn get(self) -> u32 {
                self.0
            }

            /// The same in the range of the type: what an index may hand back unchecked.
            pub(crate) const fn from_raw(value: u32) -> Self {
                debug_assert!(value <= $max);
                Self(value)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!("{} ", $unit), self.0)
            }
        }
    };
}

amount!(
    /// CPU in thousandths of a core, up to 4,194 cores.
    Millicores, "CPU in millicores", 4_194_303, "m"
);
amount!(
    /// Memory in MB, up to 16 TB.
    Megabytes, "memory in MB", 16_777_215, "MB"
);
amount!(
    /// Whole GPUs, up to 63 in a worker.
    Gpus, "GPUs", 63, "GPUs"
);

/// What a container takes, or what a worker has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Resources {
    /// CPU.
    pub cpu: Millicores,
    /// Memory.
    pub memory: Megabytes,
    /// GPUs.
    pub gpus: Gpus,
}

impl Resources {
    /// Whether this much can be taken out of `free`.
    pub fn fits(&self, free: &Self) -> bool {
        self.cpu <= free.cpu && self.memory <= free.memory && self.gpus <= free.gpus
    }

    /// What is left of this after `taken`; nothing of a resource of which more is taken than there
    /// is (a worker that was made smaller while it was full).
    pub(crate) fn less(&self, taken: &Taken) -> Self {
        let left = |have: u32, taken: u64| {
            u32::try_from(u64::from(have).saturating_sub(taken)).unwrap_or(0)
        };
        Self {
            cpu: Millicores::from_raw(left(self.cpu.get(), taken.cpu)),
            memory: Megabytes::from_raw(left(self.memory.get(), taken.memory)),
            gpus: Gpus::from_raw(left(self.gpus.get(), taken.gpus)),
        }
    }
}

/// A sum of what containers take. Wide enough for any number of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Taken {
    cpu: u64,
    memory: u64,
    gpus: u64,
}

impl Taken {
    pub(crate) fn add(&mut self, amount: &Resources) {
        self.cpu += u64::from(amount.cpu.get());
        self.memory += u64::from(amount.memory.get());
        self.gpus += u64::from(amount.gpus.get());
    }

    /// Whether a worker of this size can carry it.
    pub(crate) fn within(&self, total: &Resources) -> bool {
        self.cpu <= u64::from(total.cpu.get())
            && self.memory <= u64::from(total.memory.get())
            && self.gpus <= u64::from(total.gpus.get())
    }

    /// Whether it may hold this amount.
    pub(crate) fn contains(&self, amount: &Resources) -> bool {
        self.cpu >= u64::from(amount.cpu.get())
            && self.memory >= u64::from(amount.memory.get())
            && self.gpus >= u64::from(amount.gpus.get())
    }

    /// Takes back what was added before.
    pub(crate) fn remove(&mut self, amount: &Resources) {
        self.cpu -= u64::from(amount.cpu.get());
        self.memory -= u64::from(amount.memory.get());
        self.gpus -= u64::from(amount.gpus.get());
    }
}
