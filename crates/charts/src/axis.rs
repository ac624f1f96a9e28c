//! From values to places.

use crate::scene::{Axis, Scale};
use crate::ticks::{self, Step, Tick};

/// Turns the values of an axis into places between `from` and `to`; beyond its ends is at its ends.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Map {
    log: bool,
    lo: f64,
    hi: f64,
    from: f64,
    to: f64,
}

impl Map {
    pub(crate) fn new(scale: &Scale, (lo, hi): (f64, f64), (from, to): (f64, f64)) -> Self {
        let log = is_log(scale);
        let of = |value: f64| if log { value.log10() } else { value };
        Self { log, lo: of(lo), hi: of(hi), from, to }
    }

    pub(crate) fn at(&self, value: f64) -> f64 {
        let value = match self.log {
            true if value > 0.0 => value.log10(),
            true => self.lo,
            false => value,
        };
        let share = ((value - self.lo) / (self.hi - self.lo)).clamp(0.0, 1.0);
        self.from + share * (self.to - self.from)
    }

    /// Left of, or below, the axis's beginning: -1; beyond its end: 1.
    pub(crate) fn side(&self, value: f64) -> i8 {
        let value = if self.log { value.max(f64::MIN_POSITIVE).log10() } else { value };
        let slack = (self.hi - self.lo) * 1e-6;
        i8::from(value > self.hi + slack) - i8::from(value < self.lo - slack)
    }
}

pub(crate) const fn is_log(scale: &Scale) -> bool {
    matches!(scale, Scale::Log | Scale::Quantile)
}

/// Room above the highest value, as a share of all.
const AIR: f64 = 0.06;
/// Seconds that need no axis.
const MOMENT: f64 = 1e-3;

/// From where to where an axis goes. `limits` are taken in where that leaves the data room.
pub(crate) fn domain(
    axis: &Axis,
    values: impl Iterator<Item = f64>,
    limits: &[f64],
    most: usize,
) -> (f64, f64) {
    if let Scale::Names(names) = &axis.scale {
        return (-0.5, names.len().max(1) as f64 - 0.5);
    }
    if let Some(range) = axis.range {
        return range;
    }
    let log = is_log(&axis.scale);
    let counts = |value: &f64| value.is_finite() && (!log || *value > 0.0);
    let (mut lo, mut hi) = values
        .filter(counts)
        .fold((f64::INFINITY, f64::NEG_INFINITY), |(lo, hi), value| (lo.min(value), hi.max(value)));
    if lo > hi {
        (lo, hi) = limits.first().map_or((1.0, 1.0), |&limit| (limit, limit));
    }
    // A limit far beyond the data would squeeze them to a line at the bottom.
    let (under, over) = if log { (lo / 10.0, hi * 10.0) } else { (f64::MIN, hi * 2.5) };
    for &limit in limits.iter().filter(|limit| (under..=over).contains(*limit)) {
        (lo, hi) = (lo.min(limit), hi.max(limit));
    }
    match axis.scale {
        // What happened within a moment is no stretch of time.
        Scale::Time => (lo.min(0.0), if hi > lo.min(0.0) + MOMENT { hi } else { lo + 1.0 }),
        Scale::Quantile => (1.0, hi.max(10.0)),
        Scale::Log => rounded_log(lo, hi),
        Scale::Linear | Scale::Count | Scale::Names(_) => {
            let (lo, hi) = (lo.min(0.0), hi.max(0.0));
            let hi = if hi > lo { hi } else { 1.0 };
            let step = match axis.scale {
                Scale::Count => Step::of(hi - lo, most).whole(),
                _ => Step::of(hi - lo, most),
            };
            // A little air above the highest, less than up to the next tick.
            let top = step.times((hi / step.size() - 1e-9).ceil());
            (step.times((lo / step.size()).floor()), top.min(hi + (hi - lo) * AIR))
        }
    }
}

/// Outwards to the next 1, 2 or 5 times a power of ten.
fn rounded_log(lo: f64, hi: f64) -> (f64, f64) {
    let round = |value: f64, up: bool| {
        let power = 10_f64.powi(value.log10().floor() as i32);
        let stops = [1.0, 2.0, 5.0, 10.0].map(|digit| digit * power);
        if up {
            stops.into_iter().find(|stop| *stop >= value * (1.0 - 1e-9)).unwrap_or(stops[3])
        } else {
            stops.into_iter().rfind(|stop| *stop <= value * (1.0 + 1e-9)).unwrap_or(stops[0])
        }
    };
    let (lo, hi) = (round(lo, false), round(hi, true));
    if lo < hi { (lo, hi) } else { (lo / 2.0, hi * 2.0) }
}

/// The ticks of an axis and its whole title.
pub(crate) fn ticks(axis: &Axis, (lo, hi): (f64, f64), most: usize) -> (Vec<Tick>, String) {
    let title = axis.title.clone();
    match &axis.scale {
        Scale::Linear => (ticks::linear(lo, hi, most), title),
        Scale::Count => (ticks::count(lo, hi, most), title),
        Scale::Log => (ticks::log(lo, hi, most), title),
        Scale::Quantile => (ticks::quantile(hi), title),
        Scale::Time => {
            let (ticks, unit) = ticks::time(lo, hi, most);
            (ticks, format!("{title}, {unit}"))
        }
        Scale::Names(names) => {
            let tick =
                |(place, name): (u32, &String)| Tick { at: place.into(), label: name.clone() };
            ((0..).zip(names).map(tick).collect(), title)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Map, domain};
    use crate::scene::{Axis, Scale};

    #[test]
    fn an_axis_is_rounded_outwards_and_takes_in_limits_that_are_near() {
        for (name, scale, values, limits, want) in [
            ("from zero", Scale::Linear, &[3.0, 50.0] as &[f64], &[] as &[f64], (0.0, 50.0)),
            ("air", Scale::Linear, &[1_010.0], &[], (0.0, 1_070.6)),
            ("nothing", Scale::Linear, &[], &[], (0.0, 1.0)),
            ("a count", Scale::Count, &[1.0], &[], (0.0, 1.0)),
            ("only zeros", Scale::Linear, &[0.0], &[], (0.0, 1.0)),
            ("a near limit", Scale::Linear, &[42.0], &[100.0], (0.0, 100.0)),
            ("a far limit", Scale::Linear, &[50.0], &[1_000.0], (0.0, 50.0)),
            ("not finite", Scale::Linear, &[f64::NAN, f64::INFINITY, 10.0], &[], (0.0, 10.0)),
            ("logarithmic", Scale::Log, &[0.0, 3.0, 420.0], &[], (2.0, 500.0)),
            ("one value", Scale::Log, &[100.0], &[], (50.0, 200.0)),
            ("a limit, logarithmic", Scale::Log, &[3.0, 420.0], &[1_500.0], (2.0, 2_000.0)),
            ("time", Scale::Time, &[0.3, 7.7], &[], (0.0, 7.7)),
            ("a moment", Scale::Time, &[0.0, 2e-4], &[], (0.0, 1.0)),
            ("names", Scale::Names(vec![String::new(); 3]), &[], &[], (-0.5, 2.5)),
        ] {
            let found = domain(&Axis::new("", scale), values.iter().copied(), limits, 5);
            assert_eq!(found, want, "{name}");
        }
        let given = Axis::new("", Scale::Linear).over(0.0, 1.0);
        assert_eq!(domain(&given, [7.0].into_iter(), &[], 5), (0.0, 1.0));
    }

    #[test]
    fn places_run_from_end_to_end_and_no_further() {
        let map = Map::new(&Scale::Log, (1.0, 100.0), (200.0, 0.0));
        for (value, place, side) in
            [(1.0, 200.0, 0), (10.0, 100.0, 0), (100.0, 0.0, 0), (1e9, 0.0, 1), (0.0, 200.0, -1)]
        {
            assert_eq!((map.at(value), map.side(value)), (place, side), "{value}");
        }
    }
}
