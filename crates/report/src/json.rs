//! `results.json`: one object, broken into lines as far as a person reads it.

use proofload_analysis::Results;
use serde::Serialize;
use serde_json::ser::{CompactFormatter, Formatter, PrettyFormatter, Serializer};
use std::io::{self, Write};

/// Down to here every value has a line of its own; what is deeper shares the line of what holds it,
/// as the figures of a metric do, or a group.
const LINES_TO: usize = 2;

/// What `results.json` holds: the object that `--json` prints, with a newline at its end.
#[must_use]
pub fn json(results: &Results) -> String {
    let mut bytes = Vec::new();
    let lines = Lines { pretty: PrettyFormatter::new(), depth: 0 };
    // Names of fields, numbers and text: nothing in it can fail to be written.
    let _ = results.serialize(&mut Serializer::with_formatter(&mut bytes, lines));
    bytes.push(b'\n');
    String::from_utf8(bytes).unwrap_or_default()
}

/// Pretty on the outside, compact within.
struct Lines<'a> {
    pretty: PrettyFormatter<'a>,
    depth: usize,
}

impl Lines<'_> {
    fn on_lines(&self) -> bool {
        self.depth <= LINES_TO
    }
}

impl Formatter for Lines<'_> {
    fn begin_array<W: ?Sized + Write>(&mut self, out: &mut W) -> io::Result<()> {
        self.depth += 1;
        if self.on_lines() {
            self.pretty.begin_array(out)
        } else {
            CompactFormatter.begin_array(out)
        }
    }

    fn end_array<W: ?Sized + Write>(&mut self, out: &mut W) -> io::Result<()> {
        self.depth -= 1;
        if self.depth < LINES_TO {
            self.pretty.end_array(out)
        } else {
            CompactFormatter.end_array(out)
        }
    }

    fn begin_array_value<W: ?Sized + Write>(&mut self, out: &mut W, first: bool) -> io::Result<()> {
        if self.on_lines() {
            self.pretty.begin_array_value(out, first)
        } else {
            between(out, first)
        }
    }

    fn end_array_value<W: ?Sized + Write>(&mut self, out: &mut W) -> io::Result<()> {
        if self.on_lines() { self.pretty.end_array_value(out) } else { Ok(()) }
    }

    fn begin_object<W: ?Sized + Write>(&mut self, out: &mut W) -> io::Result<()> {
        self.depth += 1;
        if self.on_lines() {
            self.pretty.begin_object(out)
        } else {
            CompactFormatter.begin_object(out)
        }
    }

    fn end_object<W: ?Sized + Write>(&mut self, out: &mut W) -> io::Result<()> {
        self.depth -= 1;
        if self.depth < LINES_TO {
            self.pretty.end_object(out)
        } else {
            CompactFormatter.end_object(out)
        }
    }

    fn begin_object_key<W: ?Sized + Write>(&mut self, out: &mut W, first: bool) -> io::Result<()> {
        if self.on_lines() { self.pretty.begin_object_key(out, first) } else { between(out, first) }
    }

    fn begin_object_value<W: ?Sized + Write>(&mut self, out: &mut W) -> io::Result<()> {
        self.pretty.begin_object_value(out)
    }

    fn end_object_value<W: ?Sized + Write>(&mut self, out: &mut W) -> io::Result<()> {
        if self.on_lines() { self.pretty.end_object_value(out) } else { Ok(()) }
    }
}

/// What stands before a value on a line that it shares.
fn between<W: ?Sized + Write>(out: &mut W, first: bool) -> io::Result<()> {
    if first { Ok(()) } else { out.write_all(b", ") }
}

#[cfg(test)]
mod tests {
    use super::Lines;
    use serde::Serialize;
    use serde_json::ser::{PrettyFormatter, Serializer};
    use serde_json::{Value, json};

    #[test]
    fn two_levels_have_lines_and_the_rest_shares_them() {
        for (value, want) in [
            (json!({}), "{}"),
            (json!({ "a": 1, "b": [] }), "{\n  \"a\": 1,\n  \"b\": []\n}"),
            (
                json!({ "a": { "b": { "c": [1, 2], "d": {} }, "e": null } }),
                "{\n  \"a\": {\n    \"b\": {\"c\": [1, 2], \"d\": {}},\n    \"e\": null\n  }\n}",
            ),
            (
                json!({ "a": [{ "b": 1 }, [], {}, "x"], "c": 0 }),
                "{\n  \"a\": [\n    {\"b\": 1},\n    [],\n    {},\n    \"x\"\n  ],\n  \"c\": 0\n}",
            ),
        ] {
            let mut bytes = Vec::new();
            let lines = Lines { pretty: PrettyFormatter::new(), depth: 0 };
            value.serialize(&mut Serializer::with_formatter(&mut bytes, lines)).unwrap();
            let text = String::from_utf8(bytes).unwrap();
            assert_eq!(text, want);
            assert_eq!(serde_json::from_str::<Value>(&text).unwrap(), value);
        }
    }
}
