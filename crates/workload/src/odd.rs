//! What is odd about a workload: things that are allowed, and that change what its results mean.

use crate::describe::{Description, Gaps};
use crate::error::excerpt;
use crate::index::Index;
use proofload_units::{human_count, human_duration};

/// Below this a common step of all arrivals is the resolution of a clock, not a grid.
const GRID_MIN_NS: u64 = 10_000_000;

/// A sentence for everything odd, the gravest first.
pub(crate) fn sentences(about: &Description, gaps: &Gaps, index: &Index) -> Vec<String> {
    let mut odd = Vec::new();
    let (rows, survey) = (about.rows, &index.survey);
    arrivals(&mut odd, about, gaps);
    if survey.out_of_order > 0 {
        let text = counted(survey.out_of_order, "row is", "rows are");
        odd.push(format!("{text} due before the row above; they are sent in the order of arrival"));
    }
    if survey.without_messages > 0 {
        let text = counted(survey.without_messages, "body has", "bodies have");
        odd.push(format!("{text} no messages; a server will refuse that"));
    }
    if survey.without_prompt > 0 {
        odd.push(format!(
            "{} only empty messages",
            counted(survey.without_prompt, "body has", "bodies have")
        ));
    }
    if survey.odd_models > 0 {
        let text = counted(
            survey.odd_models,
            "body has a `model` that is",
            "bodies have a `model` that is",
        );
        odd.push(format!("{text} not text; sent as written, and counted as naming none"));
    }
    if survey.repeated_bodies > 0 {
        let text = counted(survey.repeated_bodies, "body is", "bodies are");
        odd.push(format!(
            "{text} the same as an earlier one; a server that caches prompts answers them faster"
        ));
    }
    let [asked, refused, silent] = survey.stream;
    if asked > 0 && asked < rows {
        odd.push(format!(
            "`stream` is mixed: true in {}, false in {}, absent in {}; `--stream as-written` keeps that",
            human_count(asked),
            human_count(refused),
            human_count(silent)
        ));
    }
    if let ([only], true) = (about.priorities.as_slice(), rows > 1) {
        odd.push(format!(
            "every row has priority {}: nothing can be said about priorities",
            only.name
        ));
    }
    let columns = &index.columns;
    for (name, column, default) in [
        ("request_id", columns.request_id, "rows are called req-1, req-2 and so on"),
        ("mode", columns.mode, "every row is interactive"),
        ("priority", columns.priority, "every row has priority mid"),
    ] {
        if column.is_none() {
            odd.push(format!("there is no `{name}` column: {default}"));
        }
    }
    if !columns.unknown.is_empty() {
        let named = excerpt(&columns.unknown.join(", "));
        odd.push(format!(
            "{} ignored: {named}",
            counted(columns.unknown.len() as u64, "column is", "columns are")
        ));
    }
    if columns.nameless > 0 {
        let text = counted(columns.nameless, "column has", "columns have");
        odd.push(format!("{text} no name; ignored"));
    }
    if survey.long_rows > 0 {
        let text = counted(survey.long_rows, "row has", "rows have");
        odd.push(format!("{text} more cells than the header; the last ones are ignored"));
    }
    odd
}

fn arrivals(odd: &mut Vec<String>, about: &Description, gaps: &Gaps) {
    let rows = about.rows;
    if gaps.instants < rows {
        let (all, instants) = (human_count(rows), human_count(gaps.instants));
        let most = human_count(gaps.together);
        let grid = human_duration(gaps.grid_ns);
        odd.push(if gaps.instants == 1 {
            format!("all {all} rows arrive at one instant")
        } else if gaps.grid_ns >= GRID_MIN_NS {
            format!(
                "arrivals are rounded to a grid of {grid}: {all} rows arrive at {instants} instants, up to {most} at one; replayed as they are, they come as a square wave"
            )
        } else {
            format!("{all} rows arrive at {instants} instants, up to {most} at one")
        });
    }
    let mean_ns = about.span_ns / gaps.count.max(1);
    if about.first_ns > mean_ns.max(1_000_000_000) {
        let idle = human_duration(about.first_ns);
        odd.push(format!("the first row arrives at {idle}: the run idles until then"));
    }
    if gaps.long > 0 {
        let (text, longest) =
            (counted(gaps.long, "gap is", "gaps are"), human_duration(gaps.max_ns));
        odd.push(format!(
            "{text} over ten times the mean of {}, up to {longest}",
            human_duration(mean_ns)
        ));
    }
}

/// A count with the word for it.
pub(crate) fn counted(count: u64, one: &str, many: &str) -> String {
    format!("{} {}", human_count(count), if count == 1 { one } else { many })
}
