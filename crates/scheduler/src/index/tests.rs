//! The index against a plain list of workers, on every decision.

use proptest::collection::vec;
use proptest::prelude::*;

use super::level::Axis;
use super::levels::WATCHES;
use super::{GpuKind, Index, Probes, ViewKey, Wanted};
use crate::amount::{Gpus, Megabytes, Millicores, Resources};
use crate::policy::Policy;
use crate::replica::Part;

const KEY: ViewKey = ViewKey { pool: None, gpu: GpuKind::Any, preemptable: false };

fn amount(cpu: u32, memory: u32, gpus: u32) -> Resources {
    Resources {
        cpu: Millicores::from_raw(cpu),
        memory: Megabytes::from_raw(memory),
        gpus: Gpus::from_raw(gpus),
    }
}

/// Workers with what they have free, and when they last changed.
#[derive(Default)]
struct Model {
    workers: Vec<Option<(Resources, u64)>>,
    changes: u64,
}

impl Model {
    fn set(&mut self, slot: usize, free: Option<Resources>) {
        if free.is_some() && self.workers[slot].map(|(known, _)| known) == free {
            return;
        }
        self.changes += 1;
        self.workers[slot] = free.map(|free| (free, self.changes));
    }

    /// What the policy's documentation says, word for word.
    fn pick(&self, policy: Policy, needs: &Resources) -> Option<u32> {
        let level =
            |r: &Resources| (Axis::Cpu.level(r.cpu.get()), Axis::Memory.level(r.memory.get()));
        let fits: Vec<(u32, Resources, u64)> = (0..)
            .zip(&self.workers)
            .filter_map(|(slot, worker)| worker.map(|(free, since)| (slot, free, since)))
            .filter(|(_, free, _)| needs.fits(free))
            .collect();
        let cell = |free: &Resources| (free.gpus, level(free));
        let best = match policy {
            Policy::BestFit => fits.iter().map(|(_, free, _)| cell(free)).min()?,
            _ => fits.iter().map(|(_, free, _)| cell(free)).max()?,
        };
        let own = level(needs);
        let clear = best.1.0 > own.0 && best.1.1 > own.1;
        let equal = fits.iter().filter(|(_, free, _)| cell(free) == best);
        let exact = |free: &Resources| (free.memory, free.cpu);
        let picked = match policy {
            Policy::BestFit if clear => equal.max_by_key(|(_, _, since)| *since),
            _ if clear => equal.min_by_key(|(_, _, since)| *since),
            Policy::BestFit => equal.min_by_key(|(_, free, since)| (exact(free), *since)),
            _ => equal.min_by_key(|(_, free, since)| (std::cmp::Reverse(exact(free)), *since)),
        };
        picked.map(|&(slot, _, _)| slot)
    }
}

#[derive(Clone, Debug)]
enum Step {
    Set(usize, Option<Resources>),
    Pick(Policy, Resources),
}

/// Amounts that crowd around a few levels and their borders, so that they collide.
fn crowded() -> impl Strategy<Value = Resources> {
    let cpu = prop_oneof![1_u32..40, 900_u32..1_300, Just(1_024), Just(1_023), Just(4_194_303)];
    let memory =
        prop_oneof![1_u32..200, 4_000_u32..5_200, Just(4_096), Just(4_095), Just(16_777_215)];
    (cpu, memory, 0_u32..4).prop_map(|(cpu, memory, gpus)| amount(cpu, memory, gpus))
}

fn step() -> impl Strategy<Value = Step> {
    let policy = prop_oneof![Just(Policy::Spread), Just(Policy::BestFit)];
    prop_oneof![
        3 => (0_usize..40, proptest::option::weighted(0.8, crowded())).prop_map(|(slot, free)| Step::Set(slot, free)),
        2 => (policy, crowded()).prop_map(|(policy, needs)| Step::Pick(policy, needs)),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    /// Every pick is the one that the policy's rule names, and a refusal means that nothing fits.
    #[test]
    fn picks_what_a_plain_list_would(steps in vec(step(), 1..160)) {
        let (mut index, mut model) = (Index::default(), Model::default());
        model.workers.resize(40, None);
        let view = index.build(KEY, Part::All, std::iter::empty());
        for step in steps {
            match step {
                Step::Set(slot, Some(free)) => {
                    let there = model.workers[slot].is_some();
                    model.set(slot, Some(free));
                    if there { index.change(slot as u32, &free) } else { index.add(slot as u32, &free, |_, _| true) }
                }
                Step::Set(slot, None) => {
                    model.set(slot, None);
                    index.remove(slot as u32);
                }
                Step::Pick(policy, needs) => {
                    let watch = index.prepare(view, &Wanted::new(needs));
                    let picked = index.pick(policy, view, &Wanted::new(needs), watch, &mut Probes::default());
                    prop_assert_eq!(picked, model.pick(policy, &needs), "{:?} {:?}", policy, needs);
                    // A placement, as decisions make them.
                    if let Some(slot) = picked {
                        let (free, _) = model.workers[slot as usize].expect("it is there");
                        let left = amount(
                            free.cpu.get() - needs.cpu.get(),
                            free.memory.get() - needs.memory.get(),
                            free.gpus.get() - needs.gpus.get(),
                        );
                        model.set(slot as usize, Some(left));
                        index.change(slot, &left);
                    }
                }
            }
        }
    }
}

/// Where a crowd of workers lies, seen from the request.
#[derive(Clone, Copy, Debug)]
enum Crowd {
    /// In its own cell, each with too little of one thing: more CPU, less memory.
    Stairs,
    /// In its row, with more memory than it asks for and a little too little CPU.
    Row,
    /// In its column, with more CPU and a little too little memory.
    Column,
    /// Over it on both axes.
    Over,
    /// In its own cell, one millicore and one MB over it and more.
    Fitting,
    /// In its row or column, and fitting.
    Border,
}

fn crowd() -> impl Strategy<Value = (Crowd, usize)> {
    let kind = prop_oneof![
        3 => Just(Crowd::Stairs),
        1 => Just(Crowd::Row),
        1 => Just(Crowd::Column),
        1 => Just(Crowd::Over),
        1 => Just(Crowd::Fitting),
        2 => Just(Crowd::Border),
    ];
    (kind, 1_usize..600)
}

/// Workers of a crowd, spread over as many cells and pairs as there are.
fn gather(crowd: Crowd, count: usize, needs: &Resources) -> Vec<Resources> {
    let (cpu, memory) = (needs.cpu.get(), needs.memory.get());
    let (row, column) = (Axis::Cpu.level(cpu), Axis::Memory.level(memory));
    let (cpu_floor, memory_floor) = (Axis::Cpu.floor(row), Axis::Memory.floor(column));
    let (cpu_end, memory_end) = (Axis::Cpu.floor(row + 1), Axis::Memory.floor(column + 1));
    (0..count as u32)
        .map(|i| match crowd {
            Crowd::Stairs if i % 2 == 0 => amount(
                cpu_floor.max(cpu.saturating_sub(1 + i)),
                (memory + i).min(memory_end - 1),
                0,
            ),
            Crowd::Stairs => amount(
                (cpu + i).min(cpu_end - 1),
                memory_floor.max(memory.saturating_sub(1 + i)),
                0,
            ),
            Crowd::Row => {
                let level = column + 1 + i as usize % (63 - column);
                amount(cpu_floor.max(cpu.saturating_sub(1 + i / 64)), Axis::Memory.floor(level), 0)
            }
            Crowd::Column => {
                let level = row + 1 + i as usize % (63 - row);
                amount(
                    Axis::Cpu.floor(level),
                    memory_floor.max(memory.saturating_sub(1 + i / 64)),
                    0,
                )
            }
            Crowd::Over => amount(
                Axis::Cpu.floor(row + 1 + i as usize % (63 - row)),
                Axis::Memory.floor(column + 1 + i as usize / 7 % (63 - column)),
                0,
            ),
            Crowd::Fitting => {
                amount((cpu + i).min(cpu_end - 1), (memory + i / 3).min(memory_end - 1), 0)
            }
            Crowd::Border if i % 2 == 0 => amount(
                (cpu + i).min(cpu_end - 1),
                Axis::Memory.floor(column + 1 + i as usize % (63 - column)),
                0,
            ),
            Crowd::Border => amount(
                Axis::Cpu.floor(row + 1 + i as usize % (63 - row)),
                (memory + i).min(memory_end - 1),
                0,
            ),
        })
        .collect()
}

/// Workers of several GPU types, by type and number of free GPUs.
type Typed = (usize, Resources);

/// Looks at the answers for a request that will do with any of `types`, in this order; returns the most that
/// was looked at.
fn check_typed(fleet: &[Typed], types: &[usize], needs: &Resources) -> Result<u64, TestCaseError> {
    let mut most = 0;
    for policy in [Policy::Spread, Policy::BestFit] {
        let mut index = Index::default();
        let mut probes = Probes::default();
        let (mut picked, mut expected) = (None, None);
        for &wanted in types {
            let of_type = || {
                (0..).zip(fleet).filter(|(_, (gpu, _))| *gpu == wanted).map(|(at, it)| (at, it.1))
            };
            let mut model = Model::default();
            model.workers.resize(fleet.len(), None);
            for (slot, free) in of_type() {
                model.set(slot as usize, Some(free));
            }
            let key = ViewKey { gpu: GpuKind::Type(wanted as u32), ..KEY };
            let view = index.build(key, Part::All, of_type());
            let watch = index.prepare(view, &Wanted::new(*needs));
            expected = expected.or_else(|| model.pick(policy, needs));
            picked = picked
                .or_else(|| index.pick(policy, view, &Wanted::new(*needs), watch, &mut probes));
        }
        prop_assert_eq!(picked, expected, "{:?}", policy);
        most = most.max(probes.0);
    }
    Ok(most)
}

/// Looks at the answers for `needs` in a fleet; returns the most that was looked at.
fn check(fleet: &[Resources], needs: &Resources) -> Result<u64, TestCaseError> {
    let mut model = Model::default();
    model.workers.resize(fleet.len(), None);
    for (slot, free) in fleet.iter().enumerate() {
        model.set(slot, Some(*free));
    }
    let mut most = 0;
    for policy in [Policy::Spread, Policy::BestFit] {
        let mut index = Index::default();
        let view = index.build(KEY, Part::All, (0..).zip(fleet.iter().copied()));
        let watch = index.prepare(view, &Wanted::new(*needs));
        let mut probes = Probes::default();
        let picked = index.pick(policy, view, &Wanted::new(*needs), watch, &mut probes);
        prop_assert_eq!(picked, model.pick(policy, needs), "{:?}", policy);
        most = most.max(probes.0);
    }
    Ok(most)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    /// Whatever the fleet, a decision without GPUs looks at 128 places at most and is exact.
    #[test]
    fn looks_at_128_places_at_most(
        cpu in prop_oneof![1_u32..4_000, 60_000_u32..2_000_000],
        memory in prop_oneof![1_u32..16_000, 300_000_u32..8_000_000],
        crowds in vec(crowd(), 1..7),
    ) {
        let needs = amount(cpu, memory, 0);
        let fleet: Vec<Resources> =
            crowds.iter().flat_map(|&(crowd, count)| gather(crowd, count, &needs)).collect();
        let most = check(&fleet, &needs)?;
        prop_assert!(most <= 128, "{most} in {} workers", fleet.len());
    }
}

fn with_gpus(free: Resources, gpus: u32) -> Resources {
    amount(free.cpu.get(), free.memory.get(), gpus)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    /// The same with up to eight GPU types in order, and any numbers of free GPUs.
    #[test]
    fn looks_at_128_places_at_most_for_gpus_too(
        cpu in prop_oneof![1_u32..4_000, 60_000_u32..2_000_000],
        memory in prop_oneof![1_u32..16_000, 300_000_u32..8_000_000],
        gpus in 1_u32..5,
        types in proptest::sample::subsequence(vec![0_usize, 1, 2, 3, 4, 5, 6, 7], 1..=8)
            .prop_shuffle(),
        crowds in vec((0_usize..8, 0_u32..64, 1_u32..9, crowd()), 1..12),
    ) {
        let needs = amount(cpu, memory, gpus);
        // A crowd in several grids in a row.
        let fleet: Vec<Typed> = crowds
            .iter()
            .flat_map(|&(gpu, first, grids, (crowd, count))| {
                let crowd = gather(crowd, count / grids as usize + 1, &needs);
                (first..(first + grids).min(64)).flat_map(move |gpus| {
                    crowd.clone().into_iter().map(move |free| (gpu, with_gpus(free, gpus)))
                })
            })
            .collect();
        let most = check_typed(&fleet, &types, &needs)?;
        prop_assert!(most <= 128, "{most} in {} workers", fleet.len());
    }
}

/// The worst that is known: all 63 grids of eight types have a crowd of which nobody fits, or only in the last
/// grid that is tried.
#[test]
fn eight_types_with_63_numbers_of_free_gpus_are_searched_in_few_looks() {
    let needs = amount(60_000, 300_000, 1);
    let types: Vec<usize> = (0..8).collect();
    let mut fleet: Vec<Typed> = Vec::new();
    for gpu in 0..8 {
        for gpus in 1..64 {
            let crowd = gather(Crowd::Stairs, 60, &needs);
            fleet.extend(crowd.into_iter().map(|free| (gpu, with_gpus(free, gpus))));
        }
    }
    assert!(check_typed(&fleet, &types, &needs).expect("exact") <= 24);
    for last in [1, 63] {
        // With what makes the last grid hard as well.
        let mut fleet = fleet.clone();
        fleet.extend([Crowd::Row, Crowd::Column].into_iter().flat_map(|crowd| {
            gather(crowd, 2_000, &needs).into_iter().map(move |free| (7, with_gpus(free, last)))
        }));
        fleet.push((7, amount(60_000, 300_000, last)));
        let most = check_typed(&fleet, &types, &needs).expect("exact");
        assert!((30..=128).contains(&most), "{most}");
    }
}

/// More sizes than are watched at a time, and workers that come and go: the answers stay exact, whether a
/// request was made ready again or not.
#[test]
fn sizes_that_are_no_longer_watched_find_the_same_workers() {
    let mut index = Index::default();
    let mut model = Model::default();
    model.workers.resize(50, None);
    let view = index.build(KEY, Part::All, std::iter::empty());
    let sizes: Vec<Resources> = (0..3 * WATCHES as u32)
        .map(|i| amount(1_000 + i % 60, 5_000 + i / 60, 1 + i % 3))
        .collect();
    let mut watches: Vec<u16> = Vec::new();
    for (at, needs) in sizes.iter().enumerate() {
        watches.push(index.prepare(view, &Wanted::new(*needs)));
        let (slot, i) = (at % 50, at as u32);
        let free = amount(1_000 + i * 7 % 60, 5_000 + i * 11 % 60, i % 5);
        let there = model.workers[slot].is_some();
        model.set(slot, Some(free));
        if there {
            index.change(slot as u32, &free);
        } else {
            index.add(slot as u32, &free, |_, _| true);
        }
        for at in [at, at / 2, at / 3] {
            for policy in [Policy::Spread, Policy::BestFit] {
                let mut probes = Probes::default();
                let picked =
                    index.pick(policy, view, &Wanted::new(sizes[at]), watches[at], &mut probes);
                assert_eq!(picked, model.pick(policy, &sizes[at]), "{at}: {:?}", sizes[at]);
            }
        }
    }
    assert_eq!(index.generation(), 2, "forgotten twice");
}

/// Eight grids, none of which but the last that is tried holds a fit, each with a crowd of stairs.
#[test]
fn eight_numbers_of_free_gpus_are_searched_in_few_looks() {
    let needs = amount(60_000, 300_000, 1);
    for with_fit in [1, 8] {
        let mut fleet = Vec::new();
        for gpus in 1..=8 {
            fleet.extend(
                gather(Crowd::Stairs, 1_000, &needs)
                    .into_iter()
                    .map(|free| amount(free.cpu.get(), free.memory.get(), gpus)),
            );
        }
        fleet.push(amount(60_000, 300_000, with_fit));
        let most = check(&fleet, &needs).expect("exact");
        assert!(most <= 128, "{most}");
    }
}

/// The worst that is known: as many different pairs as there are workers, all in the request's own
/// cell, none or only the last of which fits.
#[test]
fn a_cell_with_200_000_workers_is_searched_in_few_looks() {
    let needs = amount(2_300_000, 9_000_000, 0);
    let mut fleet = gather(Crowd::Stairs, 200_000, &needs);
    assert!(fleet.iter().all(|free| !needs.fits(free)), "stairs never fit");
    assert!(check(&fleet, &needs).expect("exact") <= 128);
    fleet.push(needs);
    fleet.extend(gather(Crowd::Row, 2_000, &needs));
    fleet.extend(gather(Crowd::Column, 2_000, &needs));
    let most = check(&fleet, &needs).expect("exact");
    assert!((20..=128).contains(&most), "{most}");
}
