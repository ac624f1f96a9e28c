//! The store: what it holds, and what it survives.

mod state_machine;

use crate::wire::Test;

pub(crate) const TESTS: [&[Test]; 1] = [state_machine::TESTS];
