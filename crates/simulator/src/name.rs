//! What the simulator calls itself.

/// The `server` header of every answer.
pub(crate) const SERVER_NAME: &str = concat!("proofload-simulate/", env!("CARGO_PKG_VERSION"));

/// Whether a `server` header is the simulator's, of whatever version: then every figure is simulated,
/// however the target was reached.
#[must_use]
pub fn is_simulator(server: &str) -> bool {
    product(server) == product(SERVER_NAME)
}

fn product(server: &str) -> Option<&str> {
    server.split('/').next()
}

#[cfg(test)]
mod tests {
    use super::{SERVER_NAME, is_simulator};

    #[test]
    fn the_version_does_not_matter_and_the_name_does() {
        for (server, want) in [
            (SERVER_NAME, true),
            ("proofload-simulate/99.0", true),
            ("proofload-simulate", true),
            ("proofload", false),
            ("uvicorn", false),
            ("", false),
        ] {
            assert_eq!(is_simulator(server), want, "{server:?}");
        }
    }
}
