//! What is counted is what the server says it got, to the byte.

use std::thread;

use proofload_redis_process::{Options, RedisProcess};
use proofload_scheduler::WireCounts;
use proofload_scheduler_redis::wire::{Script, Value, WireError, cmd, pipe};

use super::{Test, Wired, server};

pub(crate) const TESTS: &[Test] = &[
    ("each kind of call costs what it says, and what the server says", each_kind_of_call),
    ("several at once cost together what the server says", several_at_once),
    ("a script's error comes through with its calls counted", a_failed_script),
];

/// Something done with a wire, and what it has to cost.
struct Case {
    name: &'static str,
    run: fn(&Wired),
    round_trips: u64,
    commands: u64,
    script_calls: u64,
    script_loads: u64,
    /// Commands that the server turns away without running them, and so does not count.
    turned_away: u64,
}

impl Default for Case {
    fn default() -> Self {
        Self {
            name: "",
            run: |_| {},
            round_trips: 1,
            commands: 1,
            script_calls: 0,
            script_loads: 0,
            turned_away: 0,
        }
    }
}

fn raise() -> Script {
    Script::new("raise", "call('SET', KEYS[1], 1)\nreturn call('INCRBY', KEYS[1], ARGV[1])")
}

fn each_kind_of_call() {
    let cases = [
        Case { name: "nothing", round_trips: 0, commands: 0, ..Case::default() },
        Case {
            name: "a call",
            run: |wired| wired.wire.call(cmd("SET").arg("text").arg("value")).unwrap(),
            ..Case::default()
        },
        Case {
            name: "a megabyte there and back",
            run: |wired| {
                let megabyte = vec![b'*'; 1 << 20];
                wired.wire.call::<()>(cmd("SET").arg("large").arg(&megabyte)).unwrap();
                let back: Vec<u8> = wired.wire.call(cmd("GET").arg("large")).unwrap();
                assert!(back == megabyte);
            },
            round_trips: 2,
            commands: 2,
            ..Case::default()
        },
        Case {
            name: "a pipeline of 100, every other one failing",
            run: |wired| {
                let mut commands = pipe();
                for _ in 0..50 {
                    commands.cmd("GET").arg("text").cmd("LPUSH").arg("text").arg(1);
                }
                let replies = wired.wire.call_all(&commands).unwrap();
                assert_eq!(replies.iter().filter(|reply| reply.is_ok()).count(), 50);
                assert!(
                    matches!(&replies[1], Err(WireError::WrongType { call, .. }) if call == "LPUSH")
                );
            },
            commands: 100,
            ..Case::default()
        },
        Case {
            name: "a transaction",
            run: |wired| {
                let mut commands = pipe();
                commands.atomic().cmd("GET").arg("text").cmd("LPUSH").arg("text").arg(1);
                let replies = wired.wire.call_all(&commands).unwrap();
                assert!(replies[0].is_ok() && replies[1].is_err());
            },
            commands: 4,
            ..Case::default()
        },
        Case {
            name: "a transaction with a call that is turned away",
            run: |wired| {
                let mut commands = pipe();
                commands.atomic().cmd("GET").arg("text").cmd("GET");
                let failed = wired.wire.call_all(&commands).unwrap_err();
                assert!(
                    matches!(&failed, WireError::Refused { code, .. } if code == "EXECABORT"),
                    "{failed:?}"
                );
            },
            // MULTI, what is queued, what is not, EXEC: of these the server counts the first and the last.
            commands: 4,
            turned_away: 2,
            ..Case::default()
        },
        Case {
            name: "two under way at once",
            run: |wired| {
                let one = wired.wire.submit(cmd("ECHO").arg("one")).unwrap();
                let two = wired.wire.submit(cmd("ECHO").arg("two")).unwrap();
                assert_eq!(wired.wire.receive::<String>(two).unwrap(), "two");
                assert_eq!(wired.wire.receive::<String>(one).unwrap(), "one");
            },
            round_trips: 2,
            commands: 2,
            ..Case::default()
        },
        Case {
            name: "a script that the server does not have",
            run: |wired| {
                assert_eq!(wired.wire.eval::<i64>(raise().on(&["level"]).arg(41)).unwrap(), 42);
            },
            // EVALSHA in vain, SCRIPT LOAD, EVALSHA.
            round_trips: 3,
            commands: 3,
            script_calls: 2,
            script_loads: 1,
            ..Case::default()
        },
        Case {
            name: "a script that it has",
            run: |wired| {
                assert_eq!(wired.wire.eval::<i64>(raise().on(&["level"]).arg(6)).unwrap(), 7);
            },
            script_calls: 2,
            ..Case::default()
        },
        Case {
            name: "a script flushed while it is under way",
            run: |wired| {
                wired.wire.call::<()>(cmd("SCRIPT").arg("FLUSH")).unwrap();
                let pending = wired.wire.submit_eval(raise().on(&["level"]).arg(1)).unwrap();
                assert_eq!(wired.wire.receive::<i64>(pending).unwrap(), 2);
            },
            round_trips: 4,
            commands: 4,
            script_calls: 2,
            script_loads: 1,
            ..Case::default()
        },
        Case {
            name: "a call that fails when it is run",
            run: |wired| {
                let failed = wired.wire.call::<i64>(cmd("LPUSH").arg("text").arg(1));
                assert!(matches!(failed, Err(WireError::WrongType { .. })), "{failed:?}");
            },
            ..Case::default()
        },
        Case {
            name: "a call that is turned away",
            run: |wired| {
                let failed = wired.wire.call::<Value>(cmd("GET").arg("one").arg("two"));
                assert!(matches!(failed, Err(WireError::Refused { .. })), "{failed:?}");
            },
            turned_away: 1,
            ..Case::default()
        },
        Case {
            name: "a connection made anew, with its handshake",
            run: |wired| {
                wired.wire.reconnect().unwrap();
            },
            round_trips: 2,
            commands: 2,
            ..Case::default()
        },
    ];
    let server = server();
    let wired = Wired::to(&server);
    for case in cases {
        let name = case.name;
        let (before, server_before) = (wired.counted(), wired.wire.info().unwrap());
        (case.run)(&wired);
        let (after, server_after) = (wired.counted(), wired.wire.info().unwrap());
        let cost = WireCounts {
            round_trips: after.round_trips - before.round_trips,
            commands: after.commands - before.commands,
            bytes_sent: after.bytes_sent - before.bytes_sent,
            bytes_received: after.bytes_received - before.bytes_received,
            script_calls: after.script_calls - before.script_calls,
            script_loads: after.script_loads - before.script_loads,
        };
        // The first of the two `INFO` is among them.
        assert_eq!(cost.round_trips, case.round_trips + 1, "{name}: round trips");
        assert_eq!(cost.commands, case.commands + 1, "{name}: commands");
        assert_eq!(cost.script_calls, case.script_calls, "{name}: calls in scripts");
        assert_eq!(cost.script_loads, case.script_loads, "{name}: scripts loaded");
        let run = server_after.commands - server_before.commands;
        assert_eq!(cost.commands + cost.script_calls, run + case.turned_away, "{name}: run");
        let received = server_after.bytes_received - server_before.bytes_received;
        assert_eq!(cost.bytes_sent, received, "{name}: bytes sent");
        let sent = server_after.bytes_sent - server_before.bytes_sent;
        assert_eq!(cost.bytes_received, sent, "{name}: bytes received");
    }
}

/// From their first word, the login among them, to their last.
fn several_at_once() {
    let password = Some("planted secret".to_owned());
    let server = RedisProcess::start(Options { password, ..Options::default() }).unwrap();
    let watching = Wired::to(&server);
    let raise = raise();
    let (before, server_before) = (watching.counted(), watching.wire.info().unwrap());
    let run = |number: usize| {
        let database = format!("{}/{number}", server.url()).parse().unwrap();
        let wired = Wired::with(&database, Default::default()).unwrap();
        for turn in 0..200 {
            match turn % 3 {
                0 => {
                    wired.wire.eval::<i64>(raise.on(&["level"]).arg(turn)).unwrap();
                }
                1 => wired.wire.call(cmd("SET").arg("text").arg(vec![b'*'; turn * 100])).unwrap(),
                _ => {
                    let mut both = pipe();
                    both.cmd("GET").arg("text").cmd("GET").arg("none");
                    assert_eq!(wired.wire.call_all(&both).unwrap().len(), 2);
                }
            }
        }
        wired.counted()
    };
    let each: Vec<WireCounts> = thread::scope(|scope| {
        let run = &run;
        let threads: Vec<_> = (0..4).map(|number| scope.spawn(move || run(number))).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    let (after, server_after) = (watching.counted(), watching.wire.info().unwrap());
    let total =
        |of: fn(&WireCounts) -> u64| each.iter().map(of).sum::<u64>() + of(&after) - of(&before);
    assert_eq!(total(|counts| counts.script_calls), 4 * 67 * 2);
    assert_eq!(
        total(|counts| counts.commands + counts.script_calls),
        server_after.commands - server_before.commands
    );
    assert_eq!(
        total(|counts| counts.bytes_sent),
        server_after.bytes_received - server_before.bytes_received
    );
    assert_eq!(
        total(|counts| counts.bytes_received),
        server_after.bytes_sent - server_before.bytes_sent
    );
}

fn a_failed_script() {
    let server = server();
    let wired = Wired::to(&server);
    wired.wire.call::<()>(cmd("SET").arg("text").arg("value")).unwrap();
    for (lua, shown, calls) in [
        (
            "call('GET', KEYS[1])\nreturn call('LPUSH', KEYS[1], 1)",
            "bad: a key on ADDRESS holds another type than is kept there; it belongs to somebody else",
            2,
        ),
        (
            "call('GET', KEYS[1])\nlocal nothing\nreturn nothing.field",
            "bad: ADDRESS answered ERR user_script:3: attempt to index local 'nothing' (a nil value)",
            1,
        ),
        (
            "return redis.call('GET', KEYS[1])",
            "bad: ADDRESS answered ERR user_script:1: attempt to index local 'redis' (a nil value)",
            0,
        ),
        (
            "call('GET', KEYS[1])\nreturn call('NOPE')",
            "bad: ADDRESS answered ERR Unknown Redis command called from script",
            1,
        ),
        (
            "return call('GET', KEYS[1], 2)",
            "bad: ADDRESS answered ERR Wrong number of args calling Redis command from script",
            0,
        ),
        (
            "global = 1",
            "bad: ADDRESS answered ERR user_script:1: Attempt to modify a readonly table",
            0,
        ),
    ] {
        let script = Script::new("bad", lua);
        // Once for loading it.
        let _ = wired.wire.eval::<Value>(&script.on(&["text"]));
        let (before, server_before) = (wired.counted(), wired.wire.info().unwrap());
        let failed = wired.wire.eval::<Value>(&script.on(&["text"])).unwrap_err();
        let (after, server_after) = (wired.counted(), wired.wire.info().unwrap());
        let address = wired.wire.address().to_string();
        assert_eq!(failed.to_string(), shown.replace("ADDRESS", &address), "{lua}");
        assert_eq!(after.script_calls - before.script_calls, calls, "{lua}");
        let run = server_after.commands - server_before.commands;
        assert_eq!(after.commands - before.commands + calls, run, "{lua}");
    }
}
