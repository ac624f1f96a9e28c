//! Models that the target does not have, and others in their place.

use std::path::Path;

use proofload_run_dir::RunDir;
use serde_json::{Value, json};

use crate::program::{Ended, dead_address, run, run_well, simulator};
use crate::server::{Received, Server, answer, good_stream};
use crate::workload;

/// A server that has these models, and answers 404 for every other.
fn having(models: &'static [&'static str]) -> Server {
    Server::start(move |_, request| match request.is_preflight() {
        true => {
            let list: Vec<_> = models.iter().map(|id| json!({ "id": id })).collect();
            answer("200 OK", "", &json!({ "data": list }).to_string())
        }
        false if model(request).is_some_and(|model| !models.contains(&model.as_str())) => {
            answer("404 Not Found", "", r#"{"error":{"message":"no such model"}}"#)
        }
        false => good_stream(),
    })
}

/// The model that a request names.
fn model(request: &Received) -> Option<String> {
    let body: Value = serde_json::from_str(&request.body).unwrap();
    body["model"].as_str().map(str::to_owned)
}

/// Requests for these models, 10 ms apart; for an empty name without one.
fn asking(dir: &Path, models: &[&str]) -> String {
    let body = |name: &&str| {
        let mut body = workload::streamed(3);
        match *name {
            "" => _ = body.as_object_mut().unwrap().remove("model"),
            name => body["model"] = json!(name),
        }
        body
    };
    workload::write(dir, (0..).step_by(10).zip(models.iter().map(body)))
}

fn replayed(dir: &Path, base: &str, csv: &str, flags: &[&str]) -> Ended {
    run(dir, &[&["--workload", csv, "--api-base", base, "--out", "run"], flags].concat())
}

#[test]
fn a_model_that_is_not_listed_is_named_before_anything_is_sent() {
    let dir = tempfile::tempdir().unwrap();
    let csv = asking(dir.path(), &["llama-8b", "llama-70", "", "gpt", "llama-70"]);
    let server = having(&["llama-8b", "llama-70b"]);
    let ended = replayed(dir.path(), &server.base(), &csv, &[]);
    assert_eq!(ended.code(), Some(65), "{ended:?}");
    for said in [
        &format!("/v1/models of {} does not list 2 of the 3 models", server.base()),
        "  `llama-70`, 2 requests; --model-map llama-70=llama-70b\n",
        "  `gpt`, 1 request; --model-map gpt=llama-8b\n",
        "  listed: `llama-8b`, `llama-70b`\n",
        "nothing was sent; map them, or send all the same with --allow-unknown-models",
    ] {
        assert!(ended.stderr.contains(said), "{said}: {}", ended.stderr);
    }
    assert!(server.requests().is_empty() && !dir.path().join("run").exists());

    let flags = ["--model-map", "llama-70=llama-70b", "--model-map", "gpt=llama-8b"];
    let ended = replayed(dir.path(), &server.base(), &csv, &flags);
    assert_eq!((ended.code(), ended.stderr.contains("models")), (Some(0), false), "{ended:?}");
    let mut asked: Vec<_> = server.requests().iter().map(model).collect();
    asked.sort();
    let [a, b] = ["llama-70b", "llama-8b"].map(|model| Some(model.to_owned()));
    assert_eq!(asked, [None, a.clone(), a, b.clone(), b]);
    let run = RunDir::open(&dir.path().join("run")).unwrap();
    let manifest = run.manifest();
    assert_eq!(manifest.model_changed, 3);
    let map = json!({ "gpt": "llama-8b", "llama-70": "llama-70b" });
    assert_eq!(manifest.config["model_map"], map);
    assert!(run.classes().iter().all(|class| class.model.as_deref() != Some("gpt")));
    assert!(ended.stdout.contains("3 bodies were changed to name another model"), "{ended:?}");
}

#[test]
fn who_knows_better_sends_all_the_same() {
    let dir = tempfile::tempdir().unwrap();
    let csv = asking(dir.path(), &["a", "gpt", "a"]);
    let server = having(&["a"]);
    let ended = replayed(dir.path(), &server.base(), &csv, &["--allow-unknown-models"]);
    assert_eq!(ended.code(), Some(0), "{ended:?}");
    let said = "warning: /v1/models of";
    assert!(ended.stderr.contains(said) && ended.stderr.contains("`gpt`, 1 request"), "{ended:?}");
    assert_eq!(server.requests().len(), 3);
}

#[test]
fn a_target_of_a_pair_that_is_not_listed_has_its_pair_named() {
    let dir = tempfile::tempdir().unwrap();
    let csv = asking(dir.path(), &["a", "b"]);
    let server = having(&["llama"]);
    for (pair, said) in [("a=lama", "--model-map a=llama\n"), ("*=lama", "--model-map '*=llama'\n")]
    {
        let ended = replayed(dir.path(), &server.base(), &csv, &["--model-map", pair]);
        assert_eq!(ended.code(), Some(65), "{ended:?}");
        assert!(ended.stderr.contains("`lama`, "), "{}", ended.stderr);
        assert!(ended.stderr.contains(said), "{said}: {}", ended.stderr);
    }
    let base = server.base();
    let flags = ["--workload", &csv, "--api-base", &base, "--model-map", "*=llama"];
    let (_, run) = run_well(dir.path(), &flags);
    assert_eq!((run.manifest().model_changed, run.classes().len()), (2, 2));
}

/// A server without the list, with another answer there, or that wants a key for it.
#[test]
fn a_list_that_cannot_be_read_is_noted_and_the_run_goes_on() {
    let too_long: &'static str = " ".repeat(5 << 20).leak();
    for (status, body, said) in [
        ("404 Not Found", "", "(status 404)"),
        ("200 OK", "<html></html>", "(not a list of models)"),
        ("200 OK", r#"{"data":[]}"#, "(the list is empty)"),
        ("401 Unauthorized", "{}", "(status 401; is the key right?)"),
        ("200 OK", too_long, "(the answer is longer than 4194304 bytes)"),
    ] {
        let dir = tempfile::tempdir().unwrap();
        let csv = asking(dir.path(), &["a", "b"]);
        let server = Server::start(move |_, request| match request.is_preflight() {
            true => answer(status, "", body),
            false => good_stream(),
        });
        let base = server.base();
        let ended = replayed(dir.path(), &base, &csv, &[]);
        assert_eq!(ended.code(), Some(0), "{ended:?}");
        let notes: Vec<_> = ended.stderr.lines().filter(|line| line.contains("note: ")).collect();
        assert!(matches!(notes[..], [note] if note.contains(said)), "{said}: {}", ended.stderr);
        let quiet = ["--workload", &csv, "--api-base", &base, "--quiet", "--out", "quiet"];
        assert!(run(dir.path(), &quiet).stderr.contains(said), "it is no progress");
    }
}

#[test]
fn a_key_opens_the_list() {
    let dir = tempfile::tempdir().unwrap();
    let csv = asking(dir.path(), &["a"]);
    let (simulator, base) = simulator(&["api-key=secret-key", "model=b", "strict-models=true"]);
    let flags = ["--header", "authorization: Bearer secret-key"];
    let ended = replayed(dir.path(), &base, &csv, &flags);
    assert_eq!(ended.code(), Some(65), "{ended:?}");
    assert!(ended.stderr.contains("does not list the model that is asked for"), "{ended:?}");
    assert!(ended.stderr.contains("--model-map a=b"), "{}", ended.stderr);
    drop(simulator);
}

#[test]
fn the_embedded_simulator_knows_every_model_unless_it_is_strict() {
    let dir = tempfile::tempdir().unwrap();
    let csv = asking(dir.path(), &["whatever"]);
    run_well(dir.path(), &["--workload", &csv]);
    let strict = ["--workload", &csv, "--sim", "strict-models=true", "--out", "strict"];
    let ended = run(dir.path(), &strict);
    assert_eq!(ended.code(), Some(65), "{ended:?}");
    assert!(ended.stderr.contains("/v1/models of embedded simulator"), "{}", ended.stderr);
}

#[test]
fn a_pair_that_means_nothing_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let csv = asking(dir.path(), &["llama-8b", ""]);
    let base = format!("http://{}", dead_address());
    let pair = |pair| ["--model-map", pair];
    for (flags, said) in [
        (
            pair("lama-8b=x").to_vec(),
            "--model-map: no row of the workload names `lama-8b`; the nearest that one does is `llama-8b`",
        ),
        ([pair("llama-8b=x"), pair("llama-8b=y")].concat(), "mapped twice, to `x` and to `y`"),
        (pair("llama-8b").to_vec(), "OLD=NEW"),
    ] {
        let ended = replayed(dir.path(), &base, &csv, &flags);
        assert_eq!(ended.code(), Some(2), "{ended:?}");
        assert!(ended.stderr.contains(said), "{said}: {}", ended.stderr);
    }
    let csv = asking(dir.path(), &[""]);
    let ended = replayed(dir.path(), &base, &csv, &pair("*=x"));
    assert!(ended.stderr.contains("no row of the workload names a model"), "{ended:?}");
}

#[test]
fn validating_asks_nobody() {
    let dir = tempfile::tempdir().unwrap();
    let csv = asking(dir.path(), &["a", "a", ""]);
    let base = format!("http://{}", dead_address());
    let flags = ["--validate", "--model-map", "a=b"];
    let ended = replayed(dir.path(), &base, &csv, &flags);
    assert_eq!(ended.code(), Some(0), "{ended:?}");
    let said = "2 bodies changed to name another model";
    assert!(ended.stdout.contains(said), "{}", ended.stdout);
}
