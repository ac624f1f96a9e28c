//! What cannot be worked with is refused by its name, and with what can be done about it.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use proofload_redis_process::{Options as Server, RedisProcess};
use proofload_scheduler_redis::wire::{Address, Options, Retry, Script, Value, WireError, cmd};

use super::{Test, Wired, address, server};

pub(crate) const TESTS: &[Test] = &[
    ("what is no server is told apart", what_is_no_server),
    ("the login has to be right, and is never shown", the_login),
    ("what a user may not do is named", what_a_user_may_not_do),
    ("an old server is refused", an_old_server),
    ("a replica is refused, also one that becomes it", a_replica),
    ("a server that loads is waited for", a_server_that_loads),
    ("no memory is no memory, in a script as well", no_memory),
    ("replies that are none are refused and take no memory", odd_replies),
    ("tries are bounded, and none are made where they are in vain", tries_are_bounded),
];

const PASSWORD: &str = "planted-secret";

/// Says something, a piece each time that it is told something; counts who came.
struct Fake {
    at: SocketAddr,
    came: Arc<AtomicUsize>,
}

impl Fake {
    /// The same to everybody; with no pieces it closes at once.
    fn saying(pieces: &[&str]) -> Self {
        Self::saying_to_each(&[pieces])
    }

    /// To each who comes its own, and to those after the last what that one was told.
    fn saying_to_each(each: &[&[&str]]) -> Self {
        let owned = |pieces: &&[&str]| pieces.iter().map(ToString::to_string).collect();
        let each: Vec<Vec<String>> = each.iter().map(owned).collect();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let at = listener.local_addr().unwrap();
        let came = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&came);
        // It ends with the test's process: nobody else has to.
        thread::spawn(move || {
            for mut stream in listener.incoming().flatten() {
                let turn = count.fetch_add(1, Ordering::SeqCst).min(each.len() - 1);
                let pieces = each[turn].clone();
                thread::spawn(move || answer(&mut stream, &pieces));
            }
        });
        Self { at, came }
    }

    fn address(&self) -> Address {
        format!("redis://user:{PASSWORD}@{}", self.at).parse().unwrap()
    }

    fn came(&self) -> usize {
        self.came.load(Ordering::SeqCst)
    }
}

fn answer(stream: &mut TcpStream, pieces: &[String]) {
    let mut bytes = [0; 4096];
    for piece in pieces {
        if !stream.read(&mut bytes).is_ok_and(|count| count > 0) {
            return;
        }
        if stream.write_all(piece.as_bytes()).is_err() {
            return;
        }
    }
    // Silent from here on, but there.
    while !pieces.is_empty() && stream.read(&mut bytes).is_ok_and(|count| count > 0) {}
}

/// Everything that an error shows.
fn shown(error: &WireError) -> String {
    let source = std::error::Error::source(error).map(ToString::to_string).unwrap_or_default();
    let shown = format!("{error}: {source} {error:?}");
    assert!(!shown.contains(PASSWORD), "{shown}");
    shown
}

fn refusal(address: &Address) -> WireError {
    let options = Options { connect_timeout: Duration::from_millis(300), ..Options::default() };
    Wired::with(address, options).err().unwrap()
}

fn what_is_no_server() {
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let error = refusal(&format!("redis://:{PASSWORD}@{free}").parse().unwrap());
    assert!(matches!(error, WireError::Unreachable { .. }), "{error:?}");
    let text = shown(&error);
    for part in [&*free.to_string(), "is a server running there", "`redis-server`", "refused"] {
        assert!(text.contains(part), "{part}: {text}");
    }

    let error = refusal(&"redis://no-such-host.invalid".parse().unwrap());
    assert!(matches!(error, WireError::Unreachable { .. }), "{error:?}");

    let silent = Fake::saying(&[""]);
    let error = refusal(&silent.address());
    assert!(matches!(error, WireError::Silent { .. }), "{}", shown(&error));

    let http = "HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n";
    for other in [http, "220 smtp.example ESMTP\r\n", "\u{15}\u{3}\u{1}\0\u{2}\u{2}P"] {
        let error = refusal(&Fake::saying(&[other]).address());
        assert!(matches!(error, WireError::NotRedis { .. }), "{other:?}: {}", shown(&error));
        assert!(!error.is_passing());
    }

    let error = refusal(&Fake::saying(&[]).address());
    assert!(matches!(error, WireError::Unreachable { .. }), "{}", shown(&error));
}

fn the_login() {
    let options = Server { password: Some(PASSWORD.to_owned()), ..Server::default() };
    let server = RedisProcess::start(options).unwrap();
    let at = server.address();
    let wired = Wired::to(&server);
    wired
        .wire
        .call::<()>(cmd("ACL").arg(&["SETUSER", "planner", "on", ">other", "~*", "+@all"]))
        .unwrap();
    let address = |login: &str| -> Address { format!("redis://{login}{at}").parse().unwrap() };
    for login in ["", ":wrong@", "planner:wrong@", "nobody:other@"] {
        let error = refusal(&address(login));
        let named = match error {
            WireError::NoPassword { .. } => login.is_empty(),
            WireError::WrongPassword { .. } => !login.is_empty(),
            _ => false,
        };
        assert!(named && !error.is_passing(), "{login}: {}", shown(&error));
        assert!(!shown(&error).contains("wrong@"), "{error}");
    }
    for login in [&format!(":{PASSWORD}@"), &format!("default:{PASSWORD}@"), "planner:other@"] {
        let wired = Wired::with(&address(login), Options::default()).unwrap();
        assert_eq!(wired.wire.call::<String>(&cmd("PING")).unwrap(), "PONG");
        let shown = format!("{:?} {:?}", wired.wire, wired.wire.address());
        assert!(!shown.contains(PASSWORD) && !shown.contains("other"), "{shown}");
    }
}

fn what_a_user_may_not_do() {
    let server = server();
    let admin = Wired::to(&server);
    let set_user = |rules: &[&str]| {
        let mut command = cmd("ACL");
        command.arg("SETUSER").arg("planner").arg("reset").arg("on").arg(format!(">{PASSWORD}"));
        admin.wire.call::<()>(command.arg(rules)).unwrap();
    };
    let address: Address =
        format!("redis://planner:{PASSWORD}@{}", server.address()).parse().unwrap();
    let denied = |error: &WireError, of: &str| {
        let named = matches!(error, WireError::NoPermission { call, .. } if call == of);
        assert!(named && shown(error).contains("ACL SETUSER"), "{of}: {}", shown(error));
    };
    set_user(&["~*", "+@all", "-info"]);
    denied(&refusal(&address), "INFO");
    set_user(&["~mine:*", "+@all", "-get"]);
    let wired = Wired::with(&address, Options::default()).unwrap();
    denied(&wired.wire.call::<Value>(cmd("GET").arg("mine:a")).unwrap_err(), "GET");
    denied(&wired.wire.call::<Value>(cmd("SET").arg("yours").arg(1)).unwrap_err(), "SET");
    let read = Script::new("read", "call('SET', KEYS[1], 1)\nreturn call('GET', KEYS[1])");
    denied(&wired.wire.eval::<Value>(&read.on(&["mine:a"])).unwrap_err(), "read");
    // The second call was turned away and not run, as the server counts it too.
    assert_eq!(wired.counted().script_calls, 1);
}

const HELLO: &str = "%1\r\n+proto\r\n:3\r\n";

fn info(version: &str) -> String {
    let body = format!(
        "redis_version:{version}\r\nrun_id:0\r\nrole:master\r\nloading:0\r\n\
         total_commands_processed:1\r\ntotal_net_input_bytes:1\r\ntotal_net_output_bytes:1\r\n\
         used_cpu_user:0.5\r\nused_cpu_sys:0.25\r\nused_cpu_user_main_thread:0.5\r\n\
         used_cpu_sys_main_thread:0.000001\r\n"
    );
    format!("${}\r\n{body}\r\n", body.len())
}

fn an_old_server() {
    let unknown = format!(
        "-ERR unknown command `HELLO`, with args beginning with: `3`, `AUTH`, `user`, `{PASSWORD}`, \r\n"
    );
    for (says, version) in [
        ([HELLO, &*info("6.2.14")], Some("6.2.14")),
        ([HELLO, &*info("5.0.14")], Some("5.0.14")),
        ([HELLO, &*info("what")], Some("what")),
        ([&*unknown, ""], Some("before 6.0")),
        (["-ERR unknown command 'HELLO'\r\n", ""], Some("before 6.0")),
        ([HELLO, &*info("7.0.0")], None),
        ([HELLO, &*info("10.1")], None),
    ] {
        let opened = Wired::with(&Fake::saying(&says).address(), Options::default());
        match (opened, version) {
            (Ok(_), None) => {}
            (Err(error), Some(want)) => {
                let old = matches!(&error, WireError::TooOld { version, .. } if version == want);
                assert!(old && shown(&error).contains("at least 7.0"), "{}", shown(&error));
            }
            (opened, _) => panic!("{says:?}: {:?}", opened.err()),
        }
    }
    for (says, part) in [
        ("$6\r\nrole:x\r\n", "no line `master_host`"),
        (":1\r\n", "no line `role`"),
        ("*1\r\n:1\r\n", "unexpected: an array"),
    ] {
        let error = refusal(&Fake::saying(&[HELLO, says]).address());
        let unexpected = matches!(error, WireError::Unexpected { .. });
        assert!(unexpected && shown(&error).contains(part), "{says}: {}", shown(&error));
    }
    // What it says back of a login is not shown, whatever else it says of it.
    let error = refusal(&Fake::saying(&[&*unknown.replace("unknown", "no such")]).address());
    assert!(matches!(error, WireError::Refused { .. }), "{}", shown(&error));
}

fn a_replica() {
    let (master, copy) = (server(), server());
    let wired = Wired::to(&copy);
    let at = master.address();
    let follow = |wired: &Wired| {
        wired.wire.call::<()>(cmd("REPLICAOF").arg(at.ip().to_string()).arg(at.port())).unwrap();
    };
    follow(&wired);
    let error = wired.wire.call::<Value>(cmd("SET").arg("a").arg(1)).unwrap_err();
    assert!(matches!(error, WireError::Replica { .. }), "{}", shown(&error));
    let write = Script::new("write", "return call('SET', KEYS[1], 1)");
    let error = wired.wire.eval::<Value>(&write.on(&["a"])).unwrap_err();
    assert!(matches!(error, WireError::Replica { .. }), "{}", shown(&error));
    let error = refusal(&address(&copy));
    assert!(matches!(error, WireError::Replica { .. }), "{}", shown(&error));
    assert!(error.to_string().contains(&format!("is a replica of {at}")), "{error}");
}

fn a_server_that_loads() {
    // Two milliseconds a key, and an ear for clients after each kilobyte.
    let slow = ["--key-load-delay", "2000", "--loading-process-events-interval-bytes", "1024"];
    let arguments = slow.map(str::to_owned).to_vec();
    let mut server = RedisProcess::start(Server { arguments, ..Server::default() }).unwrap();
    let mut fill = proofload_scheduler_redis::wire::pipe();
    for key in 0..500 {
        fill.cmd("SET").arg(key).arg("0123456789");
    }
    let wired = Wired::to(&server);
    assert!(wired.wire.call_all(&fill).unwrap().iter().all(Result::is_ok));
    wired.wire.call::<()>(&cmd("SAVE")).unwrap();
    let before = wired.wire.server();
    server.kill().unwrap();
    let address = address(&server);
    let starting = thread::spawn(move || server.restart().map(|()| server));
    let until = Instant::now() + Duration::from_secs(20);
    let loading = loop {
        match Wired::with(&address, Options::default()) {
            Err(error @ WireError::Loading { .. }) => break error,
            Err(WireError::Unreachable { .. }) if Instant::now() < until => {
                thread::sleep(Duration::from_millis(1));
            }
            other => panic!("not loading but {:?}", other.err()),
        }
    };
    assert!(loading.is_passing() && shown(&loading).contains("loading its data"));
    let after = loop {
        match wired.wire.reconnect() {
            Ok(after) => break after,
            Err(error) => assert!(error.is_passing() && Instant::now() < until, "{error}"),
        }
    };
    assert_ne!(before.run_id, after.run_id);
    assert_eq!(wired.wire.call::<u64>(&cmd("DBSIZE")).unwrap(), 500);
    drop(starting.join().unwrap().unwrap());
}

fn no_memory() {
    let server = server();
    let wired = Wired::to(&server);
    wired.wire.call::<()>(cmd("CONFIG").arg(&["SET", "maxmemory", "1"])).unwrap();
    let error = wired.wire.call::<Value>(cmd("SET").arg("a").arg(1)).unwrap_err();
    assert!(matches!(error, WireError::OutOfMemory { .. }), "{}", shown(&error));
    assert!(shown(&error).contains("`maxmemory`"));
    let write = Script::new("write", "call('GET', KEYS[1])\nreturn call('SET', KEYS[1], 1)");
    let (before, server_before) = (wired.counted(), wired.wire.info().unwrap());
    let error = wired.wire.eval::<Value>(&write.on(&["a"])).unwrap_err();
    assert!(matches!(error, WireError::OutOfMemory { .. }), "{}", shown(&error));
    let (after, server_after) = (wired.counted(), wired.wire.info().unwrap());
    // The read was carried out, the write was not.
    assert_eq!(after.script_calls - before.script_calls, 1);
    let ours = after.commands - before.commands + 1;
    assert_eq!(ours, server_after.commands - server_before.commands);
}

fn odd_replies() {
    let response_timeout = Duration::from_millis(100);
    let options = Options { response_timeout, ..Options::default() };
    let version = info("7.0.15");
    for odd in [
        "what\r\n",
        "$-2\r\n",
        "$x\r\n",
        "$99999999999999999999\r\n",
        "$9223372036854775807\r\nx",
        "*9223372036854775807\r\n:1\r\n",
        "*2147483647\r\n:1\r\n",
        "%2147483647\r\n:1\r\n",
        "%9223372036854775807\r\n:1\r\n",
        "~4294967296\r\n",
        ":99999999999999999999\r\n",
        "#x\r\n",
        ">1\r\n:1\r\n",
        ":1",
        "_\r\n",
        "*1\r\n:1\r\n",
        "$14\r\nplanted-secret\r\n",
        "",
    ] {
        let fake = Fake::saying(&[HELLO, &version, odd]);
        let wired = Wired::with(&fake.address(), options).unwrap();
        let result = wired.wire.call::<u64>(cmd("INCR").arg("a"));
        let error = result.unwrap_err();
        let named = matches!(error, WireError::NoAnswer { .. } | WireError::Unexpected { .. });
        assert!(named, "{odd:?}: {}", shown(&error));
    }
}

const BRIEF: Retry =
    Retry { tries: 4, first: Duration::from_millis(2), most: Duration::from_millis(5) };

fn tries_are_bounded() {
    let options = Options { retry: BRIEF, ..Options::default() };
    let welcome: &[&str] = &[HELLO, &info("7.0.15")];
    // In vain as often as is allowed, each by a connection of its own.
    let closing = Fake::saying_to_each(&[welcome, &[]]);
    let wired = Wired::with(&closing.address(), options).unwrap();
    let began = Instant::now();
    let error = wired.wire.reconnect().unwrap_err();
    assert!(matches!(error, WireError::Unreachable { .. }), "{}", shown(&error));
    assert_eq!(closing.came(), 1 + 4);
    // Three pauses between four tries, each at least half of what it is at most.
    assert!(began.elapsed() >= Duration::from_micros(1_000 + 2_000 + 2_500));
    // It may come back at any of them.
    let back = Fake::saying_to_each(&[welcome, &[], &["-LOADING a while\r\n"], welcome]);
    let wired = Wired::with(&back.address(), options).unwrap();
    wired.wire.reconnect().unwrap();
    assert_eq!(back.came(), 4);
    // What stays wrong is asked once.
    let changed = Fake::saying_to_each(&[welcome, &["-WRONGPASS no\r\n"]]);
    let wired = Wired::with(&changed.address(), options).unwrap();
    let error = wired.wire.reconnect().unwrap_err();
    assert!(matches!(error, WireError::WrongPassword { .. }), "{}", shown(&error));
    assert_eq!(changed.came(), 2);
}
