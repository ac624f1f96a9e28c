//! Arrival offsets: decimal milliseconds to whole nanoseconds, without going through a float.

/// The latest arrival, 366 days in nanoseconds. A larger offset is nearly always a date in
/// milliseconds; and below it no [`crate::speed::Speed`] can overflow the run's clock.
pub(crate) const OFFSET_MAX_NS: u64 = 366 * 24 * 3_600 * 1_000_000_000;

/// Reads `text` as milliseconds: digits, a decimal point, an exponent, spaces around.
///
/// The result is exact and rounded to whole nanoseconds, halves up. Two rows whose offsets differ
/// by less than that are due at the same instant.
///
/// # Errors
/// What should have stood there.
pub(crate) fn parse_offset(text: &str) -> Result<u64, &'static str> {
    const DECIMAL: &str = "a decimal number of milliseconds";
    let text = text.trim();
    let (negative, number) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let (mantissa, exponent) = match number.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, parse_exponent(exponent).ok_or(DECIMAL)?),
        None => (number, 0),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let mut digits = whole.bytes().chain(fraction.bytes());
    if whole.len() + fraction.len() == 0 || !digits.all(|digit| digit.is_ascii_digit()) {
        return Err(DECIMAL);
    }
    let digits = whole.bytes().chain(fraction.bytes()).skip_while(|&digit| digit == b'0');
    let significant = digits.clone().count() as i64;
    if significant == 0 {
        return Ok(0);
    }
    if negative {
        return Err("a number of milliseconds that is not negative");
    }
    // The number of digits before the point once the unit is nanoseconds.
    let integer_digits = significant + i64::from(exponent) - fraction.len() as i64 + 6;
    let ns = match integer_digits {
        ..0 => 0,
        0..=17 => {
            let mut padded =
                digits.chain(std::iter::repeat(b'0')).map(|digit| u64::from(digit - b'0'));
            let whole =
                padded.by_ref().take(integer_digits as usize).fold(0, |ns, digit| ns * 10 + digit);
            whole + u64::from(padded.next() >= Some(5))
        }
        _ => u64::MAX,
    };
    if ns > OFFSET_MAX_NS { Err("at most 31622400000 milliseconds (366 days)") } else { Ok(ns) }
}

/// A whole number with or without a sign. Beyond 32 bits it is the nearest that fits: no row has
/// digits enough to make up for that many places.
fn parse_exponent(text: &str) -> Option<i32> {
    let (sign, digits) = match text.strip_prefix('-') {
        Some(rest) => (-1, rest),
        None => (1, text.strip_prefix('+').unwrap_or(text)),
    };
    if digits.is_empty() {
        return None;
    }
    digits.bytes().try_fold(0_i32, |exponent, digit| {
        let digit = digit.is_ascii_digit().then(|| i32::from(digit - b'0'))?;
        Some(exponent.saturating_mul(10).saturating_add(sign * digit))
    })
}

#[cfg(test)]
mod tests {
    use super::{OFFSET_MAX_NS, parse_offset};
    use proptest::prelude::*;

    #[test]
    fn reads_decimal_milliseconds() {
        for (text, want_ns) in [
            ("0", 0),
            ("-0.0", 0),
            ("000", 0),
            ("800", 800_000_000),
            (" 800 ", 800_000_000),
            ("+1", 1_000_000),
            (".5", 500_000),
            ("5.", 5_000_000),
            ("1.5e3", 1_500_000_000),
            ("1E-3", 1_000),
            ("0.0000005", 1),
            ("0.00000049999", 0),
            ("0.00000005", 0),
            ("1e-999999999", 0),
            ("0e999999999", 0),
            ("0e99999999999", 0),
            ("1e-99999999999", 0),
            ("1e+000000000000003", 1_000_000_000),
            ("0.1", 100_000),
            ("9007199254.740993", 9_007_199_254_740_993),
            ("31622400000", OFFSET_MAX_NS),
        ] {
            assert_eq!(parse_offset(text), Ok(want_ns), "{text:?}");
        }
    }

    #[test]
    fn refuses_the_rest() {
        for text in [
            "", "-", ".", "e3", "1e", "1e-", "1e+-1", "1e1.5", "0e9x", "12ms", "1,5", "1_000",
            "inf", "NaN", "0x10", "1 2", "١",
        ] {
            assert_eq!(parse_offset(text), Err("a decimal number of milliseconds"), "{text:?}");
        }
        for text in ["-1", "-0.0000001", "-1e-9", "-1e99999999999"] {
            assert_eq!(
                parse_offset(text),
                Err("a number of milliseconds that is not negative"),
                "{text:?}"
            );
        }
        for text in ["31622400000.000001", "1700000000000", "1e400", "9e99999999", "1e99999999999"]
        {
            assert!(parse_offset(text).unwrap_err().starts_with("at most"), "{text:?}");
        }
    }

    proptest! {
        /// Against integers: six digits after the point are nanoseconds, the seventh rounds.
        #[test]
        fn is_exact(ns in 0..OFFSET_MAX_NS, tail in "[0-9]{0,20}", zeros in 0_usize..4) {
            let text = format!("{}{}.{:06}{tail}", "0".repeat(zeros), ns / 1_000_000, ns % 1_000_000);
            let up = tail.as_bytes().first() >= Some(&b'5');
            prop_assert_eq!(parse_offset(&text), Ok(ns + u64::from(up)));
        }

        /// An exponent moves the point and does nothing else.
        #[test]
        fn an_exponent_moves_the_point(digits in 1_u32.., places in 0_usize..9) {
            let plain = format!("{digits}{}", "0".repeat(places));
            prop_assert_eq!(parse_offset(&format!("{digits}e{places}")), parse_offset(&plain));
        }

        #[test]
        fn never_panics(text in "[-+.0-9eE ]{0,24}") {
            let _ = parse_offset(&text);
        }
    }
}
