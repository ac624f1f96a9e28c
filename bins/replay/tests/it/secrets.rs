//! A planted key, and servers that repeat it: it may stand nowhere.

use std::fs;
use std::path::{Path, PathBuf};

use crate::program::{Ended, LIMIT, Running, replay, simulator};
use crate::server::{self, Server};
use crate::workload;

/// With characters that JSON escapes.
const KEY: &str = r#"sk-pl4nted/"w1th\everything"#;

/// What would be left of the key in any form: as it is or escaped, all escaped, percent-encoded.
const TRACES: [&str; 5] = ["pl4nted", "w1th", "u0070", "%70%6c", "%70%6C"];

/// A way to give the key.
struct Way {
    name: &'static str,
    flags: Vec<String>,
}

/// Every way; `dir` is for a file that holds it. The environment has it as `PLANTED`.
fn ways(dir: &Path) -> Vec<Way> {
    let file = dir.join("key");
    fs::write(&file, format!("{KEY}\n")).unwrap();
    let file = file.to_str().unwrap();
    let header = format!("X-Api-Key: {KEY}");
    let unknown = format!("X-Gate: {KEY}");
    [
        ("environment", &["--api-key-env", "PLANTED"] as &[_]),
        ("file", &["--api-key-file", file]),
        ("own header", &["--api-key-file", file, "--auth-header", "X-Own"]),
        ("logos", &["--logos-key", KEY]),
        ("header", &["--header", &header]),
        ("unknown header", &["--header", &unknown]),
    ]
    .map(|(name, flags)| Way { name, flags: flags.iter().map(ToString::to_string).collect() })
    .into()
}

/// Runs the program with the key, everything that it can write, and the fullest log.
fn run(dir: &Path, base: &str, way: &Way) -> Ended {
    let csv = workload::even(dir, 24, 10);
    let flags = [
        &["--workload", &csv, "--api-base", base, "--out", "run", "--output", "beside.csv"]
            as &[_],
        &["--log", "trace", "--chunks", "--keep-responses", "--keep-going"],
        &way.flags.iter().map(String::as_str).collect::<Vec<_>>(),
    ]
    .concat();
    let ended = Running::start(replay(dir, &flags).env("PLANTED", KEY)).end(LIMIT);
    assert_eq!(ended.code(), Some(3), "{}: {ended:?}", way.name);
    assert!(dir.join("beside_detailed.csv").exists() && dir.join("run/requests.txt").exists());
    ended
}

/// Looks for the key in every byte that was written; returns the text of the notes.
fn search(dir: &Path, ended: &Ended, way: &Way) -> String {
    let mut texts = vec![
        (PathBuf::from("stdout"), ended.stdout.clone()),
        (PathBuf::from("stderr"), ended.stderr.clone()),
    ];
    for file in files(dir) {
        let text = String::from_utf8_lossy(&fs::read(&file).unwrap()).into_owned();
        texts.push((file, text));
    }
    assert!(texts.len() > 10, "{}: {} texts", way.name, texts.len());
    for (file, text) in &texts {
        for trace in TRACES {
            let found = text.find(trace).map(|at| {
                let from = text.floor_char_boundary(at.saturating_sub(80));
                &text[from..text.ceil_char_boundary((at + 80).min(text.len()))]
            });
            assert_eq!(found, None, "{}: {trace} in {}", way.name, file.display());
        }
    }
    fs::read_to_string(dir.join("run/requests.txt")).unwrap()
}

/// Every file below `dir`.
fn files(dir: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path());
    entries.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
}

#[test]
fn a_simulator_that_repeats_the_key_is_not_quoted() {
    let kept = tempfile::tempdir().unwrap();
    // It repeats the key of the two headers that it knows.
    let repeated = |name: &str| ["environment", "file", "logos"].contains(&name);
    for way in ways(kept.path()) {
        let dir = tempfile::tempdir().unwrap();
        let (simulator, base) = simulator(&["api-key=another", "echo-key=true"]);
        let ended = run(dir.path(), &base, &way);
        let notes = search(dir.path(), &ended, &way);
        assert_eq!(notes.contains("(key received: [redacted])"), repeated(way.name), "{notes}");
        assert_eq!(simulator.counts().statuses[&401], 24, "{}", way.name);
    }
}

#[test]
fn a_server_that_repeats_the_key_everywhere_is_not_quoted() {
    let kept = tempfile::tempdir().unwrap();
    for way in ways(kept.path()) {
        let dir = tempfile::tempdir().unwrap();
        let server = Server::start(|number, _| hostile(number));
        let ended = run(dir.path(), &server.base(), &way);
        let notes = search(dir.path(), &ended, &way);
        assert!(notes.matches("[redacted]").count() > 24, "{}: {notes}", way.name);
        let arrived = server.requests().iter().filter(|request| request.head.contains(KEY)).count();
        assert_eq!(arrived, 24, "{}: the key was sent, and its header is not known", way.name);
    }
}

#[test]
fn a_target_that_answers_with_the_key_and_no_http_is_not_quoted() {
    let kept = tempfile::tempdir().unwrap();
    for way in ways(kept.path()) {
        let dir = tempfile::tempdir().unwrap();
        let server = Server::start(|_, _| format!("{KEY}\r\n\r\n").into_bytes());
        let base = server.base();
        let mut flags = vec!["--api-base", &base, "--log", "trace", "--out", "run"];
        flags.extend(way.flags.iter().map(String::as_str));
        let ended = Running::start(replay(dir.path(), &flags).env("PLANTED", KEY)).end(LIMIT);
        assert_eq!(ended.code(), Some(69), "{}: {ended:?}", way.name);
        for trace in TRACES {
            assert!(!ended.stderr.contains(trace), "{}: {}", way.name, ended.stderr);
        }
    }
}

/// The key that the simulator is to ask for is one, too.
#[test]
fn the_key_of_the_embedded_simulator_is_not_written_either() {
    let dir = tempfile::tempdir().unwrap();
    let way = Way { name: "simulator", flags: vec!["--sim".into(), format!("api-key={KEY}")] };
    let csv = workload::even(dir.path(), 3, 10);
    let mut flags = vec!["--workload", &csv, "--log", "trace", "--out", "run"];
    flags.extend(way.flags.iter().map(String::as_str));
    let ended = Running::start(&mut replay(dir.path(), &flags)).end(LIMIT);
    assert_eq!(ended.code(), Some(3), "{ended:?}");
    search(dir.path(), &ended, &way);
}

/// An answer that holds the key in some form, in some place.
fn hostile(number: usize) -> Vec<u8> {
    let json = serde_json::to_string(KEY).unwrap();
    let json = json.trim_matches('"');
    let unicode: String = KEY.chars().map(|char| format!("\\u{:04x}", u32::from(char))).collect();
    let percent: String = KEY.bytes().map(|byte| format!("%{byte:02x}")).collect();
    let forms = [
        KEY.to_owned(),
        json.to_owned(),
        json.replace('/', "\\/"),
        json.replace('\\', "\\\\"),
        unicode,
        percent.to_uppercase(),
        percent,
    ];
    let form = &forms[number % forms.len()];
    let error = format!("{{\"error\":{{\"message\":\"wrong key {form}\"}}}}");
    let id = format!("x-request-id: {form}\r\n");
    let stream = format!("content-type: text/event-stream\r\n{id}");
    match number % 6 {
        0 => server::answer("401 Unauthorized", &id, &error),
        1 => server::answer("200 OK", &stream, &format!("data: {error}\n\n")),
        2 => {
            let text = serde_json::to_string(&format!("the key is {form}")).unwrap();
            let delta = |text: &str| {
                format!("data: {{\"choices\":[{{\"delta\":{{\"content\":{text}}}}}]}}\n\n")
            };
            server::answer("200 OK", &stream, &(delta(&text) + &format!("data: {form}\n\n")))
        }
        3 => server::answer("307 Temporary Redirect", &format!("location: /{form}\r\n{id}"), ""),
        4 => server::answer("500 Internal Server Error", &id, form),
        _ => format!("HTTP/1.1 wrong {form}\r\n\r\n").into_bytes(),
    }
}
