//! The flags that say where containers and workers are kept.

use std::env::{self, VarError};
use std::time::Duration;

use proofload_launch::Exit;
use proofload_scheduler_redis::wire::Address;

use super::prefix::Prefix;

/// Where it is kept.
#[derive(clap::Args)]
#[command(next_help_heading = "Store")]
pub(crate) struct StoreArgs {
    /// Where containers and workers are kept: `memory`, or a Redis server at
    /// `redis://[USER:PASSWORD@]HOST[:PORT][/DATABASE]`
    // Read later: clap would show a password with its error.
    #[arg(long, value_name = "STORE", default_value = "memory")]
    store: String,
    /// Environment variable with the password of the Redis server
    #[arg(long, value_name = "NAME")]
    password_env: Option<String>,
    /// What the names of all keys on the server begin with [default: proofload-UTC_TIME-RANDOM]
    #[arg(long, value_name = "NAME")]
    prefix: Option<String>,
    /// Leave the keys of the runs that are compared on the server
    #[arg(long)]
    keep_keys: bool,
    /// Milliseconds by which a proxy of our own makes each round trip to the server longer, 0 to 1000,
    /// such as 0.5 [default: none]
    #[arg(long, value_name = "MS", allow_negative_numbers = true, value_parser = rtt)]
    rtt_ms: Option<Duration>,
}

/// What they say.
pub(crate) enum Chosen {
    Memory,
    Redis {
        address: Address,
        prefix: Prefix,
        keep: bool,
        rtt: Duration,
        /// Whether the password stood on the command line, for others to see.
        is_visible: bool,
    },
}

impl StoreArgs {
    pub(crate) fn chosen(&self) -> Result<Chosen, Exit> {
        let usage = |text: String| Exit::usage(anyhow::anyhow!(text));
        if self.store == "memory" {
            let given = [
                ("--password-env", self.password_env.is_some()),
                ("--prefix", self.prefix.is_some()),
                ("--keep-keys", self.keep_keys),
                ("--rtt-ms", self.rtt_ms.is_some()),
            ];
            return match given.into_iter().find(|(_, is_given)| *is_given) {
                None => Ok(Chosen::Memory),
                Some((flag, _)) => Err(usage(format!(
                    "{flag} is of a Redis server; name it, as in --store redis://127.0.0.1:6379"
                ))),
            };
        }
        if !self.store.contains("://") {
            // No address, but it may still be a password that slipped.
            return Err(usage(
                "--store: expected `memory` or an address such as redis://127.0.0.1:6379"
                    .to_owned(),
            ));
        }
        let read = self.store.parse::<Address>();
        let address = read.map_err(|error| usage(format!("--store: {error}")))?;
        let is_visible = address.has_password();
        let address = match &self.password_env {
            None => address,
            Some(_) if is_visible => {
                let text = "--password-env: the address of --store has a password already; \
                            leave it out there";
                return Err(usage(text.to_owned()));
            }
            Some(name) => address.with_password(&password(name).map_err(usage)?),
        };
        let prefix = match &self.prefix {
            None => Prefix::fresh(),
            Some(text) => Prefix::new(text).map_err(|error| usage(format!("--prefix: {error}")))?,
        };
        let (keep, rtt) = (self.keep_keys, self.rtt_ms.unwrap_or_default());
        Ok(Chosen::Redis { address, prefix, keep, rtt, is_visible })
    }
}

fn rtt(text: &str) -> Result<Duration, String> {
    let ms = text.parse().ok().filter(|ms| (0.0..=1000.0).contains(ms));
    let ms: f64 = ms.ok_or_else(|| "expected a number from 0 to 1000, such as 0.5".to_owned())?;
    Ok(Duration::from_secs_f64(ms / 1e3))
}

fn password(name: &str) -> Result<String, String> {
    // Somebody may have given the password instead of the variable's name: it is not repeated then.
    let is_plain =
        name.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_');
    let variable = match is_plain && !name.is_empty() {
        true => format!("the environment variable {name}"),
        false => "the environment variable of that name".to_owned(),
    };
    let is_name = !name.is_empty() && !name.contains(['=', '\0']);
    match if is_name { env::var(name) } else { Err(VarError::NotPresent) } {
        Ok(password) if !password.is_empty() => Ok(password),
        Ok(_) => Err(format!("--password-env: {variable} is empty")),
        Err(VarError::NotPresent) => Err(format!(
            "--password-env: {variable} is not set; the flag takes the variable's name, not the \
             password"
        )),
        Err(VarError::NotUnicode(_)) => {
            Err(format!("--password-env: {variable} is not valid UTF-8"))
        }
    }
}
