//! What can be set, in the words of `--set KEY=VALUE`.

use crate::fault::{Fault, Faults, kinds};
use crate::queue::Speed;
use proofload_units::parse_duration;
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

/// One thing that can be set, for a help text.
pub struct Setting {
    /// Before the equals sign.
    pub key: &'static str,
    /// What stands after it.
    pub form: &'static str,
    /// What it does, and the default.
    pub meaning: &'static str,
    set: fn(&mut Options, &str) -> Option<()>,
}

const DURATION: &str = "a duration of at most 1h, such as 12ms";
/// Times a whole prompt of tokens must still be a time.
const LONGEST: Duration = Duration::from_secs(3_600);
const COUNT: &str = "a whole number of at least 1";
const SHARE: &str = "a number from 0 to 1";
const SWITCH: &str = "true or false";
const MODEL: &str = "NAME[,prefill=TIME][,decode=TIME][,slots=N][,queue=N]";
const RATE: &str = concat!("KIND:RATE with a rate from 0 to 1; kinds: ", kinds!());
const SCRIPT: &str = concat!("KIND,KIND,… where a kind is ok, ", kinds!());

const SETTINGS: &[Setting] = &[
    Setting {
        key: "seed",
        form: "a whole number",
        meaning: "what all chance is drawn from [1]",
        set: |options, text| number(text).map(|seed| options.seed = seed),
    },
    Setting {
        key: "model",
        form: MODEL,
        meaning: "a model, instead of the built-in ones; may be given again",
        set: |options, text| model(text).map(|model| options.models.push(model)),
    },
    Setting {
        key: "prefill",
        form: DURATION,
        meaning: "for a token of the prompt [400us]",
        set: |options, text| duration(text).map(|time| options.speed.prefill = time),
    },
    Setting {
        key: "decode",
        form: DURATION,
        meaning: "for a token of the answer [12ms]",
        set: |options, text| duration(text).map(|time| options.speed.decode = time),
    },
    Setting {
        key: "slots",
        form: COUNT,
        meaning: "requests that a model decodes side by side [2]",
        set: |options, text| count(text).map(|slots| options.speed.slots = slots),
    },
    Setting {
        key: "queue",
        form: "a whole number",
        meaning: "requests that wait for a model at most; then 429 [1000]",
        set: |options, text| number(text).map(|queue| options.speed.queue = queue),
    },
    Setting {
        key: "strict-models",
        form: SWITCH,
        meaning: "404 for other models, instead of making them up [false]",
        set: |options, text| switch(text).map(|on| options.strict_models = on),
    },
    Setting {
        key: "jitter",
        form: SHARE,
        meaning: "by how much each time differs, up or down [0.1]",
        set: |options, text| share(text).map(|share| options.jitter = share),
    },
    Setting {
        key: "contention",
        form: SHARE,
        meaning: "how much slower a token gets by each other busy slot [0.1]",
        set: |options, text| share(text).map(|share| options.contention = share),
    },
    Setting {
        key: "classify",
        form: DURATION,
        meaning: "for the choice of a model where none is named [80ms]",
        set: |options, text| duration(text).map(|time| options.classify = time),
    },
    Setting {
        key: "load",
        form: DURATION,
        meaning: "until a model's first request is taken up: it is loaded then [0ms]",
        set: |options, text| duration(text).map(|time| options.load = time),
    },
    Setting {
        key: "tokens",
        form: COUNT,
        meaning: "longest answer where the request sets no limit [128]",
        set: |options, text| count(text).map(|tokens| options.tokens = tokens),
    },
    Setting {
        key: "fill",
        form: SHARE,
        meaning: "least share of the longest answer that is written [0.5]",
        set: |options, text| share(text).map(|share| options.fill = share),
    },
    Setting {
        key: "tokens-per-chunk",
        form: COUNT,
        meaning: "tokens in a chunk of a stream [1]",
        set: |options, text| count(text).map(|tokens| options.tokens_per_chunk = tokens),
    },
    Setting {
        key: "chunks-per-write",
        form: COUNT,
        meaning: "chunks that leave in one write [1]",
        set: |options, text| count(text).map(|chunks| options.chunks_per_write = chunks),
    },
    Setting {
        key: "slow",
        form: DURATION,
        meaning: "between the bytes of a slow body [50ms]",
        set: |options, text| duration(text).map(|time| options.slow = time),
    },
    Setting {
        key: "api-key",
        form: "a key",
        meaning: "401 without it, as `authorization: Bearer KEY` or `logos_key: KEY` [none]",
        set: |options, text| {
            let key = (!text.is_empty()).then(|| text.to_owned())?;
            options.api_key = Some(key);
            Some(())
        },
    },
    Setting {
        key: "echo-key",
        form: SWITCH,
        meaning: "errors repeat the key received, to test that a client hides it [false]",
        set: |options, text| switch(text).map(|on| options.echo_key = on),
    },
    Setting {
        key: "own-id",
        form: SWITCH,
        meaning: "x-request-id of the answer is the server's own, no echo [false]",
        set: |options, text| switch(text).map(|on| options.own_id = on),
    },
    Setting {
        key: "fault",
        form: RATE,
        meaning: "share of the requests that go wrong so; may be given again",
        set: |options, text| {
            let (kind, rate) = text.split_once(':')?;
            options.faults.rates.push((kind.parse().ok()?, share(rate)?));
            Some(())
        },
    },
    Setting {
        key: "script",
        form: SCRIPT,
        meaning: "how the first requests go, in order of arrival, before `fault` holds",
        set: |options, text| {
            let entry = |kind: &str| match kind {
                "ok" => Some(None),
                kind => kind.parse::<Fault>().ok().map(Some),
            };
            options.faults.script = text.split(',').map(entry).collect::<Option<_>>()?;
            Some(())
        },
    },
    Setting {
        key: "script-repeat",
        form: SWITCH,
        meaning: "begin the script again at its end [false]",
        set: |options, text| switch(text).map(|on| options.faults.repeat = on),
    },
    Setting {
        key: "truth",
        form: "a file",
        meaning: "where to write when each chunk was written [none]",
        set: |options, text| {
            let path = (!text.is_empty()).then(|| PathBuf::from(text))?;
            options.truth = Some(path);
            Some(())
        },
    },
];

fn number<T: std::str::FromStr>(text: &str) -> Option<T> {
    text.parse().ok()
}

fn count<T: std::str::FromStr + PartialOrd + From<u8>>(text: &str) -> Option<T> {
    number(text).filter(|count| *count >= T::from(1))
}

fn duration(text: &str) -> Option<Duration> {
    parse_duration(text).ok().filter(|&time| time <= LONGEST)
}

fn share(text: &str) -> Option<f64> {
    number(text).filter(|share| (0.0..=1.0).contains(share))
}

fn switch(text: &str) -> Option<bool> {
    text.parse().ok()
}

fn model(text: &str) -> Option<(String, SpeedChange)> {
    let mut parts = text.split(',');
    let name = parts.next().filter(|name| !name.is_empty())?;
    let mut change = SpeedChange::default();
    for part in parts {
        let (key, value) = part.split_once('=')?;
        match key {
            "prefill" => change.prefill = Some(duration(value)?),
            "decode" => change.decode = Some(duration(value)?),
            "slots" => change.slots = Some(count(value)?),
            "queue" => change.queue = Some(number(value)?),
            _ => return None,
        }
    }
    Some((name.to_owned(), change))
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
