//! Whole numbers after a flag.

use std::fmt::Display;
use std::ops::RangeInclusive;
use std::str::FromStr;

/// What clap is to read a flag's whole number with: one in `range`, or a message that states it.
///
/// Integers of another width and the `NonZero` ones differ in what they refuse and how they say so;
/// a user is to see one text, with the range that holds for the flag. Give the flag
/// `allow_negative_numbers` as well, so that `-1` is a bad value and not an unknown flag.
///
/// ```
/// # use proofload_launch::whole_number;
/// let read = whole_number(1..=256_u16, "2");
/// assert_eq!(read("64"), Ok(64));
/// assert_eq!(read("0").unwrap_err(), "expected a whole number from 1 to 256, such as 2");
/// ```
pub fn whole_number<T: FromStr + PartialOrd + Display>(
    range: RangeInclusive<T>,
    example: &'static str,
) -> impl Fn(&str) -> Result<T, String> + Clone
where
    RangeInclusive<T>: Clone,
{
    move |text| {
        let number = text.parse().ok().filter(|number| range.contains(number));
        number.ok_or_else(|| {
            let (least, most) = (range.start(), range.end());
            format!("expected a whole number from {least} to {most}, such as {example}")
        })
    }
}

#[cfg(test)]
mod tests {
    use super::whole_number;
    use std::num::NonZeroU32;

    #[test]
    fn whatever_is_no_number_of_the_range_gets_the_same_text() {
        let read = whole_number(NonZeroU32::MIN..=NonZeroU32::MAX, "20");
        let want = "expected a whole number from 1 to 4294967295, such as 20";
        for text in ["0", "-1", "1.5", "1e3", "", " 1", "99999999999999", "many", "0x10", "1_000"] {
            assert_eq!(read(text).unwrap_err(), want, "{text:?}");
        }
        for (text, number) in [("1", 1), ("007", 7), ("4294967295", u32::MAX)] {
            assert_eq!(read(text).map(NonZeroU32::get), Ok(number), "{text:?}");
        }
    }
}
