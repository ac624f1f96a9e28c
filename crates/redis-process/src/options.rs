//! How a server is to be run, and the configuration file that says so.

use std::fmt;
use std::fmt::Write as _;
use std::path::Path;

/// When the append-only file is written through to the disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fsync {
    /// Before each answer.
    Always,
    /// Once a second.
    EverySecond,
    /// When the operating system sees fit.
    Never,
}

/// How a server is to be run. By default it keeps nothing on disk, has no password and no limit of memory.
#[derive(Clone, Default)]
pub struct Options {
    /// Keeps an append-only file, written through like this.
    pub append_only: Option<Fsync>,
    /// Asks its clients for this password.
    pub password: Option<String>,
    /// Refuses writes beyond so much memory.
    pub memory_max_bytes: Option<u64>,
    /// Further arguments of the command line, such as `--hz` and `100`.
    pub arguments: Vec<String>,
}

/// Shows no password.
impl fmt::Debug for Options {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Options")
            .field("append_only", &self.append_only)
            .field("has_password", &self.password.is_some())
            .field("memory_max_bytes", &self.memory_max_bytes)
            .field("arguments", &self.arguments)
            .finish()
    }
}

impl Options {
    /// The configuration file. The password stands here, where only the owner can read it, and not on
    /// the command line, which every user of the machine can see.
    pub(crate) fn file(&self, folder: &Path, port: u16) -> String {
        let mut text = format!("bind 127.0.0.1\nport {port}\ndaemonize no\nsave \"\"\n");
        let _ = writeln!(text, "dir {}", quoted(&folder.to_string_lossy()));
        if let Some(fsync) = self.append_only {
            let fsync = match fsync {
                Fsync::Always => "always",
                Fsync::EverySecond => "everysec",
                Fsync::Never => "no",
            };
            let _ = writeln!(text, "appendonly yes\nappendfsync {fsync}");
        }
        if let Some(password) = &self.password {
            let _ = writeln!(text, "requirepass {}", quoted(password));
        }
        if let Some(most) = self.memory_max_bytes {
            let _ = writeln!(text, "maxmemory {most}");
        }
        text
    }
}

/// A value as a configuration file of Redis takes it: bytes that could end it or the line are escaped.
fn quoted(value: &str) -> String {
    let mut text = String::from("\"");
    for byte in value.bytes() {
        match byte {
            b'"' | b'\\' => text.extend(['\\', char::from(byte)]),
            b' '..=b'~' => text.push(char::from(byte)),
            _ => {
                let _ = write!(text, "\\x{byte:02x}");
            }
        }
    }
    text.push('"');
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_cannot_leave_its_quotes() {
        for (value, want) in [
            ("plain", r#""plain""#),
            ("two words", r#""two words""#),
            ("a\"b\\c", r#""a\"b\\c""#),
            ("line\nport 1", r#""line\x0aport 1""#),
            ("é", r#""\xc3\xa9""#),
        ] {
            assert_eq!(quoted(value), want, "{value:?}");
        }
    }

    #[test]
    fn the_password_is_not_shown() {
        let options = Options { password: Some("planted".to_owned()), ..Options::default() };
        let shown = format!("{options:?}");
        assert!(!shown.contains("planted") && shown.contains("has_password: true"), "{shown}");
    }
}
