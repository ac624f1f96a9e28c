//! Where an API is.

use std::fmt;
use std::net::{Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

/// The address of an API, without the `/v1` that its paths begin with.
///
/// `http://host:8080`, `http://host:8080/`, `http://host:8080/v1` and
/// `http://host:8080/v1/chat/completions` are the same. It holds no user, password or query, so it
/// may be shown anywhere.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BaseUrl {
    tls: bool,
    host: Host,
    port: u16,
    prefix: String,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Host {
    Name(String),
    V6(Ipv6Addr),
}

/// Why a text is not the address of an API. Passwords and queries are left out of the message.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{shown:?} cannot be the base of an API: {fault}")]
pub struct BaseUrlError {
    shown: String,
    fault: &'static str,
}

impl BaseUrl {
    /// Whether it is `https`.
    #[must_use]
    pub const fn is_tls(&self) -> bool {
        self.tls
    }

    /// The host's name in lower case, or its IP address; an IPv6 address without brackets.
    #[must_use]
    pub fn host(&self) -> String {
        match &self.host {
            Host::Name(name) => name.clone(),
            Host::V6(address) => address.to_string(),
        }
    }

    /// The port, 80 or 443 where none is written.
    #[must_use]
    pub const fn port(&self) -> u16 {
        self.port
    }

    /// What stands before `/v1` in every path: empty, or `/` and more, without a slash at its end.
    #[must_use]
    pub fn prefix(&self) -> &str {
        &self.prefix
    }

    /// Host and port as a `Host` header has them; the scheme's own port is left out.
    #[must_use]
    pub fn authority(&self) -> String {
        let host = match &self.host {
            Host::Name(name) => name.clone(),
            Host::V6(address) => format!("[{address}]"),
        };
        if self.port == default_port(self.tls) { host } else { format!("{host}:{}", self.port) }
    }
}

impl fmt::Display for BaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = if self.tls { "https" } else { "http" };
        write!(f, "{scheme}://{}{}", self.authority(), self.prefix)
    }
}

impl FromStr for BaseUrl {
    type Err = BaseUrlError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let text = text.trim();
        parse(text).map_err(|fault| BaseUrlError { shown: without_secrets(text), fault })
    }
}

fn parse(text: &str) -> Result<BaseUrl, &'static str> {
    let (scheme, rest) =
        text.split_once("://").ok_or("it has to begin with http:// or https://")?;
    let tls = match scheme.to_ascii_lowercase().as_str() {
        "http" => false,
        "https" => true,
        _ => return Err("its scheme has to be http or https"),
    };
    if rest.contains(['?', '#']) {
        return Err("it must have no query and no fragment; a key goes into --api-key-file");
    }
    let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    if authority.contains('@') {
        return Err("it must hold no user and no password, which others could see; \
             use --api-key-file or --api-key-env");
    }
    let (host, port) = split_authority(authority)?;
    let port = match port {
        None => default_port(tls),
        Some(digits) if digits.bytes().all(|byte| byte.is_ascii_digit()) => {
            let port = digits.parse().ok().filter(|&port| port != 0);
            port.ok_or("its port has to be a number from 1 to 65535")?
        }
        Some(_) => return Err("its port has to be a number from 1 to 65535"),
    };
    Ok(BaseUrl { tls, host, port, prefix: prefix(path)? })
}

fn split_authority(authority: &str) -> Result<(Host, Option<&str>), &'static str> {
    if let Some(rest) = authority.strip_prefix('[') {
        let (address, after) = rest.split_once(']').ok_or("a bracket is not closed")?;
        let address =
            address.parse().map_err(|_| "what stands in brackets has to be an IPv6 address")?;
        let port = match after.strip_prefix(':') {
            Some(port) => Some(port),
            None if after.is_empty() => None,
            None => return Err("after the bracket may only stand a colon and the port"),
        };
        return Ok((Host::V6(address), port));
    }
    let (name, port) = match authority.split_once(':') {
        Some((_, rest)) if rest.contains(':') => {
            return Err("an IPv6 address has to stand in brackets");
        }
        Some((name, port)) => (name, Some(port)),
        None => (authority, None),
    };
    if name.is_empty() {
        return Err("the host is missing");
    }
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_');
    if !name.bytes().all(plain) {
        return Err("its host may hold only letters, digits, '.', '-' and '_'");
    }
    // The resolver would take 127.1 or 010.0.0.1 for an address, each library for another one.
    let numeric = name.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    if numeric && name.parse::<Ipv4Addr>().is_err() {
        return Err("an IPv4 address has to be four numbers up to 255");
    }
    Ok((Host::Name(name.to_ascii_lowercase()), port))
}

fn prefix(path: &str) -> Result<String, &'static str> {
    let plain = |byte: u8| byte.is_ascii_graphic() && !matches!(byte, b'"' | b'<' | b'>' | b'\\');
    if !path.bytes().all(plain) {
        return Err("its path has to be printable ASCII; write other characters as %XX");
    }
    let mut path = path.trim_end_matches('/');
    for end in ["/chat/completions", "/v1"] {
        path = path.strip_suffix(end).unwrap_or(path).trim_end_matches('/');
    }
    Ok(path.to_owned())
}

const fn default_port(tls: bool) -> u16 {
    if tls { 443 } else { 80 }
}

/// `text` without what stands before an `@` or after a `?` or `#`, wherever that is: a malformed
/// URL may have its password in any place.
fn without_secrets(text: &str) -> String {
    let (hidden, rest) = match text.rsplit_once('@') {
        Some((_, rest)) => ("[redacted]@", rest),
        None => ("", text),
    };
    match rest.find(['?', '#']) {
        Some(at) => format!("{hidden}{}[redacted]", &rest[..=at]),
        None => format!("{hidden}{rest}"),
    }
}

#[cfg(test)]
mod tests {
    use super::BaseUrl;

    fn read(text: &str) -> Result<BaseUrl, String> {
        text.parse::<BaseUrl>().map_err(|error| error.to_string())
    }

    #[test]
    fn the_base_is_the_same_however_it_is_written() {
        for (text, shown, host, port, prefix) in [
            ("http://localhost:8080", "http://localhost:8080", "localhost", 8080, ""),
            ("http://localhost:8080/", "http://localhost:8080", "localhost", 8080, ""),
            ("http://localhost:8080/v1", "http://localhost:8080", "localhost", 8080, ""),
            ("http://localhost:8080/v1/", "http://localhost:8080", "localhost", 8080, ""),
            (" HTTP://LocalHost:8080//v1// ", "http://localhost:8080", "localhost", 8080, ""),
            ("http://h", "http://h", "h", 80, ""),
            ("https://h:443/", "https://h", "h", 443, ""),
            ("https://h:80", "https://h:80", "h", 80, ""),
            (
                "https://api.example.com/llm/v1",
                "https://api.example.com/llm",
                "api.example.com",
                443,
                "/llm",
            ),
            ("http://h/a/v1/b%20c/", "http://h/a/v1/b%20c", "h", 80, "/a/v1/b%20c"),
            ("http://h/v1/chat/completions", "http://h", "h", 80, ""),
            ("http://h/llm//v1//chat/completions/", "http://h/llm", "h", 80, "/llm"),
            ("http://h/chat/completions", "http://h", "h", 80, ""),
            ("http://h/completions", "http://h/completions", "h", 80, "/completions"),
            ("http://h/xv1", "http://h/xv1", "h", 80, "/xv1"),
            ("http://127.0.0.1:1", "http://127.0.0.1:1", "127.0.0.1", 1, ""),
            ("http://[::1]:8080/v1", "http://[::1]:8080", "::1", 8080, ""),
            ("https://[0:0::1]", "https://[::1]", "::1", 443, ""),
        ] {
            let url = read(text).unwrap();
            let parts = (url.to_string(), url.host(), url.port(), url.prefix().to_owned());
            assert_eq!(parts, (shown.into(), host.into(), port, prefix.into()), "{text:?}");
            assert_eq!(read(shown), Ok(url), "{text:?}");
        }
        assert!(read("HTTPS://h").unwrap().is_tls());
        assert!(!read("http://h").unwrap().is_tls());
        assert_eq!(read("http://[::1]:80").unwrap().authority(), "[::1]");
        assert_eq!(read("https://h:8443").unwrap().authority(), "h:8443");
    }

    #[test]
    fn the_rest_is_refused_with_the_reason() {
        for (text, reason) in [
            ("", "begin with http://"),
            ("localhost:8080", "begin with http://"),
            ("ftp://h", "scheme"),
            ("http://", "host is missing"),
            ("http:///v1", "host is missing"),
            ("http://:80", "host is missing"),
            ("http://h:", "port"),
            ("http://h:0", "port"),
            ("http://h:65536", "port"),
            ("http://h:+80", "port"),
            ("http://h:80a", "port"),
            ("http://::1", "brackets"),
            ("http://[::1", "not closed"),
            ("http://[::1]80", "after the bracket"),
            ("http://[h]", "IPv6"),
            ("http://a b", "letters"),
            ("http://exämple.com", "letters"),
            ("http://300.1.1.1", "IPv4"),
            ("http://127.1", "IPv4"),
            ("http://h/a b", "%XX"),
            ("http://h?x", "no query"),
            ("http://h/#x", "no fragment"),
        ] {
            let error = read(text).unwrap_err();
            assert!(error.contains(reason), "{text:?}: {error}");
        }
    }

    #[test]
    fn a_password_is_refused_and_not_repeated() {
        for text in [
            "http://user:planted@h",
            "http//user:planted@h",
            "user:planted@h:80",
            "ftp://planted@h",
            "http://user:pl@planted@h/v1",
            "http://h/v1?api_key=planted",
            "http://h#planted",
            "http://user:x?planted@h",
        ] {
            let error = text.parse::<BaseUrl>().unwrap_err();
            assert!(!format!("{error} {error:?}").contains("planted"), "{text}: {error:?}");
        }
    }
}
