//! What was run, against what, and where: all that another person needs to do it again.

use crate::document::{Block, Kind, Section, Terms};
use crate::results::Results;
use proofload_run_dir::Manifest;
use proofload_units::{human_bytes, human_count};
use serde_json::{Number, Value};
use std::path::Path;

/// What was run against what.
pub(super) fn subject(manifest: &Manifest) -> String {
    let Manifest { program, target, .. } = manifest;
    match &manifest.imported {
        Some(_) => "An imported run".to_owned(),
        None if target.url.is_empty() => program.clone(),
        None => format!("{program} against {}", target.url),
    }
}

/// From when to when.
pub(super) fn when(manifest: &Manifest) -> String {
    let started = &manifest.started;
    match manifest.ended.as_deref().filter(|_| !started.is_empty()) {
        Some(ended) => format!("{started} to {ended}"),
        None => started.clone(),
    }
}

/// The facts of the manifest, and the configuration as the program put it.
pub(super) fn section(manifest: &Manifest, results: &Results) -> Section {
    let mut blocks = vec![Block::Terms(Terms { heading: "", pairs: facts(manifest, results) })];
    let mut config = Vec::new();
    flatten("", &manifest.config, &mut config);
    if !config.is_empty() {
        blocks.push(Block::Terms(Terms { heading: "Configuration", pairs: config }));
    }
    Section { kind: Kind::Run, heading: "What was run".to_owned(), blocks }
}

fn facts(manifest: &Manifest, results: &Results) -> Vec<(String, String)> {
    let Manifest { host, target, .. } = manifest;
    let mut program = format!("{} {}", manifest.program, manifest.version);
    if let Some(commit) = &manifest.git_commit {
        program += &format!(", commit {commit}");
    }
    let mut facts = vec![("program", program)];
    if let Some(imported) = &manifest.imported {
        facts.push(("imported from", imported.form.clone()));
        facts.push(("sha256 of the file", imported.sha256.clone()));
    } else {
        let simulated = if target.simulated { " (simulated)" } else { "" };
        let offered = results.throughput.offered_per_s;
        let offered =
            offered.map(|rate| format!(", {} requests/s offered", super::four_digits(rate)));
        let model = "open loop: each request has its own due time, however slow the answers are";
        facts.extend([
            ("target", format!("{}{simulated}", target.url)),
            ("load", model.to_owned() + &offered.unwrap_or_default()),
            ("plan", format!("{} requests", human_count(results.counts.planned))),
            ("sha256 of the plan", manifest.plan_hash.clone()),
            ("seed", manifest.seed.to_string()),
            ("run id", manifest.run_id.clone()),
            ("started", manifest.started.clone()),
            ("ended", manifest.ended.clone().unwrap_or_default()),
            ("sending threads", manifest.workers.to_string()),
        ]);
        let cpu = host.cpu_model.as_ref().map(|model| format!("{model}, ")).unwrap_or_default();
        let memory = human_bytes(host.memory_bytes);
        facts.push((
            "machine that sent",
            format!("{cpu}{} cores, {memory} of memory, {}", host.cores, host.kernel),
        ));
    }
    let facts = facts.into_iter().filter(|(_, fact)| !fact.is_empty());
    facts.map(|(name, fact)| (name.to_owned(), fact)).collect()
}

/// A setting a line, by its path; what is not set is left out.
fn flatten(path: &str, value: &Value, settings: &mut Vec<(String, String)>) {
    let mut set = |text: String| settings.push((path.to_owned(), text));
    match value {
        Value::Null => {}
        Value::Bool(flag) => set(if *flag { "yes" } else { "no" }.to_owned()),
        Value::Number(number) => set(whole(number)),
        // The page is handed on: where the file lay is nobody else's business.
        Value::String(text) if path == "workload" => {
            let name = Path::new(text).file_name().map(|name| name.to_string_lossy().into_owned());
            set(name.unwrap_or_else(|| text.clone()));
        }
        Value::String(text) => set(text.clone()),
        Value::Array(items) => {
            let texts: Vec<String> = items
                .iter()
                .map(|item| item.as_str().map_or_else(|| item.to_string(), str::to_owned))
                .collect();
            if !texts.is_empty() {
                set(texts.join(", "));
            }
        }
        Value::Object(fields) => {
            for (name, field) in fields {
                let dot = if path.is_empty() { "" } else { "." };
                flatten(&format!("{path}{dot}{name}"), field, settings);
            }
        }
    }
}

/// A number as people write it: `20`, not `20.0`.
fn whole(number: &Number) -> String {
    let text = number.to_string();
    text.strip_suffix(".0").map_or_else(|| text.clone(), str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::flatten;
    use serde_json::json;

    #[test]
    fn settings_stand_a_line_each_and_unset_ones_are_left_out() {
        let config = json!({
            "speed": 20.0, "limit": null, "chunks": false, "headers": [],
            "timeout_s": {"total": 1200.5}, "workload": "/home/me/mine.csv", "sim": ["fault=truncate:0.1", "seed=2"],
        });
        let mut settings = Vec::new();
        flatten("", &config, &mut settings);
        let lines: Vec<String> =
            settings.iter().map(|(name, value)| format!("{name}: {value}")).collect();
        assert_eq!(
            lines,
            [
                "chunks: no",
                "sim: fault=truncate:0.1, seed=2",
                "speed: 20",
                "timeout_s.total: 1200.5",
                "workload: mine.csv"
            ]
        );
    }
}
