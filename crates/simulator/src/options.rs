//! What can be set, in the words of `--set KEY=VALUE`.

mod setting;

pub use setting::Setting;

use crate::fault::Faults;
use crate::queue::Speed;
use setting::SETTINGS;
use std::path::PathBuf;
use std::time::Duration;

/// How the simulator behaves. The defaults are a small, healthy platform: two models with two slots
/// each, 0.4 ms for a token of the prompt and 12 ms for one of the answer.
#[derive(Clone)]
pub struct Options {
    pub(crate) seed: u64,
    /// Of every model that does not say otherwise.
    pub(crate) speed: Speed,
    /// Models by name; empty for [`DEFAULT_MODELS`].
    pub(crate) models: Vec<(String, SpeedChange)>,
    pub(crate) strict_models: bool,
    pub(crate) jitter: f64,
    pub(crate) contention: f64,
    pub(crate) classify: Duration,
    pub(crate) load: Duration,
    pub(crate) tokens: u32,
    pub(crate) fill: f64,
    pub(crate) tokens_per_chunk: u32,
    pub(crate) chunks_per_write: u32,
    pub(crate) slow: Duration,
    pub(crate) api_key: Option<String>,
    pub(crate) echo_key: bool,
    pub(crate) own_id: bool,
    pub(crate) faults: Faults,
    pub(crate) truth: Option<PathBuf>,
}

/// Names of the models where no `model` is set.
pub(crate) const DEFAULT_MODELS: [&str; 2] = ["sim-chat", "sim-code"];

/// What a `model` setting says otherwise than the settings for all models.
#[derive(Clone, Copy, Default)]
pub(crate) struct SpeedChange {
    prefill: Option<Duration>,
    decode: Option<Duration>,
    slots: Option<usize>,
    queue: Option<usize>,
}

impl SpeedChange {
    pub(crate) fn over(self, speed: Speed) -> Speed {
        Speed {
            prefill: self.prefill.unwrap_or(speed.prefill),
            decode: self.decode.unwrap_or(speed.decode),
            slots: self.slots.unwrap_or(speed.slots),
            queue: self.queue.unwrap_or(speed.queue),
        }
    }
}

/// Why a setting was refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OptionError {
    /// No equals sign.
    #[error("expected KEY=VALUE, found {text:?}")]
    NoValue {
        /// What was given.
        text: String,
    },
    /// No setting has this name.
    #[error("no setting {key:?}; there are {}", names())]
    UnknownKey {
        /// What was given.
        key: String,
    },
    /// The value does not fit.
    #[error("setting `{key}`: expected {expected}, found {found:?}")]
    Value {
        /// The setting.
        key: &'static str,
        /// What would have done.
        expected: &'static str,
        /// What was given.
        found: String,
    },
    /// The rates of all faults are together more than 1.
    #[error("setting `fault`: the rates are together {total}, which is more than 1")]
    Rates {
        /// Their sum.
        total: String,
    },
}

fn names() -> String {
    let names: Vec<_> = Options::settings().iter().map(|setting| setting.key).collect();
    names.join(", ")
}

impl Default for Options {
    fn default() -> Self {
        Self {
            seed: 1,
            speed: Speed {
                prefill: Duration::from_micros(400),
                decode: Duration::from_millis(12),
                slots: 2,
                queue: 1_000,
            },
            models: Vec::new(),
            strict_models: false,
            jitter: 0.1,
            contention: 0.1,
            classify: Duration::from_millis(80),
            load: Duration::ZERO,
            tokens: 128,
            fill: 0.5,
            tokens_per_chunk: 1,
            chunks_per_write: 1,
            slow: Duration::from_millis(50),
            api_key: None,
            echo_key: false,
            own_id: false,
            faults: Faults::default(),
            truth: None,
        }
    }
}

impl Options {
    /// Everything that can be set.
    #[must_use]
    pub const fn settings() -> &'static [Setting] {
        SETTINGS
    }

    /// Sets one thing, written as `KEY=VALUE`. Of what is set twice the last holds, except `model`
    /// and `fault`, which add up.
    ///
    /// # Errors
    /// What was expected and what was found; nothing is changed then.
    pub fn set(&mut self, text: &str) -> Result<(), OptionError> {
        let Some((key, value)) = text.split_once('=') else {
            return Err(OptionError::NoValue { text: text.to_owned() });
        };
        let Some(setting) = SETTINGS.iter().find(|setting| setting.key == key) else {
            return Err(OptionError::UnknownKey { key: key.to_owned() });
        };
        let mut changed = self.clone();
        if (setting.set)(&mut changed, value).is_none() {
            let found = value.to_owned();
            return Err(OptionError::Value { key: setting.key, expected: setting.form, found });
        }
        let total = changed.faults.total_rate();
        // Ten times 0.1 is a little more than 1.
        if total > 1.0 + 1e-9 {
            return Err(OptionError::Rates { total: format!("{total:.3}") });
        }
        *self = changed;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::Options;
    use crate::Fault;
    use std::time::Duration;

    #[test]
    fn settings_are_taken() {
        let mut options = Options::default();
        for text in [
            "seed=7",
            "decode=2ms",
            "model=a",
            "model=b/c:30b,slots=3,decode=1ms",
            "fault=truncate:0.25",
            "fault=http-503:0.75",
            "script=ok,reset,http-429",
            "truth=some=file",
        ] {
            assert_eq!(options.set(text), Ok(()), "{text}");
        }
        assert_eq!(options.seed, 7);
        assert_eq!(options.models[1].0, "b/c:30b");
        let speed = options.models[1].1.over(options.speed);
        assert_eq!((speed.slots, speed.decode), (3, Duration::from_millis(1)));
        assert_eq!(options.models[0].1.over(options.speed).decode, Duration::from_millis(2));
        assert_eq!(options.faults.script, [None, Some(Fault::Reset), Some(Fault::Status(429))]);
        assert_eq!(options.truth.unwrap().to_str(), Some("some=file"));
    }

    #[test]
    fn a_refusal_says_what_was_expected_and_changes_nothing() {
        let mut options = Options::default();
        options.set("fault=empty:0.6").unwrap();
        for (text, want) in [
            ("seed", "expected KEY=VALUE, found \"seed\""),
            ("sped=1", "no setting \"sped\"; there are seed, model, prefill"),
            ("slots=0", "setting `slots`: expected a whole number of at least 1, found \"0\""),
            (
                "decode=12",
                "setting `decode`: expected a duration of at most 1h, such as 12ms, found \"12\"",
            ),
            ("jitter=NaN", "setting `jitter`: expected a number from 0 to 1"),
            ("model=,slots=1", "setting `model`: expected NAME[,prefill=TIME]"),
            ("model=a,speed=1", "setting `model`: expected NAME[,prefill=TIME]"),
            ("fault=crash:0.1", "kinds: http-NNN"),
            ("fault=reset:0.5", "the rates are together 1.100, which is more than 1"),
            ("script=ok,maybe", "setting `script`: expected KIND,KIND"),
            ("api-key=", "setting `api-key`: expected a key"),
        ] {
            let found = options.set(text).unwrap_err().to_string();
            assert!(found.contains(want), "{text}: {found}");
        }
        assert_eq!(options.faults.rates, [(Fault::Empty, 0.6)]);
    }
}
