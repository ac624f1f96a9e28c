//! Every way in which a file is refused, and what it says.

use crate::{HEADER, cell, file, open};
use proofload_workload::{Fault, Workload, WorkloadError};

fn faults(text: impl AsRef<[u8]>) -> Vec<Fault> {
    match open(text) {
        Err(WorkloadError::Faults { faults, .. }) => faults,
        Err(error) => panic!("{error}"),
        Ok(workload) => panic!("accepted: {workload:?}"),
    }
}

#[test]
fn a_faulty_cell_names_row_column_expected_and_found() {
    for (name, row, column, expected, found) in [
        ("empty id", ",0,batch,low,{}", "request_id", "an id of its own", "an empty cell"),
        (
            "empty offset",
            "a,,batch,low,{}",
            "arrival_offset",
            "a decimal number of milliseconds",
            "an empty cell",
        ),
        (
            "a word",
            "a,soon,batch,low,{}",
            "arrival_offset",
            "a decimal number of milliseconds",
            "`soon`",
        ),
        (
            "no number",
            "a,NaN,batch,low,{}",
            "arrival_offset",
            "a decimal number of milliseconds",
            "`NaN`",
        ),
        (
            "infinite",
            "a,inf,batch,low,{}",
            "arrival_offset",
            "a decimal number of milliseconds",
            "`inf`",
        ),
        (
            "negative",
            "a,-1,batch,low,{}",
            "arrival_offset",
            "a number of milliseconds that is not negative",
            "`-1`",
        ),
        (
            "a date",
            "a,1700000000000,batch,low,{}",
            "arrival_offset",
            "at most 31622400000 milliseconds (366 days)",
            "`1700000000000`",
        ),
        ("empty mode", "a,0,,low,{}", "mode", "`interactive` or `batch`", "an empty cell"),
        ("wrong mode", "a,0,online,low,{}", "mode", "`interactive` or `batch`", "`online`"),
        ("empty priority", "a,0,batch,,{}", "priority", "`low`, `mid` or `high`", "an empty cell"),
        ("wrong priority", "a,0,batch,5,{}", "priority", "`low`, `mid` or `high`", "`5`"),
        ("empty body", "a,0,batch,low,\"\"", "body_json", "a JSON object", "an empty cell"),
        (
            "blank body",
            "a,0,batch,low,\" \"",
            "body_json",
            "a JSON object (EOF while parsing a value at line 1 column 1)",
            "` `",
        ),
        ("an array", "a,0,batch,low,[]", "body_json", "a JSON object", "`[]`"),
        ("a string", "a,0,batch,low,\"\"\"{}\"\"\"", "body_json", "a JSON object", "`\"{}\"`"),
        (
            "cut off",
            "a,0,batch,low,\"{\"\"a\"\":[1\"",
            "body_json",
            "a JSON object (EOF while parsing a list at line 1 column 7)",
            "`{\"a\":[1`",
        ),
        (
            "not quoted",
            r#"a,0,batch,low,{"a":1,"b":2}"#,
            "body_json",
            "a JSON object (EOF while parsing an object at line 1 column 6) in one quoted cell (the row has 6 cells, the header 5)",
            r#"`{"a":1`"#,
        ),
        (
            "short row",
            "a,0,batch",
            "priority",
            "`low`, `mid` or `high`",
            "a row of 3 cells instead of 5",
        ),
    ] {
        let found_faults = faults(format!("{HEADER}{row}"));
        let want = Fault {
            row: 2,
            line: 2,
            column: column.into(),
            expected: expected.into(),
            found: found.into(),
        };
        assert_eq!(found_faults, [want], "{name}");
    }
}

#[test]
fn text_that_is_not_utf8_is_refused_where_it_stands() {
    let row = [HEADER.as_bytes(), b"a,0,batch,low,\"{\"\"a\"\":\"\"\xff\"\"}\"\n"].concat();
    let found = faults(row);
    assert_eq!(
        (found[0].column.as_str(), found[0].expected.as_str()),
        ("body_json", "a JSON object in UTF-8")
    );
}

#[test]
fn a_faulty_header_is_row_1() {
    for (name, header, want) in [
        (
            "no offset",
            "request_id,body_json",
            vec![("arrival_offset", "only `request_id,body_json`")],
        ),
        ("no body", "arrival_offset", vec![("body_json", "only `arrival_offset`")]),
        (
            "semicolons",
            "arrival_offset;body_json",
            vec![
                ("arrival_offset", "only `arrival_offset;body_json`"),
                ("body_json", "only `arrival_offset;body_json`"),
            ],
        ),
        ("twice", "arrival_offset,body_json,Mode, MODE ,mode", vec![("mode", "it again")]),
        ("unknown twice", "arrival_offset,x,body_json,X", vec![("x", "it again")]),
    ] {
        let found = faults(format!("{header}\n0,{{}}\n"));
        assert!(found.iter().all(|fault| fault.row == 1), "{name}");
        let found: Vec<_> =
            found.iter().map(|fault| (fault.column.as_str(), fault.found.as_str())).collect();
        assert_eq!(found, want, "{name}");
    }
}

#[test]
fn a_file_without_requests_is_refused() {
    for (name, text, want) in [
        ("empty", "", "the file is empty"),
        ("only a byte order mark", "\u{feff}", "the file is empty"),
        ("only blank lines", "\n\r\n\n", "the file is empty"),
        ("only a header", HEADER, "no rows after the header"),
        ("a header and blank lines", "arrival_offset,body_json\n\n\n", "no rows after the header"),
    ] {
        let error = open(text).unwrap_err().to_string();
        assert!(error.contains(want), "{name}: {error}");
    }
}

#[test]
fn what_is_not_a_regular_file_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    for path in [folder.path().to_owned(), folder.path().join("missing.csv"), "/dev/null".into()] {
        let error = Workload::open(&path).unwrap_err();
        assert!(matches!(error, WorkloadError::Read { .. }), "{error}");
        assert!(error.to_string().contains(path.to_str().unwrap()));
    }
}

#[test]
fn a_repeated_id_names_the_row_that_had_it_first() {
    let body = cell("{\n}");
    let text = format!(
        "request_id,arrival_offset,body_json\na,5,{body}\nb,4,{body}\na,3,{body}\nc,2,{{}}\nb,1,{{}}\n"
    );
    let found: Vec<_> =
        faults(text).into_iter().map(|fault| (fault.row, fault.line, fault.found)).collect();
    assert_eq!(
        found,
        [(4, 6, "`a`, the id of row 2".to_owned()), (6, 9, "`b`, the id of row 3".to_owned())]
    );
}

#[test]
fn ids_with_the_same_checksum_are_told_apart() {
    let (a, b) = twins();
    assert_ne!(a, b);
    assert_eq!(crc32c::crc32c(a.as_bytes()), crc32c::crc32c(b.as_bytes()));
    assert!(open(format!("request_id,arrival_offset,body_json\n{a},0,{{}}\n{b},0,{{}}\n")).is_ok());
    let found = faults(format!(
        "request_id,arrival_offset,body_json\n{a},0,{{}}\n{b},0,{{}}\n{b},0,{{}}\n"
    ));
    assert_eq!(found[0].found, format!("`{b}`, the id of row 3"));
}

/// Two ids with the same CRC32C: among 2^18 there are some eight such pairs.
fn twins() -> (String, String) {
    let mut seen = std::collections::HashMap::new();
    for number in 0_u32..1 << 18 {
        // Spread over eight bytes; within four of them a CRC has no collisions.
        let id = format!("{:016x}", u64::from(number).wrapping_mul(0x9e37_79b9_7f4a_7c15));
        if let Some(other) = seen.insert(crc32c::crc32c(id.as_bytes()), id.clone()) {
            return (other, id);
        }
    }
    panic!("no two ids have the same checksum");
}

#[test]
fn the_first_ten_faults_are_reported_in_the_order_of_the_file() {
    let mut text = HEADER.to_owned();
    for row in 0..30 {
        // Rows 2, 5, 8 … have a wrong mode, rows 3, 6, 9 … the id of row 2.
        let (id, mode) = match row % 3 {
            0 => (format!("r{row}"), "never"),
            1 => ("r0".to_owned(), "batch"),
            _ => (format!("r{row}"), "batch"),
        };
        text.push_str(&format!("{id},{row},{mode},low,{{}}\n"));
    }
    let file = file(text);
    let error = Workload::open(file.path()).unwrap_err();
    let WorkloadError::Faults { faults, .. } = &error else { panic!("{error}") };
    let rows: Vec<_> = faults.iter().map(|fault| fault.row).collect();
    assert_eq!(rows, [2, 3, 5, 6, 8, 9, 11, 12, 14, 15]);
    let text = error.to_string();
    let lines: Vec<&str> = text.lines().collect();
    let path = file.path().display();
    assert_eq!(lines.len(), 11);
    assert_eq!(lines[0], "workload refused, the first 10 faults");
    assert_eq!(
        lines[1],
        format!("{path}:2: column `mode`: expected `interactive` or `batch`, found `never`")
    );
    assert_eq!(
        lines[2],
        format!(
            "{path}:3: column `request_id`: expected an id of its own, found `r0`, the id of row 2"
        )
    );
}

#[test]
fn a_quote_that_nothing_closes_is_named_where_it_was_opened() {
    let good = "a,0,batch,low,{}\n";
    for (name, text, row, line) in [
        ("the last cell", format!("{HEADER}{good}b,0,batch,low,\"{{}}\n"), 3, 3),
        ("the last byte", format!("{HEADER}{good}b,0,batch,low,\""), 3, 3),
        ("the rest of the file", format!("{HEADER}\"b,0,batch,low,{{}}\n{good}{good}"), 2, 2),
        ("after blank lines", format!("{HEADER}\n{good}\n\n\"b,0\n"), 3, 6),
        ("the header", "\"request_id,arrival_offset,body_json\na,0,{}\n".to_owned(), 1, 1),
    ] {
        let want = Fault {
            row,
            line,
            column: String::new(),
            expected: "a closing quote".into(),
            found: format!("the end of the file: the quote opened in row {row} is never closed"),
        };
        assert_eq!(faults(text), [want], "{name}");
    }
}

#[test]
fn a_row_that_was_pulled_into_a_cell_is_hinted_at() {
    let hint = "is a quote left open?";
    let good = "a,0,batch,low,\"{\"\"a\"\":1}\"\n";
    for (name, row, column, hinted) in [
        ("mode", "b,0,\"batch,low,{}\n", "mode", true),
        ("offset", "b,\"0,batch,low,{}\n", "arrival_offset", true),
        ("body", "b,0,batch,low,\"{}\n", "body_json", true),
        ("a cell on one line", "b,0,never,low,{}\n", "mode", false),
        ("another cell spans lines", "b,0,never,low,\"{\n}\"\n", "mode", false),
    ] {
        let found = faults(format!("{HEADER}{row}{good}"));
        assert_eq!((found[0].row, found[0].column.as_str()), (2, column), "{name}");
        assert_eq!(found[0].found.contains(hint), hinted, "{name}: {}", found[0].found);
    }
    let short = faults(format!("{HEADER}b,0,batch,\"low,{{}}\nc,1,batch,low\"\n"));
    assert!(short.iter().all(|fault| fault.found.contains(hint)), "{short:?}");
}

#[test]
fn a_quote_left_open_does_not_eat_the_file() {
    let text =
        format!("{HEADER}a,0,batch,low,{{}}\n\"b,0,batch,low,{{}}\n{}", "x\n".repeat(40_000_000));
    let found = faults(text);
    assert_eq!((found[0].row, found[0].line), (3, 3));
    assert!(found[0].found.contains("quote"), "{}", found[0].found);
}
