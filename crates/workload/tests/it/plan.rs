//! What a plan holds, what its hash covers, and what is sent.

use crate::{HEADER, cell, planned};
use proofload_record::{Class, Mode, Priority};
use proofload_workload::{
    Entry, ModelMap, Plan, PlanOptions, StreamMode, Walked, Workload, WorkloadError,
};

fn as_written() -> PlanOptions {
    PlanOptions { stream: StreamMode::AsWritten, ..PlanOptions::default() }
}

fn three_rows() -> String {
    let direct = cell(r#"{"model":"m","n":12345678901234567890, "x":1.50}"#);
    let streamed = cell(r#"{"stream":true,"stream_options":{"include_usage":true}}"#);
    format!(
        "{HEADER}late,10,batch,high,{direct}\nfirst,1.5,interactive,mid,{streamed}\nmiddle, 3 , Batch ,HIGH,{direct}\n"
    )
}

fn bodies(plan: &Plan) -> Vec<(String, bool)> {
    let mut payloads = plan.payloads().unwrap();
    let read = |index| payloads.read(index).unwrap();
    let payloads = (0..plan.len()).map(read);
    payloads.map(|sent| (String::from_utf8(sent.body.to_vec()).unwrap(), sent.stream)).collect()
}

fn walk(plan: &Plan) -> Walked {
    plan.walk(|_| Ok(())).unwrap()
}

#[test]
fn classes_are_numbered_as_the_plan_meets_them() {
    planned(three_rows(), as_written(), |plan| {
        let want = [
            Class { mode: Mode::Interactive, priority: Priority::Mid, model: None },
            Class { mode: Mode::Batch, priority: Priority::High, model: Some("m".into()) },
        ];
        assert_eq!(plan.classes(), want);
        assert_eq!((0..3).map(|index| plan.class(index)).collect::<Vec<_>>(), [0, 1, 1]);
    });
    planned(three_rows(), PlanOptions { limit: Some(1), ..as_written() }, |plan| {
        assert_eq!((plan.len(), plan.classes().len()), (1, 1), "only what is sent");
    });
}

#[test]
fn models_are_renamed_and_counted_and_the_rest_stays() {
    let mut models = ModelMap::default();
    models.add("m", "other").unwrap();
    models.add("nobody", "x").unwrap();
    planned(three_rows(), PlanOptions { models, ..as_written() }, |plan| {
        let named: Vec<_> = plan.classes().iter().map(|class| class.model.as_deref()).collect();
        assert_eq!(named, [None, Some("other")]);
        let walked = walk(plan);
        assert_eq!((walked.model_changed, walked.stream_changed), (2, 0));
        let sent: Vec<_> = bodies(plan).into_iter().map(|(body, _)| body).collect();
        assert_eq!(sent[1], r#"{"model":"other","n":12345678901234567890, "x":1.50}"#);
        assert!(!sent[0].contains("model"), "{}", sent[0]);
    });
}

#[test]
fn speed_divides_and_limit_takes_the_first_in_plan_order() {
    let fast = PlanOptions { speed: 4.0, limit: Some(2), ..as_written() };
    planned(three_rows(), fast, |plan| {
        let mut entries = Vec::new();
        plan.walk(|Entry { index, id, due_ns, .. }| {
            entries.push((index, id.to_owned(), due_ns));
            Ok(())
        })
        .unwrap();
        assert_eq!(entries, [(0, "first".to_owned(), 375_000), (1, "middle".to_owned(), 750_000)]);
        assert_eq!(plan.span_ns(), 750_000);
    });
}

#[test]
fn an_impossible_option_is_refused() {
    let workload = Workload::mixed();
    for speed in [0.0, -1.0, f64::NAN, 1e9] {
        let refused = workload.plan(&PlanOptions { speed, ..as_written() });
        assert!(matches!(refused, Err(WorkloadError::Speed { .. })), "{speed}");
    }
    let refused = workload.plan(&PlanOptions { limit: Some(0), ..as_written() });
    assert!(matches!(refused, Err(WorkloadError::LimitZero)));
    assert_eq!(
        workload.plan(&PlanOptions { limit: Some(u32::MAX), ..as_written() }).unwrap().len(),
        20
    );
}

#[test]
fn bodies_are_sent_as_the_options_say() {
    let direct = r#"{"model":"m","n":12345678901234567890, "x":1.50"#;
    let asks = r#""stream":true,"stream_options":{"include_usage":true}"#;
    planned(three_rows(), as_written(), |plan| {
        let want = [
            (format!("{{{asks}}}"), true),
            (format!("{direct}}}"), false),
            (format!("{direct}}}"), false),
        ];
        assert_eq!(bodies(plan), want);
        assert_eq!(walk(plan).stream_changed, 0);
    });
    planned(three_rows(), PlanOptions::default(), |plan| {
        let changed = format!("{direct},{asks}}}");
        assert_eq!(
            bodies(plan),
            [(format!("{{{asks}}}"), true), (changed.clone(), true), (changed, true)]
        );
        assert_eq!(walk(plan).stream_changed, 2);
    });
    planned(three_rows(), PlanOptions { labels_in_body: true, ..as_written() }, |plan| {
        let labelled = format!(r#"{direct},"mode":"batch","priority":10}}"#);
        let first = format!(r#"{{{asks},"mode":"interactive","priority":5}}"#);
        assert_eq!(bodies(plan), [(first, true), (labelled.clone(), false), (labelled, false)]);
        assert_eq!(walk(plan).stream_changed, 0, "labels do not count");
    });
}

#[test]
fn the_hash_covers_everything_that_is_sent() {
    let of = |text: &str, options| planned(text, options, |plan| walk(plan).hash_hex());
    let text = three_rows();
    let hash = of(&text, as_written());
    assert_eq!(hash.len(), 64);
    for (name, text, options, same) in [
        ("again", text.clone(), as_written(), true),
        ("other line ends", text.replace('\n', "\r\n"), as_written(), true),
        ("a column more", text.replace("low", "low,x"), as_written(), true),
        ("an id", text.replace("late", "last"), as_written(), false),
        ("an arrival", text.replace("1.5,", "1.6,"), as_written(), false),
        ("a mode", text.replace("interactive", "batch"), as_written(), false),
        ("a priority", text.replace("mid", "low"), as_written(), false),
        ("white space in a body", text.replace(", \"\"x", ",\"\"x"), as_written(), false),
        ("fewer rows", text.clone(), PlanOptions { limit: Some(2), ..as_written() }, false),
        ("another speed", text.clone(), PlanOptions { speed: 2.0, ..as_written() }, false),
        ("streams", text.clone(), PlanOptions::default(), false),
        ("labels", text.clone(), PlanOptions { labels_in_body: true, ..as_written() }, false),
    ] {
        assert_eq!(of(&text, options) == hash, same, "{name}");
    }
}

/// Against the description of the hash, made with nothing of the crate.
#[test]
fn the_hash_is_as_described() {
    let text = "request_id,arrival_offset,priority,body_json\na,1,high,\"{\"\"model\"\":\"\"m\"\"}\"\nb,2,low,{}\n";
    let mut bytes = b"proofload plan 1\n".to_vec();
    for (id, due_ns, priority, model, body) in
        [("a", 1_000_000_u64, 10, Some("m"), r#"{"model":"m"}"#), ("b", 2_000_000, 1, None, "{}")]
    {
        let mut text = |text: &str| {
            bytes.extend((text.len() as u64).to_le_bytes());
            bytes.extend(text.as_bytes());
        };
        text(id);
        bytes.extend(due_ns.to_le_bytes());
        bytes.extend([0, priority, u8::from(model.is_some())]);
        for part in model.into_iter().chain([body]) {
            bytes.extend((part.len() as u64).to_le_bytes());
            bytes.extend(part.as_bytes());
        }
    }
    let want: [u8; 32] = <sha2::Sha256 as sha2::Digest>::digest(&bytes).into();
    assert_eq!(planned(text, as_written(), walk).hash, want);
}

#[test]
fn a_failing_visitor_ends_the_walk() {
    let plan = Workload::mixed().plan(&as_written()).unwrap();
    let mut visits = 0;
    let ended = plan.walk(|_| {
        visits += 1;
        Err(std::io::Error::other("full"))
    });
    assert!(matches!(ended, Err(proofload_workload::WalkError::Visit(_))));
    assert_eq!(visits, 1);
}

#[test]
fn workers_read_their_slices_side_by_side() {
    let mut text = "request_id,arrival_offset,body_json\n".to_owned();
    for row in 0..5_000_u32 {
        // Not in the order of arrival, so that readers jump.
        text.push_str(&format!(
            "r{row},{},\"{{\"\"n\"\":{row}}}\"\n",
            row.wrapping_mul(2_654_435_761) % 4_001
        ));
    }
    planned(text, as_written(), |plan| {
        let whole = bodies(plan);
        let slices: Vec<Vec<String>> = std::thread::scope(|scope| {
            let workers: Vec<_> = (0..3)
                .map(|worker| {
                    let mut payloads = plan.payloads().unwrap();
                    let slice = (worker..plan.len()).step_by(3);
                    let text = |body: &[u8]| String::from_utf8(body.to_vec()).unwrap();
                    scope.spawn(move || {
                        slice.map(|at| text(&payloads.read(at).unwrap().body)).collect()
                    })
                })
                .collect();
            workers.into_iter().map(|worker| worker.join().unwrap()).collect()
        });
        for (index, (body, _)) in whole.iter().enumerate() {
            assert_eq!(&slices[index % 3][index / 3], body);
        }
    });
}
