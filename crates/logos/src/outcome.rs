//! How a request of the file ended, by our rules.

use crate::detailed::Entry;
use proofload_record::Outcome;

/// The older client gives every request 60 s, and its timeout has no text.
const SEED_TIMEOUT_NS: u64 = 60_000_000_000;
/// What the newer client adds to an error for reasons of its own.
const REMARKS: [&str; 2] = ["log entry missing", "missing_request_id_header"];

/// The outcome of an entry; `is_seed` where the file is of the older form.
///
/// The file tells less than a run of ours would: neither whether a body was whole nor a finish
/// reason. A success here is a status 2xx, an answer that is not empty and holds no error, and a
/// server that did not log a failure.
pub(crate) fn of(entry: &Entry, is_seed: bool) -> Outcome {
    match entry.status {
        0 => client_failure(entry, is_seed),
        200..=299 => answered(entry),
        400..=499 => Outcome::Http4xx,
        500..=599 => Outcome::Http5xx,
        _ => Outcome::HttpOther,
    }
}

fn answered(entry: &Entry) -> Outcome {
    if matches!(entry.logged.result.as_deref(), Some("error" | "timeout")) {
        // The status had been sent when the server gave up, so the client has half an answer.
        return Outcome::Truncated;
    }
    let tokens = entry.logged.completion_tokens;
    if tokens.is_some_and(|tokens| tokens > 0) {
        return Outcome::Ok;
    }
    // Of a body without a text in the usual place the file holds the JSON, at most 500 characters.
    let Some(text) = &entry.response_text else { return Outcome::Empty };
    match serde_json::from_str::<serde_json::Map<String, serde_json::Value>>(text) {
        Ok(body) if body.get("error").is_some_and(|error| !error.is_null()) => Outcome::InBandError,
        Ok(body) if body.is_empty() || body.contains_key("choices") => Outcome::Empty,
        _ if tokens == Some(0) => Outcome::Empty,
        _ => Outcome::Ok,
    }
}

/// What the client's exception was, as far as its text tells.
fn client_failure(entry: &Entry, is_seed: bool) -> Outcome {
    const WORDS: [(&str, Outcome); 12] = [
        ("connecttimeout", Outcome::ConnectTimeout),
        ("timeout", Outcome::TimeoutTotal),
        ("timed out", Outcome::TimeoutTotal),
        ("refused", Outcome::ConnectRefused),
        ("all connection attempts failed", Outcome::ConnectRefused),
        ("getaddrinfo", Outcome::Dns),
        ("name or service not known", Outcome::Dns),
        ("name resolution", Outcome::Dns),
        ("ssl", Outcome::Tls),
        ("certificate", Outcome::Tls),
        ("disconnected", Outcome::Reset),
        ("reset", Outcome::Reset),
    ];
    let text = entry.error.as_deref().unwrap_or_default().to_lowercase();
    let known = WORDS.iter().find(|(word, _)| text.contains(word));
    let is_silent = text.split('|').all(|part| {
        let part = part.trim();
        part.is_empty() || REMARKS.contains(&part)
    });
    match known {
        Some((_, outcome)) => *outcome,
        None if is_seed && is_silent && entry.client_duration_ns >= SEED_TIMEOUT_NS => {
            Outcome::TimeoutTotal
        }
        None => Outcome::ClientError,
    }
}

#[cfg(test)]
mod tests {
    use super::of;
    use crate::detailed::{Entry, Logged};
    use proofload_record::{Mode, Outcome, Priority};

    fn entry(status: u16, tokens: Option<u32>, text: &str, error: &str) -> Entry {
        let some = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        Entry {
            request_id: String::new(),
            mode: Mode::Batch,
            priority: Priority::Low,
            status,
            client_duration_ns: 1,
            asked_model: None,
            server_request_id: None,
            response_text: some(text),
            error: some(error),
            logged: Logged { completion_tokens: tokens, ..Logged::default() },
        }
    }

    #[test]
    fn an_answer_is_what_holds_a_token_and_no_error() {
        for (name, entry, want) in [
            ("tokens", entry(200, Some(3), "", ""), Outcome::Ok),
            ("a text without a count", entry(200, None, "yes", ""), Outcome::Ok),
            ("an answer in JSON", entry(200, None, "{\"a\": 1}", ""), Outcome::Ok),
            (
                "tokens, and an error to talk about",
                entry(200, Some(9), "{\"error\": 1}", ""),
                Outcome::Ok,
            ),
            ("nothing", entry(200, None, "", ""), Outcome::Empty),
            ("no token", entry(201, Some(0), "", ""), Outcome::Empty),
            ("an empty object", entry(200, None, "{}", ""), Outcome::Empty),
            ("choices without a text", entry(200, None, "{\"choices\": []}", ""), Outcome::Empty),
            ("an error", entry(200, None, "{\"error\": {\"m\": 1}}", ""), Outcome::InBandError),
            ("no error, no token", entry(200, Some(0), "{\"error\": null}", ""), Outcome::Empty),
            ("redirect", entry(302, Some(3), "x", ""), Outcome::HttpOther),
            ("client's fault", entry(429, None, "", ""), Outcome::Http4xx),
            ("server's fault", entry(503, None, "", ""), Outcome::Http5xx),
        ] {
            assert_eq!(of(&entry, true), want, "{name}");
        }
        for (result, want) in [
            ("success", Outcome::Ok),
            ("error", Outcome::Truncated),
            ("timeout", Outcome::Truncated),
        ] {
            let mut entry = entry(200, Some(3), "x", "");
            entry.logged.result = Some(result.to_owned());
            assert_eq!(of(&entry, false), want, "logged as {result}");
        }
    }

    #[test]
    fn an_exception_is_what_its_text_says_and_otherwise_unexplained() {
        const MINUTE_NS: u64 = 60_000_000_000;
        for (error, duration_ns, is_seed, want) in [
            ("", MINUTE_NS, true, Outcome::TimeoutTotal),
            ("", MINUTE_NS - 1, true, Outcome::ClientError),
            ("", MINUTE_NS, false, Outcome::ClientError),
            ("log entry missing", MINUTE_NS, true, Outcome::TimeoutTotal),
            ("boom | log entry missing", MINUTE_NS, true, Outcome::ClientError),
            ("ReadTimeout | missing_request_id_header", 1, false, Outcome::TimeoutTotal),
            ("ConnectTimeout('')", 1, false, Outcome::ConnectTimeout),
            ("The read operation timed out", 1, true, Outcome::TimeoutTotal),
            ("[Errno 111] Connection refused", 1, true, Outcome::ConnectRefused),
            ("All connection attempts failed", 1, true, Outcome::ConnectRefused),
            ("[Errno -2] Name or service not known", 1, true, Outcome::Dns),
            ("[SSL: CERTIFICATE_VERIFY_FAILED]", 1, true, Outcome::Tls),
            ("Server disconnected without sending a response.", 1, true, Outcome::Reset),
            ("what?", 1, true, Outcome::ClientError),
        ] {
            let mut entry = entry(0, None, "", error);
            entry.client_duration_ns = duration_ns;
            assert_eq!(of(&entry, is_seed), want, "{error:?} after {duration_ns} ns");
        }
    }
}
