//! How everything was computed, in two lines each, and from which files.

use crate::document::{Block, Column, Kind, Row, Section, Table, Terms};
use crate::metric::{Metric, OF_THE_RUN};
use proofload_run_dir::{Manifest, Sum};
use proofload_units::human_count;

/// How a kind of figure is computed, with its source.
const METHODS: [(&str, &str); 9] = [
    (
        "quantiles",
        "The value at rank ⌈q n⌉ of the sorted values, taken in integers; never averaged, and never \
         interpolated. Of requests that succeeded.",
    ),
    (
        "intervals of quantiles",
        "Two ranks around it that enclose the true quantile with 95 % confidence, whatever the \
         distribution (Hahn and Meeker). Where they do not exist there is no finite interval.",
    ),
    (
        "independent samples",
        "Neighbours resemble each other, so n values are worth n_eff = n / τ, with τ the integrated \
         autocorrelation time of being over the quantile (Geyer). Intervals are taken at n_eff.",
    ),
    (
        "intervals of shares",
        "Clopper and Pearson, exact, at n_eff. What failed, was lost or was never sent is in every \
         denominator and counts as infinitely slow.",
    ),
    (
        "objectives",
        "Met: with 95 % confidence no larger share than allowed misses the limit. Not met: a larger \
         one does, with the same confidence. Anything else is undecided.",
    ),
    (
        "what a difference does",
        "Median of the ratios of all pairs (Hodges and Lehmann on logarithms) within one mode or \
         priority, selection and model, its interval from the rank sum; else confounded.",
    ),
    (
        "gaps between tokens",
        "Pooled in a histogram of three digits (HdrHistogram), since they are too many for rows. \
         With their order every interval is lost.",
    ),
    (
        "split of the time",
        "Means over the requests that both sides saw whole: they add up to the latency. What the \
         client waited beyond the server's own total is the network's, or counted by neither.",
    ),
    (
        "two ways to a figure",
        "Quantiles come from the rows and are compared with histograms that were written apart \
         during the run (guard-rail G39).",
    ),
];

/// What words and signs mean.
const GLOSSARY: [(&str, &str); 11] = [
    ("due", "when the plan says that a request is to be sent"),
    ("started, written, done", "released by the pacer; first byte sent; answer over"),
    ("service", "counted from written: what the server took, without our own delay"),
    ("ttft", "time to first token"),
    ("tpot", "time per output token, after the first"),
    ("itl", "inter-token latency: the gaps between content chunks"),
    ("p50, p95, p99, p999", "50, 95, 99 and 99.9 % of the values are not above it"),
    ("open loop", "requests are sent when they are due, whether or not answers have come"),
    ("goodput", "share of all that was due that keeps to every limit on its time"),
    ("n", "how many values a figure rests on"),
    ("*", "so few samples give the quantile no finite 95 % interval"),
];

/// Formulas, methods, words, and the files that all of it comes from.
pub(super) fn section(manifest: &Manifest) -> Section {
    let term = |metric: Metric| (metric.key().to_owned(), metric.formula().to_owned());
    let owned = |pairs: &[(&str, &str)]| -> Vec<(String, String)> {
        pairs.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect()
    };
    let formulas = Metric::ALL.into_iter().map(term).chain(owned(&OF_THE_RUN)).collect();
    let terms = |heading, pairs| Block::Terms(Terms { heading, pairs });
    let mut blocks = vec![
        terms("Definitions", formulas),
        terms("Statistics", owned(&METHODS)),
        terms("Words and signs", owned(&GLOSSARY)),
    ];
    blocks.extend(files(manifest));
    Section { kind: Kind::Method, heading: "Method".to_owned(), blocks }
}

/// The files of the run as they were when it ended; none of a run that was not written to its end.
fn files(manifest: &Manifest) -> Vec<Block> {
    if manifest.files.is_empty() {
        return Vec::new();
    }
    let columns = vec![
        Column::words("file of the run"),
        Column::numbers("length", "bytes"),
        Column::numbers("CRC32C", ""),
    ];
    let row = |(name, sum): (&String, &Sum)| {
        Row::plain([name.clone(), human_count(sum.bytes), format!("{:08x}", sum.crc32c)])
    };
    let rows = manifest.files.iter().map(row).collect();
    let blocks = manifest.journal_blocks.map(|blocks| {
        let text = format!(
            "The requests themselves are {} blocks of `requests.bin`, each with a checksum of its \
             own; the plan is held by its SHA-256.",
            human_count(blocks.into())
        );
        Block::Text(text)
    });
    [Block::Table(Table { columns, rows })].into_iter().chain(blocks).collect()
}
