//! In which form a summary is printed.

use std::str::FromStr;

/// The form of a summary on stdout.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Format {
    /// For a terminal.
    #[default]
    Text,
    /// For a comment on a pull request.
    Markdown,
    /// For a program: the object of `results.json`.
    Json,
}

impl Format {
    /// The name after `--format`.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Markdown => "markdown",
            Self::Json => "json",
        }
    }
}

impl FromStr for Format {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let known = [Self::Text, Self::Markdown, Self::Json];
        let found = known.into_iter().find(|format| format.label() == text);
        found.ok_or("expected `text`, `markdown` or `json`")
    }
}

/// The flags of every program that prints a summary.
#[derive(Clone, Copy, Debug, Default, clap::Args)]
pub struct FormatArgs {
    /// How the summary is printed: `text`, `markdown` (for a pull request) or `json` [default: text]
    #[arg(long, value_name = "FORMAT", conflicts_with = "json")]
    format: Option<Format>,
    /// The same as --format json: one object, that of results.json
    #[arg(long)]
    json: bool,
}

impl FormatArgs {
    /// The form that was asked for.
    #[must_use]
    pub fn get(self) -> Format {
        if self.json { Format::Json } else { self.format.unwrap_or_default() }
    }
}

#[cfg(test)]
mod tests {
    use super::{Format, FormatArgs};
    use clap::Parser;

    #[derive(Parser)]
    struct Program {
        #[command(flatten)]
        format: FormatArgs,
    }

    #[test]
    fn a_form_is_asked_for_in_one_way() {
        for (flags, want) in [
            (&[] as &[&str], Ok(Format::Text)),
            (&["--json"], Ok(Format::Json)),
            (&["--format", "json"], Ok(Format::Json)),
            (&["--format", "markdown"], Ok(Format::Markdown)),
            (&["--format", "text"], Ok(Format::Text)),
            (&["--format", "md"], Err("expected `text`, `markdown` or `json`")),
            (&["--format", "text", "--json"], Err("cannot be used with")),
        ] {
            let parsed = Program::try_parse_from([&["program"], flags].concat());
            match (parsed, want) {
                (Ok(program), Ok(want)) => assert_eq!(program.format.get(), want, "{flags:?}"),
                (Err(error), Err(hint)) => assert!(error.to_string().contains(hint), "{error}"),
                (parsed, want) => panic!("{flags:?}: {:?}, {want:?}", parsed.map(|p| p.format)),
            }
        }
    }
}
