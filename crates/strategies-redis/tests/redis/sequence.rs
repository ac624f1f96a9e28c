//! The commands, in the order in which the server saw them.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;

use proofload_redis_process::RedisProcess;
use proofload_scheduler_redis::wire::cmd;
use proofload_strategies::Steps;

use super::{Observer, PREFIX, Test, filled, ran, server};

pub(crate) const TESTS: &[Test] =
    &[("each call is where the source has it", each_call_is_where_the_source_has_it)];

/// What a server was asked from a moment on.
struct Monitor(BufReader<TcpStream>);

impl Monitor {
    fn of(server: &RedisProcess) -> Self {
        let mut stream = TcpStream::connect(server.address()).unwrap();
        stream.write_all(b"MONITOR\r\n").unwrap();
        let mut monitor = Self(BufReader::new(stream));
        assert_eq!(monitor.line(), "+OK");
        monitor
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        self.0.read_line(&mut line).unwrap();
        line.trim_end().to_owned()
    }

    /// Commands and the kinds of their keys, up to the mark; those in scripts indented.
    fn until(mut self, mark: &str) -> Vec<String> {
        let mut calls = Vec::new();
        loop {
            let line = self.line();
            let (head, call) = line.split_once("] ").unwrap();
            let words: Vec<&str> = call.split('"').skip(1).step_by(2).collect();
            if words[0] == "ECHO" && words[1] == mark {
                return calls;
            }
            let indent = if head.ends_with("lua") { "  " } else { "" };
            // Of a script the hash and the number of keys come first.
            let key = words.iter().find_map(|word| word.strip_prefix(&format!("{{{PREFIX}}}:")));
            let kind = key.map_or("", |key| key.split(':').next().unwrap_or(key));
            calls.push(format!("{indent}{} {kind}", words[0]));
        }
    }
}

fn release() -> Vec<&'static str> {
    vec!["EVALSHA lock", "  GET lock", "  DEL lock"]
}

/// A worker read under its lock.
fn read() -> Vec<&'static str> {
    [vec!["SET lock", "HGETALL worker"], release()].concat()
}

/// A worker's capacity written under its lock.
fn written() -> Vec<&'static str> {
    [vec!["SET lock", "HGETALL worker", "HSET worker"], release()].concat()
}

fn each_call_is_where_the_source_has_it() {
    let fleet = || [vec!["SMEMBERS index"], read(), read(), read()].concat();
    let old = [
        vec!["ZCARD backlog", "ZPOPMIN backlog"],
        fleet(),
        vec!["HSET container"],
        written(),
        vec!["RPUSH list"],
    ]
    .concat();
    // What it is handed costs it nothing: the fleet at first, then the containers.
    let handed = [written(), vec!["RPUSH list"]].concat();
    let lock = [fleet(), vec!["ZPOPMIN backlog"], handed.clone(), vec!["ZPOPMIN backlog"], handed];
    let batch = [
        vec!["ZCARD backlog", "ZPOPMIN backlog", "ZPOPMIN backlog"],
        // It looks for more until the window is over: see below.
        fleet(),
        written(),
        written(),
        vec!["HSET container", "RPUSH list", "HSET container", "RPUSH list"],
    ];
    for (steps, containers, want) in [
        (Steps::Old, 2, [old.clone(), old].concat()),
        (Steps::Lock, 2, lock.concat()),
        (Steps::Batch, 2, batch.concat()),
    ] {
        let server = server();
        let hand = filled(&server, 3, containers);
        let observer = Observer::of(&server);
        let monitor = Monitor::of(&server);
        ran(steps, &hand, 1, containers as usize);
        let _: String = observer.wire.call(cmd("ECHO").arg("done")).unwrap();
        let mut calls = monitor.until("done");
        // A connection begins by letting go of a lock that nobody has.
        let begin = calls.iter().position(|call| call == "  GET lock").unwrap();
        calls.drain(..=begin);
        if steps == Steps::Batch {
            // One `ZCARD` a look at a backlog that may have more.
            let mut looks = 0;
            calls.retain(|call| {
                looks += usize::from(call == "ZCARD backlog");
                call != "ZCARD backlog" || looks == 1
            });
        }
        assert_eq!(calls, want, "{steps:?}");
    }
}
