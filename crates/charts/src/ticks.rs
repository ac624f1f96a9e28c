//! Where an axis has ticks, and what is written at them.

/// A tick.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Tick {
    pub(crate) at: f64,
    pub(crate) label: String,
}

/// A step of 1, 2 or 5 times a power of ten.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Step {
    digit: u32,
    exponent: i32,
}

impl Step {
    /// The least such step of which `span` holds at most `most`.
    pub(crate) fn of(span: f64, most: usize) -> Self {
        let least = span / most.max(1) as f64;
        let exponent = least.log10().floor() as i32;
        let candidates = [(1, exponent), (2, exponent), (5, exponent), (1, exponent + 1)];
        let steps = candidates.map(|(digit, exponent)| Self { digit, exponent });
        // A hair of tolerance, so that a span of exactly five steps is five.
        let fits = |step: &&Self| step.size() >= least * (1.0 - 1e-9);
        *steps.iter().find(fits).unwrap_or(&steps[3])
    }

    pub(crate) fn size(self) -> f64 {
        self.times(1.0)
    }

    /// `count` steps, so that 3 steps of 0.1 are 0.3.
    pub(crate) fn times(self, count: f64) -> f64 {
        let digits = count * f64::from(self.digit);
        match self.exponent {
            exponent if exponent < 0 => digits / 10_f64.powi(-exponent),
            exponent => digits * 10_f64.powi(exponent),
        }
    }

    /// The same, or 1 where it is a part of 1.
    pub(crate) fn whole(self) -> Self {
        if self.exponent < 0 { Self { digit: 1, exponent: 0 } } else { self }
    }

    fn decimals(self) -> usize {
        usize::try_from(-self.exponent).unwrap_or(0)
    }
}

/// Ticks at multiples of a step.
pub(crate) fn linear(lo: f64, hi: f64, most: usize) -> Vec<Tick> {
    multiples(Step::of(hi - lo, most), lo, hi)
}

/// Ticks at whole numbers.
pub(crate) fn count(lo: f64, hi: f64, most: usize) -> Vec<Tick> {
    multiples(Step::of(hi - lo, most).whole(), lo, hi)
}

fn multiples(step: Step, lo: f64, hi: f64) -> Vec<Tick> {
    let (first, last) = ((lo / step.size() - 1e-9).ceil(), (hi / step.size() + 1e-9).floor());
    let count = (last - first + 1.0).max(0.0) as u32;
    let tick = |place: u32| {
        let at = step.times(first + f64::from(place));
        Tick { at, label: number(at, step.decimals()) }
    };
    (0..count).map(tick).collect()
}

/// Room for the lowest end of an axis below its first tick, as a share of that of a tick.
const END_ROOM: f64 = 0.6;

/// Ticks at 1, 2 and 5 times the powers of ten, or at as many of these powers as there is room for.
pub(crate) fn log(lo: f64, hi: f64, most: usize) -> Vec<Tick> {
    let decades = (lo.log10().floor() as i32)..=(hi.log10().ceil() as i32);
    let inside = |at: f64| at >= lo * (1.0 - 1e-9) && at <= hi * (1.0 + 1e-9);
    let of = |digits: &[u32], every: usize| -> Vec<Tick> {
        let steps = decades.clone().step_by(every);
        steps
            .flat_map(|exponent| digits.iter().map(move |&digit| Step { digit, exponent }))
            .map(|step| Tick { at: step.size(), label: number(step.size(), step.decimals()) })
            .filter(|tick| inside(tick.at))
            .collect()
    };
    let fine = of(&[1, 2, 5], 1);
    match fine.len() {
        0..=2 => linear(lo, hi, most),
        count if count <= most => fine,
        _ => {
            let fits = |every: &usize| of(&[1], *every).len() <= most.max(2);
            let mut ticks = of(&[1], (1..40).find(fits).unwrap_or(40));
            // The lowest end says where the axis begins, if the first power leaves it room.
            let first = ticks.first().map_or(hi, |tick| tick.at);
            let room = (first / lo).log10() / (hi / lo).log10();
            if room >= END_ROOM / most.max(1) as f64 {
                let decimals = usize::try_from(-lo.log10().floor() as i32).unwrap_or(0);
                ticks.insert(0, Tick { at: lo, label: number(lo, decimals) });
            }
            ticks
        }
    }
}

/// Ticks in seconds, and the unit that their labels are in.
pub(crate) fn time(lo: f64, hi: f64, most: usize) -> (Vec<Tick>, &'static str) {
    const MINUTE: f64 = 60.0;
    const HOUR: f64 = 3_600.0;
    const STEPS: [f64; 13] = [
        10.0,
        20.0,
        30.0,
        MINUTE,
        2.0 * MINUTE,
        5.0 * MINUTE,
        10.0 * MINUTE,
        20.0 * MINUTE,
        30.0 * MINUTE,
        HOUR,
        2.0 * HOUR,
        6.0 * HOUR,
        12.0 * HOUR,
    ];
    if hi <= 2.0 * MINUTE {
        return (linear(lo, hi, most), "s");
    }
    let least = (hi - lo) / most.max(1) as f64;
    let days = 24.0 * HOUR * (least / (24.0 * HOUR)).ceil();
    let step = STEPS.into_iter().find(|step| *step >= least).unwrap_or(days);
    let hours = hi > 2.0 * HOUR;
    let label = |at: f64| {
        let whole = at as u64 / if hours { 60 } else { 1 };
        format!("{}:{:02}", whole / 60, whole % 60)
    };
    let (first, last) = ((lo / step).ceil() as u64, (hi / step).floor() as u64);
    let ticks = (first..=last)
        .map(|place| place as f64 * step)
        .map(|at| Tick { at, label: label(at) })
        .collect();
    (ticks, if hours { "h:min" } else { "min:s" })
}

/// Ticks of `1 / (1 - q)`, labelled as percentiles.
pub(crate) fn quantile(hi: f64) -> Vec<Tick> {
    let mut ticks: Vec<Tick> =
        [(1.0, "p0"), (2.0, "p50"), (4.0, "p75"), (10.0, "p90"), (20.0, "p95")]
            .map(|(at, label)| Tick { at, label: label.to_owned() })
            .to_vec();
    for nines in 2..10_usize {
        let at = 10_f64.powi(nines as i32);
        let rest = "9".repeat(nines - 2);
        let point = if rest.is_empty() { "" } else { "." };
        ticks.push(Tick { at, label: format!("p99{point}{rest}") });
    }
    ticks.retain(|tick| tick.at <= hi * (1.0 + 1e-9));
    ticks
}

/// A number with its thousands apart.
pub(crate) fn number(value: f64, decimals: usize) -> String {
    let text = format!("{:.decimals$}", value.abs());
    let (whole, part) = text.split_at(text.find('.').unwrap_or(text.len()));
    let mut out = String::new();
    if value < 0.0 && text.bytes().any(|byte| (b'1'..=b'9').contains(&byte)) {
        out.push('−');
    }
    for (place, digit) in whole.chars().enumerate() {
        if place > 0 && (whole.len() - place).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out + part
}

#[cfg(test)]
mod tests {
    use super::{Step, Tick, count, linear, log, number, quantile, time};
    use proptest::prelude::*;

    fn labels(ticks: &[Tick]) -> Vec<&str> {
        ticks.iter().map(|tick| tick.label.as_str()).collect()
    }

    #[test]
    fn ticks_read_well() {
        for (ticks, want) in [
            (linear(0.0, 1.0, 5), &["0.0", "0.2", "0.4", "0.6", "0.8", "1.0"] as &[_]),
            (linear(0.0, 12_000.0, 4), &["0", "5,000", "10,000"]),
            (linear(0.0, 0.003, 3), &["0.000", "0.001", "0.002", "0.003"]),
            (linear(-10.0, 10.0, 4), &["−10", "−5", "0", "5", "10"]),
            (count(0.0, 2.0, 6), &["0", "1", "2"]),
            (count(0.0, 300.0, 3), &["0", "100", "200", "300"]),
            (log(1.0, 100.0, 8), &["1", "2", "5", "10", "20", "50", "100"]),
            (log(0.1, 10_000.0, 6), &["0.1", "1", "10", "100", "1,000", "10,000"]),
            (log(1.0, 1e9, 5), &["1", "100", "10,000", "1,000,000", "100,000,000"]),
            (log(100.0, 200.0, 5), &["100", "120", "140", "160", "180", "200"]),
            (time(0.0, 90.0, 5).0, &["0", "20", "40", "60", "80"]),
            (time(0.0, 600.0, 5).0, &["0:00", "2:00", "4:00", "6:00", "8:00", "10:00"]),
            (time(0.0, 10_800.0, 4).0, &["0:00", "1:00", "2:00", "3:00"]),
            (quantile(1_000.0), &["p0", "p50", "p75", "p90", "p95", "p99", "p99.9"]),
        ] {
            assert_eq!(labels(&ticks), want);
        }
        assert_eq!([time(0.0, 90.0, 5).1, time(0.0, 600.0, 5).1], ["s", "min:s"]);
        assert_eq!(number(-0.001, 1), "0.0", "no negative zero");
    }

    proptest! {
        #[test]
        fn linear_ticks_are_few_even_and_inside(
            lo in -1e6..1e6, span in 1e-6..1e9, most in 1_usize..12,
        ) {
            let hi = lo + span;
            let ticks = linear(lo, hi, most);
            prop_assert!(ticks.len() <= most + 1, "{ticks:?}");
            let step = Step::of(hi - lo, most).size();
            let slack = step * 1e-6 + hi.abs() * 1e-9;
            for tick in &ticks {
                prop_assert!(tick.at >= lo - slack && tick.at <= hi + slack);
            }
            for pair in ticks.windows(2) {
                prop_assert!((pair[1].at - pair[0].at - step).abs() <= slack);
            }
            let digit = step / 10_f64.powf(step.log10().floor() );
            prop_assert!([1.0, 2.0, 5.0, 10.0].iter().any(|d| (digit - d).abs() < 1e-6), "{step}");
        }

        #[test]
        fn logarithmic_ticks_rise_inside_and_there_are_two(
            lo in 1e-6..1e6, factor in 1.5..1e9, most in 3_usize..12,
        ) {
            let ticks = log(lo, lo * factor, most);
            prop_assert!(!ticks.is_empty());
            for pair in ticks.windows(2) {
                prop_assert!(pair[0].at < pair[1].at && pair[0].label != pair[1].label);
            }
            for tick in &ticks {
                prop_assert!(tick.at >= lo * 0.999_999 && tick.at <= lo * factor * 1.000_001);
            }
        }

        #[test]
        fn times_are_few_and_inside(hi in 1.0..1e7, most in 2_usize..12) {
            let (ticks, _) = time(0.0, hi, most);
            prop_assert!(ticks.len() <= most + 1 && ticks.len() >= 2, "{ticks:?}");
            prop_assert!(ticks.iter().all(|tick| tick.at <= hi * 1.000_001));
        }
    }
}
