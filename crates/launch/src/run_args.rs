//! The flags that every program with a run has.

use std::num::NonZeroU16;
use std::path::{Path, PathBuf};
use std::thread;

use proofload_record::clock;
use proofload_units::utc_time;

use crate::{Code, FormatArgs, whole_number};

/// The folder in which runs are kept where `--out` names none.
const RESULTS: &str = "results";
/// More threads than this send nothing more on any machine, and each costs a runtime.
const THREADS_MAX: NonZeroU16 = NonZeroU16::new(256).unwrap();

/// The flags that every program with a run has, to be flattened into its own.
#[derive(Clone, Debug, clap::Args)]
#[command(next_help_heading = "Run")]
pub struct RunArgs {
    /// Run directory, new or empty [default: results/PROGRAM-UTC_TIME]
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
    /// Seed of everything random; the same inputs and seed give the same plan
    #[arg(
        long,
        value_name = "N",
        default_value_t = 1,
        allow_negative_numbers = true,
        value_parser = whole_number(0..=u64::MAX, "42")
    )]
    pub seed: u64,
    /// Threads that send load, 1 to 256 [default: one less than there are cores]
    #[arg(
        long,
        value_name = "N",
        allow_negative_numbers = true,
        value_parser = whole_number(NonZeroU16::MIN..=THREADS_MAX, "2")
    )]
    pub threads: Option<NonZeroU16>,
    /// Show no progress
    #[arg(long)]
    pub quiet: bool,
    /// How the summary is printed.
    #[command(flatten)]
    pub format: FormatArgs,
    /// What is logged.
    #[command(flatten)]
    pub log: LogArgs,
    /// Exit with 0 instead of 4 where nothing could be concluded
    #[arg(long)]
    pub allow_undecided: bool,
}

/// The flag of every program, also of one that has no run.
#[derive(Clone, Debug, Default, clap::Args)]
pub struct LogArgs {
    /// What is logged on stderr, such as debug or warn,hyper=info [default: warn, or PROOFLOAD_LOG]
    #[arg(long, value_name = "FILTER")]
    pub log: Option<String>,
}

impl RunArgs {
    /// The code to end with: `code`, but [`Code::Ok`] for [`Code::Undecided`] where
    /// `--allow-undecided` says so.
    #[must_use]
    pub fn settle(&self, code: Code) -> Code {
        if self.allow_undecided && code == Code::Undecided { Code::Ok } else { code }
    }

    /// The run directory: `--out`, or `results/<program>-<UTC time>` of this second, with a number
    /// after it where that is taken. Nothing is created.
    #[must_use]
    pub fn out_dir(&self, program: &str) -> PathBuf {
        self.out.clone().unwrap_or_else(|| results_dir(program))
    }

    /// Threads that send load: `--threads`, or one less than there are cores, at least one.
    #[must_use]
    pub fn workers(&self) -> usize {
        self.threads.map_or_else(
            || thread::available_parallelism().map_or(1, |cores| (cores.get() - 1).max(1)),
            |threads| usize::from(threads.get()),
        )
    }
}

/// `results/<program>-<UTC time>` of this second, with a number after it where that is taken.
/// Nothing is created.
#[must_use]
pub fn results_dir(program: &str) -> PathBuf {
    free_dir(Path::new(RESULTS), program, clock::wall_ns(), Path::exists)
}

fn free_dir(results: &Path, program: &str, wall_ns: u64, taken: impl Fn(&Path) -> bool) -> PathBuf {
    let name = format!("{program}-{}", utc_time(wall_ns).replace(['-', ':'], ""));
    let first = results.join(&name);
    if !taken(&first) {
        return first;
    }
    let mut others = (2_u64..).map(|number| results.join(format!("{name}-{number}")));
    others.find(|path| !taken(path)).unwrap_or(first)
}

#[cfg(test)]
mod tests {
    use super::{RunArgs, free_dir};
    use crate::Format;
    use clap::Parser;
    use std::path::Path;

    #[derive(Parser)]
    struct Program {
        #[command(flatten)]
        run: RunArgs,
    }

    fn parse(flags: &[&str]) -> Result<RunArgs, clap::Error> {
        Program::try_parse_from([&["program"], flags].concat()).map(|program| program.run)
    }

    #[test]
    fn a_bare_call_has_the_stated_defaults() {
        let args = parse(&[]).unwrap();
        assert_eq!(
            (args.seed, args.quiet, args.format.get(), args.allow_undecided),
            (1, false, Format::Text, false)
        );
        assert!(args.workers() >= 1);
        let dir = args.out_dir("replay");
        let name = dir.to_str().unwrap().strip_prefix("results/replay-").unwrap();
        assert!(name.len() >= 16 && &name[8..9] == "T" && &name[15..16] == "Z", "{name}");
    }

    #[test]
    fn flags_mean_what_they_say() {
        let args =
            parse(&["--out", "x", "--seed", "7", "--threads", "3", "--log", "debug"]).unwrap();
        assert_eq!(
            (args.out_dir("replay").as_path(), args.seed, args.workers()),
            (Path::new("x"), 7, 3)
        );
        assert_eq!(parse(&["--threads", "256"]).unwrap().workers(), 256);
        for (flags, range) in [
            (&["--threads", "0"] as &[_], "1 to 256"),
            (&["--threads", "-1"], "1 to 256"),
            (&["--threads", "257"], "1 to 256"),
            (&["--seed", "-1"], "0 to 18446744073709551615"),
            (&["--seed", "1.5"], "0 to 18446744073709551615"),
        ] {
            let error = parse(flags).unwrap_err();
            let said = format!("expected a whole number from {range}, such as");
            assert_eq!(error.exit_code(), 2, "{flags:?}");
            assert!(error.to_string().contains(&said), "{flags:?}: {error}");
        }
    }

    #[test]
    fn two_runs_in_one_second_have_two_directories() {
        let second_ns = 1_764_064_923_000_000_000;
        for (taken, want) in [
            (&[] as &[&str], "results/replay-20251125T100203Z"),
            (&["results/replay-20251125T100203Z"], "results/replay-20251125T100203Z-2"),
            (
                &["results/replay-20251125T100203Z", "results/replay-20251125T100203Z-2"],
                "results/replay-20251125T100203Z-3",
            ),
        ] {
            let is_taken = |path: &Path| taken.iter().any(|other| path == Path::new(other));
            let dir = free_dir(Path::new("results"), "replay", second_ns, is_taken);
            assert_eq!(dir, Path::new(want));
        }
    }
}
