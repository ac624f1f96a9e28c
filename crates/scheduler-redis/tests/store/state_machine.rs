//! The same steps, model and laws as for the store in memory.

use proofload_scheduler::Audit;
use proofload_scheduler_redis::RedisStore;
use proptest::collection::vec;
use proptest::test_runner::{Config, TestRunner};

use crate::machine::{Books, Machine, step};
use crate::support::{CALLERS_TIME, open, server};
use crate::wire::Test;

pub(super) const TESTS: &[Test] = &[(
    "whatever_happens_the_books_are_right_and_nothing_is_lost",
    whatever_happens_the_books_are_right_and_nothing_is_lost,
)];

impl Books for RedisStore {
    fn books(&self) -> Audit {
        self.audit().unwrap()
    }
}

fn whatever_happens_the_books_are_right_and_nothing_is_lost() {
    let server = server();
    let mut prefixes = 0..;
    let prefixes = std::cell::RefCell::new(&mut prefixes);
    let mut runner =
        TestRunner::new(Config { failure_persistence: None, ..Config::with_cases(32) });
    runner
        .run(&vec(step(), 1..80), |steps| {
            let prefix = prefixes.borrow_mut().next().unwrap();
            let mut machine = Machine::new(open(&server, &format!("p{prefix}"), CALLERS_TIME));
            for step in steps {
                machine.apply(&step)?;
            }
            machine.settle_down()
        })
        .unwrap();
}
