//! The same as a document, for `report.html` and Markdown.

use proofload_analysis::{
    Block, Column, Document, Headline, KeyFigure, Kind, Picture, Row, Section, Standing, Table,
    Terms,
};
use proofload_charts::Scene;

use crate::Found;
use crate::block::short;
use crate::compare::{claim_rows, improvements, side_by_side};
use crate::figures::Middle;

/// The document of everything that was found out.
pub(crate) fn document(found: &Found<'_>, pictures: Vec<(&'static str, Scene)>) -> Document {
    let scenario = found.scenario;
    let (own, met) = (found.own().count(), found.own().filter(|run| run.meets_all()).count());
    let is_good = own > 0 && own == met;
    let name = found.judged.name();
    let reason = match is_good {
        true => format!("Every run of {name} meets every goal"),
        false => format!("{} of {own} runs of {name} miss a goal", own - met),
    };
    let totals: Vec<f64> = found.own().map(|run| run.total.as_secs_f64() * 1e3).collect();
    let mut key_figures = Vec::new();
    if let Some(Middle { median, lower, upper, .. }) = Middle::of(&totals) {
        let note = match (lower, upper) {
            (Some(lower), Some(upper)) => format!("median; 95 % interval {lower:.3} to {upper:.3}"),
            _ => "median".to_owned(),
        };
        let value = format!("{median:.3}");
        key_figures.push(KeyFigure { name: "Total time", value, unit: "ms", note });
    }
    let what = format!("{} containers on {} workers", scenario.containers, scenario.workers);
    let mut sections = vec![goals(found)];
    if found.strategies.len() > 1 {
        let tables = [
            side_by_side(found.runs, found.strategies),
            improvements(found.runs, found.strategies),
            claim_rows(&found.claims),
        ];
        let blocks = tables.into_iter().map(|rows| Block::Table(table(rows))).collect();
        let heading = "Strategies, and what their source claims".to_owned();
        sections.push(Section { kind: Kind::Groups, heading, blocks });
    }
    let picture = |(name, scene): (&'static str, Scene)| {
        let (title, alt) = (scene.title.clone(), scene.description.clone());
        Block::Chart(Picture { name, title, alt, scene })
    };
    let blocks: Vec<Block> = pictures.into_iter().map(picture).collect();
    if !blocks.is_empty() {
        sections.push(Section { kind: Kind::Charts, heading: "Charts".to_owned(), blocks });
    }
    sections.push(configuration(found));
    Document {
        title: format!("proofload-schedule: {what}"),
        subject: format!("{what}, store in memory, {name} judged"),
        when: String::new(),
        headline: Headline {
            standing: if is_good { Standing::Good } else { Standing::Bad },
            verdict: if is_good { "met" } else { "not met" }.to_owned(),
            reason,
            evidence: found.deadline.map(|deadline| deadline.text(&short(scenario.target))),
            happened: format!("{} runs of {} strategies", found.runs.len(), found.strategies.len()),
            next: None,
        },
        key_figures,
        simulated: false,
        can_be_made_again: false,
        sections,
    }
}

/// Each goal over all runs of the strategy that is judged.
fn goals(found: &Found<'_>) -> Section {
    let own: Vec<_> = found.own().collect();
    let columns = vec![Column::words("goal"), Column::words("met by"), Column::words("median run")];
    let median = crate::compare::median_run(found.runs, found.judged);
    let row = |goal: &crate::grade::Goal| {
        let met = own.iter().filter(|run| run.goals.iter().any(|g| g.name == goal.name && g.met));
        let met = format!("{} of {} runs", met.count(), own.len());
        Row::plain([goal.name.to_owned(), met, goal.text.clone()])
    };
    let rows = median.map(|run| run.goals.iter().map(row).collect()).unwrap_or_default();
    let blocks = vec![Block::Table(Table { columns, rows })];
    Section { kind: Kind::Objectives, heading: "Goals".to_owned(), blocks }
}

fn configuration(found: &Found<'_>) -> Section {
    let pairs = found.record.as_object().into_iter().flatten();
    let pairs = pairs.map(|(name, value)| (name.clone(), value.to_string())).collect();
    let blocks = vec![Block::Terms(Terms { heading: "", pairs })];
    Section { kind: Kind::Run, heading: "What was run".to_owned(), blocks }
}

/// Rows of text whose first is the head.
fn table(rows: Vec<Vec<String>>) -> Table {
    let mut rows = rows.into_iter();
    let columns = rows.next().unwrap_or_default().into_iter().map(Column::words).collect();
    Table { columns, rows: rows.map(Row::plain).collect() }
}
