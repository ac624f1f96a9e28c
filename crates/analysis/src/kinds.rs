//! The kinds of request in a run: who belongs together.

use crate::tally::{Case, Tally};
use proofload_verdict::slo::{Kind, Scope};
use std::collections::HashMap;

/// The number of a request whose class the run does not name.
const NONE: u32 = u32::MAX;

/// Every kind that occurs, sorted, and which one each request is of.
pub(crate) struct Kinds<'a> {
    pub(crate) all: Vec<Kind<'a>>,
    /// Place in `all` by case.
    of: Vec<u32>,
}

impl<'a> Kinds<'a> {
    pub(crate) fn of(tally: &Tally<'a>) -> Self {
        let mut numbers: HashMap<Kind<'a>, u32> = HashMap::new();
        let mut number = |case: &Case<'a>| {
            let Some(kind) = tally.kind(case) else { return NONE };
            let next = numbers.len() as u32;
            *numbers.entry(kind).or_insert(next)
        };
        let first_seen: Vec<u32> = tally.cases.iter().map(&mut number).collect();
        let mut sorted: Vec<(Kind<'a>, u32)> = numbers.into_iter().collect();
        sorted.sort_unstable();
        let mut places = vec![NONE; sorted.len()];
        for (place, (_, number)) in (0_u32..).zip(&sorted) {
            places[*number as usize] = place;
        }
        let place = |number: u32| places.get(number as usize).copied().unwrap_or(NONE);
        Self {
            all: sorted.into_iter().map(|(kind, _)| kind).collect(),
            of: first_seen.into_iter().map(place).collect(),
        }
    }

    /// The place in `all` of the request at `case`; none where its class is not known.
    pub(crate) fn at(&self, case: usize) -> Option<usize> {
        self.of.get(case).filter(|number| **number != NONE).map(|number| *number as usize)
    }

    /// The requests that a scope means, in the order of the plan. One whose class is not known is
    /// meant only where everything is.
    pub(crate) fn within<'t>(
        &self,
        scope: &Scope,
        tally: &'t Tally<'a>,
    ) -> impl Iterator<Item = (usize, &'t Case<'a>)> + Clone {
        let held: Vec<bool> = self.all.iter().map(|kind| scope.holds(kind)).collect();
        let everything = *scope == Scope::default();
        let meant: Vec<bool> = (0..tally.cases.len())
            .map(|case| self.at(case).map_or(everything, |kind| held[kind]))
            .collect();
        tally.cases.iter().enumerate().filter(move |(case, _)| meant[*case])
    }
}
