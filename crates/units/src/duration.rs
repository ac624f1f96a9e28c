//! Durations as people write them in flags and options.

use std::time::Duration;

/// Why a text is not a duration.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ParseDurationError {
    /// It does not begin with a plain decimal number.
    #[error("{text:?} is not a duration; write a number and a unit, such as 250ms or 1.5s")]
    NotANumber {
        /// What was found.
        text: String,
    },
    /// A number alone could be seconds or milliseconds; guessing is how benchmarks go wrong.
    #[error("a unit is missing in {text:?}; write {text}s or {text}ms")]
    UnitMissing {
        /// What was found.
        text: String,
    },
    /// A number followed by something else.
    #[error("unknown unit {unit:?} in {text:?}; expected ns, us, ms, s, m or h")]
    UnknownUnit {
        /// What was found.
        text: String,
        /// The part of it that should have been a unit.
        unit: String,
    },
    /// It does not fit the 64-bit nanoseconds in which time is counted.
    #[error("{text:?} is too long; at most 5000000h")]
    TooLong {
        /// What was found.
        text: String,
    },
}

/// Reads `10s`, `250ms`, `100us`, `1.5s`, `2m` or `1h`; also `ns`, and a space before the unit.
///
/// The result is rounded to whole nanoseconds, halves upwards, and always fits `u64` nanoseconds.
/// Zero is a duration: whoever cannot use it says so.
///
/// # Errors
/// A bare number, an unknown unit, anything that is not a plain decimal number (no sign, no
/// exponent, at most 18 decimals), and more than `u64` nanoseconds.
pub fn parse_duration(text: &str) -> Result<Duration, ParseDurationError> {
    let trimmed = text.trim();
    let found = || trimmed.to_owned();
    let end = trimmed.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(trimmed.len());
    let (number, unit) = trimmed.split_at(end);
    let number =
        Decimal::parse(number).ok_or_else(|| ParseDurationError::NotANumber { text: found() })?;
    let unit_ns = match unit.trim_start() {
        "ns" => 1,
        "us" | "µs" => 1_000,
        "ms" => 1_000_000,
        "s" => 1_000_000_000,
        "m" => 60_000_000_000,
        "h" => 3_600_000_000_000,
        "" => return Err(ParseDurationError::UnitMissing { text: found() }),
        other => {
            let unit = other.to_owned();
            return Err(ParseDurationError::UnknownUnit { text: found(), unit });
        }
    };
    let ns = number.times(unit_ns).ok_or_else(|| ParseDurationError::TooLong { text: found() })?;
    Ok(Duration::from_nanos(ns))
}

/// A decimal number of at most 18 decimals, exact.
struct Decimal {
    whole: u128,
    fraction: u128,
    /// What `fraction` is to be divided by.
    scale: u128,
}

impl Decimal {
    /// More digits than `u64` nanoseconds can use are refused, so nothing below can overflow.
    const DIGITS_MAX: usize = 18;

    fn parse(text: &str) -> Option<Self> {
        let digits = |part: &str| {
            let plain = part.bytes().all(|byte| byte.is_ascii_digit());
            if plain && !part.is_empty() { part.parse::<u128>().ok() } else { None }
        };
        let Some((whole, fraction)) = text.split_once('.') else {
            return Some(Self { whole: digits(text)?, fraction: 0, scale: 1 });
        };
        if fraction.len() > Self::DIGITS_MAX {
            return None;
        }
        let scale = fraction.bytes().fold(1, |scale, _| scale * 10);
        Some(Self { whole: digits(whole)?, fraction: digits(fraction)?, scale })
    }

    fn times(&self, unit: u64) -> Option<u64> {
        let unit = u128::from(unit);
        let part = (self.fraction * unit + self.scale / 2) / self.scale;
        u64::try_from(self.whole.checked_mul(unit)?.checked_add(part)?).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::{ParseDurationError, parse_duration};
    use proptest::prelude::*;
    use std::time::Duration;

    #[test]
    fn reads_what_people_write() {
        for (text, want_ns) in [
            ("10s", 10_000_000_000),
            ("250ms", 250_000_000),
            ("100us", 100_000),
            ("100µs", 100_000),
            ("7ns", 7),
            ("1.5s", 1_500_000_000),
            ("0.25ms", 250_000),
            ("2m", 120_000_000_000),
            ("1h", 3_600_000_000_000),
            ("0s", 0),
            (" 3 s ", 3_000_000_000),
            ("1.4ns", 1),
            ("1.5ns", 2),
            ("0.000000000999999999s", 1),
            ("18446744073709551615ns", u64::MAX),
        ] {
            assert_eq!(parse_duration(text), Ok(Duration::from_nanos(want_ns)), "{text:?}");
        }
    }

    #[test]
    fn refuses_the_rest_and_says_why() {
        for (text, want) in [
            ("10", r#"a unit is missing in "10"; write 10s or 10ms"#),
            ("1.5", r#"a unit is missing in "1.5"; write 1.5s or 1.5ms"#),
            ("", r#""" is not a duration; write a number and a unit, such as 250ms or 1.5s"#),
            ("1m30s", r#"unknown unit "m30s" in "1m30s"; expected ns, us, ms, s, m or h"#),
            ("1e3s", r#"unknown unit "e3s" in "1e3s"; expected ns, us, ms, s, m or h"#),
            ("10S", r#"unknown unit "S" in "10S"; expected ns, us, ms, s, m or h"#),
            ("5124096h", r#""5124096h" is too long; at most 5000000h"#),
        ] {
            assert_eq!(parse_duration(text).unwrap_err().to_string(), want, "{text:?}");
        }
        for text in
            ["-5s", "+5s", ".5s", "5.s", "1.2.3s", "s", "inf", "NaNs", "0.1234567890123456789s"]
        {
            let refused =
                matches!(parse_duration(text), Err(ParseDurationError::NotANumber { .. }));
            assert!(refused, "{text:?}");
        }
        let huge = format!("{}s", "9".repeat(60));
        assert!(parse_duration(&huge).is_err(), "must not overflow");
    }

    proptest! {
        #[test]
        fn whole_nanoseconds_come_back(ns: u64) {
            prop_assert_eq!(parse_duration(&format!("{ns}ns")), Ok(Duration::from_nanos(ns)));
        }

        #[test]
        fn a_fraction_is_exact(whole in 0_u64..1_000_000, fraction in 0_u32..1_000_000_000) {
            let want = Duration::new(whole, fraction);
            prop_assert_eq!(parse_duration(&format!("{whole}.{fraction:09}s")), Ok(want));
        }

        #[test]
        fn nothing_makes_it_panic(text in "[0-9.]{0,40} ?(ns|us|µs|ms|s|m|h|x)?|\\PC{0,8}") {
            let _ = parse_duration(&text);
        }
    }
}
