//! Counting commands in the bytes that go out.

/// Follows a stream of requests (arrays of bulk strings, as every client sends them) and counts those
/// whose last byte it has seen: exactly what the server can have carried out.
///
/// Payloads are skipped by their length, never looked at, so a payload can hold anything.
#[derive(Debug, Default)]
pub(super) struct Requests {
    /// Of the command at hand, how many strings are still to come.
    strings: u64,
    at: At,
}

#[derive(Clone, Copy, Debug, Default)]
enum At {
    /// Before or in a line such as `*3` or `$12`, whose number is this so far.
    #[default]
    Kind,
    /// In the line of an array.
    Array(u64),
    /// In the line of a string.
    Length(u64),
    /// In a string, with so many bytes to come, its end of line among them.
    Payload(u64),
}

impl Requests {
    /// How many commands end in these bytes.
    pub(super) fn ended_in(&mut self, mut bytes: &[u8]) -> u64 {
        let mut ended = 0;
        while let Some((&byte, rest)) = bytes.split_first() {
            bytes = rest;
            self.at = match (self.at, byte) {
                (At::Kind, b'*') => At::Array(0),
                (At::Kind, _) => At::Length(0),
                (At::Array(number), b'0'..=b'9') => At::Array(with_digit(number, byte)),
                (At::Length(number), b'0'..=b'9') => At::Length(with_digit(number, byte)),
                (At::Array(number), b'\n') => {
                    self.strings = number;
                    At::Kind
                }
                (At::Length(number), b'\n') => At::Payload(number.saturating_add(2)),
                (At::Payload(left), _) => {
                    let here = left.min(rest.len() as u64 + 1);
                    // No more than there are bytes, so it fits.
                    bytes = &rest[here as usize - 1..];
                    if here < left {
                        At::Payload(left - here)
                    } else {
                        self.strings = self.strings.saturating_sub(1);
                        ended += u64::from(self.strings == 0);
                        At::Kind
                    }
                }
                // The carriage return before a line's end.
                (at, _) => at,
            };
        }
        ended
    }
}

fn with_digit(number: u64, digit: u8) -> u64 {
    number.saturating_mul(10).saturating_add(u64::from(digit - b'0'))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        /// However the socket cuts the bytes, and whatever the payloads hold.
        #[test]
        fn commands_are_counted_when_their_last_byte_is_out(
            commands in prop::collection::vec(
                prop::collection::vec(prop::collection::vec(any::<u8>(), 0..40), 1..5), 0..6),
            cut in 1_usize..50,
        ) {
            let mut bytes = Vec::new();
            let mut ends = Vec::new();
            for arguments in &commands {
                let mut command = redis::Cmd::new();
                for argument in arguments {
                    command.arg(&argument[..]);
                }
                bytes.extend(command.get_packed_command());
                ends.push(bytes.len());
            }
            let mut requests = Requests::default();
            let (mut seen, mut ended) = (0, 0);
            for piece in bytes.chunks(cut) {
                seen += piece.len();
                ended += requests.ended_in(piece);
                let want = ends.iter().filter(|&&end| end <= seen).count() as u64;
                prop_assert_eq!(ended, want, "after {} bytes", seen);
            }
            prop_assert_eq!(ended, commands.len() as u64);
        }
    }
}
