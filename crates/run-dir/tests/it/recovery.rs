//! Runs that were killed, and files that were cut or altered.

use crate::support::{
    block_starts, complete, now, open, open_unbalanced, planned, row, send_ok, start,
    wait_for_rows, wait_until,
};
use proofload_record::{End, Note, Outcome, Secrets, Sink};
use proofload_run_dir::{
    Fate, KeepResponses, OpenError, OpenOptions, RunDir, Running, State, Writer,
};
use std::fs;
use std::path::Path;

#[test]
fn a_killed_run_ends_at_its_last_heartbeat() {
    let dir = tempfile::tempdir().unwrap();
    let (running, mut recorders) = start(planned(dir.path(), 10, false), 1);
    let recorder = &mut recorders[0];
    recorder.released(0);
    for index in 1..4 {
        send_ok(recorder, index);
    }
    wait_for_rows(dir.path(), 3);
    let killed = open(dir.path());
    drop(running);
    let run = open(dir.path());
    assert_eq!(run.rows(), killed.rows(), "a run that lasts is read as if it had been killed");
    let books = run.books();
    assert_eq!((books.sent, books.not_reached, books.unknown), (4, 0, 6));
    assert_eq!((books.outcome(Outcome::Ok), books.outcome(Outcome::Lost)), (3, 1));
    assert_eq!(run.fate(0), Fate::Lost);
    assert_eq!(run.fate(4), Fate::Unknown);
    let recovery = run.recovery();
    assert!(recovery.began && !recovery.sealed && recovery.is_degraded());
    assert!(recovery.damage.is_empty(), "a kill is no damage: {recovery:?}");
    assert_eq!(run.manifest().state, State::Running);
    assert!(run.manifest().clock.monotonic_ns > 0, "the moment 0 is there before any block");
}

#[test]
fn a_program_killed_before_its_first_request_leaves_a_run_that_never_began() {
    let dir = tempfile::tempdir().unwrap();
    for (name, seal) in [("while it planned", false), ("after it had planned", true)] {
        let out = dir.path().join(name);
        let writer = planned(&out, 3, false);
        if seal {
            drop(writer.prepare(1, || ()).unwrap());
            fs::remove_file(out.join("requests.bin")).unwrap();
        } else {
            drop(writer);
        }
        let run = open(&out);
        let books = run.books();
        let known = if seal { 3 } else { 0 };
        assert_eq!((books.planned, books.unknown, books.sent), (known, known, 0), "{name}");
        assert!(!run.recovery().began && run.recovery().is_degraded(), "{name}");
    }
    let empty = dir.path().join("nothing");
    fs::create_dir(&empty).unwrap();
    assert!(matches!(RunDir::open(&empty), Err(OpenError::NoManifest { .. })));
}

/// Opens a copy of the journal that is only `journal`.
fn reopen(dir: &Path, journal: &[u8]) -> RunDir {
    fs::write(dir.join("requests.bin"), journal).unwrap();
    open(dir)
}

/// A run of 6 requests in which 3 ended, each in a block of its own.
fn three_blocks(dir: &Path) -> Running {
    let (running, mut recorders) = start(planned(dir, 6, false), 1);
    for index in 0..3 {
        send_ok(&mut recorders[0], index);
        wait_for_rows(dir, index + 1);
    }
    running
}

#[test]
fn cutting_the_last_block_of_a_killed_run_loses_only_that_block() {
    let dir = tempfile::tempdir().unwrap();
    drop(three_blocks(dir.path()));
    let whole = fs::read(dir.path().join("requests.bin")).unwrap();
    let starts = block_starts(&whole);
    // On a machine that stalls, a heartbeat without rows may follow the last block that has some.
    let has_rows = |pair: &&[usize]| whole[pair[0] + 28] > 0;
    let pair = starts.windows(2).rfind(has_rows).unwrap();
    let (last, end) = (pair[0], pair[1]);
    let before = reopen(dir.path(), &whole[..last]);
    assert_eq!(before.rows().len(), 2);
    for cut in last..end {
        let run = reopen(dir.path(), &whole[..cut]);
        assert_eq!((run.rows(), run.books()), (before.rows(), before.books()), "cut at {cut}");
        let recovery = run.recovery();
        assert_eq!((recovery.torn_bytes, recovery.sealed), ((cut - last) as u64, false), "{cut}");
        assert!(recovery.damage.is_empty(), "a torn block is no damage, cut at {cut}");
    }
    for garbage in [&b"x"[..], b"PLRB", &[0; 500], &whole[last..end - 1], &[0xff; 40]] {
        let journal = [&whole, garbage].concat();
        let run = reopen(dir.path(), &journal);
        assert_eq!(run.rows().len(), 3, "{garbage:?}");
        assert_eq!(run.recovery().torn_bytes, garbage.len() as u64, "{garbage:?}");
    }
    // A whole block out of place is more than a kill leaves.
    let run = reopen(dir.path(), &[&whole, &whole[last..end]].concat());
    assert_eq!((run.recovery().torn_bytes, run.recovery().damage.len()), (0, 1));
}

/// Whatever happens to the journal of a run that was finished, nobody was killed in it: no request
/// is lost, nothing is torn, and what the run itself had counted is named.
#[test]
fn a_sealed_journal_that_is_damaged_leaves_requests_unknown() {
    let dir = tempfile::tempdir().unwrap();
    let path = three_blocks(dir.path()).finish(complete()).unwrap();
    let whole = fs::read(path.join("requests.bin")).unwrap();
    let starts = block_starts(&whole);
    let mut cases = vec![("cut to nothing".to_owned(), Vec::new(), 0)];
    let mut kept = 0;
    for (block, pair) in starts.windows(2).enumerate() {
        let rows = u64::from(whole[pair[0] + 28]);
        let mut altered = whole.clone();
        altered[pair[1] - 1] ^= 4;
        let mut missing = whole.clone();
        missing.drain(pair[0]..pair[1]);
        let cut = whole[..pair[1] - 1].to_vec();
        for (name, journal) in [("altered", altered), ("missing", missing), ("cut", cut)] {
            cases.push((format!("{name} block {block}"), journal, kept));
        }
        kept += rows;
    }
    for (name, journal, kept) in cases {
        let run = reopen(&path, &journal);
        let (books, recovery) = (run.books(), run.recovery());
        assert_eq!(books.check(), Ok(()), "{name}");
        assert_eq!((books.sent, books.outcome(Outcome::Ok)), (kept, kept), "{name}");
        assert_eq!((books.unknown, books.not_reached), (6 - kept, 0), "{name}");
        assert_eq!(run.fate(5), Fate::Unknown, "{name}");
        assert_eq!(recovery.rows_unreadable, 3 - kept, "{name}");
        assert_eq!((recovery.torn_bytes, recovery.sealed), (0, false), "{name}");
        let [damage] = &recovery.damage[..] else { panic!("{name}: {recovery:?}") };
        assert!(damage.starts_with("requests.bin: "), "{name}: {damage}");
        let unreadable = format!(
            "; rows of {} of 3 requests cannot be read; the run counted 3 sent, 3 ok",
            3 - kept
        );
        assert_eq!(damage.ends_with(&unreadable), kept < 3, "{name}: {damage}");
    }
    for garbage in [&b"x"[..], &[0; 500]] {
        let run = reopen(&path, &[&whole, garbage].concat());
        assert_eq!((run.rows().len(), run.recovery().torn_bytes), (3, 0), "{garbage:?}");
        let damage = format!("requests.bin: {} bytes follow its last block", garbage.len());
        assert_eq!(run.recovery().damage, [damage]);
    }
    fs::remove_file(path.join("requests.bin")).unwrap();
    let run = open(&path);
    assert!(run.recovery().began && run.books().unknown == 6);
    let damage = "requests.bin is missing; rows of 3 of 3 requests cannot be read; the run counted \
                  3 sent, 3 ok";
    assert_eq!(run.recovery().damage, [damage]);
}

#[test]
fn a_run_that_is_being_written_says_so_until_its_program_ends() {
    let dir = tempfile::tempdir().unwrap();
    let is_going = |out: &Path| open(out).recovery().still_going;
    let out = dir.path().join("sealed");
    let writer = planned(&out, 1, false);
    assert!(is_going(&out), "while it plans");
    let prepared = writer.prepare(1, || ()).unwrap();
    assert!(is_going(&out), "before it begins");
    let (running, _recorders) = prepared.begin(now());
    assert!(is_going(&out) && is_going(&out), "while it lasts, whoever else reads it");
    running.finish(complete()).unwrap();
    assert!(!is_going(&out) && open(&out).recovery().sealed);

    let out = dir.path().join("killed");
    drop(start(planned(&out, 1, false), 1));
    assert!(!is_going(&out) && !open(&out).recovery().sealed);
}

fn keeping(mut writer: Writer) -> Writer {
    writer.keep_responses(KeepResponses { limit_bytes: 100, secrets: Secrets::default() });
    writer
}

#[test]
fn texts_of_a_killed_run_are_there_with_their_rows() {
    let dir = tempfile::tempdir().unwrap();
    let (running, mut recorders) = start(keeping(planned(dir.path(), 4, false)), 1);
    for index in 0..3 {
        recorders[0].response(index, "é".repeat(60), false);
        send_ok(&mut recorders[0], index);
    }
    wait_for_rows(dir.path(), 3);
    drop(running);
    let file = dir.path().join("responses.bin");
    let mut torn = fs::read(&file).unwrap();
    let whole = open(dir.path()).responses().unwrap().unwrap();
    for row in open(dir.path()).rows() {
        let found = whole.get(row.index).unwrap().unwrap();
        assert_eq!((found.text.len(), found.truncated), (100, true), "{}", row.index);
    }
    let sound = torn.clone();
    let whole_bytes = sound.len() / 3;
    for at in 0..sound.len() {
        let mut altered = sound.clone();
        altered[at] ^= 0x40;
        fs::write(&file, altered).unwrap();
        let kept = at / whole_bytes;
        let damage = format!(
            "responses.bin: altered behind its first {kept} texts; {} bytes are left out",
            sound.len() - kept * whole_bytes
        );
        assert_eq!(open(dir.path()).recovery().damage, [damage], "flipped at {at}");
    }
    // The text of a request that has no row yet.
    torn.extend([&3_u32.to_le_bytes()[..], &100_u32.to_le_bytes(), &[0], b"abc"].concat());
    for cut in sound.len()..=torn.len() {
        fs::write(&file, &torn[..cut]).unwrap();
        assert_eq!(open(dir.path()).recovery().damage, Vec::<String>::new(), "cut at {cut}");
    }
    torn.truncate(sound.len() - 1);
    fs::write(&file, torn).unwrap();
    assert_eq!(open(dir.path()).responses().unwrap().unwrap().len(), 2);
    fs::remove_file(&file).unwrap();
    assert!(open(dir.path()).responses().unwrap().is_none());
    fs::write(dir.path().join("server.sqlite"), "").unwrap();
    let damage = "server.sqlite: the program ended before it joined this log, so the server's side \
                  is left out";
    assert_eq!(open(dir.path()).recovery().damage, [damage]);
}

/// A bit flipped in a file with a checksum is refused or reported; in any other it does no harm.
#[test]
fn a_flipped_bit_is_never_a_panic() {
    let dir = tempfile::tempdir().unwrap();
    let (running, mut recorders) = start(keeping(planned(dir.path(), 4, true)), 1);
    let mut recorder = recorders.remove(0);
    recorder.released(5);
    recorder.chunks(0, &[7, 8]);
    recorder.response(0, "text".to_owned(), false);
    let note = Note { error: Some("reset".into()), server_request_id: None };
    recorder.finished(&row(0, 1, End::Sent(Outcome::Reset)), note);
    recorder.released(6);
    recorder.finished(&row(1, 1, End::Sent(Outcome::Http5xx)), Note::default());
    drop(recorder);
    let path = running.finish(complete()).unwrap();
    assert!(!open(&path).recovery().is_degraded());
    for (name, has_checksum) in [
        ("plan.bin", true),
        ("requests.bin", true),
        ("requests.txt", true),
        ("run.json", false),
        ("generator.csv", true),
        ("latency.hlog", true),
        ("chunks.bin", true),
        ("responses.bin", true),
    ] {
        let file = path.join(name);
        let whole = fs::read(&file).unwrap();
        for at in 0..whole.len() {
            let mut altered = whole.clone();
            altered[at] ^= 1 << (at % 8);
            fs::write(&file, &altered).unwrap();
            let found = RunDir::open(&path).map_or(true, |run| run.recovery().is_degraded());
            assert!(found || !has_checksum, "{name} byte {at}");
            let _ = RunDir::open_with(&path, OpenOptions { accept_unbalanced: true });
        }
        fs::write(&file, &whole).unwrap();
    }
    assert!(!open(&path).recovery().is_degraded());
}

#[test]
fn a_side_file_that_is_missing_or_cut_anywhere_is_named_and_the_rows_stay() {
    let dir = tempfile::tempdir().unwrap();
    let (running, mut recorders) = start(keeping(planned(dir.path(), 3, true)), 1);
    for index in 0..3 {
        recorders[0].chunks(index, &[u64::from(index)]);
        recorders[0].response(index, format!("answer {index}"), false);
        recorders[0].released(0);
        let note = Note { error: Some("reset".into()), server_request_id: None };
        recorders[0].finished(&row(index, 1, End::Sent(Outcome::Reset)), note);
    }
    drop(recorders);
    let path = running.finish(complete()).unwrap();
    for name in ["requests.txt", "generator.csv", "latency.hlog", "chunks.bin", "responses.bin"] {
        let file = path.join(name);
        let whole = fs::read(&file).unwrap();
        fs::remove_file(&file).unwrap();
        assert_eq!(open(&path).recovery().damage, [format!("{name} is missing")]);
        // At a line's end, too, and down to nothing.
        for cut in 0..whole.len() {
            fs::write(&file, &whole[..cut]).unwrap();
            let run = open(&path);
            assert_eq!(run.rows().len(), 3, "{name}");
            let [damage] = &run.recovery().damage[..] else { panic!("{name} cut at {cut}") };
            assert!(damage.starts_with(&format!("{name}: ")), "{damage}");
        }
        fs::write(&file, &whole).unwrap();
    }
    assert!(!open(&path).recovery().is_degraded());
}

#[test]
fn rows_that_no_heartbeat_counts_are_refused_by_name() {
    let dir = tempfile::tempdir().unwrap();
    let (running, mut recorders) = start(planned(dir.path(), 4, false), 1);
    send_ok(&mut recorders[0], 0);
    // A second row of a request, which no engine should ever write.
    send_ok(&mut recorders[0], 0);
    drop(recorders);
    let path = running.finish(complete()).unwrap();
    let error = RunDir::open(&path).unwrap_err();
    assert!(matches!(error, OpenError::Unbalanced { .. }), "{error}");
    assert!(error.to_string().contains("request 0 has two rows"), "{error}");
    let run = open_unbalanced(&path);
    assert_eq!(run.recovery().imbalance.as_deref(), Some("request 0 has two rows"));
    assert!(run.recovery().is_degraded());
}

#[test]
fn a_heartbeat_is_written_when_nothing_happens() {
    let dir = tempfile::tempdir().unwrap();
    let (_running, _recorders) = start(planned(dir.path(), 1, false), 1);
    wait_until("three heartbeats", || open(dir.path()).recovery().blocks >= 3);
    let recovery = open(dir.path()).recovery().clone();
    assert!(recovery.last_heartbeat_ns.unwrap() >= 250_000_000, "{recovery:?}");
}

/// A version that knew fewer ways to end wrote fewer counts.
#[test]
fn counts_that_an_older_version_did_not_write_are_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let path = three_blocks(dir.path()).finish(complete()).unwrap();
    let file = path.join("run.json");
    let mut manifest: serde_json::Value =
        serde_json::from_slice(&fs::read(&file).unwrap()).unwrap();
    let outcomes = manifest["counts"]["outcomes"].as_object_mut().unwrap();
    assert_eq!(outcomes.remove("client_error"), Some(0.into()));
    fs::write(&file, manifest.to_string()).unwrap();
    assert!(!open(&path).recovery().is_degraded());
    manifest["counts"]["outcomes"]["ok"] = 2.into();
    fs::write(&file, manifest.to_string()).unwrap();
    assert!(RunDir::open(&path).is_err(), "three rows are ok");
}
