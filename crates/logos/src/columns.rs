//! The columns of a detailed CSV, found by their names.

use crate::error::ReadError;
use std::path::Path;

/// A column that somebody at Logos writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Column {
    LogId,
    RequestId,
    Mode,
    Priority,
    HttpStatus,
    ClientDuration,
    ProviderName,
    ModelName,
    Ttft,
    Tpot,
    Tokens,
    TotalLatency,
    ResponseText,
    Error,
    ServerRequestId,
    PriorityWhenScheduled,
    RequestBody,
    ColdStart,
    LoadDuration,
    ResultStatus,
    PromptTokens,
    CompletionTokens,
    TotalTokens,
    TotalTokensPerSecond,
    CompletionTokensPerSecond,
    QueueDepthAtArrival,
    UtilizationAtArrival,
    QueueDepthAtSchedule,
    QueueWait,
    Processing,
    SchedulerTotal,
    AvailableVram,
    AzureRemainingRequests,
    AzureRemainingTokens,
    ResponseBody,
}

use Column::{
    AvailableVram, AzureRemainingRequests, AzureRemainingTokens, ClientDuration, ColdStart,
    CompletionTokens, CompletionTokensPerSecond, Error, HttpStatus, LoadDuration, LogId, Mode,
    ModelName, Priority, PriorityWhenScheduled, Processing, PromptTokens, ProviderName,
    QueueDepthAtArrival, QueueDepthAtSchedule, QueueWait, RequestBody, RequestId, ResponseBody,
    ResponseText, ResultStatus, SchedulerTotal, ServerRequestId, Tokens, TotalLatency, TotalTokens,
    TotalTokensPerSecond, Tpot, Ttft, UtilizationAtArrival,
};

/// Every column, in the order of the declaration; the first [`SEED`] are those of the older form.
const KNOWN: [(Column, &str); 35] = [
    (LogId, "log_id"),
    (RequestId, "request_id"),
    (Mode, "mode"),
    (Priority, "priority"),
    (HttpStatus, "http_status"),
    (ClientDuration, "client_duration_ms"),
    (ProviderName, "provider_name"),
    (ModelName, "model_name"),
    (Ttft, "ttft_ms"),
    (Tpot, "tpot_ms"),
    (Tokens, "tokens"),
    (TotalLatency, "total_latency_ms"),
    (ResponseText, "response_text"),
    (Error, "error"),
    (ServerRequestId, "server_request_id"),
    (PriorityWhenScheduled, "priority_when_scheduled"),
    (RequestBody, "request_body_json"),
    (ColdStart, "cold_start"),
    (LoadDuration, "load_duration_ms"),
    (ResultStatus, "result_status"),
    (PromptTokens, "prompt_tokens"),
    (CompletionTokens, "completion_tokens"),
    (TotalTokens, "total_tokens"),
    (TotalTokensPerSecond, "total_tokens_per_second"),
    (CompletionTokensPerSecond, "completion_tokens_per_second"),
    (QueueDepthAtArrival, "queue_depth_at_arrival"),
    (UtilizationAtArrival, "utilization_at_arrival"),
    (QueueDepthAtSchedule, "queue_depth_at_schedule"),
    (QueueWait, "queue_wait_ms"),
    (Processing, "processing_ms"),
    (SchedulerTotal, "scheduler_total_ms"),
    (AvailableVram, "available_vram_mb"),
    (AzureRemainingRequests, "azure_rate_remaining_requests"),
    (AzureRemainingTokens, "azure_rate_remaining_tokens"),
    (ResponseBody, "response_body_json"),
];
/// Columns of the older form.
const SEED: usize = 14;

impl Column {
    /// Its name in the header.
    pub(crate) const fn name(self) -> &'static str {
        KNOWN[self as usize].1
    }
}

/// Where each column stands in a file.
#[derive(Clone, Debug)]
pub(crate) struct Header {
    places: [Option<usize>; KNOWN.len()],
    /// Columns in the file.
    pub(crate) count: usize,
    /// Those that nobody at Logos writes, as they are named.
    pub(crate) unknown: Vec<String>,
}

impl Header {
    /// Reads the first row of `path`; names are trimmed and in any case, as Logos reads its own.
    pub(crate) fn read(path: &Path, names: &csv::StringRecord) -> Result<Self, ReadError> {
        let mut header = Self { places: [None; KNOWN.len()], count: names.len(), unknown: vec![] };
        let mut seen: Vec<String> = Vec::new();
        for (place, name) in names.iter().enumerate() {
            let name = name.trim_start_matches('\u{feff}').trim().to_lowercase();
            if seen.contains(&name) {
                return Err(ReadError::Duplicate { path: path.to_owned(), column: name });
            }
            match KNOWN.iter().find(|(_, known)| *known == name) {
                Some((column, _)) => header.places[*column as usize] = Some(place),
                None => header.unknown.push(name.clone()),
            }
            seen.push(name);
        }
        let missing = |column| ReadError::NoColumn {
            path: path.to_owned(),
            column,
            found: seen.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", "),
        };
        for (column, name) in [
            (RequestId, "`request_id`"),
            (Mode, "`mode`"),
            (Priority, "`priority`"),
            (HttpStatus, "`http_status`"),
            (ClientDuration, "`client_duration_ms`"),
        ] {
            if !header.has(column) {
                return Err(missing(name));
            }
        }
        // Without any of these nobody could tell an answer from an empty body.
        if ![Tokens, CompletionTokens, ResponseText].into_iter().any(|column| header.has(column)) {
            return Err(missing("`tokens`, `completion_tokens` or `response_text`"));
        }
        Ok(header)
    }

    /// Whether the file has `column`.
    pub(crate) const fn has(&self, column: Column) -> bool {
        self.places[column as usize].is_some()
    }

    /// Whether it has a column that tells a row which the server's database knows from another.
    pub(crate) fn has_log(&self) -> bool {
        [LogId, Ttft, TotalLatency].into_iter().any(|column| self.has(column))
    }

    /// Where `column` stands.
    pub(crate) const fn place(&self, column: Column) -> Option<usize> {
        self.places[column as usize]
    }

    /// Whether it is the older form, which has no column of the newer one.
    pub(crate) fn is_seed(&self) -> bool {
        self.places[SEED..].iter().all(Option::is_none)
    }

    /// What the file is, in words.
    pub(crate) fn form(&self) -> String {
        let known = self.places.iter().flatten().count();
        if self.unknown.is_empty() {
            format!("Logos detailed CSV, {known} columns")
        } else {
            format!("Logos detailed CSV, {known} known columns of {}", self.count)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Column, Header, KNOWN, SEED};

    fn read(names: &[&str]) -> Result<Header, String> {
        let record = csv::StringRecord::from(names.to_vec());
        Header::read("f.csv".as_ref(), &record).map_err(|error| error.to_string())
    }

    #[test]
    fn a_column_is_its_place_in_the_list() {
        for (place, (column, name)) in KNOWN.into_iter().enumerate() {
            assert_eq!((column as usize, column.name()), (place, name));
        }
    }

    #[test]
    fn both_forms_and_others_are_read_by_name() {
        let all = KNOWN.map(|(_, name)| name);
        let seed = read(&all[..SEED]).unwrap();
        assert_eq!(
            (seed.is_seed(), seed.form().as_str()),
            (true, "Logos detailed CSV, 14 columns")
        );
        let head = read(&all).unwrap();
        assert_eq!(
            (head.is_seed(), head.form().as_str()),
            (false, "Logos detailed CSV, 35 columns")
        );
        let mut turned = all;
        turned.reverse();
        assert_eq!(read(&turned).unwrap().place(Column::LogId), Some(34), "any order");
        let names = [
            "\u{feff}Request_ID ",
            "mode",
            "priority",
            "http_status",
            "client_duration_ms",
            "tokens",
            "gpu",
        ];
        let other = read(&names).unwrap();
        assert_eq!(other.unknown, ["gpu"]);
        assert_eq!(other.form(), "Logos detailed CSV, 6 known columns of 7");
        assert!(!other.has(Column::TotalLatency));
    }

    #[test]
    fn a_header_that_cannot_do_is_refused_by_name() {
        let good =
            ["request_id", "mode", "priority", "http_status", "client_duration_ms", "tokens"];
        for (name, change, want) in [
            ("no mode", (1, "mood"), "expected a column `mode`, found `request_id`, `mood`,"),
            ("nothing of the answer", (5, "x"), "`tokens`, `completion_tokens` or `response_text`"),
            ("a name twice", (5, " MODE"), "two columns are named `mode`"),
        ] {
            let mut names = good;
            names[change.0] = change.1;
            let error = read(&names).unwrap_err();
            assert!(error.starts_with("f.csv: row 1: ") && error.contains(want), "{name}: {error}");
        }
    }
}
