//! Repeated ids, and the order of the plan, within the memory of the index.
//!
//! Ids are not kept, for they would cost more than all the rest. Four bytes a row stand in for them
//! while they are needed, and the few ids on which these four bytes do not decide are read again.

use crate::columns::Columns;
use crate::error::{FAULTS_MAX, Fault, Faults, PayloadError, WorkloadError, excerpt};
use crate::index::{Row, row_number};
use crate::rows::RowReader;
use crate::source::Origin;

/// Reports the first rows whose id an earlier row has. Their tags are hashes of the ids; the rows
/// are left in no particular order.
pub(crate) fn repeated_ids(
    rows: &mut [Row],
    columns: &Columns,
    reader: &mut RowReader,
    origin: &Origin,
) -> Result<Faults, WorkloadError> {
    let mut faults = Faults::default();
    if columns.request_id.is_none() {
        return Ok(faults);
    }
    rows.sort_unstable_by_key(|row| (row.tag, row.offset));
    let rows = &*rows;
    let mut repeats: Vec<(&Row, &Row)> = Vec::new();
    for alike in rows.chunk_by(|a, b| a.tag == b.tag).filter(|alike| alike.len() > 1) {
        // Nearly always one, now and then two ids with the same hash.
        let mut firsts: Vec<(String, &Row)> = Vec::new();
        for row in alike {
            let id = read_id(reader, row, rows, origin)?;
            match firsts.iter().find(|(first, _)| first == id) {
                // Nothing: the cell is faulty, and was reported as such.
                _ if id.is_empty() => {}
                None => firsts.push((id.to_owned(), row)),
                Some(&(_, first)) => repeats.push((row, first)),
            }
            if repeats.len() > FAULTS_MAX {
                repeats.sort_unstable_by_key(|(row, _)| row.offset);
                repeats.truncate(FAULTS_MAX);
            }
        }
    }
    for (row, first) in repeats {
        let id = excerpt(read_id(reader, row, rows, origin)?);
        let line = reader
            .line(row)
            .map_err(|source| PayloadError::Read { path: origin.name().to_owned(), source })?;
        faults.add(Fault {
            row: row_number(rows, row),
            line,
            column: "request_id".to_owned(),
            expected: "an id of its own".to_owned(),
            found: format!("{id}, the id of row {}", row_number(rows, first)),
        });
    }
    Ok(faults)
}

/// Sorts by arrival, then by id as text (`req-10` before `req-2`).
pub(crate) fn sort(
    rows: &mut [Row],
    columns: &Columns,
    reader: &mut RowReader,
    origin: &Origin,
) -> Result<(), WorkloadError> {
    rows.sort_unstable_by_key(|row| (row.offset_ns, row.offset));
    if columns.request_id.is_none() {
        rows.sort_unstable_by_key(|row| (row.offset_ns, number_as_text(row.tag)));
        return Ok(());
    }
    let mut start = 0;
    while start < rows.len() {
        let instant = rows[start].offset_ns;
        let end = start + rows[start..].partition_point(|row| row.offset_ns == instant);
        if end - start > 1 {
            sort_by_id(rows, start..end, reader, origin)?;
        }
        start = end;
    }
    Ok(())
}

/// Orders numbers as their decimal digits do: 1, 10, 100, 2.
fn number_as_text(number: u32) -> (u64, u32) {
    let digits = number.checked_ilog10().unwrap_or_default();
    (u64::from(number) * 10_u64.pow(9 - digits), digits)
}

/// Sorts the rows at `span` by id: by three bytes of it after what all have in common, then each
/// lot that these do not tell apart in the same way. Rows that are in order already cost one pass.
fn sort_by_id(
    rows: &mut [Row],
    span: std::ops::Range<usize>,
    reader: &mut RowReader,
    origin: &Origin,
) -> Result<(), WorkloadError> {
    let mut pending = vec![span];
    let (mut first, mut last) = (String::new(), String::new());
    while let Some(span) = pending.pop() {
        let (mut shared, mut ordered) = (usize::MAX, true);
        for at in span.clone() {
            let id = read_id(reader, &rows[at], rows, origin)?;
            if at == span.start {
                id.clone_into(&mut first);
            } else {
                ordered &= last.as_str() <= id;
                let common = first.bytes().zip(id.bytes()).take_while(|(a, b)| a == b).count();
                shared = shared.min(common);
            }
            id.clone_into(&mut last);
        }
        if ordered {
            continue;
        }
        for at in span.clone() {
            let tag = key(&read_id(reader, &rows[at], rows, origin)?.as_bytes()[shared..]);
            rows[at].tag = tag;
        }
        rows[span.clone()].sort_unstable_by_key(|row| (row.tag, row.offset));
        let mut start = span.start;
        for alike in rows[span].chunk_by(|a, b| a.tag == b.tag) {
            if alike.len() > 1 {
                pending.push(start..start + alike.len());
            }
            start += alike.len();
        }
    }
    Ok(())
}

/// Three bytes and how many of them there are, so that `a` comes before `a` and a zero byte.
fn key(rest: &[u8]) -> u32 {
    let byte = |at: usize| rest.get(at).copied().unwrap_or_default();
    u32::from_be_bytes([byte(0), byte(1), byte(2), rest.len().min(3) as u8])
}

fn read_id<'r>(
    reader: &'r mut RowReader,
    row: &Row,
    rows: &[Row],
    origin: &Origin,
) -> Result<&'r str, PayloadError> {
    let path = || origin.name().to_owned();
    match reader.read(row) {
        Ok(Some(again)) => Ok(again.id),
        Ok(None) => Err(PayloadError::Changed { path: path(), row: row_number(rows, row) }),
        Err(source) => Err(PayloadError::Read { path: path(), source }),
    }
}

#[cfg(test)]
mod tests {
    use super::{key, number_as_text};
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn numbers_order_as_their_digits(a in 1_u32.., b in 1_u32.., shift_a in 0_u32..32, shift_b in 0_u32..32) {
            let (a, b) = ((a >> shift_a).max(1), (b >> shift_b).max(1));
            prop_assert_eq!(number_as_text(a).cmp(&number_as_text(b)), a.to_string().cmp(&b.to_string()));
        }

        #[test]
        fn keys_order_as_the_bytes_as_far_as_they_go(a in "[\0-\u{2}é]{0,4}", b in "[\0-\u{2}é]{0,4}") {
            let cut = |text: &str| text.as_bytes()[..text.len().min(3)].to_vec();
            prop_assert_eq!(key(a.as_bytes()).cmp(&key(b.as_bytes())), cut(&a).cmp(&cut(&b)));
        }
    }
}
