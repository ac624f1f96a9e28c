//! The store in memory under everything that may happen to it.

use std::time::Duration;

use proofload_scheduler::{Audit, MemoryStore, Policy, Status, Store};
use proptest::collection::vec;
use proptest::prelude::*;

use crate::machine::{Books, Machine, step};
use crate::support::*;

impl Books for MemoryStore {
    fn books(&self) -> Audit {
        self.audit()
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn whatever_happens_the_books_are_right_and_nothing_is_lost(steps in vec(step(), 1..120)) {
        let mut machine = Machine::new(MemoryStore::new());
        for step in steps {
            machine.apply(&step)?;
        }
        machine.settle_down()?;
    }
}

/// `Status` is what a drained worker shows.
#[test]
fn a_drained_worker_keeps_what_it_has_and_takes_nothing() {
    let store = fleet([worker("w")]);
    let mut scheduler = join(&store, "a", at_once(Policy::Spread));
    enqueue(&store, [container("c")]);
    assert_eq!(run(&mut scheduler, Duration::ZERO), 1);
    store.drain_worker("w").expect("there");
    enqueue(&store, [container("d")]);
    assert_eq!(run(&mut scheduler, Duration::ZERO), 0);
    assert_eq!(containers_a_worker(&store), [1]);
    store.set_status("w", Status::Available).expect("there");
    assert_eq!(run(&mut scheduler, Duration::from_secs(1)), 1);
}
