//! A connection that is cut at each byte of a call, so that what is said of the call can be compared with
//! what the server did.

use std::time::Duration;

use proofload_scheduler_redis::wire::{Options, Script, WireError, cmd};
use proofload_wire_proxy::{Direction, Ending, Fault, Plan, Proxy};

use super::{Test, Wired, server};

pub(crate) const TESTS: &[Test] = &[
    ("cut at any byte, what is said of a call is true", cut_at_any_byte),
    ("a stalled call is given up, and the next connection is whole", a_stalled_call),
];

/// Pushes, and returns text long enough to be cut in many places.
fn push() -> Script {
    Script::new("push", "call('RPUSH', KEYS[1], ARGV[1])\nreturn call('LRANGE', KEYS[1], 0, -1)")
}

fn cut_at_any_byte() {
    let server = server();
    let truth = Wired::to(&server);
    let proxy = Proxy::start(server.address(), Plan::default()).unwrap();
    let address = format!("redis://{}", proxy.address()).parse().unwrap();
    let wired = Wired::with(&address, Options::default()).unwrap();
    let push = push();
    let text = "a value of some length\r\n";
    let pushed = |key: &str| truth.wire.call::<u64>(cmd("LLEN").arg(key)).unwrap();
    let run = |key: &str| {
        let before = wired.counted();
        let result = wired.wire.eval::<Vec<String>>(push.on(&[key]).arg(text));
        let after = wired.counted();
        let sent = after.bytes_sent - before.bytes_sent;
        (result, sent, after.bytes_received - before.bytes_received)
    };
    // Names of one length, so that each call has as many bytes as the first one that finds its script.
    run("key-000-request").0.unwrap();
    let (whole, sent, received) = run("key-001-request");
    assert_eq!(whole.unwrap(), [text]);
    let lengths = [(Direction::Request, sent), (Direction::Reply, received)];
    for (direction, length) in lengths {
        assert!(length > 40, "{length} bytes are few to cut");
        for after_bytes in 0..=length {
            let key = match direction {
                Direction::Request => format!("cut-{after_bytes:03}-request"),
                Direction::Reply => format!("cut-{after_bytes:03}-replied"),
            };
            proxy.arm(Fault { ending: Ending::Cut, direction, after_bytes });
            let (result, ..) = run(&key);
            let arrived = match direction {
                Direction::Request => u64::from(after_bytes == length),
                Direction::Reply => 1,
            };
            // The server may read the end of a request after we have heard of the cut.
            let mut looks = 0;
            while pushed(&key) != arrived {
                looks += 1;
                assert!(looks < 1_000, "{key}: {} pushed", pushed(&key));
                std::thread::sleep(Duration::from_millis(1));
            }
            match &result {
                Ok(values) => {
                    let whole = direction == Direction::Reply && after_bytes == length;
                    assert!(whole && *values == [text], "{key}: {values:?}");
                }
                Err(error) => {
                    let open = matches!(error, WireError::NoAnswer { .. });
                    assert!(open && error.is_ambiguous(), "{key}: {error}");
                }
            }
            assert!(!proxy.is_armed(), "{key} was cut");
            wired.wire.reconnect().unwrap();
        }
    }
}

fn a_stalled_call() {
    let server = server();
    let proxy = Proxy::start(server.address(), Plan::default()).unwrap();
    let address = format!("redis://{}", proxy.address()).parse().unwrap();
    let response_timeout = Duration::from_millis(100);
    let options = Options { response_timeout, ..Options::default() };
    let wired = Wired::with(&address, options).unwrap();
    proxy.arm(Fault { ending: Ending::Stall, direction: Direction::Reply, after_bytes: 3 });
    let mut attempts = 0;
    let set = wired.wire.retry(|| {
        attempts += 1;
        let set = wired.wire.call::<String>(cmd("SET").arg("a").arg(attempts));
        assert_eq!(set.is_ok(), attempts > 1);
        set
    });
    assert_eq!((set.unwrap(), attempts), ("OK".to_owned(), 2));
    assert_eq!(wired.wire.call::<u64>(cmd("GET").arg("a")).unwrap(), 2);
}
