//! Headers that a user gives, keys among them.

use std::fmt;

use proofload_record::Secrets;

/// What a name has to be, for a message.
const NAME_FAULT: &str = "a header's name may hold only letters, digits and !#$%&'*+-.^_`|~";
/// What a value has to be, for a message.
const VALUE_FAULT: &str = "a header's value may hold only printable ASCII on one line";

/// A header whose name and value HTTP can carry. Its `Debug` shows the name alone.
#[derive(Clone, PartialEq, Eq)]
pub struct Header {
    name: String,
    value: String,
}

impl Header {
    /// Fails with what is wrong, in words that repeat neither part.
    pub(crate) fn new(name: &str, value: &str) -> Result<Self, &'static str> {
        if !is_name(name) {
            return Err(NAME_FAULT);
        }
        if !is_value(value) {
            return Err(VALUE_FAULT);
        }
        Ok(Self { name: name.to_owned(), value: value.to_owned() })
    }

    /// Reads `Name: value`.
    pub(crate) fn parse(text: &str) -> Result<Self, &'static str> {
        let (name, value) = text.split_once(':').ok_or("it has to be written as 'Name: value'")?;
        Self::new(name.trim(), value.trim())
    }

    /// The name, as it was written.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The value, which may be a key: it goes to the target and nowhere else.
    #[must_use]
    pub fn value(&self) -> &str {
        &self.value
    }

    pub(crate) fn is_named(&self, name: &str) -> bool {
        self.name.eq_ignore_ascii_case(name)
    }

    /// Whether name or value say that it is a credential.
    pub(crate) fn is_credential(&self) -> bool {
        const NAMES: [&str; 8] =
            ["auth", "cookie", "credential", "key", "passw", "secret", "session", "token"];
        let (name, value) = (self.name.to_ascii_lowercase(), self.value.to_ascii_lowercase());
        NAMES.iter().any(|part| name.contains(part))
            || ["bearer ", "basic "].iter().any(|scheme| value.starts_with(scheme))
    }

    /// What nothing may show: the whole value, and each part that may be shown alone, such as a token
    /// without its scheme or a cookie's value. That holds for every header, since no list of names
    /// knows what a gateway calls its key.
    pub(crate) fn secrets(&self) -> impl Iterator<Item = &str> {
        let last_word = self.value.rsplit(' ').next();
        let cookies = self.value.split(';').filter_map(|part| Some(part.split_once('=')?.1));
        let parts = [Some(self.value.as_str()), last_word].into_iter().flatten().chain(cookies);
        parts.filter(|part| !part.is_empty())
    }
}

impl fmt::Debug for Header {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.name, Secrets::REDACTED)
    }
}

/// A token of RFC 9110, section 5.6.2.
fn is_name(text: &str) -> bool {
    let token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    !text.is_empty() && text.bytes().all(token)
}

fn is_value(text: &str) -> bool {
    text.bytes().all(|byte| byte == b'\t' || byte == b' ' || byte.is_ascii_graphic())
}

#[cfg(test)]
mod tests {
    use super::Header;

    #[test]
    fn reads_a_name_and_a_value() {
        for (text, want) in [
            ("X-A: b", Ok(("X-A", "b"))),
            ("X-A:b: c ", Ok(("X-A", "b: c"))),
            ("X-A:", Ok(("X-A", ""))),
            ("X-A b", Err("'Name: value'")),
            (": b", Err("name may hold")),
            ("X A: b", Err("name may hold")),
            ("X-A: b\r\nX-B: c", Err("one line")),
            ("X-A: \u{e9}", Err("printable ASCII")),
        ] {
            match (Header::parse(text), want) {
                (Ok(header), Ok(want)) => assert_eq!((header.name(), header.value()), want),
                (Err(fault), Err(reason)) => assert!(fault.contains(reason), "{text:?}: {fault}"),
                (found, _) => panic!("{text:?}: {found:?}"),
            }
        }
    }

    #[test]
    fn every_value_is_secret_and_some_are_credentials() {
        for (text, credential, want) in [
            ("X-Tenant: research", false, &["research", "research"] as &[_]),
            ("X-Gate: Pass s3cret", false, &["Pass s3cret", "s3cret"]),
            ("X-Empty:", false, &[]),
            ("X-Api-Key: abcd", true, &["abcd", "abcd"]),
            (
                "AUTHORIZATION: Basic dXNlcjp4eA==",
                true,
                &["Basic dXNlcjp4eA==", "dXNlcjp4eA==", "="],
            ),
            ("X-Upstream: bearer t0ken", true, &["bearer t0ken", "t0ken"]),
            (
                "Cookie: sid=s3cret; theme=dark",
                true,
                &["sid=s3cret; theme=dark", "theme=dark", "s3cret", "dark"],
            ),
        ] {
            let header = Header::parse(text).unwrap();
            assert_eq!(header.is_credential(), credential, "{text}");
            assert_eq!(header.secrets().collect::<Vec<_>>(), want, "{text}");
        }
    }

    #[test]
    fn debug_shows_the_name_alone() {
        let shown = format!("{:?}", Header::parse("X-Api-Key: planted").unwrap());
        assert_eq!(shown, "X-Api-Key: [redacted]");
    }
}
