//! The page and the comment: how they look, held by snapshots, and what must be true of every one.

use crate::forms::{mixed, with};
use crate::run::{Run, answers, failure};
use proofload_analysis::analyze;
use proofload_record::Outcome;
use proofload_report::{Look, Rows, Written, html, markdown, terminal, write_run_dir};
use proofload_run_dir::{Finish, Host, Manifest, RunDir, State};
use std::collections::BTreeSet;
use std::fs;

/// Markup, terminal sequences, turned text, Markdown and a formula, as a server might send them.
const HOSTILE: &str = "<script>alert(1)</script><img src=\"https://example.org/x\" onerror='y'>\
    </td></style></details>\u{1b}]0;title\u{7}\u{202e}\n| `code` | **bold** [a](b) @team &amp; =1+1";

/// The page and the comment, without what this machine and this moment put into them.
fn forms(run: &Run) -> (String, String) {
    with(run, |analysis, path| {
        let page = html(&analysis.document).unwrap();
        let manifest = fs::read(path.join("run.json")).unwrap();
        let manifest: Manifest = serde_json::from_slice(&manifest).unwrap();
        let neutral = |text: String| {
            let ended = manifest.ended.clone().unwrap_or_default();
            let text = text.replace(&manifest.started, "STARTED").replace(&ended, "ENDED");
            manifest.files.values().fold(text, |text, sum| {
                let bytes = proofload_units::human_count(sum.bytes);
                let crc = format!("{:08x}", sum.crc32c);
                text.replace(&format!(">{bytes}<"), ">BYTES<")
                    .replace(&format!("| {bytes} | {crc} |"), "| BYTES | CRC |")
                    .replace(&crc, "CRC")
            })
        };
        (neutral(page), neutral(markdown(&analysis.document)))
    })
}

/// A run that another machine would show in the same way.
fn anywhere(mut run: Run) -> Run {
    run.manifest.host = Host {
        cores: 4,
        memory_bytes: 8 << 30,
        kernel: "Linux 6.1".into(),
        cpu_model: Some("A & B CPU".into()),
    };
    run.manifest.config = serde_json::json!({"speed": 20.0, "limit": null, "sim": ["a=1"]});
    run
}

/// A tag: its name, its attributes, and whether it closes one.
struct Tag {
    name: String,
    attributes: Vec<(String, String)>,
    closes: bool,
    empty: bool,
}

/// The tags of a page, read strictly: every attribute has a value in double quotes.
fn tags(page: &str) -> Vec<Tag> {
    let mut tags = Vec::new();
    let mut rest = page.strip_prefix("<!DOCTYPE html>\n").unwrap();
    while let Some((_, after)) = rest.split_once('<') {
        let (inside, after) = after.split_once('>').unwrap();
        rest = after;
        let closes = inside.starts_with('/');
        let empty = inside.ends_with('/');
        let inside = inside.trim_matches('/');
        let (name, mut attributes_left) = inside.split_once(' ').unwrap_or((inside, ""));
        assert!(name.bytes().all(|b| b.is_ascii_alphanumeric()), "{inside:?}");
        let mut attributes = Vec::new();
        while !attributes_left.trim().is_empty() {
            let (key, value) = attributes_left.split_once("=\"").unwrap();
            let (value, left) = value.split_once('"').unwrap();
            attributes.push((key.trim().to_owned(), value.to_owned()));
            attributes_left = left;
        }
        tags.push(Tag { name: name.to_owned(), attributes, closes, empty });
        // What is in a style sheet is no markup.
        if name == "style" && !closes {
            rest = &rest[rest.find("</style>").unwrap()..];
        }
    }
    tags
}

/// What every page must be: whole, without a script, and without anything from elsewhere.
fn assert_sound(page: &str) {
    const VOID: [&str; 2] = ["meta", "br"];
    let mut open: Vec<String> = Vec::new();
    let (mut anchors, mut ids) = (BTreeSet::new(), BTreeSet::new());
    for tag in tags(page) {
        assert!(!["script", "link", "img", "iframe", "object", "base"].contains(&&*tag.name));
        for (key, value) in &tag.attributes {
            assert!(!key.starts_with("on") && key != "style" && key != "src", "{key}={value:?}");
            match key.as_str() {
                "href" => drop(anchors.insert(value.strip_prefix('#').unwrap().to_owned())),
                "id" => assert!(ids.insert(value.clone()), "{value} is there twice"),
                _ => {}
            }
        }
        if tag.closes {
            assert_eq!(open.pop().as_deref(), Some(tag.name.as_str()), "closes another");
        } else if !tag.empty && !VOID.contains(&&*tag.name) {
            open.push(tag.name);
        }
    }
    assert!(open.is_empty(), "left open: {open:?}");
    assert_eq!(anchors, ids, "the contents lead to each section");
    assert!(!page.contains("url(") && !page.contains("@import"), "the style sheet loads something");
    let controls: Vec<char> = page.chars().filter(|c| c.is_control() && *c != '\n').collect();
    assert!(controls.is_empty(), "{controls:?}");
    assert!(page.contains("default-src 'none'"), "the page may load something");
}

/// Without the pictures, which have snapshots of their own.
fn without_pictures(page: &str) -> String {
    let mut parts = page.split("<svg ");
    let mut text = parts.next().unwrap().to_owned();
    for part in parts {
        text += "<svg …>";
        text += part.split_once("</svg>").unwrap().1;
    }
    let (head, rest) = text.split_once("<style>").unwrap();
    let (_, body) = rest.split_once("</style>").unwrap();
    format!("{head}<style>…</style>{body}")
}

#[test]
fn a_mixed_run_as_a_page_and_as_a_comment() {
    let (page, comment) = forms(&anywhere(mixed()));
    assert_sound(&page);
    insta::assert_snapshot!("page", without_pictures(&page));
    insta::assert_snapshot!("comment", comment);
}

#[test]
fn every_kind_of_run_has_a_sound_page() {
    let failed = |n: u32| {
        let row = |i| failure(i, u64::from(i) * 100, Outcome::ConnectRefused, 0, 1);
        Run::of((0..n).map(row).collect())
    };
    let interrupted = || {
        let mut run = Run::of(answers(3));
        run.planned = 9;
        let reason = Some("Ctrl-C".to_owned());
        run.finish = Finish { state: State::Interrupted, end_reason: reason };
        run
    };
    let asked = |slo: &str| {
        let mut run = Run::of(answers(400));
        run.manifest.slos = vec![slo.to_owned()];
        run
    };
    for (name, run, verdict, sentence) in [
        ("no request", Run::of(Vec::new()), "invalid", "nothing to analyse"),
        ("one request", Run::of(answers(1)), "valid", "1 of 1 requests succeeded"),
        ("a dead server", failed(20), "invalid", "no request succeeded"),
        ("interrupted", interrupted(), "valid", "The run was interrupted: Ctrl-C."),
        ("met", asked("*: ttft p95 < 9s"), "met", "is met"),
        ("not met", asked("*: ttft p95 < 1ms"), "not met", "ttft p95"),
        ("undecided", asked("*: errors < 0.1%"), "undecided", "would decide"),
    ] {
        let (page, comment) = forms(&run);
        assert_sound(&page);
        let (_, banner) = page.split_once("<p class=\"verdict\">").unwrap();
        let (shown, banner) = banner.split_once("</p>").unwrap();
        assert!(shown.ends_with(&format!("</span> {verdict}")), "{name}: {shown}");
        let (banner, _) = banner.split_once("</header>").unwrap();
        assert!(banner.contains(sentence), "{name}: {banner}");
        assert!(comment.contains(sentence), "{name}: {comment}");
        assert!(!page.contains("SIMULATED") && !comment.contains("SIMULATED"), "{name}");
    }
}

#[test]
fn a_narrow_screen_has_charts_no_wider_than_itself() {
    /// The width that a phone leaves of 400 pixels, in the units of the narrow drawing or in pixels.
    const ROOM: f64 = 420.0;
    let (page, _) = forms(&anywhere(mixed()));
    let (_, style) = page.split_once("<style>").unwrap();
    let (style, body) = style.split_once("</style>").unwrap();
    let mut rules = 0;
    for rule in style.split('}') {
        let Some((head, declarations)) = rule.rsplit_once('{') else { continue };
        let selectors = head.rsplit('{').next().unwrap().split(',');
        let of_narrow = |selector: &str| {
            let last = selector.rsplit([' ', '>']).next().unwrap();
            last == ".pc" || last.starts_with(".pc-narrow") || last == "svg"
        };
        for selector in selectors.filter(|selector| of_narrow(selector.trim())) {
            rules += 1;
            for declaration in declarations.split(';') {
                let (name, value) = declaration.split_once(':').unwrap_or(("", ""));
                let pixels = value.strip_suffix("px").and_then(|px| px.parse::<f64>().ok());
                let is_width = matches!(name, "width" | "min-width");
                assert!(
                    !is_width || pixels.is_none_or(|px| px <= ROOM),
                    "{selector} {declaration}"
                );
            }
        }
    }
    assert!(rules > 3, "the rules were read");
    let narrow = body.split("<svg ").filter(|svg| svg.contains("class=\"pc pc-narrow\""));
    let widths: Vec<f64> = narrow
        .map(|svg| svg.split_once("viewBox=\"0 0 ").unwrap().1.split_once(' ').unwrap().0)
        .map(|width| width.parse().unwrap())
        .collect();
    assert!(widths.len() >= 5 && widths.iter().all(|width| *width <= ROOM), "{widths:?}");
}

#[test]
fn a_name_from_outside_keeps_its_backticks() {
    let mut run = mixed();
    run.manifest.classes[0].model = Some("`a`/`b`".into());
    run.manifest.config = serde_json::json!({"target": "`c`"});
    run.rows[3].1.error = Some("`d` says no".into());
    let (page, comment) = forms(&run);
    for name in ["`a`/`b`", "`c`", "`d` says no"] {
        assert!(page.contains(name), "{name} is shown as it is");
        let quoted = name.replace('`', "\\`");
        assert!(comment.contains(&quoted), "{name} in the comment");
    }
    let codes = ["a", "b", "c", "d"].map(|name| format!("<code>{name}</code>"));
    assert!(codes.iter().all(|code| !page.contains(code)), "a name became markup");
}

#[test]
fn what_comes_from_outside_stays_text_in_every_form() {
    let mut run = mixed();
    run.rows[3].1.error = Some(HOSTILE.into());
    run.manifest.classes[0].model = Some(HOSTILE.into());
    run.manifest.classes[1].model = Some("other".into());
    run.manifest.target.url = HOSTILE.into();
    run.manifest.slos.push(HOSTILE.into());
    run.manifest.config = serde_json::json!({ HOSTILE: [HOSTILE, 1], "b": HOSTILE });
    run.manifest.git_commit = Some(HOSTILE.into());
    run.manifest.program = HOSTILE.into();
    run.manifest.host.cpu_model = Some(HOSTILE.into());
    run.finish = Finish { state: State::Failed, end_reason: Some(HOSTILE.into()) };
    with(&run, |analysis, _| {
        let page = html(&analysis.document).unwrap();
        assert_sound(&page);
        assert!(page.matches("&lt;script&gt;alert(1)").count() > 8, "it is shown, as text");
        assert!(!page.contains("<script"), "markup came through");

        let comment = markdown(&analysis.document);
        assert!(comment.matches("alert(1)").count() > 8, "it is shown, as text");
        // Within backticks it is text anyway; none of ours can be left from inside.
        let outside: String = comment.split('`').step_by(2).collect();
        for markup in ["<script", "<img", "</td", "[a](b)", "@team", "**bold**", "https://"] {
            assert!(!outside.contains(markup), "{markup}: {comment}");
        }
        for line in comment.lines().filter(|line| line.starts_with("| ")) {
            assert!(line.ends_with(" |"), "{line}");
        }
        assert_eq!(
            comment.matches("<details>").count(),
            comment.matches("</details>").count(),
            "a fold was closed from outside"
        );

        let mut text = Vec::new();
        let look = Look { columns: 80, colour: false };
        terminal(&analysis.document, &Written::default(), look, &mut text).unwrap();
        let text = String::from_utf8(text).unwrap();
        assert!(text.contains("alert(1)"), "{text}");
        let odd: Vec<char> =
            text.chars().filter(|c| (c.is_control() && *c != '\n') || *c == '\u{202e}').collect();
        assert!(odd.is_empty(), "{odd:?}");
    });
}

/// What it may weigh, however many requests there were.
#[test]
fn a_hundred_thousand_requests_fit_the_page() {
    const BYTES_MAX: usize = 400_000;
    let mut rows = answers(100_000);
    for row in &mut rows {
        let index = row.index;
        if index.wrapping_mul(2_654_435_761).is_multiple_of(97) {
            let due_ms = u64::from(index) * 1_000;
            *row = failure(index, due_ms, Outcome::Http5xx, 503, u64::from(index % 900));
        }
        row.class = (index % 2) as u16;
    }
    let mut run = Run::of(rows);
    run.manifest.slos = vec!["*: ttft p95 < 300ms".into(), "batch: errors < 1%".into()];
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("run");
    run.write(&path);
    let run_dir = RunDir::open(&path).unwrap();
    let page = html(&analyze(&run_dir).document).unwrap();
    assert_sound(&page);
    assert!(page.len() <= BYTES_MAX, "{} bytes", page.len());
}

#[test]
fn the_page_is_written_first_and_as_it_is_made() {
    with(&mixed(), |analysis, path| {
        let written = write_run_dir(analysis, path, Rows::First).unwrap();
        assert_eq!(written.files[0], path.join("report.html"));
        let page = fs::read_to_string(&written.files[0]).unwrap();
        assert_eq!(page, html(&analysis.document).unwrap());
        let again = RunDir::open(path).unwrap();
        let again = analyze(&again);
        assert_eq!(page, html(&again.document).unwrap(), "the same run, the same bytes");
        assert_eq!(markdown(&again.document), markdown(&analysis.document));
    });
}
