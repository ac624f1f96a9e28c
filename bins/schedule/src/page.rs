//! The same as a document, for `report.html` and Markdown.

use proofload_analysis::{
    Block, Column, Document, Headline, KeyFigure, Kind, Picture, Row, Section, Standing, Table,
    Terms,
};
use proofload_charts::Scene;

use crate::Found;
use crate::block::short;
use crate::figures::{Middle, needs};
use crate::metrics::Figure;
use crate::redis::delivery_rows;

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
    let key_figures = [
        ("Total time", Figure::Total),
        ("Lock acquisitions", Figure::Locks),
        ("Store operations", Figure::Operations),
        ("Cache hit rate", Figure::HitRate),
    ];
    let of_a_wire = [("Round trips", Figure::RoundTrips), ("Server commands", Figure::Commands)];
    let of_a_wire = of_a_wire.into_iter().filter(|_| found.kind.server().is_some());
    let key_figures = key_figures.into_iter().chain(of_a_wire);
    let key_figures = key_figures.map(|(name, figure)| key_figure(found, name, figure)).collect();
    let what = format!("{} containers on {} workers", scenario.containers, scenario.workers);
    let mut sections = vec![goals(found)];
    if found.strategies.len() > 1 {
        let tables = found.tables();
        let text = "Medians of all runs of a strategy with their 95 % intervals. An improvement is the median \
                    of those of all pairs of a run of old and one of the other."
            .to_owned();
        let tables = tables.into_iter().map(|rows| Block::Table(table(rows)));
        let blocks = std::iter::once(Block::Text(text)).chain(tables).collect();
        let heading = "Strategies, and what their source claims".to_owned();
        sections.push(Section { kind: Kind::Groups, heading, blocks });
    }
    if let Some(server) = found.kind.server() {
        let mut blocks = Vec::new();
        let pairs = server.lines().into_iter().filter_map(|line| {
            line.split_once(": ").map(|(name, value)| (name.to_owned(), value.to_owned()))
        });
        blocks.push(Block::Terms(Terms { heading: "", pairs: pairs.collect() }));
        blocks.push(Block::Table(table(found.truths())));
        if !found.deliveries.is_empty() {
            blocks.push(Block::Table(table(delivery_rows(&found.deliveries))));
        }
        let heading = "What the server says, and what workers got".to_owned();
        sections.push(Section { kind: Kind::Server, heading, blocks });
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
        subject: format!("{what}, store: {}, {name} judged", found.kind.name()),
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

/// The median of a figure over the runs of the strategy that is judged.
fn key_figure(found: &Found<'_>, name: &'static str, figure: Figure) -> KeyFigure {
    let middle = Middle::of(&figure.values(found.runs, found.judged));
    let value = middle.map_or_else(|| "undecided".to_owned(), |of| figure.show(of.median));
    let note = match middle {
        None => "no run has it".to_owned(),
        Some(of) if of.is_exact() => "the same in every run".to_owned(),
        Some(Middle { lower: Some(lower), upper: Some(upper), .. }) => {
            format!("median; 95 % interval {} to {}", figure.show(lower), figure.show(upper))
        }
        Some(of) => format!("median; an interval {}", needs(of.n, Middle::least_n())),
    };
    KeyFigure { name, value, unit: "", note }
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
