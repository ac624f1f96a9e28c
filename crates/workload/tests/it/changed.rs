//! A file that changes between the check and the sending.

use crate::{HEADER, file, open};
use proofload_workload::{PayloadError, PlanOptions, WalkError, Workload};
use std::fs;

#[test]
fn a_changed_row_is_found_and_named_and_the_others_are_read() {
    let text = format!(
        "{HEADER}a,2,batch,low,{{}}\nb,1,batch,low,\"{{\"\"n\"\":1}}\"\nc,3,batch,low,{{}}\n"
    );
    for (name, changed) in [
        ("a body", text.replace("\"n\"\"\":1", "").replace(":1", ":2")),
        ("an id", text.replace("b,1", "x,1")),
        ("a label", text.replace("b,1,batch", "b,1,bitch")),
        ("an arrival", text.replace("b,1", "b,9")),
    ] {
        let file = file(&text);
        let plan = Workload::open(file.path()).unwrap().plan(&PlanOptions::default()).unwrap();
        let mut before = plan.payloads().unwrap();
        assert_eq!(text.len(), changed.len(), "{name}: in place");
        assert_ne!(text, changed, "{name}");
        fs::write(file.path(), &changed).unwrap();
        for mut payloads in [plan.payloads().unwrap(), {
            before.read(1).unwrap();
            plan.payloads().unwrap()
        }] {
            let error = payloads.read(0).unwrap_err();
            assert!(
                matches!(&error, PayloadError::Changed { row: 3, path } if path == file.path()),
                "{name}: {error}"
            );
            assert!(payloads.read(1).is_ok() && payloads.read(2).is_ok(), "{name}");
        }
        let walked = plan.walk(|_| Ok(()));
        assert!(
            matches!(walked, Err(WalkError::Payload(PayloadError::Changed { row: 3, .. }))),
            "{name}"
        );
    }
}

#[test]
fn a_file_cut_short_or_gone_is_found() {
    let file = file(format!("{HEADER}a,1,batch,low,{{}}\nb,2,batch,low,{{}}\n"));
    let plan = Workload::open(file.path()).unwrap().plan(&PlanOptions::default()).unwrap();
    let len = fs::metadata(file.path()).unwrap().len();
    fs::File::options().write(true).open(file.path()).unwrap().set_len(len - 3).unwrap();
    let mut payloads = plan.payloads().unwrap();
    assert!(payloads.read(0).is_ok());
    assert!(matches!(payloads.read(1), Err(PayloadError::Changed { row: 3, .. })));
    drop(file);
    assert!(matches!(plan.payloads(), Err(PayloadError::Read { .. })));
}

#[test]
fn rows_added_at_the_end_do_not_matter() {
    let file = file(format!("{HEADER}a,1,batch,low,{{}}\n"));
    let plan = Workload::open(file.path()).unwrap().plan(&PlanOptions::default()).unwrap();
    let longer = fs::read_to_string(file.path()).unwrap() + "b,2,batch,low,{}\n";
    fs::write(file.path(), longer).unwrap();
    assert_eq!(plan.walk(|_| Ok(())).unwrap().stream_changed, 1);
}

#[test]
fn a_row_longer_than_the_window_of_a_reader_is_read_whole() {
    let long = "x".repeat(700_000);
    let body = format!("{{\"a\":\"{long}\"}}");
    let text = format!("arrival_offset,body_json\n1,{}\n0,{{}}\n", crate::cell(&body));
    let file = file(text);
    let options =
        PlanOptions { stream: proofload_workload::StreamMode::AsWritten, ..PlanOptions::default() };
    let plan = Workload::open(file.path()).unwrap().plan(&options).unwrap();
    let mut payloads = plan.payloads().unwrap();
    assert_eq!(payloads.read(1).unwrap().body, body);
    assert_eq!(payloads.read(0).unwrap().body, "{}");
    assert!(open("arrival_offset,body_json\n0,{}").is_ok());
}
