//! Chance that is the same in every run: each request draws from a stream of its own.

use crate::Options;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// Longest answer in tokens, whatever a request asks for.
const TOKENS_MAX: u32 = 32_768;

const WORDS: [&str; 64] = [
    "the", "a", "of", "and", "to", "in", "is", "that", "for", "with", "as", "on", "by", "from",
    "this", "each", "when", "which", "one", "two", "first", "then", "more", "less", "time", "data",
    "server", "request", "answer", "queue", "model", "token", "system", "value", "state", "load",
    "network", "memory", "process", "thread", "result", "order", "list", "table", "index", "key",
    "cache", "page", "file", "block", "message", "client", "path", "step", "case", "test", "point",
    "line", "limit", "rate", "cost", "error", "change", "example",
];

/// The chance of one request, in streams that do not disturb each other: a fault that is switched on
/// changes neither the length nor the words of any answer.
pub(crate) struct Chance {
    pub(crate) fault: ChaCha8Rng,
    pub(crate) shape: ChaCha8Rng,
    pub(crate) time: ChaCha8Rng,
    pub(crate) words: ChaCha8Rng,
}

impl Chance {
    /// The chance of the request `id`, or of the `sequence`-th to come where it has none.
    ///
    /// An id that ends in a dash and a number, as our client's do, counts by that number alone: what
    /// stands before it names the run, and two runs with one seed shall be alike.
    pub(crate) fn new(seed: u64, id: Option<&str>, sequence: u64) -> Self {
        let key = match id {
            Some(id) => {
                let number = id.rsplit_once('-').and_then(|(_, number)| number.parse().ok());
                number.unwrap_or_else(|| fnv1a(id.as_bytes()))
            }
            None => sequence,
        };
        let mut bytes = [0; 32];
        bytes[..8].copy_from_slice(&seed.to_le_bytes());
        bytes[8..16].copy_from_slice(&key.to_le_bytes());
        let stream = |number| {
            let mut rng = ChaCha8Rng::from_seed(bytes);
            rng.set_stream(number);
            rng
        };
        Self { fault: stream(0), shape: stream(1), time: stream(2), words: stream(3) }
    }

    /// One of `models` by number.
    pub(crate) fn model(&mut self, models: usize) -> usize {
        self.shape.random_range(0..models)
    }

    /// Length of the answer in tokens: between the setting `fill` and all of what is allowed.
    pub(crate) fn tokens(&mut self, options: &Options, max_tokens: Option<u32>) -> u32 {
        let most = max_tokens.unwrap_or(options.tokens).clamp(1, TOKENS_MAX);
        let least = (f64::from(most) * options.fill).ceil().max(1.0) as u32;
        self.shape.random_range(least..=most)
    }

    /// A factor around 1 for a time.
    pub(crate) fn factor(&mut self, jitter: f64) -> f64 {
        1.0 + jitter * self.time.random_range(-1.0..=1.0)
    }

    /// A token of text.
    pub(crate) fn word(&mut self) -> &'static str {
        WORDS[self.words.random_range(0..WORDS.len())]
    }
}

/// FNV-1a, 64 bits: D. Eastlake and others, "The FNV Non-Cryptographic Hash Algorithm".
fn fnv1a(bytes: &[u8]) -> u64 {
    let step = |hash: u64, &byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, step)
}

#[cfg(test)]
mod tests {
    use super::Chance;
    use crate::Options;
    use rand::RngExt;

    fn draw(seed: u64, id: Option<&str>, sequence: u64) -> (u32, u64) {
        let mut chance = Chance::new(seed, id, sequence);
        (chance.tokens(&Options::default(), Some(30_000)), chance.time.random())
    }

    #[test]
    fn a_request_draws_by_seed_and_place_in_the_plan() {
        let base = draw(1, Some("run1-7"), 0);
        assert_eq!(draw(1, Some("run2-7"), 3), base, "another run, another order");
        assert_eq!(draw(1, None, 7), base);
        assert_ne!(draw(1, Some("run1-8"), 0), base);
        assert_ne!(draw(2, Some("run1-7"), 0), base);
        assert_eq!(draw(1, Some("abc"), 0), draw(1, Some("abc"), 9));
        assert_ne!(draw(1, Some("abc"), 0), draw(1, Some("abd"), 0));
    }

    #[test]
    fn lengths_stay_within_what_is_allowed() {
        let mut options = Options::default();
        for (fill, max_tokens, want) in [
            ("0", Some(1), 1..=1),
            ("0", Some(0), 1..=1),
            ("1", Some(40), 40..=40),
            ("0.5", None, 64..=128),
            ("1", Some(u32::MAX), 32_768..=32_768),
        ] {
            options.set(&format!("fill={fill}")).unwrap();
            for sequence in 0..50 {
                let tokens = Chance::new(1, None, sequence).tokens(&options, max_tokens);
                assert!(want.contains(&tokens), "{fill} of {max_tokens:?}: {tokens}");
            }
        }
    }
}
