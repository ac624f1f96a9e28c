//! What a server says of itself.

use std::time::Duration;

/// The figures of `INFO` that are used here.
///
/// Its counts are read while it is carried out: bytes received already have this `INFO` in them, while
/// commands and bytes sent have not. So the difference of two is that of [`Counters::snapshot`] taken
/// just *before* each, exactly, if nobody else talks to the server.
///
/// Commands are those that the server ran, whether or not they failed, those inside scripts among them
/// and an `EVALSHA` of a script that it does not have. Those that it turned away unread are not: wrong
/// number of arguments, unknown command, no permission, no memory, a replica.
///
/// [`Counters::snapshot`]: proofload_scheduler::Counters::snapshot
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Info {
    /// Changes whenever the server starts.
    pub run_id: String,
    /// Of the server, such as `7.0.15`.
    pub version: String,
    /// Whom it copies; `None`: nobody, it is the one to write to.
    pub replica_of: Option<String>,
    /// It is still reading its data.
    pub loading: bool,
    /// Commands carried out since it started.
    pub commands: u64,
    /// Bytes read from all its clients.
    pub bytes_received: u64,
    /// Bytes written to all its clients.
    pub bytes_sent: u64,
    /// CPU time of the process, in user and in kernel mode.
    pub cpu: CpuTime,
    /// That of the thread that carries out commands alone.
    pub cpu_main_thread: CpuTime,
}

/// CPU time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CpuTime {
    /// In user mode.
    pub user: Duration,
    /// In kernel mode.
    pub system: Duration,
}

/// A line that is not there or not as it should be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct MissingLine(pub(super) &'static str);

impl Info {
    pub(super) fn read(text: &str) -> Result<Self, MissingLine> {
        let find = |name: &'static str| {
            text.lines()
                .find_map(|line| line.trim_end().strip_prefix(name)?.strip_prefix(':'))
                .ok_or(MissingLine(name))
        };
        let number = |name: &'static str| find(name)?.parse::<u64>().map_err(|_| MissingLine(name));
        let time = |name: &'static str| duration(find(name)?).ok_or(MissingLine(name));
        let replica_of = match find("role")? {
            "master" => None,
            _ => Some(format!("{}:{}", find("master_host")?, find("master_port")?)),
        };
        Ok(Self {
            run_id: find("run_id")?.to_owned(),
            version: find("redis_version")?.to_owned(),
            replica_of,
            loading: find("loading")? != "0",
            commands: number("total_commands_processed")?,
            bytes_received: number("total_net_input_bytes")?,
            bytes_sent: number("total_net_output_bytes")?,
            cpu: CpuTime { user: time("used_cpu_user")?, system: time("used_cpu_sys")? },
            cpu_main_thread: CpuTime {
                user: time("used_cpu_user_main_thread")?,
                system: time("used_cpu_sys_main_thread")?,
            },
        })
    }
}

/// Seconds with a fraction of microseconds, exactly.
fn duration(text: &str) -> Option<Duration> {
    let (seconds, micros) = text.split_once('.').unwrap_or((text, "0"));
    if !micros.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let padded = format!("{micros:0<6}");
    let micros = padded.get(..6)?.parse::<u32>().ok()?;
    Some(Duration::new(seconds.parse().ok()?, micros.checked_mul(1_000)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    const LINES: &[&str] = &[
        "# Server",
        "redis_version:7.0.15",
        "run_id:5f",
        "loading:0",
        "total_commands_processed:18446744073709551615",
        "total_net_input_bytes:2",
        "total_net_output_bytes:3",
        "used_cpu_sys:0.25",
        "used_cpu_user:1.000001",
        "used_cpu_sys_children:9",
        "used_cpu_sys_main_thread:4",
        "used_cpu_user_main_thread:0.5",
    ];

    fn read(lines: &[&str]) -> Result<Info, MissingLine> {
        Info::read(&lines.join("\r\n"))
    }

    #[test]
    fn figures_are_read_by_their_whole_names() {
        let info = read(&[LINES, &["role:master"]].concat()).expect("whole");
        let time = |micros| Duration::from_micros(micros);
        let want = Info {
            run_id: "5f".to_owned(),
            version: "7.0.15".to_owned(),
            replica_of: None,
            loading: false,
            commands: u64::MAX,
            bytes_received: 2,
            bytes_sent: 3,
            cpu: CpuTime { user: time(1_000_001), system: time(250_000) },
            cpu_main_thread: CpuTime { user: time(500_000), system: time(4_000_000) },
        };
        assert_eq!(info, want);
        let copying = ["role:slave", "master_host:::1", "master_port:7", "loading:1"];
        let info = read(&[&copying, LINES].concat()).expect("whole");
        assert_eq!((info.replica_of.as_deref(), info.loading), (Some("::1:7"), true));
    }

    #[test]
    fn a_line_that_is_missing_or_odd_is_named() {
        for left_out in 1..LINES.len() {
            let mut lines = LINES.to_vec();
            lines.push("role:master");
            let name = lines.remove(left_out).split(':').next();
            let found = read(&lines).map_err(|missing| missing.0);
            match name {
                Some("used_cpu_sys_children") => assert!(found.is_ok()),
                name => assert_eq!(found.err(), name),
            }
        }
        for (odd, name) in [
            ("role:slave", "master_host"),
            ("total_commands_processed:-1", "total_commands_processed"),
            ("total_net_input_bytes:", "total_net_input_bytes"),
            ("used_cpu_sys:1.é00000", "used_cpu_sys"),
            ("used_cpu_user:x", "used_cpu_user"),
            ("used_cpu_user:1.+1", "used_cpu_user"),
            ("used_cpu_user:99999999999999999999.0", "used_cpu_user"),
        ] {
            let found = read(&[&[odd], LINES, &["role:master"]].concat());
            assert_eq!(found, Err(MissingLine(name)), "{odd}");
        }
    }
}
