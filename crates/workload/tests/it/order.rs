//! The order of a plan and the times in it.

use crate::{ids, planned};
use proofload_workload::PlanOptions;
use proptest::prelude::*;

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Against a sort in memory: by arrival, then by id as text.
    #[test]
    fn rows_are_sorted_by_arrival_then_id(
        rows in prop::collection::btree_map("(req-[0-9]{1,4}|same-prefix-of-many-[abé]{0,9}|[ab\0\u{1}]{1,5})", 0_u64..4, 1..60),
        shuffle in any::<prop::sample::Index>(),
    ) {
        let mut rows: Vec<(String, u64)> = rows.into_iter().collect();
        let turn = shuffle.index(rows.len());
        rows.rotate_left(turn);
        let lines: Vec<String> = rows.iter().map(|(id, at)| format!("{id},{at}.5,{{}}\n")).collect();
        let text = format!("request_id,arrival_offset,body_json\n{}", lines.concat());
        let (found, due): (_, Vec<u64>) = planned(text, PlanOptions::default(), |plan| {
            (ids(plan), (0..plan.len()).map(|index| plan.due_ns(index)).collect())
        });
        rows.sort_by(|(a, at_a), (b, at_b)| (at_a, a).cmp(&(at_b, b)));
        let want: Vec<String> = rows.iter().map(|(id, _)| id.clone()).collect();
        prop_assert_eq!(found, want);
        prop_assert!(due.iter().zip(&rows).all(|(&due, &(_, at))| due == at * 1_000_000 + 500_000));
    }

    /// The ids that a file without an id column gets, in the order that they have as text.
    #[test]
    fn default_ids_are_the_rows_and_sort_as_text(at in prop::collection::vec(0_u32..3, 1..130)) {
        let text = at.iter().fold("arrival_offset,body_json\n".to_owned(), |text, at| text + &format!("{at},{{}}\n"));
        let mut want: Vec<(u32, String)> =
            at.iter().enumerate().map(|(row, &at)| (at, format!("req-{}", row + 1))).collect();
        want.sort();
        let want: Vec<String> = want.into_iter().map(|(_, id)| id).collect();
        prop_assert_eq!(planned(text, PlanOptions::default(), ids), want);
    }

    /// Line ends, a byte order mark, blank lines and quotes around every cell change nothing.
    #[test]
    fn the_form_of_the_file_changes_nothing(
        rows in prop::collection::vec(("[a-z\" ,é\n]{1,6}", 0_u32..100_000), 1..20),
        crlf: bool, mark: bool, quoted: bool, last_line_open: bool,
    ) {
        let end = if crlf { "\r\n" } else { "\n" };
        let mut text = String::from(if mark { "\u{feff}" } else { "" });
        text.push_str(&["arrival_offset", " Request_ID ", "BODY_JSON"].join(","));
        text.push_str(end);
        for (row, (id, at)) in rows.iter().enumerate() {
            text.push_str(&if row % 3 == 0 { end.repeat(2) } else { String::new() });
            let at = if quoted { crate::cell(&at.to_string()) } else { at.to_string() };
            text.push_str(&format!("{at},{},{{}}{end}", crate::cell(&format!("{row}{id}"))));
        }
        if last_line_open {
            text.truncate(text.trim_end().len());
        }
        let mut want: Vec<(u32, String)> =
            rows.iter().enumerate().map(|(row, (id, at))| (*at, format!("{row}{id}"))).collect();
        want.sort();
        let want: Vec<String> = want.into_iter().map(|(_, id)| id).collect();
        prop_assert_eq!(planned(text, PlanOptions::default(), ids), want);
    }
}
