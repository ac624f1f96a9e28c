//! Latency: how much, and what it must not change.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

use proofload_wire_proxy::{DELAY_MAX, Direction, HELD_MAX_BYTES, Plan, Proxy, round_trips};

use crate::support::{connect, echo, read_to_end};

const MS: Duration = Duration::from_millis(1);

#[test]
fn no_reply_leaves_before_its_delay_is_over() {
    let echo = echo();
    for delay in [MS / 2, 2 * MS, 20 * MS] {
        let proxy = Proxy::start(echo.address, Plan::delay(delay)).unwrap();
        let seen = round_trips(proxy.address(), 20).unwrap();
        let reply = proxy.passed(Direction::Reply);
        assert_eq!((reply.chunks, reply.bytes), (21, 21 * 6), "{delay:?}");
        assert!(reply.min >= delay && reply.min <= reply.mean && reply.mean <= reply.max);
        assert!(reply.p50 <= reply.p99 && reply.p99 <= reply.max);
        assert!(seen.mean() >= delay, "{seen:?}");
        let request = proxy.passed(Direction::Request);
        assert_eq!((request.chunks, request.bytes), (21, 21 * 6), "{delay:?}");
        proxy.forget_passed();
        assert_eq!(proxy.passed(Direction::Reply).chunks, 0);
    }
}

/// What the proxy states can be no more than what the client has waited, and where nothing else holds
/// the client up it is nearly that.
#[test]
fn what_is_stated_is_what_a_client_sees() {
    let echo = echo();
    let delay = 5 * MS;
    let proxy = Proxy::start(echo.address, Plan::delay(delay)).unwrap();
    // Somebody else's work may come in between at any time, but not at every one.
    for attempt in 1.. {
        proxy.forget_passed();
        let seen = round_trips(proxy.address(), 40).unwrap();
        let (request, reply) = (proxy.passed(Direction::Request), proxy.passed(Direction::Reply));
        let stated = request.p50 + reply.p50;
        // A write may return after its bytes were read.
        assert!(stated <= seen.p50() + MS, "{stated:?} {:?}", seen.p50());
        if seen.p50() - reply.p50.min(seen.p50()) <= delay / 5 {
            return;
        }
        assert!(attempt < 50, "stated {stated:?}, seen {:?}", seen.p50());
    }
}

#[test]
fn a_calibrated_delay_is_within_a_tenth() {
    let echo = echo();
    for delay in [MS / 2, 2 * MS] {
        let proxy = Proxy::start(echo.address, Plan::delay(delay)).unwrap();
        for attempt in 1.. {
            let found = proxy.calibrate(100).unwrap();
            assert_eq!((found.asked, found.direct.count()), (delay, 100));
            assert_eq!(found.added, found.through.p50().saturating_sub(found.direct.p50()));
            assert!(found.early < delay, "{found:?}");
            assert_eq!(proxy.passed(Direction::Reply).chunks, 0);
            if found.off() <= 0.1 {
                break;
            }
            // On a machine that is busy otherwise a measurement may fail, but not all of them.
            assert!(attempt < 20, "asked {delay:?}, added {:?}", found.added);
        }
    }
    let proxy = Proxy::start(echo.address, Plan::default()).unwrap();
    let found = proxy.calibrate(10).unwrap();
    assert_eq!((found.early, found.off()), (Duration::ZERO, 0.0));
}

/// Hundred requests are under way at once: with one delay after the other they would take ten seconds.
#[test]
fn requests_that_are_pipelined_wait_once() {
    let echo = echo();
    let delay = 100 * MS;
    let proxy = Proxy::start(echo.address, Plan::delay(delay)).unwrap();
    let mut client = connect(proxy.address());
    let since = Instant::now();
    let mut sent = Vec::new();
    for number in 0..100u32 {
        client.write_all(&number.to_be_bytes()).unwrap();
        sent.extend(number.to_be_bytes());
        thread::sleep(MS / 10);
    }
    let mut got = vec![0; sent.len()];
    client.read_exact(&mut got).unwrap();
    assert_eq!(got, sent);
    let took = since.elapsed();
    assert!(took >= delay && took < delay * 50, "{took:?}");
}

#[test]
fn more_than_is_held_arrives_whole_and_in_order() {
    let echo = echo();
    let proxy = Proxy::start(echo.address, Plan::delay(MS)).unwrap();
    let mut client = connect(proxy.address());
    let sent: Vec<u8> = (0..4 * HELD_MAX_BYTES as u32).map(|at| (at ^ (at >> 8)) as u8).collect();
    let mut writer = client.try_clone().unwrap();
    let got = thread::scope(|scope| {
        scope.spawn(|| {
            writer.write_all(&sent).unwrap();
            // The end passes as well, after everything else.
            writer.shutdown(std::net::Shutdown::Write).unwrap();
        });
        read_to_end(&mut client)
    });
    assert!(got == sent, "{} of {} bytes", got.len(), sent.len());
    assert_eq!(proxy.passed(Direction::Reply).bytes, sent.len() as u64);
}

/// The server writes and writes, the client does not read: the proxy must stop reading.
#[test]
fn a_client_that_does_not_read_holds_up_the_server() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let proxy = Proxy::start(listener.local_addr().unwrap(), Plan::delay(MS)).unwrap();
    let client = connect(proxy.address());
    let (mut server, _) = listener.accept().unwrap();
    server.set_write_timeout(Some(300 * MS)).unwrap();
    let mut written = 0;
    while let Ok(bytes) = server.write(&[7; 1 << 16]) {
        written += bytes;
        assert!(written < 64 * HELD_MAX_BYTES, "nothing holds it up");
    }
    drop(proxy);
    drop(client);
}

#[test]
fn connections_end_with_the_proxy_and_without_a_server() {
    let echo = echo();
    assert!(Proxy::start(echo.address, Plan::delay(Duration::MAX)).is_err());
    let proxy = Proxy::start(echo.address, Plan::delay(DELAY_MAX)).unwrap();
    let mut client = connect(proxy.address());
    client.write_all(b"held for an hour").unwrap();
    while echo.heard.lock().unwrap().first().is_none_or(|(bytes, _)| bytes.is_empty()) {
        thread::sleep(MS);
    }
    let address = proxy.address();
    drop(proxy);
    assert_eq!(read_to_end(&mut client), b"");
    assert!(TcpStream::connect(address).is_err());

    let nobody = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let proxy = Proxy::start(nobody, Plan::default()).unwrap();
    assert_eq!(read_to_end(&mut connect(proxy.address())), b"");
}
