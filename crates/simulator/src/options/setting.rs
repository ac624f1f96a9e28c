//! Every setting: its name, what it takes, and where that goes.

use super::{Options, SpeedChange};
use crate::fault::{Fault, kinds};
use proofload_units::parse_duration;
use std::path::PathBuf;
use std::time::Duration;

/// One thing that can be set, for a help text.
pub struct Setting {
    /// Before the equals sign.
    pub key: &'static str,
    /// What stands after it.
    pub form: &'static str,
    /// What it does, and the default.
    pub meaning: &'static str,
    pub(super) set: fn(&mut Options, &str) -> Option<()>,
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

/// Everything that can be set, in the order of the help text.
pub(super) const SETTINGS: &[Setting] = &[
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
