//! Several schedulers on one store, and how they keep out of each other's way.
//!
//! Replicas that plan at once plan on the same copy, and the same policy leads them to the same workers.
//! While these have room for what all of them bring, that is right: the load stays even, whoever brings
//! it. Where they have not, the store turns some of it away. From then on each replica looks in a *share* of
//! the fleet of its own first, and for what finds no place there in the others': so it still refuses only
//! what fits nowhere. Each worker also has a replica that comes *next* after its owner, so that two that
//! overflow at once, as a third and a fourth are idle, do not meet there either; and beyond its share a
//! replica takes the emptiest worker, whatever its policy, as there is most room for two. When commits have
//! gone through for long enough a replica looks everywhere again.

use crate::policy::mix;

/// Which of the schedulers on one store this is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Replica {
    /// Its number among them, from 0.
    pub index: u32,
    /// How many there are. All of them must be told the same number.
    pub count: u32,
}

impl Replica {
    /// The only one.
    pub const ALONE: Self = Self { index: 0, count: 1 };
}

impl Default for Replica {
    fn default() -> Self {
        Self::ALONE
    }
}

/// Which workers of a kind are meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Part {
    All,
    /// Those in the replica's share.
    Own,
    /// Those of other shares that the replica goes to before the other replicas do.
    Next,
    /// The rest.
    Others,
}

impl Replica {
    /// Whether a worker is in a part. Of as many workers in a row as there are replicas each has one; which
    /// of them changes from row to row, as fleets often register in a pattern.
    pub(crate) fn holds(self, part: Part, slot: u32) -> bool {
        if part == Part::All {
            return true;
        }
        let count = u64::from(self.count.max(1));
        let (slot, index) = (u64::from(slot), u64::from(self.index) % count);
        let random = mix(slot / count + 1);
        let owner = (slot + (random >> 32)) % count;
        // Another one than the owner.
        let next = (owner + 1 + mix(slot + 1) % (count - 1).max(1)) % count;
        part == match index {
            _ if index == owner => Part::Own,
            _ if index == next => Part::Next,
            _ => Part::Others,
        }
    }
}

/// So many batches in a row must have gone through before a replica looks everywhere again. To change is to
/// build the index anew, so in a large fleet it takes one more for each [`WORKERS_A_BATCH`] workers.
const CALM_BATCHES: u32 = 256;
const WORKERS_A_BATCH: u32 = 4;

/// Whether a replica keeps to its share, by what became of its commits.
#[derive(Debug, Default)]
pub(crate) struct Contention {
    apart: bool,
    /// Batches without a conflict in a row.
    calm: u32,
}

impl Contention {
    /// A batch's verdict is known. Returns whether to keep to one's share from now on.
    pub(crate) fn heard(&mut self, conflicts: usize, workers: u32) -> bool {
        self.calm = if conflicts == 0 { self.calm.saturating_add(1) } else { 0 };
        if conflicts > 0 {
            self.apart = true;
        } else if self.calm >= CALM_BATCHES.saturating_add(workers / WORKERS_A_BATCH) {
            self.apart = false;
        }
        self.apart
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_are_even_and_each_worker_is_in_one() {
        for count in 1..9 {
            for workers in [0, 1, 20, 400, 1_001] {
                let mut shares = vec![0; count as usize];
                for slot in 0..workers {
                    let owners: Vec<u32> = (0..count)
                        .filter(|&index| Replica { index, count }.holds(Part::Own, slot))
                        .collect();
                    assert_eq!(owners.len(), 1, "{slot} of {count}");
                    shares[owners[0] as usize] += 1;
                    let mut next = 0;
                    for index in 0..count {
                        let replica = Replica { index, count };
                        assert!(replica.holds(Part::All, slot));
                        let parts = [Part::Own, Part::Next, Part::Others];
                        let held = parts.into_iter().filter(|&part| replica.holds(part, slot));
                        assert_eq!(held.count(), 1, "{slot}: {replica:?}");
                        next += u32::from(replica.holds(Part::Next, slot));
                    }
                    assert_eq!(next, u32::from(count > 1));
                }
                let (least, most) = (shares.iter().min(), shares.iter().max());
                assert!(
                    most.zip(least).is_some_and(|(most, least)| most - least <= 1),
                    "{shares:?}"
                );
            }
        }
    }

    /// Every fourth worker is of another kind: each of four replicas has some of them.
    #[test]
    fn a_fleet_that_registers_in_a_pattern_is_shared_kind_by_kind() {
        for index in 0..4 {
            let replica = Replica { index, count: 4 };
            let fourths = (0..400).step_by(4).filter(|&slot| replica.holds(Part::Own, slot));
            let count = fourths.count();
            assert!((10..=40).contains(&count), "{count} of 100");
        }
    }

    #[test]
    fn numbers_that_make_no_sense_are_taken_as_some_replica() {
        for (index, count) in [(0, 0), (7, 4), (u32::MAX, u32::MAX)] {
            let replica = Replica { index, count };
            let parts = [Part::Own, Part::Next, Part::Others];
            assert_eq!(parts.into_iter().filter(|&part| replica.holds(part, 9)).count(), 1);
        }
    }

    #[test]
    fn a_conflict_sets_replicas_apart_until_enough_batches_went_through() {
        let mut contention = Contention::default();
        assert!(!contention.heard(0, 40));
        assert!(contention.heard(1, 40));
        for _ in 0..CALM_BATCHES + 40 / WORKERS_A_BATCH - 1 {
            assert!(contention.heard(0, 40));
        }
        assert!(!contention.heard(0, 40));
    }
}
