//! Where a log is.

use proofload_record::Secrets;
use sqlx::ConnectOptions;
use sqlx::postgres::PgConnectOptions;
use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

/// Parameters of a PostgreSQL URL that are passed on.
const PARAMETERS: [&str; 13] = [
    "application_name",
    "dbname",
    "host",
    "hostaddr",
    "options",
    "password",
    "port",
    "sslcert",
    "sslkey",
    "sslmode",
    "sslrootcert",
    "statement-cache-capacity",
    "user",
];

/// A database that holds a server's log. It shows as its address, without user and password.
#[derive(Clone)]
pub struct Source(Place);

#[derive(Clone)]
pub(crate) enum Place {
    Sqlite(PathBuf),
    Postgres(Box<PgConnectOptions>),
}

/// Why a text is not the address of a database. No message repeats the text: it may hold a password.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SourceError {
    /// Another kind of database, or none.
    #[error("expected sqlite:PATH or postgres://USER@HOST:PORT/DATABASE")]
    Scheme,
    /// `sqlite:` and nothing after it.
    #[error("expected the path of a file after `sqlite:`")]
    NoPath,
    /// A parameter that means nothing.
    #[error("unknown parameter `{key}`; there are {}", PARAMETERS.join(", "))]
    Parameter {
        /// Its name.
        key: String,
    },
    /// An `@` after the place where the host ends: what was meant as a password is cut in two.
    #[error(
        "an @ stands after the host; characters such as / ? # @ : in a password are written \
         %2F %3F %23 %40 %3A, and so is an @ anywhere else"
    )]
    Cut,
    /// Not a URL that PostgreSQL can be reached with.
    #[error(
        "not a PostgreSQL URL: {reason}; characters such as / @ : in a password are written %2F %40 %3A"
    )]
    Postgres {
        /// What is wrong with it.
        reason: String,
    },
}

impl Source {
    /// A SQLite file.
    #[must_use]
    pub fn sqlite(path: &Path) -> Self {
        Self(Place::Sqlite(path.to_owned()))
    }

    pub(crate) const fn place(&self) -> &Place {
        &self.0
    }

    /// What of `url` nobody may see: its password, as it is written and as it is meant. Also finds
    /// that of a URL which cannot be used.
    #[must_use]
    pub fn secrets_of(url: &str) -> Secrets {
        let mut secrets = Secrets::default();
        for password in passwords_of(url) {
            secrets.add(password);
            secrets.add(&decoded(password));
            secrets.add(&decoded(&password.replace('+', " ")));
        }
        secrets
    }

    /// Whether `url` holds a password, which others can then see on the command line.
    #[must_use]
    pub fn shows_password(url: &str) -> bool {
        !passwords_of(url).is_empty()
    }
}

/// The passwords in a URL, as they are written.
fn passwords_of(url: &str) -> Vec<&str> {
    let Some((_, rest)) = url.split_once(':').filter(|(scheme, _)| is_postgres(scheme)) else {
        return Vec::new();
    };
    let rest = rest.trim_start_matches('/');
    // Up to the last @, since a password may hold one by mistake.
    let user = rest.rsplit_once('@').map_or("", |(user, _)| user);
    let in_user = user.split_once(':').map(|(_, password)| password);
    let query = rest.split_once('?').map_or("", |(_, query)| query);
    let pairs = query.split('&').filter_map(|pair| pair.split_once('='));
    let in_query = pairs.filter(|(key, _)| *key == "password").map(|(_, value)| value);
    in_user.into_iter().chain(in_query).filter(|password| !password.is_empty()).collect()
}

fn is_postgres(scheme: &str) -> bool {
    matches!(scheme, "postgres" | "postgresql")
}

/// `text` with its percent-encoded bytes decoded.
fn decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&byte, after)) = rest.split_first() {
        let hex = after.get(..2).and_then(|hex| std::str::from_utf8(hex).ok());
        match hex.and_then(|hex| u8::from_str_radix(hex, 16).ok()).filter(|_| byte == b'%') {
            Some(decoded) => {
                bytes.push(decoded);
                rest = &after[2..];
            }
            None => {
                bytes.push(byte);
                rest = after;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

impl FromStr for Source {
    type Err = SourceError;

    fn from_str(text: &str) -> Result<Self, SourceError> {
        let (scheme, rest) = text.split_once(':').ok_or(SourceError::Scheme)?;
        if scheme == "sqlite" {
            let path = rest.strip_prefix("//").unwrap_or(rest);
            let path = Some(path).filter(|path| !path.is_empty());
            return path.map(|path| Self::sqlite(Path::new(path))).ok_or(SourceError::NoPath);
        }
        if !is_postgres(scheme) || !rest.starts_with("//") {
            return Err(SourceError::Scheme);
        }
        // An address ends at the first of these, also where one of them is of the password.
        let address_end = rest[2..].find(['/', '?', '#']).map_or(rest.len(), |at| at + 2);
        if rest[address_end..].contains('@') {
            return Err(SourceError::Cut);
        }
        let query = rest.split_once('?').map_or("", |(_, query)| query);
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            let key = pair.split_once('=').map_or(pair, |(key, _)| key);
            if !PARAMETERS.contains(&key) {
                // Behind an & in a password stands the rest of it.
                let may_be_password = query.contains("password=");
                let key = if may_be_password { Secrets::REDACTED } else { key };
                let key = Self::secrets_of(text).redact(key).into_owned();
                return Err(SourceError::Parameter { key });
            }
        }
        let options = text.parse::<PgConnectOptions>().map_err(|error| {
            let reason = match error {
                sqlx::Error::Configuration(cause) => cause.to_string(),
                other => other.to_string(),
            };
            let reason = Self::secrets_of(text).redact(&reason).into_owned();
            SourceError::Postgres { reason }
        })?;
        Ok(Self(Place::Postgres(Box::new(options.disable_statement_logging()))))
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Place::Sqlite(path) => write!(f, "sqlite:{}", path.display()),
            Place::Postgres(options) => {
                match options.get_socket() {
                    Some(folder) => write!(f, "postgres:{}", folder.display())?,
                    None => write!(f, "postgres://{}:{}", options.get_host(), options.get_port())?,
                }
                // Without a name it is that of the user, which is not shown.
                write!(f, "/{}", options.get_database().unwrap_or_default())
            }
        }
    }
}

/// Shows what `Display` shows: sqlx's own form would show the password.
impl fmt::Debug for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Source({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::Source;

    #[test]
    fn an_address_shows_neither_user_nor_password() {
        for (text, want) in [
            ("sqlite:log.db", "sqlite:log.db"),
            ("sqlite://log.db", "sqlite:log.db"),
            ("sqlite:///var/log.db", "sqlite:/var/log.db"),
            ("sqlite:/var/log.db", "sqlite:/var/log.db"),
            ("postgres://bob:planted@db.example:6432/logos", "postgres://db.example:6432/logos"),
            ("postgresql://db/logos?user=bob&password=planted", "postgres://db:5432/logos"),
            ("postgres://bob:planted@h/logos?host=/run/pg", "postgres:/run/pg/logos"),
            ("postgres://bob:pl%40nted@[::1]:5432/a%20b", "postgres://[::1]:5432/a b"),
        ] {
            let source: Source = text.parse().unwrap_or_else(|error| panic!("{text}: {error}"));
            assert_eq!(source.to_string(), want, "{text}");
            assert_eq!(format!("{source:?}"), format!("Source({want})"), "{text}");
        }
    }

    #[test]
    fn a_password_is_known_before_the_address_is_understood() {
        for (text, shown) in [
            ("postgres://bob:planted@db/logos", "the planted one"),
            ("postgres://bob:pl%2Fanted@db/logos", "the pl/anted one"),
            ("postgres://bob:pl/an@ted@db/logos", "the pl/an@ted one"),
            ("postgres://db/logos?password=pl+anted", "the pl anted one"),
            ("postgres:bob:planted@", "the planted one"),
        ] {
            let secrets = Source::secrets_of(text);
            assert_eq!(secrets.redact(shown), "the [redacted] one", "{text}");
            assert!(Source::shows_password(text), "{text}");
        }
        for text in ["sqlite:a:planted@b", "postgres://bob@db/logos", "planted", ""] {
            assert!(!Source::shows_password(text), "{text}");
        }
    }

    #[test]
    fn a_refusal_says_what_is_wrong_and_repeats_no_password() {
        for (text, want) in [
            ("", "expected sqlite:PATH or postgres://"),
            ("mysql://planted@h/d", "expected sqlite:PATH or postgres://"),
            ("postgres:planted", "expected sqlite:PATH or postgres://"),
            ("/var/log.db", "expected sqlite:PATH or postgres://"),
            ("sqlite:", "expected the path of a file"),
            ("sqlite://", "expected the path of a file"),
            ("postgres://bob:pl/anted@db/logos", "an @ stands after the host"),
            ("postgres://bob:4711/planted@db/logos", "an @ stands after the host"),
            ("postgres://bob:4711?planted@db/logos", "an @ stands after the host"),
            ("postgres://bob:4711#planted@db/logos", "an @ stands after the host"),
            ("postgres://bob:4711?user=planted@db/logos", "an @ stands after the host"),
            ("postgres://db/logos?password=a&planted", "unknown parameter `[redacted]`"),
            ("postgres://bob:planted@db:port/logos", "not a PostgreSQL URL: invalid port"),
            ("postgres://db/logos?passwort=planted", "unknown parameter `passwort`; there are"),
        ] {
            let error = text.parse::<Source>().unwrap_err();
            let shown = format!("{error} {error:?}");
            assert!(shown.contains(want), "{text}: {shown}");
            assert!(!shown.contains("planted") && !shown.contains("anted@"), "{text}: {shown}");
        }
    }
}
