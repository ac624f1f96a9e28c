//! What the kernel says about the generator itself: the CPU time of a worker's thread, its waiting
//! for a CPU, time stolen by the hypervisor, time throttled by the control group.
//!
//! Read by the writer's thread, so that the worker does nothing for it. All of it are counters that
//! grow; the difference of two readings is a share of the time between them.

use std::fs;
use std::path::{Path, PathBuf};

/// The counters at one moment. None where this machine does not tell.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct OwnLoad {
    at_ns: u64,
    thread: Option<ThreadTimes>,
    cpus: Option<CpuTicks>,
    throttled_ns: Option<u64>,
}

/// Times of one thread since it began.
#[derive(Clone, Copy, Debug, PartialEq)]
struct ThreadTimes {
    on_cpu_ns: u64,
    waiting_ns: u64,
}

/// Ticks of all CPUs since the machine began.
#[derive(Clone, Copy, Debug, PartialEq)]
struct CpuTicks {
    steal: u64,
    total: u64,
}

/// What happened between two moments.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Shares {
    pub(crate) busy: Option<f64>,
    pub(crate) waiting: Option<f64>,
    pub(crate) steal: Option<f64>,
    pub(crate) throttled_ms: Option<f64>,
}

impl OwnLoad {
    /// What has happened since `before`.
    pub(crate) fn since(&self, before: &Self) -> Shares {
        let length_ns = self.at_ns.saturating_sub(before.at_ns);
        let share = |part: u64, whole: u64| (whole > 0).then(|| part as f64 / whole as f64);
        let thread = self.thread.zip(before.thread);
        let cpus = self.cpus.zip(before.cpus);
        let throttled = self.throttled_ns.zip(before.throttled_ns);
        Shares {
            busy: thread.and_then(|(now, then)| {
                share(now.on_cpu_ns.saturating_sub(then.on_cpu_ns), length_ns)
            }),
            waiting: thread.and_then(|(now, then)| {
                share(now.waiting_ns.saturating_sub(then.waiting_ns), length_ns)
            }),
            steal: cpus.and_then(|(now, then)| {
                let total = now.total.saturating_sub(then.total);
                share(now.steal.saturating_sub(then.steal), total)
            }),
            throttled_ms: throttled.map(|(now, then)| now.saturating_sub(then) as f64 / 1e6),
        }
    }
}

/// Where this process finds its counters.
pub(crate) struct Probe {
    cpu_stat: Option<PathBuf>,
}

impl Probe {
    /// Looks for this process's control group once.
    pub(crate) fn new() -> Self {
        let groups = fs::read_to_string("/proc/self/cgroup").unwrap_or_default();
        let found = cpu_stat_paths(&groups, Path::new("/sys/fs/cgroup"))
            .into_iter()
            .find(|path| fs::read_to_string(path).is_ok_and(|text| throttled_ns(&text).is_some()));
        Self { cpu_stat: found }
    }

    /// The counters now, `at_ns` on the run's clock, with those of `thread`.
    pub(crate) fn read(&self, at_ns: u64, thread: i32) -> OwnLoad {
        let text = |path: &str| fs::read_to_string(path).ok();
        let cpu_stat = self.cpu_stat.as_deref().and_then(|path| fs::read_to_string(path).ok());
        OwnLoad {
            at_ns,
            thread: text(&format!("/proc/self/task/{thread}/schedstat"))
                .and_then(|text| thread_times(&text)),
            cpus: text("/proc/stat").and_then(|text| cpu_ticks(&text)),
            throttled_ns: cpu_stat.and_then(|text| throttled_ns(&text)),
        }
    }
}

/// `schedstat` of a thread: time on a CPU, time ready and waiting for one, time slices.
fn thread_times(text: &str) -> Option<ThreadTimes> {
    let mut numbers = text.split_ascii_whitespace().map(str::parse);
    let mut next = || numbers.next()?.ok();
    Some(ThreadTimes { on_cpu_ns: next()?, waiting_ns: next()? })
}

/// The first line of `/proc/stat`. Guest time is already part of user time, so it is left out.
fn cpu_ticks(text: &str) -> Option<CpuTicks> {
    let line = text.lines().next()?.strip_prefix("cpu ")?;
    let ticks = line.split_ascii_whitespace().take(8).map(|tick| tick.parse().ok());
    let ticks: Vec<u64> = ticks.collect::<Option<_>>()?;
    Some(CpuTicks { steal: *ticks.get(7)?, total: ticks.iter().sum() })
}

/// `cpu.stat` of a control group: version 2 counts microseconds, version 1 nanoseconds.
fn throttled_ns(text: &str) -> Option<u64> {
    text.lines().find_map(|line| match line.split_once(' ')? {
        ("throttled_usec", value) => value.parse::<u64>().ok()?.checked_mul(1_000),
        ("throttled_time", value) => value.parse().ok(),
        _ => None,
    })
}

/// Where `cpu.stat` may be, by what `/proc/self/cgroup` says. Inside a container the path may be
/// that of the host while the mount shows only our own group, so its root comes last.
fn cpu_stat_paths(groups: &str, root: &Path) -> Vec<PathBuf> {
    let mut paths = Vec::new();
    for line in groups.lines() {
        let mut parts = line.splitn(3, ':').skip(1);
        let (Some(controllers), Some(group)) = (parts.next(), parts.next()) else { continue };
        let mount = match controllers {
            "" => root.to_owned(),
            _ if controllers.split(',').any(|name| name == "cpu") => root.join(controllers),
            _ => continue,
        };
        paths.push(mount.join(group.trim_start_matches('/')).join("cpu.stat"));
        paths.push(mount.join("cpu.stat"));
    }
    paths
}

#[cfg(test)]
mod tests {
    use super::{
        CpuTicks, OwnLoad, Probe, ThreadTimes, cpu_stat_paths, cpu_ticks, thread_times,
        throttled_ns,
    };
    use std::path::{Path, PathBuf};

    #[test]
    fn the_kernels_texts_are_read() {
        let times = ThreadTimes { on_cpu_ns: 21_139_005, waiting_ns: 13_798_031 };
        assert_eq!(thread_times("21139005 13798031 69\n"), Some(times));
        let stat = "cpu  1 2 3 4 5 6 7 8 100 100\ncpu0 1 2 3 4 5 6 7 8 100 100\n";
        assert_eq!(cpu_ticks(stat), Some(CpuTicks { steal: 8, total: 36 }));
        let two = "usage_usec 5\nnr_throttled 1\nthrottled_usec 7\n";
        assert_eq!(throttled_ns(two), Some(7_000));
        assert_eq!(throttled_ns("nr_periods 0\nthrottled_time 7\n"), Some(7));
        for (name, text) in [("empty", ""), ("no number", "throttled_usec x"), ("other", "cpu")] {
            assert_eq!(throttled_ns(text), None, "{name}");
            assert_eq!(cpu_ticks(text), None, "{name}");
            assert_eq!(thread_times(text), None, "{name}");
        }
    }

    #[test]
    fn the_control_group_is_looked_for_where_both_versions_have_it() {
        let groups = "4:memory:/job\n1:cpu,cpuacct:/job\n0::/user/job\nodd\n";
        let want = [
            "/cg/cpu,cpuacct/job/cpu.stat",
            "/cg/cpu,cpuacct/cpu.stat",
            "/cg/user/job/cpu.stat",
            "/cg/cpu.stat",
        ];
        assert_eq!(cpu_stat_paths(groups, Path::new("/cg")), want.map(PathBuf::from));
    }

    #[test]
    fn shares_are_differences_over_the_time_between() {
        let before = OwnLoad {
            at_ns: 1_000,
            thread: Some(ThreadTimes { on_cpu_ns: 10, waiting_ns: 20 }),
            cpus: Some(CpuTicks { steal: 1, total: 100 }),
            throttled_ns: None,
        };
        let now = OwnLoad {
            at_ns: 2_000,
            thread: Some(ThreadTimes { on_cpu_ns: 260, waiting_ns: 145 }),
            cpus: Some(CpuTicks { steal: 6, total: 110 }),
            throttled_ns: Some(9),
        };
        let shares = now.since(&before);
        assert_eq!((shares.busy, shares.waiting), (Some(0.25), Some(0.125)));
        assert_eq!((shares.steal, shares.throttled_ms), (Some(0.5), None));
        assert_eq!(now.since(&now).busy, None, "no time has passed");
    }

    #[test]
    fn this_thread_is_found_and_one_that_is_gone_is_not() {
        let me = rustix::thread::gettid().as_raw_nonzero().get();
        let probe = Probe::new();
        assert!(probe.read(0, me).thread.is_some());
        assert!(probe.read(0, i32::MAX).thread.is_none());
    }
}
