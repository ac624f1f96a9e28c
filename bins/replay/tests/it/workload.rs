//! Workloads for tests.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};

/// A workload that comes with the project.
pub(crate) fn shipped(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../workloads").join(name)
}

/// Writes `dir/workload.csv`: a request for each `(due in ms, body)`.
pub(crate) fn write(dir: &Path, requests: impl IntoIterator<Item = (u32, Value)>) -> String {
    let path = dir.join("workload.csv");
    let mut csv = csv::Writer::from_path(&path).unwrap();
    csv.write_record(["request_id", "arrival_offset", "mode", "priority", "body_json"]).unwrap();
    for (number, (due_ms, body)) in requests.into_iter().enumerate() {
        let mode = ["interactive", "batch"][number % 2];
        let priority = ["low", "mid", "high"][number % 3];
        let (id, due) = (format!("r-{number:03}"), due_ms.to_string());
        csv.write_record([&id, &due, mode, priority, &body.to_string()]).unwrap();
    }
    csv.flush().unwrap();
    path.to_str().unwrap().to_owned()
}

/// Writes `dir/workload.csv`: `count` short streamed requests, `gap_ms` apart.
pub(crate) fn even(dir: &Path, count: u32, gap_ms: u32) -> String {
    write(dir, (0..count).map(|number| (number * gap_ms, streamed(4 + number % 5))))
}

/// A body that asks for a stream.
pub(crate) fn streamed(max_tokens: u32) -> Value {
    let mut body = plain(max_tokens);
    body["stream"] = json!(true);
    body["stream_options"] = json!({ "include_usage": true });
    body
}

/// A body that says nothing of a stream.
pub(crate) fn plain(max_tokens: u32) -> Value {
    json!({
        "model": "m",
        "messages": [{ "role": "user", "content": "Name three rivers." }],
        "max_tokens": max_tokens,
    })
}
