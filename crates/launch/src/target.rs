//! The flags that say where to send and with which key.

use std::env::{self, VarError};
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::time::Duration;

use proofload_record::Secrets;

use crate::{BaseUrl, BaseUrlError, Header, whole_number};

/// Where a request goes that has a key and no `--api-base`.
const DEFAULT_BASE: &str = "http://localhost:8080";
/// Header of the key where `--auth-header` names none; the only one whose value gets `Bearer `.
const AUTHORIZATION: &str = "authorization";
/// A file larger than this is not a key.
const KEY_FILE_LIMIT_BYTES: u64 = 16 * 1024;
/// Headers that the client sets, and that a second one would contradict.
const RESERVED: [&str; 4] = ["connection", "content-length", "transfer-encoding", "x-request-id"];

/// The flags that say where to send and with which key, to be flattened into a program's own.
///
/// They hold what was typed, keys among it, and are therefore not `Debug`; [`Self::resolve`] checks
/// them.
#[derive(Clone, clap::Args)]
#[command(next_help_heading = "Target")]
pub struct TargetArgs {
    /// Base URL of the API, with or without /v1 [default: the embedded simulator; with a key
    /// http://localhost:8080]
    // A plain string, since clap would repeat a refused value with the password in it.
    #[arg(long, value_name = "URL")]
    pub api_base: Option<String>,
    /// Environment variable that holds the key
    #[arg(long, value_name = "NAME", conflicts_with = "api_key_file")]
    pub api_key_env: Option<String>,
    /// File that holds the key
    #[arg(long, value_name = "PATH")]
    pub api_key_file: Option<PathBuf>,
    /// Header that carries the key; `Bearer` is added in authorization alone [default: authorization]
    #[arg(long, value_name = "NAME")]
    pub auth_header: Option<String>,
    /// One more header for every request; may be repeated. No file and no message shows its value
    #[arg(long, value_name = "NAME: VALUE")]
    pub header: Vec<String>,
    /// Wait at most so long for a target that is starting
    #[arg(
        long,
        value_name = "SECONDS",
        default_value_t = 0,
        allow_negative_numbers = true,
        value_parser = whole_number(0..=u32::MAX, "120")
    )]
    pub wait_ready: u32,
    /// PEM file of certificates to trust instead of the system's
    #[arg(long, value_name = "PATH", conflicts_with = "insecure")]
    pub ca_file: Option<PathBuf>,
    /// Do not check the server's certificate
    #[arg(long)]
    pub insecure: bool,
    /// Setting of the embedded simulator; may be repeated. `proofload-simulate --help` lists them
    #[arg(long, value_name = "KEY=VALUE")]
    pub sim: Vec<String>,
}

/// A key that a program takes by a flag of its own.
#[derive(Clone, Copy)]
pub struct OwnKey<'a> {
    /// The flag, for messages.
    pub flag: &'static str,
    /// The header that carries it.
    pub header: &'static str,
    /// The key.
    pub key: &'a str,
}

/// Where to send, and what every request carries. Its `Debug` shows no header's value.
#[derive(Clone, Debug)]
pub struct Target {
    /// Where.
    pub place: Place,
    /// Headers of every request, the key's among them.
    pub headers: Vec<Header>,
    /// What no file and no message may show: the key, and the value of every `--header`.
    pub secrets: Secrets,
    /// How long to wait for a target that is starting.
    pub wait_ready: Duration,
    /// PEM file of certificates to trust instead of the system's.
    pub ca_file: Option<PathBuf>,
    /// The server's certificate is not checked.
    pub insecure: bool,
}

/// Where requests go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// A server.
    Url(BaseUrl),
    /// The simulator in this process, with its options as `key=value`.
    Simulator {
        /// In the order of the flags; not checked here.
        options: Vec<String>,
    },
}

/// Why the target's flags cannot be used. No message repeats a value that may be a key.
#[derive(Debug, thiserror::Error)]
pub enum TargetError {
    /// `--api-base` is no URL of an API.
    #[error("--api-base cannot be used")]
    Base {
        /// What is wrong with it.
        source: BaseUrlError,
    },
    /// The key's variable is missing or not text.
    #[error("--api-key-env: {variable} {fault}")]
    KeyVariable {
        /// The variable, by name unless that may be the key itself.
        variable: String,
        /// What is wrong with it.
        fault: &'static str,
    },
    /// The key's file cannot be read.
    #[error("--api-key-file: cannot read {path}")]
    KeyFile {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The key is empty, or no header can carry it.
    #[error("{flag}: the key is refused: {fault}")]
    Key {
        /// The flag that names it.
        flag: &'static str,
        /// What is wrong with it.
        fault: &'static str,
    },
    /// A `--header` cannot be used. They are counted, since the text may be a key.
    #[error("--header number {number}: {fault}")]
    Header {
        /// From 1.
        number: usize,
        /// What is wrong with it.
        fault: &'static str,
    },
    /// The client sets this header itself.
    #[error("--header: `{name}` is set by the client itself; leave it out")]
    Reserved {
        /// The header.
        name: &'static str,
    },
    /// `--auth-header` is no header's name.
    #[error("--auth-header: {fault}")]
    AuthHeader {
        /// What is wrong with it.
        fault: &'static str,
    },
    /// `--auth-header` without a key.
    #[error("--auth-header needs a key; add --api-key-env or --api-key-file")]
    AuthHeaderWithoutKey,
    /// A header would be sent twice.
    #[error("the key's header is given by --header as well; keep one of them")]
    KeyTwice,
    /// `--sim` although the simulator is not the target.
    #[error("--sim is for the embedded simulator, which {instead} replaces; leave one of them out")]
    SimulatorUnused {
        /// What makes the target another one.
        instead: &'static str,
    },
    /// A flag about a server although the simulator is the target.
    #[error(
        "{flag} is for a server, and without --api-base the target is the embedded simulator; add \
         --api-base or leave {flag} out"
    )]
    ServerUnused {
        /// The flag.
        flag: &'static str,
    },
    /// A flag about certificates although there are none.
    #[error("{flag} is about certificates, and {url} has none; use https or leave {flag} out")]
    CertificateUnused {
        /// The flag.
        flag: &'static str,
        /// The target.
        url: BaseUrl,
    },
}

impl TargetArgs {
    /// Reads the key and checks everything. `own_key` is one that the program takes by a flag of
    /// its own. A key without `--api-base` means `http://localhost:8080`, never the simulator: it
    /// was meant for a server. The same holds for a `--header` that looks like a credential.
    ///
    /// # Errors
    /// The first flag that cannot be used; nothing has been sent then.
    pub fn resolve(&self, own_key: Option<OwnKey<'_>>) -> Result<Target, TargetError> {
        let mut secrets = Secrets::default();
        let mut headers = Vec::new();
        if let Some((flag, key)) = self.key()? {
            let name = self.auth_header.as_deref().unwrap_or(AUTHORIZATION).trim();
            Header::new(name, "").map_err(|fault| TargetError::AuthHeader { fault })?;
            headers.push(key_header(flag, name, &key)?);
            secrets.add(&key);
        } else if self.auth_header.is_some() {
            return Err(TargetError::AuthHeaderWithoutKey);
        }
        if let Some(OwnKey { flag, header, key }) = own_key {
            headers.push(key_header(flag, header, key)?);
            secrets.add(key);
        }
        let keys = headers.len();
        let mut has_key = keys > 0;
        for (number, text) in (1..).zip(&self.header) {
            let header =
                Header::parse(text).map_err(|fault| TargetError::Header { number, fault })?;
            if let Some(name) = RESERVED.into_iter().find(|name| header.is_named(name)) {
                return Err(TargetError::Reserved { name });
            }
            if headers[..keys].iter().any(|key| header.is_named(key.name())) {
                return Err(TargetError::KeyTwice);
            }
            header.secrets().for_each(|secret| secrets.add(secret));
            has_key |= header.is_credential();
            headers.push(header);
        }
        let place = self.place(has_key)?;
        self.check_use(&place)?;
        let wait_ready = Duration::from_secs(u64::from(self.wait_ready));
        let (ca_file, insecure) = (self.ca_file.clone(), self.insecure);
        Ok(Target { place, headers, secrets, wait_ready, ca_file, insecure })
    }

    fn place(&self, has_key: bool) -> Result<Place, TargetError> {
        let (base, instead) = match &self.api_base {
            Some(base) => (base.as_str(), "--api-base"),
            None if has_key => (DEFAULT_BASE, "a key (it means http://localhost:8080)"),
            None => return Ok(Place::Simulator { options: self.sim.clone() }),
        };
        if !self.sim.is_empty() {
            return Err(TargetError::SimulatorUnused { instead });
        }
        base.parse().map(Place::Url).map_err(|source| TargetError::Base { source })
    }

    /// A flag that would do nothing is refused: whoever gave it believes that it does something.
    fn check_use(&self, place: &Place) -> Result<(), TargetError> {
        let certificates = [("--ca-file", self.ca_file.is_some()), ("--insecure", self.insecure)];
        let server = [("--header", !self.header.is_empty()), ("--wait-ready", self.wait_ready > 0)];
        let first = |flags: &[(&'static str, bool)]| {
            flags.iter().find(|(_, given)| *given).map(|(flag, _)| *flag)
        };
        let unused = match place {
            Place::Simulator { .. } => first(&[certificates, server].concat())
                .map(|flag| TargetError::ServerUnused { flag }),
            Place::Url(url) if !url.is_tls() => first(&certificates)
                .map(|flag| TargetError::CertificateUnused { flag, url: url.clone() }),
            Place::Url(_) => None,
        };
        unused.map_or(Ok(()), Err)
    }

    /// The key, with the flag that named it.
    fn key(&self) -> Result<Option<(&'static str, String)>, TargetError> {
        if let Some(name) = &self.api_key_env {
            return Ok(Some(("--api-key-env", key_of_variable(name)?)));
        }
        let Some(path) = &self.api_key_file else { return Ok(None) };
        let key =
            read_key(path).map_err(|source| TargetError::KeyFile { path: path.clone(), source })?;
        Ok(Some(("--api-key-file", key)))
    }
}

fn key_of_variable(name: &str) -> Result<String, TargetError> {
    let plain = |byte: u8| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_';
    // Somebody may have given the key instead of the variable's name, and it must not be repeated.
    let variable = if name.bytes().all(plain) {
        format!("the environment variable {name}")
    } else {
        "the environment variable of that name".to_owned()
    };
    let is_name = !name.is_empty() && !name.contains(['=', '\0']);
    match if is_name { env::var(name) } else { Err(VarError::NotPresent) } {
        Ok(key) => Ok(key),
        Err(VarError::NotPresent) => {
            let fault = "is not set; the flag takes the variable's name, not the key";
            Err(TargetError::KeyVariable { variable, fault })
        }
        Err(VarError::NotUnicode(_)) => {
            Err(TargetError::KeyVariable { variable, fault: "is not valid UTF-8" })
        }
    }
}

fn read_key(path: &Path) -> io::Result<String> {
    let mut key = String::new();
    let read = File::open(path)?.take(KEY_FILE_LIMIT_BYTES + 1).read_to_string(&mut key)?;
    if read as u64 > KEY_FILE_LIMIT_BYTES {
        return Err(io::Error::other("it is larger than 16 KiB, so it cannot be a key"));
    }
    Ok(key)
}

fn key_header(flag: &'static str, name: &str, key: &str) -> Result<Header, TargetError> {
    let key = key.trim();
    if key.is_empty() {
        return Err(TargetError::Key { flag, fault: "it is empty" });
    }
    let bearer = name.eq_ignore_ascii_case(AUTHORIZATION);
    let value = if bearer { format!("Bearer {key}") } else { key.to_owned() };
    Header::new(name, &value).map_err(|fault| TargetError::Key { flag, fault })
}

#[cfg(test)]
mod tests {
    use super::{OwnKey, Place, Target, TargetArgs};
    use clap::Parser;
    use std::error::Error;
    use std::fs;
    use tempfile::TempDir;

    #[derive(Parser)]
    struct Program {
        #[command(flatten)]
        target: TargetArgs,
    }

    /// What the flags come to, or the whole chain of what is wrong with them. `{key}` in a flag is a
    /// file that holds the key `planted-key`.
    fn resolve(flags: &[&str], own_key: Option<OwnKey<'_>>) -> Result<Target, String> {
        let dir = TempDir::new().unwrap();
        let path = dir.path().join("key");
        fs::write(&path, "planted-key\n").unwrap();
        let flags = flags.iter().map(|flag| flag.replace("{key}", path.to_str().unwrap()));
        let program = Program::try_parse_from(["program".to_owned()].into_iter().chain(flags))
            .map_err(|error| error.to_string())?;
        program.target.resolve(own_key).map_err(|error| {
            let cause = error.source().map(|cause| format!(": {cause}")).unwrap_or_default();
            format!("{error}{cause} {error:?}")
        })
    }

    fn headers(target: &Target) -> Vec<(&str, &str)> {
        target.headers.iter().map(|header| (header.name(), header.value())).collect()
    }

    fn place(target: &Target) -> String {
        match &target.place {
            Place::Url(url) => url.to_string(),
            Place::Simulator { options } => format!("simulator {options:?}"),
        }
    }

    #[test]
    fn a_key_never_goes_to_the_simulator() {
        let own_key = OwnKey { flag: "--logos-key", header: "logos_key", key: "planted-key" };
        let bearer = ("authorization", "Bearer planted-key");
        for (flags, own_key, want, carried) in [
            (&[] as &[_], None, "simulator []", &[] as &[_]),
            (&["--sim", "a=b", "--sim", "c=d"], None, r#"simulator ["a=b", "c=d"]"#, &[]),
            (
                &["--api-base", "http://h", "--header", "X-Gate: planted-key"],
                None,
                "http://h",
                &[("X-Gate", "planted-key")],
            ),
            (&["--api-base", "http://h/v1"], None, "http://h", &[]),
            (&["--api-key-file", "{key}"], None, "http://localhost:8080", &[bearer]),
            (&[], Some(own_key), "http://localhost:8080", &[("logos_key", "planted-key")]),
            (
                &["--header", "X-Api-Key: planted-key"],
                None,
                "http://localhost:8080",
                &[("X-Api-Key", "planted-key")],
            ),
            (
                &["--api-key-file", "{key}", "--auth-header", "X-Key", "--api-base", "https://h"],
                Some(own_key),
                "https://h",
                &[("X-Key", "planted-key"), ("logos_key", "planted-key")],
            ),
            (
                &[
                    "--api-key-file",
                    "{key}",
                    "--auth-header",
                    "Authorization",
                    "--header",
                    "X-A: b",
                ],
                None,
                "http://localhost:8080",
                &[("Authorization", "Bearer planted-key"), ("X-A", "b")],
            ),
        ] {
            let target = resolve(flags, own_key).unwrap();
            assert_eq!(
                (place(&target).as_str(), headers(&target).as_slice()),
                (want, carried),
                "{flags:?}"
            );
            assert!(!format!("{target:?} {target:#?}").contains("planted"), "{flags:?}");
            let shown = target.secrets.redact("planted-key");
            assert_eq!(shown == "[redacted]", !carried.is_empty(), "{flags:?}");
        }
    }

    #[test]
    fn a_key_may_be_in_the_environment() {
        // The one variable that every test has.
        let target = resolve(&["--api-key-env", "PATH"], None).unwrap();
        let path = std::env::var("PATH").unwrap();
        assert_eq!(headers(&target), [("authorization", format!("Bearer {path}").as_str())]);
    }

    #[test]
    fn wrong_flags_are_named_and_no_key_is_repeated() {
        let empty = OwnKey { flag: "--logos-key", header: "logos_key", key: " " };
        for (flags, own_key, reason) in [
            (&["--api-base", "http://u:planted@h"] as &[_], None, "--api-base cannot be used"),
            (&["--api-key-env", "PROOFLOAD_NO_SUCH_KEY"], None, "PROOFLOAD_NO_SUCH_KEY is not set"),
            (&["--api-key-env", "sk-planted"], None, "takes the variable's name, not the key"),
            (&["--api-key-env", ""], None, "is not set"),
            (&["--api-key-file", "/nonexistent/key"], None, "cannot read /nonexistent/key"),
            (&["--api-key-file", "/"], None, "cannot read /"),
            (
                &["--api-key-file", "/dev/null"],
                None,
                "--api-key-file: the key is refused: it is empty",
            ),
            (&["--api-key-file", "/dev/zero"], None, "larger than 16 KiB"),
            (&["--api-key-env", "A", "--api-key-file", "{key}"], None, "cannot be used with"),
            (&["--auth-header", "X-Key"], None, "--auth-header needs a key"),
            (
                &["--api-key-file", "{key}", "--auth-header", "X Key"],
                None,
                "--auth-header: a header's",
            ),
            (&["--header", "X-A: b", "--header", "sk-planted"], None, "--header number 2"),
            (&["--header", "X A: planted"], None, "name may hold only"),
            (&["--header", "content-LENGTH: 3"], None, "`content-length` is set by the client"),
            (&["--api-key-file", "{key}", "--header", "Authorization: planted"], None, "keep one"),
            (&["--sim", "a=b", "--api-base", "http://h"], None, "which --api-base replaces"),
            (&["--sim", "a=b", "--api-key-file", "{key}"], None, "which a key"),
            (&["--header", "X-Team: planted"], None, "--header is for a server"),
            (&["--wait-ready", "1"], None, "--wait-ready is for a server"),
            (&["--wait-ready", "-1"], None, "a whole number from 0 to 4294967295, such as 120"),
            (&["--wait-ready", "1.5"], None, "a whole number from 0 to 4294967295, such as 120"),
            (&["--insecure", "--sim", "a=b"], None, "--insecure is for a server"),
            (&["--ca-file", "x.pem"], None, "--ca-file is for a server"),
            (
                &["--insecure", "--api-base", "http://h:1/v1"],
                None,
                "--insecure is about certificates, and http://h:1 has none",
            ),
            (&["--ca-file", "x.pem", "--api-base", "http://h"], None, "--ca-file is about cert"),
            (&["--insecure", "--api-key-file", "{key}"], None, "http://localhost:8080 has none"),
            (&[], Some(empty), "--logos-key: the key is refused: it is empty"),
        ] {
            let error = resolve(flags, own_key).unwrap_err();
            assert!(error.contains(reason), "{flags:?}: {error}");
            assert!(!error.contains("planted"), "{flags:?}: {error}");
        }
    }
}
