//! Pacing, permits and endings against a target without a network.

use std::time::Duration;

use proofload_http_load::{InFlightCap, MakeHttp, Pacing, Reason, Scripted, Stop, run_users};
use proofload_record::clock::{Clock, monotonic_ns};
use proofload_record::{End, NotSent, Outcome};
use proofload_workload::{Payload, Users};

use crate::rows::{Rows, config, http_config, plan, plan_of, run_with};
use crate::server::{Act, Server, answer, good};

#[test]
fn every_request_is_released_at_or_after_its_due_time_in_both_modes() {
    let offsets: Vec<u64> = (0..40).map(|i| i * 7).collect();
    let plan = plan(&offsets);
    for pacing in [Pacing::Balanced, Pacing::Precise] {
        let config = proofload_http_load::Config { pacing, ..config() };
        let (ended, kept) = run_with(&plan, &Scripted::default(), &config, &Stop::default());
        assert_eq!(ended.unwrap(), None);
        assert_eq!((kept.released, kept.rows.len()), (40, 40), "{pacing:?}");
        for ((row, _), offset) in kept.rows.iter().zip(&offsets) {
            assert_eq!(row.due.get(), Some(offset * 1_000_000));
            assert!(row.started.get() >= row.due.get(), "{pacing:?}: {row:?}");
            assert_eq!(row.end, End::Sent(Outcome::Ok));
        }
    }
}

#[test]
fn a_request_that_waits_for_a_permit_keeps_its_due_time() {
    let plan = plan(&[0, 0, 0]);
    let config = proofload_http_load::Config { max_in_flight: Some(1), ..config() };
    let target = Scripted { first: Duration::from_millis(50), ..Scripted::default() };
    let (_, kept) = run_with(&plan, &target, &config, &Stop::default());
    let mut waits: Vec<_> =
        kept.rows.iter().map(|(row, _)| (row.permit_wait_ns, row.latency_ns().unwrap())).collect();
    waits.sort_unstable();
    assert!(waits[0].0 < 40_000_000, "{waits:?}");
    assert!(waits[1].0 >= 45_000_000, "{waits:?}");
    assert!(waits[2].0 >= 95_000_000, "{waits:?}");
    assert!(waits[2].1 >= 145_000_000, "the wait is part of its latency: {waits:?}");
}

#[test]
fn at_the_cap_a_request_is_not_sent_and_says_why() {
    let plan = plan(&[0, 0, 0]);
    let cap = InFlightCap { requests: 2, body_bytes: u64::MAX };
    let config = proofload_http_load::Config { cap, ..config() };
    let target = Scripted { first: Duration::from_millis(50), ..Scripted::default() };
    let (_, kept) = run_with(&plan, &target, &config, &Stop::default());
    assert_eq!(kept.rows[2].0.end, End::NotSent(NotSent::InFlightCap));
    assert_eq!(kept.rows.iter().filter(|(row, _)| row.end.is_ok()).count(), 2);
}

#[test]
fn stopping_cuts_what_is_in_flight_and_sends_no_more() {
    let plan = plan(&[0, 0, 60_000]);
    let target = Scripted { first: Duration::from_secs(60), ..Scripted::default() };
    let stop = Stop::default();
    let later = stop.clone();
    let stopper = std::thread::spawn(move || {
        std::thread::sleep(Duration::from_millis(200));
        later.now(Reason::Interrupted);
    });
    let (ended, kept) = run_with(&plan, &target, &config(), &stop);
    stopper.join().unwrap();
    assert_eq!(ended.unwrap(), Some(Reason::Interrupted));
    assert_eq!((kept.released, kept.rows.len()), (2, 2));
    for (row, _) in &kept.rows {
        assert_eq!(row.end, End::Sent(Outcome::Cancelled));
        assert!(row.done.get().is_some() && row.written.get().is_some(), "kept what was seen");
    }
}

#[test]
fn ten_leading_refusals_end_the_run_unless_told_to_go_on() {
    let refused = Act::Send(answer("401 Unauthorized", ""));
    let offsets: Vec<u64> = (0..15).map(|i| i * 20).collect();
    let plan = plan(&offsets);
    let ok_third = {
        let mut acts = vec![refused.clone(); 3];
        acts[2] = Act::Send(good());
        acts.push(refused.clone());
        acts
    };
    let reset_first = vec![Act::SendAndClose(Vec::new()), refused.clone()];
    for (name, acts, keep_going, reason) in [
        ("all refused", vec![refused.clone()], false, Some(Reason::Refused)),
        ("no answer before them", reset_first, false, Some(Reason::Refused)),
        ("told to go on", vec![refused], true, None),
        ("the third succeeds", ok_third, false, None),
    ] {
        let server = Server::start(acts);
        let make = MakeHttp::new(http_config(server.port), plan.classes()).unwrap();
        let config = proofload_http_load::Config { keep_going, ..config() };
        let (ended, kept) = run_with(&plan, &make, &config, &Stop::default());
        assert_eq!(ended.unwrap(), reason, "{name}");
        assert_eq!(kept.rows.len() < 15, reason.is_some(), "{name}");
    }
}

#[test]
fn chunk_arrivals_are_kept_only_when_asked() {
    let plan = plan(&[0]);
    let target = Scripted { tokens: 3, ..Scripted::default() };
    for keep_chunks in [false, true] {
        let config = proofload_http_load::Config { keep_chunks, ..config() };
        let (_, kept) = run_with(&plan, &target, &config, &Stop::default());
        let arrivals: Vec<_> = kept.chunks.iter().map(|(_, arrivals)| arrivals.len()).collect();
        assert_eq!(arrivals, if keep_chunks { vec![3] } else { vec![] });
        assert!(kept.ticks >= 1, "a last tick closes the run");
    }
}

/// Bodies in flight are not bodies that wait to be read: however many there are, the next request
/// leaves on time.
#[test]
fn large_bodies_in_flight_keep_nobody_back() {
    let plan = plan_of(&[0; 24], 1 << 20);
    let target = Scripted { first: Duration::from_millis(400), ..Scripted::default() };
    let (_, kept) = run_with(&plan, &target, &config(), &Stop::default());
    let started: Vec<_> = kept.rows.iter().map(|(row, _)| row.started.get().unwrap()).collect();
    let first_end = kept.rows.iter().filter_map(|(row, _)| row.done.get()).min().unwrap();
    assert!(started.iter().all(|&ns| ns < first_end), "{started:?}, first end at {first_end}");
}

#[test]
fn users_ask_again_only_when_they_have_their_answer() {
    let rows = Rows::default();
    let clock = Clock::from_origin(monotonic_ns() + 20_000_000);
    let users = Users::new(3, 20);
    let payload = Payload { body: "{}".into(), stream: true };
    let target = Scripted { first: Duration::from_millis(5), ..Scripted::default() };
    let sinks = vec![rows.clone(), rows.clone()];
    let ended = run_users(&users, &payload, &target, &config(), clock, sinks, &Stop::default());
    assert_eq!(ended.unwrap(), None);
    let kept = rows.take();
    let indexes: Vec<_> = kept.rows.iter().map(|(row, _)| row.index).collect();
    assert_eq!(indexes, (0..20).collect::<Vec<u32>>());
    // At any start at most three requests are under way, the new one included.
    for (row, _) in &kept.rows {
        let at = row.started.get().unwrap();
        let under_way = |other: &proofload_record::Row| {
            other.started.get().unwrap() <= at && other.done.get().unwrap() > at
        };
        assert!(kept.rows.iter().filter(|(other, _)| under_way(other)).count() <= 3);
        assert_eq!(row.end, End::Sent(Outcome::Ok));
    }
}

#[test]
fn a_request_that_is_cut_keeps_what_its_socket_saw() {
    for (name, act, first_byte) in [
        ("before the head", Act::SendAndStall(Vec::new()), false),
        ("in the head", Act::SendAndStall(b"HTTP/1.1 2".to_vec()), true),
    ] {
        let server = Server::start(vec![act]);
        let plan = plan(&[0, 60_000]);
        let make = MakeHttp::new(http_config(server.port), plan.classes()).unwrap();
        let stop = Stop::default();
        let later = stop.clone();
        let stopper = std::thread::spawn(move || {
            std::thread::sleep(Duration::from_millis(400));
            later.now(Reason::Interrupted);
        });
        let (_, kept) = run_with(&plan, &make, &config(), &stop);
        stopper.join().unwrap();
        let row = &kept.rows[0].0;
        assert_eq!(row.end, End::Sent(Outcome::Cancelled), "{name}");
        assert!(row.written.get().is_some() && row.bytes_out > 100, "{name}: {row:?}");
        assert_eq!(row.first_byte.get().is_some(), first_byte, "{name}: {row:?}");
        assert_eq!(row.bytes_in > 0, first_byte, "{name}: {row:?}");
    }
}

#[test]
fn a_request_without_time_left_for_a_permit_is_not_sent() {
    let plan = plan(&[0, 0]);
    let permit_timeout = Duration::from_millis(150);
    let config = proofload_http_load::Config { max_in_flight: Some(1), permit_timeout, ..config() };
    let target = Scripted { first: Duration::from_millis(600), ..Scripted::default() };
    let (_, kept) = run_with(&plan, &target, &config, &Stop::default());
    let mut ends: Vec<_> = kept.rows.iter().map(|(row, _)| (row.end, row.attempts)).collect();
    ends.sort_unstable();
    assert_eq!(ends, [(End::Sent(Outcome::Ok), 1), (End::Sent(Outcome::TimeoutTotal), 0)]);
}
