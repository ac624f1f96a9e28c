//! Numbers as people read them.

/// A duration of `ns` nanoseconds in three digits: `870 ns`, `1.23 ms`, `12.3 s`; from two minutes
/// on `2 min 05 s`, from an hour on `1 h 02 min`.
#[must_use]
pub fn human_duration(ns: u64) -> String {
    let seconds = rounded(ns, 1_000_000_000);
    let minutes = rounded(ns, 60_000_000_000);
    if seconds >= 3_600 {
        format!("{} h {:02} min", minutes / 60, minutes % 60)
    } else if seconds >= 120 {
        format!("{} min {:02} s", seconds / 60, seconds % 60)
    } else {
        three_digits(ns, 1_000, &["ns", "µs", "ms", "s"])
    }
}

/// A number of bytes in three digits and powers of 1,024: `512 B`, `1.50 KiB`, `24.0 GiB`.
#[must_use]
pub fn human_bytes(bytes: u64) -> String {
    three_digits(bytes, 1_024, &["B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"])
}

/// A count with its thousands apart: `1,234,567`.
#[must_use]
pub fn human_count(count: u64) -> String {
    let digits = count.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// `value` in the first of `units`, each `step` times the one before, where it is below `step`
/// *after* rounding: 999,950 ns is `1.00 ms` and never `1000 µs`. The first unit has no decimals;
/// the last takes whatever is left.
fn three_digits(value: u64, step: u64, units: &[&str]) -> String {
    let (mut place, mut size) = (0, 1);
    while place + 1 < units.len() && rounded(value, size) >= u128::from(step) {
        place += 1;
        size *= step;
    }
    let unit = units[place];
    let (mut decimals, mut scale) = (0, 1);
    while place > 0 && decimals < 2 && rounded_scaled(value, scale * 10, size) < 1_000 {
        decimals += 1;
        scale *= 10;
    }
    let digits = rounded_scaled(value, scale, size);
    let (whole, part) = (digits / u128::from(scale), digits % u128::from(scale));
    match decimals {
        0 => format!("{whole} {unit}"),
        _ => format!("{whole}.{part:0decimals$} {unit}"),
    }
}

fn rounded(value: u64, by: u64) -> u128 {
    rounded_scaled(value, 1, by)
}

/// `value * scale / by`, halves upwards.
fn rounded_scaled(value: u64, scale: u64, by: u64) -> u128 {
    (u128::from(value) * u128::from(scale) + u128::from(by / 2)) / u128::from(by)
}

#[cfg(test)]
mod tests {
    use super::{human_bytes, human_count, human_duration};
    use crate::parse_duration;
    use proptest::prelude::*;

    #[test]
    fn durations_read_well() {
        for (ns, want) in [
            (0, "0 ns"),
            (999, "999 ns"),
            (1_000, "1.00 µs"),
            (9_995, "10.0 µs"),
            (99_950, "100 µs"),
            (999_499, "999 µs"),
            (999_500, "1.00 ms"),
            (1_234_567, "1.23 ms"),
            (12_300_000_000, "12.3 s"),
            (119_499_999_999, "119 s"),
            (119_500_000_000, "2 min 00 s"),
            (125_000_000_000, "2 min 05 s"),
            (3_599_499_999_999, "59 min 59 s"),
            (3_599_500_000_000, "1 h 00 min"),
            (3_720_000_000_000, "1 h 02 min"),
            (u64::MAX, "5124095 h 35 min"),
        ] {
            assert_eq!(human_duration(ns), want, "{ns} ns");
        }
    }

    #[test]
    fn bytes_read_well() {
        for (bytes, want) in [
            (0, "0 B"),
            (1_023, "1023 B"),
            (1_024, "1.00 KiB"),
            (1_536, "1.50 KiB"),
            (1_010 * 1_024, "1010 KiB"),
            (1_024 * 1_024 - 1, "1.00 MiB"),
            (24 << 30, "24.0 GiB"),
            (u64::MAX, "16.0 EiB"),
        ] {
            assert_eq!(human_bytes(bytes), want, "{bytes} bytes");
        }
    }

    #[test]
    fn counts_read_well() {
        for (count, want) in [
            (0, "0"),
            (999, "999"),
            (1_000, "1,000"),
            (12_345, "12,345"),
            (1_234_567, "1,234,567"),
            (u64::MAX, "18,446,744,073,709,551,615"),
        ] {
            assert_eq!(human_count(count), want);
        }
    }

    /// Numbers of every magnitude, not nearly all of them near the top.
    fn any_size() -> impl Strategy<Value = u64> {
        (any::<u64>(), 0_u32..64).prop_map(|(value, shift)| value >> shift)
    }

    proptest! {
        /// Three digits are an error of half a percent at most.
        #[test]
        fn a_duration_keeps_its_leading_digits(ns in 0_u64..119_000_000_000, shift in 0_u32..37) {
            let ns = ns >> shift;
            let text = human_duration(ns);
            let read = parse_duration(&text).unwrap().as_nanos() as f64;
            prop_assert!((read - ns as f64).abs() <= ns as f64 * 0.005, "{ns}: {text}");
        }

        #[test]
        fn a_long_duration_is_right_to_half_a_unit(ns in 119_500_000_000_u64..) {
            let text = human_duration(ns);
            let words: Vec<&str> = text.split(' ').collect();
            let number = |at: usize| words[at].parse::<u128>().unwrap();
            let (read_ns, unit_ns) = match words[1] {
                "h" => ((number(0) * 60 + number(2)) * 60_000_000_000, 60_000_000_000),
                _ => ((number(0) * 60 + number(2)) * 1_000_000_000, 1_000_000_000),
            };
            prop_assert!(number(2) < 60, "{text}");
            prop_assert!(read_ns.abs_diff(u128::from(ns)) <= unit_ns / 2, "{ns}: {text}");
        }

        #[test]
        fn bytes_keep_their_leading_digits(bytes in any_size()) {
            let text = human_bytes(bytes);
            let (number, unit) = text.split_once(' ').unwrap();
            let power = ["B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"]
                .iter().position(|name| *name == unit).unwrap();
            let read = number.parse::<f64>().unwrap() * 1_024_f64.powi(power as i32);
            prop_assert!((read - bytes as f64).abs() <= bytes as f64 * 0.005, "{bytes}: {text}");
        }

        #[test]
        fn a_count_loses_no_digit(count in any_size()) {
            prop_assert_eq!(human_count(count).replace(',', ""), count.to_string());
        }
    }
}
