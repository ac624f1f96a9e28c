//! What `--validate` says.

use crate::{HEADER, cell, open};
use proofload_workload::Workload;

fn odd(text: &str) -> Vec<String> {
    open(text).unwrap().describe().odd
}

#[test]
fn arrivals_are_described() {
    // Gaps of 1, 1 and 4 s: mean 2, variance 2 with divisor 3.
    let about =
        open("arrival_offset,body_json\n1000,{}\n2000,{}\n3000,{}\n7000,{}\n").unwrap().describe();
    assert_eq!((about.first_ns, about.span_ns), (1_000_000_000, 6_000_000_000));
    assert_eq!(about.rate_per_s, Some(0.5));
    assert!((about.gap_cv.unwrap() - 2_f64.sqrt() / 2.0).abs() < 1e-12);
    assert_eq!((about.gap_max_ns, about.peak_in_1_s), (4_000_000_000, 1), "a second is half open");
    let about = open("arrival_offset,body_json\n5,{}\n5,{}\n5,{}\n").unwrap().describe();
    assert_eq!((about.rate_per_s, about.gap_cv, about.peak_in_1_s), (None, None, 3));
    let about = open("arrival_offset,body_json\n5,{}\n").unwrap().describe();
    assert_eq!((about.rate_per_s, about.gap_cv, about.peak_in_1_s), (None, None, 1));
}

#[test]
fn each_oddity_has_its_sentence() {
    let header = "request_id,arrival_offset,mode,priority,body_json";
    let said = |body: &str| cell(&format!(r#"{{"messages":[{{"content":"{body}"}}]}}"#));
    let (a, b, c) = (said("a"), said("b"), said("c"));
    let grid: String = (0..12)
        .map(|row| {
            format!(
                "r{row},{},batch,{},{}\n",
                row / 4 * 3_000,
                ["low", "mid"][row % 2],
                said(&row.to_string())
            )
        })
        .collect();
    let gap: String = (0..40)
        .map(|row| {
            format!(
                "r{row},{},batch,{},{}\n",
                row * 100 + row / 39 * 9_000,
                ["low", "mid"][row % 2],
                said(&row.to_string())
            )
        })
        .collect();
    for (text, want) in [
        (format!("{header}\na,0,batch,low,{a}\nb,800,batch,mid,{b}\n"), vec![]),
        (
            format!("{header}\n{grid}"),
            vec![
                "arrivals are rounded to a grid of 3.00 s: 12 rows arrive at 3 instants, up to 4 at one; replayed as they are, they come as a square wave",
            ],
        ),
        (
            format!("{header}\na,1,batch,low,{a}\nb,1,batch,mid,{b}\nc,2.5,batch,mid,{c}\n"),
            vec!["3 rows arrive at 2 instants, up to 2 at one"],
        ),
        (
            format!("{header}\na,1,batch,low,{a}\nb,1,batch,mid,{b}\n"),
            vec!["all 2 rows arrive at one instant"],
        ),
        (
            format!("{header}\na,60000,batch,low,{a}\nb,61000,batch,mid,{b}\n"),
            vec!["the first row arrives at 60.0 s: the run idles until then"],
        ),
        (
            format!("{header}\n{gap}"),
            vec!["1 gap is over ten times the mean of 331 ms, up to 9.10 s"],
        ),
        (
            format!("{header}\na,5,batch,low,{a}\nb,3,batch,mid,{b}\nc,4,batch,mid,{c}\n"),
            vec!["1 row is due before the row above; they are sent in the order of arrival"],
        ),
        (
            format!("{header}\na,0,batch,low,{{}}\nb,1,batch,mid,{b}\n"),
            vec!["1 body has no messages; a server will refuse that"],
        ),
        (
            format!("{header}\na,0,batch,low,{}\nb,1,batch,mid,{b}\n", said("")),
            vec!["1 body has only empty messages"],
        ),
        (
            format!("{header}\na,0,batch,low,{a}\nb,1,batch,mid,{a}\nc,2,batch,mid,{a}\n"),
            vec![
                "2 bodies are the same as an earlier one; a server that caches prompts answers them faster",
            ],
        ),
        (
            format!("{header}\na,0,batch,low,{a}\nb,1,batch,low,{b}\n"),
            vec!["every row has priority low: nothing can be said about priorities"],
        ),
        (
            format!(
                "{header}\na,0,batch,low,{}\nb,1,batch,mid,{b}\n",
                a.replace("\"{", "\"{\"\"stream\"\":true,")
            ),
            vec![
                "`stream` is mixed: true in 1, false in 0, absent in 1; `--stream as-written` keeps that",
            ],
        ),
        (
            format!(
                "{header}\na,0,batch,low,{}\nb,1,batch,mid,{b}\n",
                a.replace("\"{", "\"{\"\"model\"\":7,")
            ),
            vec![
                "1 body has a `model` that is not text; sent as written, and counted as naming none",
            ],
        ),
        (
            format!("{header},owner\na,0,batch,low,{a},x\nb,1,batch,mid,{b},y\n"),
            vec!["1 column is ignored: `owner`"],
        ),
        (
            format!("{header},\na,0,batch,low,{a},x\nb,1,batch,mid,{b}\n"),
            vec!["1 column has no name; ignored"],
        ),
        (
            format!("{header},owner,, \na,0,batch,low,{a},x,y,\nb,1,batch,mid,{b},,,\n"),
            vec!["1 column is ignored: `owner`", "2 columns have no name; ignored"],
        ),
        (
            format!("{header}\na,0,batch,low,{a},x\nb,1,batch,mid,{b}\n"),
            vec!["1 row has more cells than the header; the last ones are ignored"],
        ),
        (
            format!("arrival_offset,priority,body_json\n0,low,{a}\n1,mid,{b}\n"),
            vec![
                "there is no `request_id` column: rows are called req-1, req-2 and so on",
                "there is no `mode` column: every row is interactive",
            ],
        ),
    ] {
        // A body is quoted whole, so a quote put in front of its brace stands inside the cell.
        assert_eq!(odd(&text), want, "{text}");
    }
}

#[test]
fn a_description_fits_a_narrow_terminal() {
    let model =
        |n: usize| cell(&format!(r#"{{"model":"some-longer-model-name-{n}:70b","messages":[]}}"#));
    let rows: String =
        (0..30).map(|n| format!("r{n},{},batch,low,{}\n", n / 7 * 500, model(n % 12))).collect();
    let text = open(format!("{HEADER}{rows}")).unwrap().describe().to_string();
    assert!(text.lines().skip(1).all(|line| line.chars().count() <= 80), "{text}");
    let words: Vec<&str> = text.split_whitespace().collect();
    assert!(words.join(" ").contains("4 more models 8"), "{text}");
}

#[test]
fn one_is_not_spoken_of_as_many() {
    let say = |rows: &str| {
        let text = open(format!("{HEADER}{rows}")).unwrap().describe().to_string();
        text.split_whitespace().collect::<Vec<_>>().join(" ")
    };
    let row = |id: &str, body: &str| format!("{id},0,batch,low,{}\n", cell(body));
    let named = row("a", r#"{"model":"m","stream":true}"#);
    for (name, rows, want) in [
        ("it names a model", named.clone(), "rows 1, which names a model"),
        ("it does not", row("a", "{}"), "rows 1, which names no model: the server chooses"),
        ("one of two", named.clone() + &row("b", "{}"), "rows 2: 1 names a model, for 1 the"),
        ("its body", named.clone(), "1 of 1 asks for a stream"),
        ("one of two bodies", named + &row("b", "{}"), "1 of 2 asks for a stream"),
    ] {
        let text = say(&rows);
        assert!(text.contains(want), "{name}: {text}");
    }
    let models: String =
        (0..9).map(|n| row(&format!("r{n}"), &format!("{{\"model\":\"m{n}\"}}"))).collect();
    assert!(say(&models).contains("1 more model 1"), "{}", say(&models));
}

#[test]
fn a_model_name_cannot_steer_the_terminal() {
    let model = r#"{"model":"a\u001b[2J\u009bm\nb\u007f","messages":[]}"#;
    let about = open(format!("{HEADER}a,0,batch,low,{}\n", cell(model))).unwrap().describe();
    let text = about.to_string();
    assert!(text.contains(r"models      a\u{1b}[2J\u{9b}m\nb\u{7f} 1"), "{text}");
    assert!(!text.chars().any(|char| char.is_control() && char != '\n'), "{text:?}");
    assert_eq!(about.models[0].name, "a\u{1b}[2J\u{9b}m\nb\u{7f}", "JSON has it as it is");
}

#[test]
fn the_built_in_workload_is_described() {
    let text = Workload::mixed().describe().to_string();
    let want = "\
built-in mixed workload
rows        20: 10 name a model, for 10 the server chooses
span        19.6 s from the first arrival, at 0 ns, to the last
rate        0.969 requests/s on average, at most 4 in any one second
burstiness  0.54 (coefficient of variation of the gaps: 0 even, 1 random, above
            1 bursts); the longest gap is 1.82 s
modes       interactive 11, batch 9
priorities  low 7, mid 8, high 5
models      qwen3:30b-a3b 5, deepseek-r1:70b 3, gemma3:27b 2
bodies      135 B to 290 B, 186 B on average; 0 of 20 ask for a stream
";
    assert_eq!(text, want);
}
