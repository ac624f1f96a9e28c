//! Where a server is, and what it is told to be let in.

use std::fmt;
use std::net::SocketAddr;
use std::str::FromStr;
use std::sync::Arc;

const SCHEME: &str = "redis://";
const PORT: u16 = 6379;

/// A server's address: `redis://[[user]:password@]host[:port][/database]`. Neither its `Display` nor its
/// `Debug` shows the password.
///
/// ```
/// # use proofload_scheduler_redis::wire::Address;
/// let address: Address = "redis://:s%40cret@[::1]/2".parse()?;
/// assert_eq!(address.to_string(), "redis://:***@[::1]:6379/2");
/// # Ok::<(), proofload_scheduler_redis::wire::AddressError>(())
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct Address(Arc<Parts>);

#[derive(PartialEq, Eq)]
struct Parts {
    host: String,
    port: u16,
    database: u32,
    login: Option<Login>,
}

#[derive(PartialEq, Eq)]
pub(super) struct Login {
    /// Empty: the server's `default`.
    user: String,
    password: String,
}

impl Login {
    pub(super) fn user(&self) -> &str {
        if self.user.is_empty() { "default" } else { &self.user }
    }

    pub(super) fn password(&self) -> &str {
        &self.password
    }
}

/// Why an address was refused. What was written is not shown: a slip may put a password anywhere.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AddressError {
    /// Encrypted connections.
    #[error("TLS is not built yet: use `redis://` on a network that you trust, not `rediss://`")]
    Tls,
    /// A socket in the file system.
    #[error("unix sockets are not built: use `redis://host:port`")]
    UnixSocket,
    /// Something else altogether.
    #[error("a server's address begins with `redis://`, for example redis://127.0.0.1:6379")]
    Scheme,
    /// No host.
    #[error("the address names no host; expected redis://host[:port][/database]")]
    NoHost,
    /// A host that is none.
    #[error("the host holds what no host's name does; write an IPv6 address in brackets")]
    Host,
    /// A port that is none.
    #[error(
        "the port, after the host's colon, is no number from 1 to 65535; a password goes before an `@`"
    )]
    Port,
    /// A database that is none.
    #[error("the database, after the host's slash, is no number; expected redis://host:port/0")]
    Database,
    /// A user alone.
    #[error("the address names a user without a password; expected redis://user:password@host")]
    NoPassword,
    /// A `%` that does not stand for a byte, in the user or the password.
    #[error(
        "the user or the password holds a `%` that is followed by no two hexadecimal digits, or is no UTF-8; write a `%` as %25"
    )]
    Escape,
    /// Parameters.
    #[error("the address has parameters after `?` or `#`; none are known")]
    Parameters,
}

impl Address {
    /// Host and port.
    #[must_use]
    pub fn endpoint(&self) -> (&str, u16) {
        (&self.0.host, self.0.port)
    }

    /// Whether a password stands in it.
    #[must_use]
    pub fn has_password(&self) -> bool {
        self.login().is_some_and(|login| !login.password.is_empty())
    }

    /// The same address with this password, for the user that it names.
    #[must_use]
    pub fn with_password(&self, password: &str) -> Self {
        let user = self.login().map_or_else(String::new, |login| login.user.clone());
        let login = Some(Login { user, password: password.to_owned() });
        let Parts { host, port, database, .. } = &*self.0;
        Self(Arc::new(Parts { host: host.clone(), port: *port, database: *database, login }))
    }

    /// The same login and database, reached by another way, such as a proxy.
    #[must_use]
    pub fn by_way_of(&self, way: SocketAddr) -> Self {
        let (host, port) = (way.ip().to_string(), way.port());
        let login = self.login().map(|Login { user, password }| Login {
            user: user.clone(),
            password: password.clone(),
        });
        Self(Arc::new(Parts { host, port, database: self.0.database, login }))
    }

    /// The whole address as text, the password in it: for a pipe to a process of one's own, and for
    /// nothing that anybody else can read.
    #[must_use]
    pub fn revealed(&self) -> String {
        let shown = Parts { login: None, host: self.0.host.clone(), ..*self.0 };
        let plain = Self(Arc::new(shown)).to_string();
        match self.login() {
            None => plain,
            Some(Login { user, password }) => {
                let rest = plain.trim_start_matches(SCHEME);
                format!("{SCHEME}{}:{}@{rest}", escaped(user), escaped(password))
            }
        }
    }

    pub(super) fn database(&self) -> u32 {
        self.0.database
    }

    pub(super) fn login(&self) -> Option<&Login> {
        self.0.login.as_ref()
    }
}

impl FromStr for Address {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, AddressError> {
        let Some(rest) = text.strip_prefix(SCHEME) else {
            return Err(match text.split("://").next() {
                Some("rediss" | "valkeys") => AddressError::Tls,
                Some("unix" | "redis+unix") => AddressError::UnixSocket,
                _ => AddressError::Scheme,
            });
        };
        // A password may hold anything but an `@`.
        let (login, rest) = match rest.rsplit_once('@') {
            Some((login, rest)) => (Some(login_of(login)?), rest),
            None => (None, rest),
        };
        if rest.contains(['?', '#']) {
            return Err(AddressError::Parameters);
        }
        let (endpoint, database) = rest.split_once('/').unwrap_or((rest, ""));
        let database = match database {
            "" => 0,
            number => number.parse().map_err(|_| AddressError::Database)?,
        };
        let (host, port) = match endpoint.strip_prefix('[') {
            Some(bracketed) => {
                let (host, port) = bracketed.split_once(']').ok_or(AddressError::Host)?;
                match (port, port.strip_prefix(':')) {
                    ("", _) => (host, None),
                    (_, Some(port)) => (host, Some(port)),
                    _ => return Err(AddressError::Host),
                }
            }
            None => match endpoint.split_once(':') {
                Some((host, port)) => (host, Some(port)),
                None => (endpoint, None),
            },
        };
        let bare = !endpoint.starts_with('[');
        let odd = |c: char| c.is_whitespace() || c.is_control() || "[]%\\".contains(c);
        if host.contains(odd) || (bare && endpoint.matches(':').count() > 1) {
            return Err(AddressError::Host);
        }
        if host.is_empty() {
            return Err(AddressError::NoHost);
        }
        let port = match port {
            None => PORT,
            Some(text) => match text.parse() {
                Ok(port) if port > 0 => port,
                _ => return Err(AddressError::Port),
            },
        };
        Ok(Self(Arc::new(Parts { host: host.to_owned(), port, database, login })))
    }
}

fn login_of(text: &str) -> Result<Login, AddressError> {
    let (user, password) = text.split_once(':').ok_or(AddressError::NoPassword)?;
    Ok(Login { user: unescaped(user)?, password: unescaped(password)? })
}

fn unescaped(text: &str) -> Result<String, AddressError> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&byte, after)) = rest.split_first() {
        if byte != b'%' {
            bytes.push(byte);
            rest = after;
            continue;
        }
        let digits = after.get(..2).filter(|digits| digits.iter().all(u8::is_ascii_hexdigit));
        let digits = digits.and_then(|digits| std::str::from_utf8(digits).ok());
        let byte = digits.and_then(|digits| u8::from_str_radix(digits, 16).ok());
        bytes.push(byte.ok_or(AddressError::Escape)?);
        rest = &after[2..];
    }
    String::from_utf8(bytes).map_err(|_| AddressError::Escape)
}

fn escaped(text: &str) -> String {
    let mut escaped = String::new();
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' => escaped.push(char::from(byte)),
            _ => escaped.push_str(&format!("%{byte:02X}")),
        }
    }
    escaped
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(SCHEME)?;
        if let Some(login) = &self.0.login {
            write!(f, "{}:***@", login.user.escape_default())?;
        }
        if self.0.host.contains(':') {
            write!(f, "[{}]", self.0.host)?;
        } else {
            f.write_str(&self.0.host)?;
        }
        write!(f, ":{}", self.0.port)?;
        if self.0.database != 0 {
            write!(f, "/{}", self.0.database)?;
        }
        Ok(())
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Address({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_read_and_shown_without_its_password() {
        for (text, shown, login) in [
            ("redis://localhost", "redis://localhost:6379", None),
            ("redis://127.0.0.1:7000/3", "redis://127.0.0.1:7000/3", None),
            ("redis://h/", "redis://h:6379", None),
            ("redis://[::1]:1", "redis://[::1]:1", None),
            ("redis://:planted@h", "redis://:***@h:6379", Some(("default", "planted"))),
            ("redis://u:a:b@h", "redis://u:***@h:6379", Some(("u", "a:b"))),
            ("redis://u:%40%2f%25@h", "redis://u:***@h:6379", Some(("u", "@/%"))),
            ("redis://u:p@ss/word?@h:1", "redis://u:***@h:1", Some(("u", "p@ss/word?"))),
        ] {
            let address: Address = text.parse().expect(text);
            assert_eq!(address.to_string(), shown, "{text}");
            let found = address.login().map(|login| (login.user(), login.password()));
            assert_eq!(found, login, "{text}");
            assert!(!format!("{address:?}").contains("planted"));
        }
    }

    #[test]
    fn what_is_no_address_is_refused_by_name() {
        for (address, want) in [
            ("", AddressError::Scheme),
            ("127.0.0.1:6379", AddressError::Scheme),
            ("http://h", AddressError::Scheme),
            ("rediss://h", AddressError::Tls),
            ("unix:///tmp/s", AddressError::UnixSocket),
            ("redis://", AddressError::NoHost),
            ("redis://:6379", AddressError::NoHost),
            ("redis://:p@/1", AddressError::NoHost),
            ("redis://h:", AddressError::Port),
            ("redis://h:0", AddressError::Port),
            ("redis://h:65536", AddressError::Port),
            ("redis://h:x", AddressError::Port),
            ("redis://h/x", AddressError::Database),
            ("redis://h/-1", AddressError::Database),
            ("redis://h/1/2", AddressError::Database),
            ("redis://user@h", AddressError::NoPassword),
            ("redis://u:%4@h", AddressError::Escape),
            ("redis://u:%zz@h", AddressError::Escape),
            ("redis://u:%ff@h", AddressError::Escape),
            ("redis://h?protocol=resp3", AddressError::Parameters),
            ("redis://::1", AddressError::Host),
            ("redis://[::1", AddressError::Host),
            ("redis://[::1]x", AddressError::Host),
            ("redis://user:planted", AddressError::Port),
            ("redis://:planted", AddressError::NoHost),
            ("redis://:planted:6379", AddressError::Host),
            ("redis://h/planted", AddressError::Database),
            ("redis://a b", AddressError::Host),
        ] {
            let found = address.parse::<Address>().map(|address| address.to_string());
            assert_eq!(found, Err(want), "{address:?}");
            let error = found.expect_err("refused");
            assert!(!format!("{error} {error:?}").contains("planted"), "{error}");
        }
    }

    #[test]
    fn an_address_is_changed_in_one_thing_and_read_again_as_it_was() {
        let way: SocketAddr = "[::1]:7".parse().unwrap();
        for text in ["redis://host", "redis://u%3A:p%40%25%0aw@host:1/3", "redis://:p@[::2]:4"] {
            let address: Address = text.parse().unwrap();
            assert_eq!(address.revealed().parse(), Ok(address.clone()), "{text}");
            let far = address.by_way_of(way);
            assert_eq!(far.endpoint(), ("::1", 7), "{text}");
            assert_eq!(far.database(), address.database(), "{text}");
            assert!(far.login() == address.login(), "{text}");
            assert_eq!(address.has_password(), text.contains('@'), "{text}");
        }
        let named: Address = "redis://u:@host".parse().unwrap();
        let with = named.with_password("planted");
        assert!(!named.has_password() && with.has_password());
        assert_eq!(with.revealed(), "redis://u:planted@host:6379");
        assert_eq!(with.to_string(), "redis://u:***@host:6379");
    }
}
