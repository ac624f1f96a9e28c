use proofload_scheduler::{
    Commit, ContainerKey, Gpus, Megabytes, Millicores, Outcome, Part, Request, Resources, Runtime,
    Status, Worker, WorkerKey,
};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;

use super::*;

fn resources() -> impl Strategy<Value = Resources> {
    (0_i64..=4_194_303, 0_i64..=16_777_215, 0_i64..=63).prop_map(|(cpu, memory, gpus)| Resources {
        cpu: Millicores::new(cpu).expect("in range"),
        memory: Megabytes::new(memory).expect("in range"),
        gpus: Gpus::new(gpus).expect("in range"),
    })
}

fn request() -> impl Strategy<Value = Request> {
    (
        (".{0,20}", resources(), vec(".{0,5}", 0..8), option::of(".{0,5}")),
        (any::<i32>(), any::<bool>(), ".{0,5}", option::of(".{0,5}")),
    )
        .prop_map(|((id, needs, gpus, pool), (priority, preemptable, workspace, gang))| {
            Request { id, needs, gpus, pool, priority, preemptable, workspace, gang }
        })
}

/// What the server makes of a new record.
fn with_numbers(sent: &[u8], seq: u64, enqueued_us: u64) -> Vec<u8> {
    [&sent[..18], &seq.to_be_bytes(), &enqueued_us.to_be_bytes(), &sent[18..]].concat()
}

proptest! {
    #[test]
    fn a_record_is_read_as_it_was_written(request in request(), seq: u64, enqueued_us: u64) {
        let bytes = with_numbers(&encode_request(&request), seq, enqueued_us);
        let record = Record { request, attempts: 0, seq, enqueued_us };
        prop_assert_eq!(Record::read(&bytes), Ok(record));
        for cut in 0..bytes.len() {
            prop_assert!(Record::read(&bytes[..cut]).is_err());
        }
    }

    #[test]
    fn a_registration_is_read_as_it_was_written(
        texts in (".{0,20}", ".{0,9}", option::of(".{0,9}")),
        total in resources(),
        priority: i32,
        flags: [bool; 3],
        status in 0_usize..3,
    ) {
        let (id, pool, gpu) = texts;
        let worker = Worker {
            id,
            status: [Status::Available, Status::Pending, Status::Disabled][status],
            total,
            gpu,
            pool,
            priority,
            preemptable: flags[0],
            runtime: if flags[1] { Runtime::Gvisor } else { Runtime::Runc },
            requires_pool_selector: flags[2],
        };
        prop_assert_eq!(read_worker(&encode_worker(&worker), total), Ok(worker));
    }

    #[test]
    fn bytes_of_somebody_else_are_turned_away_and_nothing_worse(bytes in vec(any::<u8>(), 0..200)) {
        let _ = Record::read(&bytes);
        let _ = read_worker(&bytes, Resources::default());
        let _ = read_verdict(&bytes);
        let _ = Slot::read(&bytes);
    }
}

#[test]
fn every_byte_of_a_record_is_where_the_scripts_look_for_it() {
    let mut request = Request::new(
        "name",
        Millicores::new(0x01_0203).expect("in range"),
        Megabytes::new(0x04_0506).expect("in range"),
    )
    .with_gpus(Gpus::new(7).expect("in range"), ["a"]);
    request.priority = -2;
    request.preemptable = true;
    let bytes = with_numbers(&encode_request(&request), 8, 9);
    let mut want = vec![0, 1, 2, 3, 0, 4, 5, 6, 7, 1, 255, 255, 255, 254, 0, 0, 0, 0];
    want.extend(8_u64.to_be_bytes());
    want.extend(9_u64.to_be_bytes());
    want.extend([0, 0, 0, 4]);
    want.extend(b"name");
    want.extend([1, 0, 0, 0, 1, b'a', 0, 0, 0, 0]);
    assert_eq!(bytes, want);
}

#[test]
fn every_byte_of_a_slot_is_read_from_where_the_scripts_put_it() {
    let mut bytes = Vec::new();
    bytes.extend(11_u64.to_be_bytes());
    bytes.extend(12_u64.to_be_bytes());
    bytes.extend(3_u32.to_be_bytes());
    bytes.extend(10_u32.to_be_bytes());
    bytes.extend(20_u32.to_be_bytes());
    bytes.extend([4, 3]);
    bytes.extend(5_u32.to_be_bytes());
    bytes.extend(6_u32.to_be_bytes());
    bytes.extend(7_u64.to_be_bytes());
    bytes.extend(8_u64.to_be_bytes());
    bytes.extend(9_u32.to_be_bytes());
    bytes.extend(10_u32.to_be_bytes());
    bytes.extend([0, 0]);
    assert_eq!(bytes.len(), SLOT_BYTES);
    let slot = Slot::read(&bytes).expect("a slot");
    assert_eq!(slot.used, [11, 12, 3]);
    assert_eq!((slot.status, slot.containers, slot.epoch), (Some(Status::Disabled), 5, 6));
    assert_eq!((slot.version, slot.text_at, slot.text_bytes), (7, 9, 10));
    // More CPU is taken than there is: nothing is free, and nothing is below zero.
    let free = slot.free();
    assert_eq!((free.cpu.get(), free.memory.get(), free.gpus.get()), (0, 8, 1));
    bytes[29] = 0;
    assert_eq!(Slot::read(&bytes).expect("a slot").status, None);
    bytes[29] = 4;
    assert!(Slot::read(&bytes).is_err());
}

#[test]
fn a_plan_and_a_verdict_are_as_the_scripts_have_them() {
    let commit = Commit {
        batch: 1,
        parts: vec![Part { worker: WorkerKey(2), epoch: 3, count: 1 }],
        containers: vec![ContainerKey(4)],
    };
    let mut want = vec![0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1];
    want.extend([0, 0, 0, 2, 0, 0, 0, 3, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 4]);
    assert_eq!(encode_plan(&commit), want);
    let mut bytes = vec![0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 5];
    bytes.extend([0; 8]);
    bytes.extend([0, 0, 0, 0, 0, 0, 0, 3]);
    bytes.extend([0, 1, 2, 3, 4]);
    let verdict = read_verdict(&bytes).expect("a verdict");
    assert_eq!((verdict.batch, &verdict.versions[..]), (1, &[None, Some(2)][..]));
    let outcomes = [
        Outcome::Placed,
        Outcome::NoRoom,
        Outcome::WorkerGone,
        Outcome::WorkerClosed,
        Outcome::NotLeased,
    ];
    assert_eq!(verdict.outcomes, outcomes);
}
