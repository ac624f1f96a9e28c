//! Rows of a server as statements for the tables of `fixtures/server-log`.
//!
//! A batch travels as one JSON text, so that a statement is the same however many rows there are:
//! a database prepares it once, and what it costs is the rows, not their SQL.

use crate::sql::{Dialect, Param, Query};
use proofload_record::ServerRow;
use serde::Serialize;
use std::collections::HashSet;

/// The kinds of tokens, as the log names them.
const PROMPT: &str = "prompt_tokens";
const COMPLETION: &str = "completion_tokens";

/// A row on its way. Times are microseconds since the epoch.
#[derive(Serialize)]
struct Line {
    id: String,
    provider: String,
    model: Option<String>,
    priority: Option<&'static str>,
    arrived: u64,
    enqueued: Option<u64>,
    scheduled: Option<u64>,
    first_token: Option<u64>,
    ended: u64,
    depth: Option<u32>,
    depth_scheduled: Option<u32>,
    queue_wait_ms: Option<f64>,
    classification_s: Option<f64>,
    cold: Option<bool>,
    load_ms: Option<f64>,
    prompt: Option<u32>,
    completion: Option<u32>,
    result: &'static str,
}

/// Its fields, with PostgreSQL's types.
const FIELDS: [(&str, &str); 18] = [
    ("id", "text"),
    ("provider", "text"),
    ("model", "text"),
    ("priority", "text"),
    ("arrived", "bigint"),
    ("enqueued", "bigint"),
    ("scheduled", "bigint"),
    ("first_token", "bigint"),
    ("ended", "bigint"),
    ("depth", "integer"),
    ("depth_scheduled", "integer"),
    ("queue_wait_ms", "real"),
    ("classification_s", "double precision"),
    ("cold", "boolean"),
    ("load_ms", "real"),
    ("prompt", "integer"),
    ("completion", "integer"),
    ("result", "text"),
];

/// Makes the statements of one transaction after another.
pub(crate) struct Inserts {
    dialect: Dialect,
    /// Names that are in their tables.
    known: HashSet<(&'static str, String)>,
}

impl Inserts {
    pub(crate) fn new(dialect: Dialect) -> Self {
        Self { dialect, known: HashSet::new() }
    }

    /// The statements for `rows`, of which no two may have the same id.
    pub(crate) fn of(&mut self, rows: &[ServerRow]) -> Vec<Query> {
        let mut statements = Vec::new();
        let lines: Vec<Line> = rows.iter().map(Line::new).collect();
        for line in &lines {
            self.name("providers", &line.provider, &mut statements);
            if let Some(model) = &line.model {
                self.name("models", model, &mut statements);
            }
        }
        for kind in [PROMPT, COMPLETION] {
            self.name("token_types", kind, &mut statements);
        }
        // Numbers and texts always have a JSON form.
        let json = serde_json::to_string(&lines).unwrap_or_default();
        let batch = || Param::Text(json.clone());
        statements.extend(match self.dialect {
            Dialect::Sqlite => self.fill(batch()),
            Dialect::Postgres => Vec::new(),
        });
        for sql in [self.entries(), self.events(), self.tokens()] {
            let mut query = Query::new(self.dialect, sql);
            if self.dialect == Dialect::Postgres {
                query.params.push(batch());
            }
            statements.push(query);
        }
        statements
    }

    /// Takes the batch apart once, into a table of the connection: that is what costs in SQLite.
    fn fill(&self, batch: Param) -> Vec<Query> {
        let fields = FIELDS.map(|(name, _)| name).join(", ");
        let values = FIELDS.map(|(name, _)| format!("value ->> '{name}'")).join(", ");
        let query = |sql: String| Query::new(self.dialect, sql);
        let mut insert = query(format!("INSERT INTO batch SELECT {values} FROM json_each(?1)"));
        insert.params.push(batch);
        vec![
            query(format!("CREATE TEMP TABLE IF NOT EXISTS batch ({fields})")),
            query("DELETE FROM batch".to_owned()),
            insert,
        ]
    }

    /// Puts a name into its table, where it is not there yet.
    fn name(&mut self, table: &'static str, name: &str, statements: &mut Vec<Query>) {
        if !self.known.insert((table, name.to_owned())) {
            return;
        }
        let mut query = Query::new(self.dialect, format!("INSERT INTO {table} (name) SELECT "));
        let text = match self.dialect {
            Dialect::Sqlite => "",
            Dialect::Postgres => "::text",
        };
        query.text(name).push(text).push(" WHERE NOT EXISTS (SELECT 1 FROM ").push(table);
        query.push(" WHERE name = ").text(name).push(")");
        statements.push(query);
    }

    fn entries(&self) -> String {
        let json = match self.dialect {
            Dialect::Sqlite => "",
            Dialect::Postgres => "::jsonb",
        };
        format!(
            "INSERT INTO log_entry (request_id, timestamp_request, timestamp_forwarding, \
             time_at_first_token, timestamp_response, provider_id, model_id, \
             classification_statistics, priority, queue_depth_at_arrival, queue_wait_ms, \
             was_cold_start, load_duration_ms) \
             SELECT r.id, {arrived}, {scheduled}, {first_token}, {ended}, {PROVIDER_ID}, \
             {MODEL_ID}, ('{{\"classification_time\": ' || r.classification_s || '}}'){json}, \
             r.priority, r.depth, r.queue_wait_ms, r.cold, r.load_ms FROM {rows}",
            arrived = self.time("arrived"),
            scheduled = self.time("scheduled"),
            first_token = self.time("first_token"),
            ended = self.time("ended"),
            rows = self.rows(),
        )
    }

    /// The scheduler's part, of requests that came to it.
    fn events(&self) -> String {
        const COLUMNS: [&str; 11] = [
            "model_id",
            "provider_id",
            "initial_priority",
            "priority_when_scheduled",
            "queue_depth_at_enqueue",
            "queue_depth_at_schedule",
            "enqueue_ts",
            "scheduled_ts",
            "request_complete_ts",
            "cold_start",
            "result_status",
        ];
        let result = match self.dialect {
            Dialect::Sqlite => "r.result",
            Dialect::Postgres => "r.result::result_status_enum",
        };
        // A client that tries again sends its id again; the table keeps the last.
        let last = COLUMNS.map(|column| format!("{column} = excluded.{column}")).join(", ");
        format!(
            "INSERT INTO request_events (request_id, {columns}) \
             SELECT r.id, {MODEL_ID}, {PROVIDER_ID}, r.priority, \
             CASE WHEN r.scheduled IS NOT NULL THEN r.priority END, r.depth, r.depth_scheduled, \
             {enqueued}, {scheduled}, {ended}, r.cold, {result} FROM {rows} \
             WHERE r.depth IS NOT NULL ON CONFLICT (request_id) DO UPDATE SET {last}",
            columns = COLUMNS.join(", "),
            enqueued = self.time("enqueued"),
            scheduled = self.time("scheduled"),
            ended = self.time("ended"),
            rows = self.rows(),
        )
    }

    fn tokens(&self) -> String {
        let count = format!("CASE k.name WHEN '{PROMPT}' THEN r.prompt ELSE r.completion END");
        format!(
            "INSERT INTO usage_tokens (type_id, log_entry_id, token_count) \
             SELECT k.id, (SELECT max(e.id) FROM log_entry AS e WHERE e.request_id = r.id), {count} \
             FROM {rows} JOIN token_types AS k ON k.name IN ('{PROMPT}', '{COMPLETION}') \
             WHERE {count} IS NOT NULL",
            rows = self.rows(),
        )
    }

    /// The batch as a table `r`.
    fn rows(&self) -> String {
        match self.dialect {
            Dialect::Sqlite => "batch AS r".to_owned(),
            Dialect::Postgres => {
                let fields = FIELDS.map(|(name, ty)| format!("{name} {ty}"));
                format!("jsonb_to_recordset($1::jsonb) AS r({})", fields.join(", "))
            }
        }
    }

    fn time(&self, field: &str) -> String {
        match self.dialect {
            Dialect::Sqlite => format!("r.{field}"),
            Dialect::Postgres => {
                format!("timestamptz 'epoch' + r.{field} * interval '1 microsecond'")
            }
        }
    }
}

const PROVIDER_ID: &str = "(SELECT min(p.id) FROM providers AS p WHERE p.name = r.provider)";
const MODEL_ID: &str = "(SELECT min(m.id) FROM models AS m WHERE m.name = r.model)";

impl Line {
    fn new(row: &ServerRow) -> Self {
        let at = |after_ns: u64| (row.arrived_wall_ns + after_ns) / 1_000;
        let wait_ns = |scheduled: u64| Some(scheduled.saturating_sub(row.enqueued_ns?));
        let parts = |ns: u64, unit: f64| ns as f64 / unit;
        Self {
            id: storable(&row.request_id),
            provider: storable(&row.provider),
            model: row.model.as_deref().map(storable),
            priority: row.priority.map(priority),
            arrived: at(0),
            enqueued: row.enqueued_ns.map(at),
            scheduled: row.scheduled_ns.map(at),
            first_token: row.ttft_ns.map(at),
            ended: at(row.total_ns),
            depth: row.queue_depth,
            depth_scheduled: row.queue_depth_scheduled,
            queue_wait_ms: row.scheduled_ns.and_then(wait_ns).map(|ns| parts(ns, 1e6)),
            classification_s: row.classification_ns.map(|ns| parts(ns, 1e9)),
            cold: row.cold_start,
            load_ms: row.load_ns.map(|ns| parts(ns, 1e6)),
            prompt: row.prompt_tokens,
            completion: Some(row.completion_tokens).filter(|&tokens| tokens > 0),
            result: row.result.label(),
        }
    }
}

/// A text that every database takes: a client may send a NUL, and PostgreSQL has none.
fn storable(text: &str) -> String {
    text.replace('\0', "\u{fffd}")
}

const fn priority(number: u8) -> &'static str {
    match number {
        0..=1 => "low",
        2..=9 => "medium",
        _ => "high",
    }
}

#[cfg(test)]
mod tests {
    use super::{FIELDS, Line};
    use proofload_record::{ServerResult, ServerRow};

    #[test]
    fn every_field_of_a_line_is_read_and_no_other() {
        let line = Line::new(&ServerRow {
            request_id: "a\0b".to_owned(),
            provider: "p".to_owned(),
            model: None,
            mode: None,
            priority: None,
            arrived_wall_ns: 5_999,
            enqueued_ns: None,
            scheduled_ns: Some(1_000),
            queue_depth: None,
            queue_depth_scheduled: None,
            classification_ns: None,
            cold_start: None,
            load_ns: None,
            ttft_ns: None,
            total_ns: 10_000,
            prompt_tokens: None,
            completion_tokens: 0,
            status: 0,
            result: ServerResult::Error,
        });
        let json = serde_json::to_value(&line).unwrap();
        let mut names: Vec<_> = FIELDS.iter().map(|&(name, _)| name).collect();
        names.sort_unstable();
        let mut found: Vec<_> = json.as_object().unwrap().keys().map(String::as_str).collect();
        found.sort_unstable();
        assert_eq!(found, names);
        assert_eq!((&json["id"], &json["ended"]), (&"a\u{fffd}b".into(), &15.into()));
        assert!(json["completion"].is_null() && json["queue_wait_ms"].is_null(), "{json}");
    }
}
