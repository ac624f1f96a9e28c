//! Connections that end at a byte.

use std::io::{ErrorKind, Read, Write};
use std::thread;
use std::time::Duration;

use proofload_wire_proxy::{Direction, Ending, Fault, Plan, Proxy};

use crate::support::{Echo, connect, echo, read_to_end};

const TEXT: &[u8] = b"a request of known length";

fn wait_for_end(echo: &Echo, connection: usize) -> Vec<u8> {
    loop {
        if let Some((bytes, true)) = echo.heard.lock().unwrap().get(connection) {
            return bytes.clone();
        }
        thread::sleep(Duration::from_millis(1));
    }
}

#[test]
fn a_request_is_cut_at_every_byte() {
    for after in 0..=TEXT.len() {
        let echo = echo();
        let plan = Plan::cut(Direction::Request, after as u64);
        let proxy = Proxy::start(echo.address, plan).unwrap();
        let mut client = connect(proxy.address());
        client.write_all(TEXT).unwrap();
        assert_eq!(read_to_end(&mut client), b"", "no reply after {after}");
        drop(client);
        assert_eq!(wait_for_end(&echo, 0), &TEXT[..after]);
        assert!(!proxy.is_armed());
    }
}

#[test]
fn a_reply_is_cut_at_every_byte() {
    for delay in [Duration::ZERO, Duration::from_millis(1)] {
        for after in 0..=TEXT.len() {
            let echo = echo();
            let plan = Plan { delay, ..Plan::cut(Direction::Reply, after as u64) };
            let proxy = Proxy::start(echo.address, plan).unwrap();
            let mut client = connect(proxy.address());
            client.write_all(TEXT).unwrap();
            assert_eq!(read_to_end(&mut client), &TEXT[..after]);
            drop(client);
            assert_eq!(wait_for_end(&echo, 0), TEXT);
        }
    }
}

/// It counts what comes after it was armed, over all connections, and happens once.
#[test]
fn a_fault_counts_from_when_it_is_armed() {
    let echo = echo();
    let proxy = Proxy::start(echo.address, Plan::default()).unwrap();
    let (mut one, mut other) = (connect(proxy.address()), connect(proxy.address()));
    let mut echoed = [0; 4];
    for client in [&mut one, &mut other] {
        client.write_all(b"free").unwrap();
        client.read_exact(&mut echoed).unwrap();
    }
    assert_eq!(proxy.passed(Direction::Request).bytes, 8);
    let (ending, direction) = (Ending::Cut, Direction::Request);
    proxy.arm(Fault { ending, direction, after_bytes: 6 });
    one.write_all(b"four").unwrap();
    one.read_exact(&mut echoed).unwrap();
    assert!(proxy.is_armed());
    other.write_all(b"four").unwrap();
    assert_eq!(read_to_end(&mut other), b"");
    // The second one has brought two of its four; the first one goes on, and so do new ones.
    drop(other);
    one.write_all(b"more").unwrap();
    one.read_exact(&mut echoed).unwrap();
    let mut third = connect(proxy.address());
    third.write_all(TEXT).unwrap();
    third.read_exact(&mut [0; TEXT.len()]).unwrap();
    drop((one, third));
    let mut heard: Vec<_> = (0..3).map(|number| wait_for_end(&echo, number)).collect();
    heard.sort();
    assert_eq!(heard, [TEXT, b"freefo", b"freefourmore"]);
}

#[test]
fn a_stalled_connection_stays_and_forwards_nothing() {
    let echo = echo();
    let (ending, direction) = (Ending::Stall, Direction::Request);
    let fault = Some(Fault { ending, direction, after_bytes: 3 });
    let proxy = Proxy::start(echo.address, Plan { fault, ..Plan::default() }).unwrap();
    let mut client = connect(proxy.address());
    client.write_all(TEXT).unwrap();
    client.set_read_timeout(Some(Duration::from_millis(50))).unwrap();
    let silent = client.read(&mut [0]).unwrap_err().kind();
    assert!(matches!(silent, ErrorKind::WouldBlock | ErrorKind::TimedOut), "{silent}");
    assert_eq!(echo.heard.lock().unwrap()[0], (TEXT[..3].to_vec(), false));
    // It ends when the client has enough of it.
    drop(client);
    assert_eq!(wait_for_end(&echo, 0), &TEXT[..3]);
}
