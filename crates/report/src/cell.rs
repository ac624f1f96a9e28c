//! The cells of a CSV file.

use proofload_units::printable;
use std::fmt::Write as _;

/// What stands in a cell.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Value<'a> {
    /// Nothing is known, and nothing is made up.
    Blank,
    /// A count, or a number that is a name.
    Count(u64),
    /// A number of somebody else's.
    Number(i64),
    /// A time, kept in nanoseconds and written in milliseconds to the nanosecond.
    Millis(u64),
    /// A time, kept in nanoseconds and written in microseconds to the nanosecond.
    Micros(u64),
    /// A name of ours.
    Name(&'static str),
    /// A text from outside.
    Text(&'a str),
    /// Yes or no.
    Flag(bool),
}

impl Value<'_> {
    /// A count that may not be known.
    pub(crate) fn count(count: Option<impl Into<u64>>) -> Self {
        count.map_or(Self::Blank, |count| Self::Count(count.into()))
    }

    /// Nanoseconds that may not be known, as milliseconds.
    pub(crate) fn millis(ns: Option<u64>) -> Self {
        ns.map_or(Self::Blank, Self::Millis)
    }

    /// Appends it to `out`.
    pub(crate) fn write(self, out: &mut String) {
        match self {
            Self::Blank => {}
            Self::Count(count) => digits(count, 1, out),
            Self::Number(number) => {
                // Writing to a string cannot fail.
                let _ = write!(out, "{number}");
            }
            Self::Millis(ns) => decimal(ns, 6, out),
            Self::Micros(ns) => decimal(ns, 3, out),
            Self::Name(name) => out.push_str(name),
            Self::Text(text) => guarded(text, out),
            Self::Flag(flag) => out.push_str(if flag { "true" } else { "false" }),
        }
    }
}

/// Appends `value / 10^places` without the zeros at its end.
fn decimal(value: u64, mut places: usize, out: &mut String) {
    let unit = 10_u64.pow(places as u32);
    digits(value / unit, 1, out);
    let mut rest = value % unit;
    if rest == 0 {
        return;
    }
    while rest.is_multiple_of(10) {
        rest /= 10;
        places -= 1;
    }
    out.push('.');
    digits(rest, places, out);
}

/// Appends the digits of `value`, at least so many. A formatter takes several times as long, and a
/// large table is mostly numbers.
fn digits(value: u64, at_least: usize, out: &mut String) {
    let mut room = [b'0'; 20];
    let (mut rest, mut from) = (value, room.len());
    while rest > 0 || room.len() - from < at_least {
        from -= 1;
        room[from] = b'0' + (rest % 10) as u8;
        rest /= 10;
    }
    out.extend(room[from..].iter().map(|&digit| char::from(digit)));
}

/// Appends a text from outside, without what acts on a terminal, and with an apostrophe before what
/// a spreadsheet takes for a formula.
fn guarded(text: &str, out: &mut String) {
    if text.starts_with(['=', '+', '-', '@', '\t', '\r']) {
        out.push('\'');
    }
    out.push_str(&printable(text));
}

#[cfg(test)]
mod tests {
    use super::Value;

    #[test]
    fn values_are_written_exactly() {
        for (value, want) in [
            (Value::Blank, ""),
            (Value::Count(0), "0"),
            (Value::Number(-7), "-7"),
            (Value::Millis(0), "0"),
            (Value::Millis(1), "0.000001"),
            (Value::Millis(7_128_070_000), "7128.07"),
            (Value::Millis(100_000_000), "100"),
            (Value::Micros(1_500), "1.5"),
            (Value::Name("ok"), "ok"),
            (Value::Flag(true), "true"),
            (Value::Text("plain - text"), "plain - text"),
            (Value::Text("=cmd|'/c calc'!A1"), "'=cmd|'/c calc'!A1"),
            (Value::Text("+1"), "'+1"),
            (Value::Text("-1"), "'-1"),
            (Value::Text("@SUM(A1)"), "'@SUM(A1)"),
            (Value::Text("\t=1"), "'\t=1"),
            (Value::Text("\r=1"), "'\\u{d}=1"),
            (Value::Text("two\nlines"), "two\nlines"),
            (Value::Text("red\x1b[31m"), "red\\u{1b}[31m"),
        ] {
            let mut out = String::new();
            value.write(&mut out);
            assert_eq!(out, want, "{value:?}");
        }
    }

    #[test]
    fn what_stood_before_stays() {
        let mut out = "100".to_owned();
        Value::Millis(0).write(&mut out);
        assert_eq!(out, "1000");
    }
}
