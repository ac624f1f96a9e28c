//! From the file to a run directory.

use crate::columns::Column;
use crate::detailed::{DetailedFile, Entry};
use crate::error::ImportError;
use crate::outcome;
use proofload_record::{
    Class, End, Flags, Missing, Note, Row, Served, ServerSide, Stamp, Unmatched,
};
use proofload_run_dir::{
    Config, Host, Imported, ImportedRow, Manifest, PlanRow, Target, Writer, write_server_side,
};
use std::collections::HashSet;
use std::path::PathBuf;
use std::sync::Arc;

/// How a file is imported.
#[derive(Clone, Debug)]
pub struct Import<'a> {
    /// The run directory: a folder that is empty or does not exist.
    pub out: PathBuf,
    /// The program that imports, such as `proofload-analyze`.
    pub program: &'a str,
    /// Its version.
    pub version: &'a str,
    /// Client duration within which a request counts as good, in nanoseconds. The file does not
    /// say which one its authors used; their default is 10 s.
    pub latency_slo_ns: u64,
}

/// Makes a run directory of `file`, marked as imported, and gives its path. The same file gives the
/// same bytes.
///
/// # Errors
/// [`ImportError`].
pub fn import(file: &DetailedFile, import: &Import<'_>) -> Result<PathBuf, ImportError> {
    let classes = classes(file);
    let manifest = manifest(file, &classes, import);
    let failed = |source| ImportError::Io { path: import.out.clone(), source };
    let mut writer =
        Writer::create(Config { out: import.out.clone(), manifest, keep_chunks: false })?;
    let class_of = |entry: &Entry| {
        let class = class(file, entry);
        let place = classes.iter().position(|known| *known == class);
        place.and_then(|place| u16::try_from(place).ok()).unwrap_or(u16::MAX)
    };
    for entry in &file.entries {
        let row = PlanRow {
            id: &entry.request_id,
            due_ns: Stamp::NONE.to_raw(),
            class: class_of(entry),
            offset: 0,
            len: 0,
            crc: 0,
        };
        writer.plan_entry(&row).map_err(failed)?;
    }
    let is_seed = file.header.is_seed();
    let rows = file.entries.iter().map(|entry| ImportedRow {
        row: row(entry, class_of(entry), is_seed),
        note: Note {
            error: entry.error.as_deref().map(Into::into),
            server_request_id: entry.server_request_id.as_deref().map(Into::into),
        },
    });
    let dir = writer.seal_imported(rows)?;
    // A file without any column of the database has no server's side that could be incomplete.
    if file.header.has_log() {
        write_server_side(&dir, &server_side(file)).map_err(failed)?;
    }
    Ok(dir)
}

fn manifest(file: &DetailedFile, classes: &[Class], import: &Import<'_>) -> Manifest {
    let form = file.form();
    Manifest {
        // The machine that sent is not this one.
        host: Host::default(),
        config: serde_json::json!({ "latency_slo_ms": import.latency_slo_ns as f64 / 1e6 }),
        target: Target { url: form.clone(), simulated: false },
        classes: classes.iter().map(Into::into).collect(),
        latency_slo_ns: import.latency_slo_ns,
        imported: Some(Imported {
            form,
            sha256: file.sha256.clone(),
            selection_known: file.header.has(Column::RequestBody),
            ignored_columns: file.header.unknown.clone(),
        }),
        ..Manifest::new(import.program, import.version)
    }
}

/// The class of an entry, by the model that was asked for, or where the file does not tell by the
/// one that answered.
fn class(file: &DetailedFile, entry: &Entry) -> Class {
    let asked = file.header.has(Column::RequestBody);
    let model = if asked { &entry.asked_model } else { &entry.logged.model };
    Class { mode: entry.mode, priority: entry.priority, model: model.as_deref().map(Into::into) }
}

/// The classes that occur, sorted.
fn classes(file: &DetailedFile) -> Vec<Class> {
    let mut classes: Vec<Class> = file.entries.iter().map(|entry| class(file, entry)).collect();
    classes.sort_unstable();
    classes.dedup();
    classes
}

/// The row of an entry: what the client knows. It has no due time, since nobody wrote down when
/// anything was sent; its duration counts from its own start.
fn row(entry: &Entry, class: u16, is_seed: bool) -> Row {
    let mut row = Row::new(0, class, 0, Stamp::NONE, End::Sent(outcome::of(entry, is_seed)));
    row.status = entry.status;
    row.started = Stamp::at(0);
    row.done = Stamp::at(entry.client_duration_ns);
    // They come from the answer's `usage`, by way of the server's database.
    row.prompt_tokens = entry.logged.prompt_tokens;
    row.completion_tokens = entry.logged.completion_tokens;
    if row.completion_tokens.is_some() {
        row.flags.set(Flags::USAGE);
    }
    row
}

/// What the file holds of the server's database.
fn server_side(file: &DetailedFile) -> ServerSide {
    let mut names = Names::default();
    let (mut rows, mut not_in_log, mut unjoined) = (Vec::new(), Unmatched::default(), 0);
    for (index, entry) in (0..).zip(&file.entries) {
        let logged = &entry.logged;
        if !logged.is_there() {
            not_in_log.add(&entry.request_id);
            unjoined += u64::from(entry.status != 0);
            continue;
        }
        rows.push(Served {
            index,
            log_id: logged.log_id,
            arrived_wall_ns: None,
            queue_wait_ns: logged.queue_wait_ns,
            processing_ns: logged.processing_ns,
            ttft_ns: logged.ttft_ns,
            total_ns: logged.total_ns,
            classification_ns: None,
            load_ns: logged.load_ns,
            cold_start: logged.cold_start,
            queue_depth: logged.queue_depth,
            queue_depth_scheduled: logged.queue_depth_scheduled,
            prompt_tokens: logged.prompt_tokens,
            completion_tokens: logged.completion_tokens,
            provider: names.shared(logged.provider.as_deref()),
            model: names.shared(logged.model.as_deref()),
            result: names.shared(logged.result.as_deref()),
        });
    }
    let mut problems = Vec::new();
    if unjoined > 0 {
        problems.push(format!(
            "requests with a status and nothing of the server's log in the file: {unjoined}"
        ));
    }
    ServerSide {
        source: file.form(),
        rows,
        not_in_log,
        missing: missing(file),
        problems,
        ..ServerSide::default()
    }
}

/// What no row of the file can hold.
fn missing(file: &DetailedFile) -> Vec<Missing> {
    let named = |metric: &str, reason: String| Missing { metric: metric.to_owned(), reason };
    let never = ["arrived", "classification"]
        .map(|metric| named(metric, "no form of the file has a column for it".to_owned()));
    let absent = [
        ("queue_wait", Column::QueueWait),
        ("processing", Column::Processing),
        ("ttft", Column::Ttft),
        ("total", Column::TotalLatency),
        ("load", Column::LoadDuration),
        ("cold_start", Column::ColdStart),
        ("queue_depth", Column::QueueDepthAtArrival),
        ("queue_depth_scheduled", Column::QueueDepthAtSchedule),
        ("prompt_tokens", Column::PromptTokens),
        ("result", Column::ResultStatus),
    ]
    .into_iter()
    .filter(|(_, column)| !file.header.has(*column))
    .map(|(metric, column)| named(metric, format!("the file has no column `{}`", column.name())));
    never.into_iter().chain(absent).collect()
}

/// Texts that many rows share.
#[derive(Default)]
struct Names(HashSet<Arc<str>>);

impl Names {
    fn shared(&mut self, text: Option<&str>) -> Option<Arc<str>> {
        let text = text?;
        if let Some(known) = self.0.get(text) {
            return Some(Arc::clone(known));
        }
        let shared: Arc<str> = text.into();
        self.0.insert(Arc::clone(&shared));
        Some(shared)
    }
}
