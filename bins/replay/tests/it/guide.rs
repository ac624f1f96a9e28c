//! The guides: their console blocks run as they stand in them, every other block says why it does
//! not, and the guide to this program leaves nothing out.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use proofload_server_log::{Source, Writer, make_tables};
use proofload_simulator::{Options, Simulator};

use crate::program::run;

/// What the guides call the server that their commands are aimed at.
const SERVER: &str = "http://127.0.0.1:8080";
/// The key that it wants.
const KEY: &str = "your-key";

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// Every page for users, by its path from the root.
fn pages() -> Vec<String> {
    let docs = fs::read_dir(root().join("docs")).unwrap().map(|entry| entry.unwrap().file_name());
    let docs = docs.map(|name| format!("docs/{}", name.to_str().unwrap()));
    let mut pages: Vec<_> = docs.filter(|path| path.ends_with(".md")).collect();
    pages.extend(["README.md", "workloads/README.md"].map(str::to_owned));
    pages
}

/// A fenced block of a page.
struct Block<'a> {
    /// The line that opens it.
    line: usize,
    /// What stands behind the fence.
    info: &'a str,
    text: String,
}

fn blocks(page: &str) -> Vec<Block<'_>> {
    let mut blocks = Vec::new();
    let mut open: Option<Block<'_>> = None;
    for (number, line) in page.lines().enumerate() {
        match (line.trim_start().strip_prefix("```"), &mut open) {
            (Some(info), None) => {
                open = Some(Block { line: number + 1, info, text: String::new() });
            }
            (Some(_), Some(_)) => blocks.extend(open.take()),
            (None, Some(block)) => {
                block.text.push_str(line);
                block.text.push('\n');
            }
            (None, None) => {}
        }
    }
    assert!(open.is_none(), "a block is not closed");
    blocks
}

#[test]
fn the_guide_says_what_happens() {
    // Some blocks show a run that is valid, and on a busy machine one may not be.
    let holds = (0..3).any(|_| std::panic::catch_unwind(run_the_guide).is_ok());
    assert!(holds, "three times a block of docs/replay.md came out otherwise, as is shown above");
}

/// The guide to this program is copied beside a folder that holds what a clone does, in which its
/// commands run, so that they read as in a clone and write into no clone.
fn run_the_guide() {
    let dir = tempfile::tempdir().unwrap();
    let inside = dir.path().join("replay.in");
    for folder in ["workloads", "fixtures/logos"] {
        fs::create_dir_all(inside.join(folder)).unwrap();
        for entry in fs::read_dir(root().join(folder)).unwrap() {
            let from = entry.unwrap().path();
            if from.is_file() {
                fs::copy(&from, inside.join(folder).join(from.file_name().unwrap())).unwrap();
            }
        }
    }
    let guide = read("docs/replay.md");
    for block in blocks(&guide) {
        if let Some(name) = block.info.strip_prefix("csv ") {
            fs::write(inside.join(name), &block.text).unwrap();
        }
    }

    let mut options = Options::default();
    for set in ["strict-models=true", "model=my-model,decode=2ms"] {
        options.set(set).unwrap();
    }
    options.set(&format!("api-key={KEY}")).unwrap();
    make_tables(&Source::sqlite(&inside.join("empty.sqlite"))).unwrap();
    let log = Source::sqlite(&inside.join("server.sqlite"));
    make_tables(&log).unwrap();
    let (writer, rows) = Writer::start(log).unwrap();
    let mut server = Simulator::start(options, "127.0.0.1:0".parse().unwrap(), Some(rows)).unwrap();
    let copy = dir.path().join("replay.md");
    fs::write(&copy, guide.replace(SERVER, &format!("http://{}", server.addr()))).unwrap();

    let cases = trycmd::TestCases::new();
    cases.register_bin("proofload-replay", Path::new(env!("CARGO_BIN_EXE_proofload-replay")));
    cases.register_bin("proofload-analyze", analyze().as_path());
    cases.env("LLM_API_KEY", KEY);
    cases.case(&copy);
    cases.run();
    server.stop().unwrap();
    writer.finish().unwrap();
}

/// The program that is not of this package, built as this one was.
fn analyze() -> PathBuf {
    let replay = Path::new(env!("CARGO_BIN_EXE_proofload-replay"));
    let mut build = Command::new(env!("CARGO"));
    build.current_dir(root()).args(["build", "--quiet", "--bin", "proofload-analyze"]);
    if !cfg!(debug_assertions) {
        build.arg("--release");
    }
    assert!(build.status().unwrap().success(), "proofload-analyze did not build");
    replay.with_file_name("proofload-analyze")
}

#[test]
fn every_block_is_run_or_says_what_it_needs() {
    for path in pages() {
        let page = read(&path);
        for Block { line, info, text } in blocks(&page) {
            let place = format!("{path}:{line}");
            let command = |line: &str| line.starts_with("$ ") || line.starts_with("cargo ");
            match info.split_once(' ').unwrap_or((info, "")) {
                ("console", "") => {
                    let guides = ["docs/replay.md", "docs/schedule.md", "docs/schedule-redis.md"];
                    assert!(
                        guides.contains(&path.as_str()),
                        "{place}: only guides' blocks are run"
                    );
                    assert!(text.starts_with("$ "), "{place}: begins with no command");
                }
                ("sh", needs) => assert!(
                    needs.starts_with("(needs ") && needs.ends_with(')'),
                    "{place}: a command that is not run says what it (needs …)"
                ),
                ("text", "") => assert!(!text.lines().any(command), "{place}: a command as text"),
                ("csv", _) | ("toml", "") => {}
                _ => panic!("{place}: {info:?} is no kind of block"),
            }
        }
    }
}

/// Somebody's first workload is copied from there.
#[test]
fn workloads_in_the_pages_are_good() {
    for (path, model) in [("README.md", "your-model 2"), ("docs/replay.md", "my-model 3")] {
        let page = read(path);
        let mine = blocks(&page).into_iter().find(|block| block.info == "csv mine.csv").unwrap();
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("mine.csv"), mine.text).unwrap();
        let ended = run(dir.path(), &["--validate", "--workload", "mine.csv"]);
        assert_eq!(ended.code(), Some(0), "{path}: {ended:?}");
        assert!(ended.stdout.contains(&format!("models      {model}")), "{path}: {ended:?}");
    }
}

/// Whether `flag` stands in `text` as a whole word.
fn names(text: &str, flag: &str) -> bool {
    let ends = |rest: &str| !rest.starts_with(|char: char| char.is_alphanumeric() || char == '-');
    text.match_indices(flag).any(|(at, _)| ends(&text[at + flag.len()..]))
}

#[test]
fn the_guide_has_every_flag_and_every_setting() {
    let dir = tempfile::tempdir().unwrap();
    let help = run(dir.path(), &["--help"]).stdout;
    let flags: Vec<_> = help
        .lines()
        .filter(|line| line.trim_start().starts_with('-'))
        .filter_map(|line| line.split_whitespace().find(|word| word.starts_with("--")))
        // What may follow an equals sign is no part of the name.
        .filter_map(|flag| flag.split('[').next())
        .collect();
    assert!(flags.len() > 30, "{flags:?}");
    let guide = read("docs/replay.md");
    for flag in flags {
        assert!(names(&guide, flag), "the guide leaves out {flag}");
    }
    for setting in Options::settings() {
        let row = format!("| `{}` |", setting.key);
        assert!(guide.contains(&row), "the guide leaves out the setting {}", setting.key);
    }
}

/// Nobody finds the meaning of a message by another text than the one that the program prints.
#[test]
fn every_message_that_is_explained_was_printed() {
    let guide = read("docs/replay.md");
    let printed: Vec<_> = blocks(&guide).into_iter().filter(|b| b.info == "console").collect();
    let (_, wrong) = guide.split_once("\n## When something goes wrong\n").unwrap();
    let (table, _) = wrong.split_once("\n\n`").unwrap();
    let rows = table.lines().filter_map(|row| row.strip_prefix("| `")?.split_once("` |"));
    let messages: Vec<_> = rows.map(|(message, _)| message).collect();
    assert!(messages.len() > 8, "{messages:?}");
    for message in messages {
        let found = printed.iter().any(|block| block.text.contains(message));
        assert!(found, "no block of the guide prints {message:?}");
    }
}

/// What a page says of the code is found there.
#[test]
fn links_lead_somewhere() {
    for path in pages() {
        let page = read(&path);
        let folder = root().join(&path).parent().unwrap().to_owned();
        for (at, _) in page.match_indices("](") {
            let target = page[at + 2..].split_once(')').unwrap().0;
            if target.contains("://") {
                continue;
            }
            let (file, heading) = target.split_once('#').unwrap_or((target, ""));
            let file = if file.is_empty() { root().join(&path) } else { folder.join(file) };
            assert!(file.exists(), "{path}: {target} is not there");
            let text = |file: &Path| fs::read_to_string(file).unwrap();
            if !heading.is_empty() {
                assert!(headings(&text(&file)).any(|found| found == heading), "{path}: {target}");
            }
            let function =
                page[..at].strip_suffix('`').and_then(|before| before.rsplit('`').next());
            if let Some(function) = function.filter(|_| target.ends_with(".rs")) {
                let name = function.rsplit("::").next().unwrap();
                assert!(
                    names(&text(&file), &format!("fn {name}")),
                    "{path}: no {name} in {target}"
                );
            }
        }
    }
}

/// The anchors that a page's headings have.
fn headings(page: &str) -> impl Iterator<Item = String> {
    page.lines().filter(|line| line.starts_with('#')).map(|line| {
        let words = line.trim_start_matches('#').trim().to_lowercase();
        let kept = words.chars().filter(|char| char.is_alphanumeric() || " -_".contains(*char));
        kept.map(|char| if char == ' ' { '-' } else { char }).collect()
    })
}

/// A library is there to be used by others, and shows how.
#[test]
fn every_library_is_described_and_has_an_example() {
    let (page, architecture) = (read("docs/embedding.md"), read("docs/architecture.md"));
    for entry in fs::read_dir(root().join("crates")).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        assert!(architecture.contains(&format!(" | `{name}` | ")), "{name} is not there");
        assert!(page.contains(&format!("**`proofload-{name}`**")), "{name} is not there");
        assert!(page.contains(&format!("(../crates/{name}/examples/")), "{name} has no example");
    }
}
