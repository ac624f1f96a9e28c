//! A scenario file: TOML, with the names of the scenario's flags as keys.
//!
//! A value is read as it would be after its flag, so there is one range and one message for both.

use std::error::Error;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use clap::{Args, Command, FromArgMatches};
use proofload_launch::Exit;
use proofload_verdict::slo::near;
use toml::de::{DeTable, DeValue};

use crate::args::ScenarioArgs;
use crate::scenario::{Scenario, Settings};

/// A scenario file that cannot be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum FileError {
    #[error("cannot read scenario {}", path.display())]
    Read { path: PathBuf, source: io::Error },
    #[error("{}:{line}:{column}: {problem}", path.display())]
    At { path: PathBuf, line: usize, column: usize, problem: String },
}

/// A scenario file that was read.
#[derive(Debug)]
pub(crate) struct File {
    pub(crate) settings: Settings,
    path: PathBuf,
    text: String,
    /// At which byte the key `gpu-workers` is, the only one that can contradict another.
    gpu_workers_at: Option<usize>,
}

/// Reads the file at `path`.
pub(crate) fn read(path: &Path) -> Result<File, FileError> {
    let bytes =
        fs::read(path).map_err(|source| FileError::Read { path: path.to_owned(), source })?;
    let text = String::from_utf8(bytes).map_err(|error| {
        let valid = error.utf8_error().valid_up_to();
        let before = String::from_utf8_lossy(&error.as_bytes()[..valid]);
        at(path, &before, valid, "expected UTF-8; save the file as that".to_owned())
    })?;
    match parse(&text) {
        Ok((settings, gpu_workers_at)) => {
            Ok(File { settings, path: path.to_owned(), text, gpu_workers_at })
        }
        Err((offset, problem)) => Err(at(path, &text, offset, problem)),
    }
}

/// What is wrong at a byte of a text.
fn at(path: &Path, text: &str, offset: usize, problem: String) -> FileError {
    let before = text.get(..offset).unwrap_or(text);
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
    FileError::At { path: path.to_owned(), line, column, problem }
}

impl File {
    /// The scenario of `flags` and, where they are silent, of this file. A contradiction is the file's
    /// fault if no flag has a part in it.
    pub(crate) fn scenario(&self, flags: Settings, seed: u64) -> Result<Scenario, Exit> {
        let error = match flags.or(self.settings).scenario(seed) {
            Ok(scenario) => return Ok(scenario),
            Err(error) => error,
        };
        let is_of_file = flags.workers.is_none() && flags.gpu_workers.is_none();
        match self.gpu_workers_at {
            Some(offset) if is_of_file => {
                Err(Exit::bad_input(at(&self.path, &self.text, offset, error.to_string())))
            }
            _ => Err(Exit::usage(error)),
        }
    }
}

/// The settings of a text with the place of `gpu-workers`, or at which byte what is wrong.
fn parse(text: &str) -> Result<(Settings, Option<usize>), (usize, String)> {
    let start = |error: &toml::de::Error| error.span().map_or(0, |span| span.start);
    let table =
        DeTable::parse(text).map_err(|error| (start(&error), error.message().to_owned()))?;
    let command = ScenarioArgs::augment_args(Command::new("scenario").no_binary_name(true));
    let keys: Vec<&str> = command.get_arguments().filter_map(clap::Arg::get_long).collect();
    let mut flags = Vec::new();
    let mut gpu_workers_at = None;
    for (key, value) in table.get_ref() {
        let (name, at) = (key.get_ref().as_ref(), key.span().start);
        if !keys.contains(&name) {
            let known = match near(name, keys.iter().copied()) {
                Some(word) => format!("the nearest is `{word}`"),
                None => format!("known are {}", keys.join(", ")),
            };
            return Err((at, format!("unknown key `{name}`; {known}")));
        }
        if name == "gpu-workers" {
            gpu_workers_at = Some(at);
        }
        let at = value.span().start;
        let takes_value = command
            .get_arguments()
            .any(|arg| arg.get_long() == Some(name) && arg.get_action().takes_values());
        let written = match value.get_ref() {
            DeValue::Boolean(is_set) if !takes_value => {
                if *is_set {
                    flags.push(format!("--{name}"));
                }
                continue;
            }
            _ if !takes_value => return Err((at, format!("`{name}`: expected true or false"))),
            DeValue::String(text) => text.to_string(),
            DeValue::Integer(number) if number.radix() == 10 => number.as_str().to_owned(),
            DeValue::Float(number) => number.as_str().to_owned(),
            _ => return Err((at, format!("`{name}`: expected a decimal number or a text"))),
        };
        let flag = format!("--{name}={written}");
        if let Err(error) = command.clone().try_get_matches_from([&flag]) {
            let why = error.source().map_or_else(|| error.to_string(), ToString::to_string);
            return Err((at, format!("`{name}`: {why}")));
        }
        flags.push(flag);
    }
    let matches = command.try_get_matches_from(flags);
    let read = matches.and_then(|matches| ScenarioArgs::from_arg_matches(&matches));
    read.map(|args| (args.settings(), gpu_workers_at)).map_err(|error| (0, error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::parse;

    #[test]
    fn keys_are_flags() {
        let (settings, gpu_workers_at) =
            parse("workers = 40\nop-delay = '500us'\nadaptive = true\narrival-rate = 2.5").unwrap();
        assert_eq!(settings.workers.unwrap().get(), 40);
        assert_eq!(settings.op_delay.unwrap().as_micros(), 500);
        assert_eq!((settings.adaptive, settings.arrival_rate), (Some(true), Some(2.5)));
        assert_eq!(gpu_workers_at, None);
        let (settings, gpu_workers_at) = parse("adaptive = false\ngpu-workers = 2").unwrap();
        assert_eq!((settings.adaptive, gpu_workers_at), (None, Some(17)));
    }

    #[test]
    fn what_is_wrong_is_named_with_its_place() {
        for (text, at, problem) in [
            (
                "workers = 20\nworker-cpus = 1",
                13,
                "unknown key `worker-cpus`; the nearest is `worker-cpu`",
            ),
            (
                "seed = 3",
                0,
                "unknown key `seed`; known are workers, containers, worker-cpu, worker-memory, \
                 container-cpu, container-memory, gpu-workers, mix, policy, batch, window-ms, adaptive, \
                 cache-ttl-ms, arrival-rate, replicas, op-delay, target-time, repeat",
            ),
            (
                "containers = 0",
                13,
                "`containers`: expected a whole number from 1 to 1000000, such as 100",
            ),
            (
                "container-cpu = -5",
                16,
                "`container-cpu`: expected a whole number from 1 to 4194303, such as 100",
            ),
            (
                "workers = 99999999999999999999",
                10,
                "`workers`: expected a whole number from 1 to 1000000, such as 20",
            ),
            (
                "policy = 'best'",
                9,
                "`policy`: expected `spread`, `best-fit` or `affinity`; the nearest is `best-fit`",
            ),
            ("adaptive = 'yes'", 11, "`adaptive`: expected true or false"),
            ("workers = [1]", 10, "`workers`: expected a decimal number or a text"),
            ("op-delay = '5'", 11, "`op-delay`: a unit is missing in \"5\"; write 5s or 5ms"),
        ] {
            assert_eq!(parse(text).unwrap_err(), (at, problem.to_owned()), "{text}");
        }
        let (at, problem) = parse("workers = 1\nworkers = 2").unwrap_err();
        assert_eq!((at, problem.contains("duplicate")), (12, true), "{problem}");
    }
}
