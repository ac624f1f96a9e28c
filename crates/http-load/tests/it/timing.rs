//! Stamps against what the server did.

use std::time::Duration;

use crate::rows::{http_config, plan, run_http};
use crate::server::{Act, CHUNKED_HEAD, Server, chunk, finish, text};

#[test]
fn clocks_are_in_order_and_show_the_servers_pauses() {
    let pause = Duration::from_millis(40);
    let server = Server::start(vec![Act::Pieces(vec![
        (pause, format!("{CHUNKED_HEAD}{}", chunk(&text("a"))).into_bytes()),
        (pause, chunk(&text("b")).into_bytes()),
        (pause, format!("{}0\r\n\r\n", chunk(&finish())).into_bytes()),
    ])]);
    let kept = run_http(&plan(&[0, 300]), http_config(server.port));
    for (row, _) in &kept.rows {
        let clocks = [
            row.due,
            row.started,
            row.connected,
            row.written,
            row.first_byte,
            row.first_token,
            row.last_token,
            row.done,
        ];
        let clocks: Vec<u64> = clocks.iter().map(|stamp| stamp.get().unwrap()).collect();
        assert!(clocks.is_sorted(), "{clocks:?}");
        assert!(row.ttft_service_ns().unwrap() >= 40_000_000, "{row:?}");
        assert!(row.tpot_ns().unwrap() >= 39_000_000.0, "{row:?}");
        assert!(row.latency_ns().unwrap() >= 119_000_000, "{row:?}");
        assert!(row.bytes_in > 200 && row.bytes_out > 200, "{row:?}");
    }
}
