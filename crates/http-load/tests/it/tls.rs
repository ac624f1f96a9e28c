//! TLS against an acceptor of our own.

use std::io::Write;
use std::net::TcpListener;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use proofload_http_load::{HttpConfig, Timeouts, Trust};
use proofload_record::{End, Outcome};
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};

use crate::rows::{http_config, plan, run_http};
use crate::server::{good, read_request};

/// Serves `good()` over TLS for `localhost`; gives the port and its certificate as a PEM file.
fn start() -> (u16, PathBuf) {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(made.signing_key.serialize_der()));
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![made.cert.der().clone()], key)
        .unwrap();
    let config = Arc::new(config);
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for socket in listener.incoming() {
            let session = ServerConnection::new(Arc::clone(&config)).unwrap();
            let mut tls = StreamOwned::new(session, socket.unwrap());
            std::thread::spawn(move || {
                while read_request(&mut tls).is_some() {
                    let _ = tls.write_all(&good());
                    let _ = tls.flush();
                }
            });
        }
    });
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(made.cert.pem().as_bytes()).unwrap();
    (port, file.keep().unwrap().1)
}

fn https(port: u16, trust: Trust) -> HttpConfig {
    let mut http = http_config(port);
    http.endpoint.https = true;
    http.endpoint.host = "localhost".to_owned();
    http.trust = trust;
    http
}

#[test]
fn a_certificate_decides_and_phases_are_apart() {
    let (port, certificate) = start();
    let other = start().1;
    for (name, trust, want) in [
        ("its own certificate", Trust::File(certificate), Outcome::Ok),
        ("another's certificate", Trust::File(other), Outcome::Tls),
        ("anybody's", Trust::Anybody, Outcome::Ok),
    ] {
        let kept = run_http(&plan(&[0, 200]), https(port, trust));
        for (row, note) in &kept.rows {
            assert_eq!(row.end, End::Sent(want), "{name}: {note:?}");
        }
        let first = &kept.rows[0].0;
        assert!(first.tls_ns > 0, "{name}");
        if want == Outcome::Ok {
            assert!(first.first_byte.get() > first.written.get(), "{name}: not a session ticket");
            assert_eq!(kept.rows[1].0.tls_ns, 0, "{name}: reused");
        }
    }
}

#[test]
fn a_peer_that_does_not_speak_tls() {
    let server = crate::server::Server::start(vec![crate::server::Act::SendAndClose(good())]);
    let mut http = https(server.port, Trust::Anybody);
    http.timeouts = Timeouts { connect: Duration::from_secs(5), ..Timeouts::default() };
    // The server waits for a request's end, so the handshake is what runs out of time.
    http.timeouts.connect = Duration::from_millis(300);
    let kept = run_http(&plan(&[0]), http);
    assert_eq!(kept.rows[0].0.end, End::Sent(Outcome::ConnectTimeout), "{:?}", kept.rows[0].1);
}
