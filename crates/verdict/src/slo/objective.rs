//! What an objective says: of whom, and what.

use proofload_record::{Mode, Priority};
use proofload_stats::Quantile;

/// An objective: something that is to be true of some requests.
#[derive(Clone, Debug, PartialEq)]
pub struct Slo {
    /// How it is called: as it was written, or what of a preset it is.
    pub name: String,
    /// Whom it is about.
    pub scope: Scope,
    /// What is asked of them.
    pub objective: Objective,
}

/// Which requests are meant. What is not named does not matter.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Scope {
    /// Those of this mode.
    pub mode: Option<Mode>,
    /// Those of this priority.
    pub priority: Option<Priority>,
    /// Those that this model answers.
    pub model: Option<Box<str>>,
    /// Those that this provider answers.
    pub provider: Option<Box<str>>,
    /// Those whose model was chosen in this way.
    pub selection: Option<Selection>,
}

/// Who chose the model.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Selection {
    /// The request named it.
    Direct,
    /// The server chose it.
    Classified,
}

impl Selection {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Direct, Self::Classified];

    /// The name in every output.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Direct => "direct",
            Self::Classified => "classified",
        }
    }
}

/// What is known of a request that decides whether it is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Kind<'a> {
    /// Whether somebody waits.
    pub mode: Mode,
    /// How urgent.
    pub priority: Priority,
    /// Who chose the model.
    pub selection: Selection,
    /// The model that it named, or that answered; none where neither is known.
    pub model: Option<&'a str>,
    /// The provider that answered, where that is known.
    pub provider: Option<&'a str>,
}

impl Scope {
    /// Whether a request of this kind is meant.
    #[must_use]
    pub fn holds(&self, kind: &Kind<'_>) -> bool {
        fn same<T: PartialEq + Copy>(wanted: Option<T>, found: Option<T>) -> bool {
            wanted.is_none() || wanted == found
        }
        same(self.mode, Some(kind.mode))
            && same(self.priority, Some(kind.priority))
            && same(self.selection, Some(kind.selection))
            && same(self.model.as_deref(), kind.model)
            && same(self.provider.as_deref(), kind.provider)
    }
}

/// What is asked of the requests.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Objective {
    /// A time keeps below a limit.
    Timing {
        /// Which time.
        timing: Timing,
        /// For how many of the requests.
        statistic: Statistic,
        /// The limit in nanoseconds; a time that equals it keeps it.
        limit_ns: u64,
    },
    /// The share of requests that fail is below this, between 0 and 1.
    Errors {
        /// The share.
        below: f64,
    },
    /// The share of requests that meet every limit of a time is above this, between 0 and 1.
    Goodput {
        /// The share.
        above: f64,
    },
}

/// For how many requests a time is to keep its limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Statistic {
    /// For this share of them.
    Quantile(Quantile),
    /// For each of them.
    Max,
}

impl Statistic {
    /// The name in every output.
    #[must_use]
    pub fn label(self) -> String {
        match self {
            Self::Quantile(quantile) => match quantile.label() {
                // As people write it; `p999` is for names of columns.
                label if label.len() > 3 => format!("{}.{}", &label[..3], &label[3..]),
                label => label,
            },
            Self::Max => "max".to_owned(),
        }
    }
}

/// `p95`, `p99.9`, or `p999` as our own outputs write it. `p100` is none: it would be p10 by the
/// rule that makes `p999` p99.9.
pub(crate) fn quantile(name: &str) -> Option<Quantile> {
    let digits = name.strip_prefix('p')?;
    let (whole, part) = match digits.split_once('.') {
        Some((whole, part)) if whole.len() == 2 && !part.is_empty() => (whole, part),
        Some(_) => return None,
        None if digits.len() == 2 || digits.starts_with('9') => digits.split_at_checked(2)?,
        None => return None,
    };
    let digits = format!("{whole}{part}");
    let plain = digits.bytes().all(|byte| byte.is_ascii_digit());
    let den = 10_u32.checked_pow(u32::try_from(digits.len()).ok()?)?;
    Quantile::new(digits.parse().ok().filter(|_| plain)?, den)
}

/// A time that an objective can be about; `docs/metrics.md` gives each formula.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Timing {
    /// Due to first token.
    Ttft,
    /// Time per output token after the first.
    Tpot,
    /// Gaps between content chunks.
    Itl,
    /// Due to the end of the answer.
    Latency,
    /// Due to the last token.
    TotalLatency,
    /// Released to the end of the answer.
    ClientDuration,
    /// In the server's queue, as the server's log has it.
    QueueWait,
}

impl Timing {
    /// Every one.
    pub const ALL: [Self; 7] = [
        Self::Ttft,
        Self::Tpot,
        Self::Itl,
        Self::Latency,
        Self::TotalLatency,
        Self::ClientDuration,
        Self::QueueWait,
    ];

    /// The name in an objective and in every output.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Ttft => "ttft",
            Self::Tpot => "tpot",
            Self::Itl => "itl",
            Self::Latency => "latency",
            Self::TotalLatency => "total_latency",
            Self::ClientDuration => "client_duration",
            Self::QueueWait => "queue_wait",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Kind, Scope, Selection, Statistic, quantile};
    use proofload_record::{Mode, Priority};
    use proofload_stats::Quantile;

    #[test]
    fn quantiles_are_read_as_people_and_as_our_outputs_write_them() {
        for (text, want) in [
            ("p50", Some((50, 100))),
            ("p05", Some((5, 100))),
            ("p99.9", Some((999, 1_000))),
            ("p999", Some((999, 1_000))),
            ("p99.95", Some((9_995, 10_000))),
            ("p9", None),
            ("p100", None),
            ("p00", None),
            ("p99.", None),
            ("p9.9", None),
            ("pµµ", None),
            ("p+1.5", None),
            ("p99.9999999999999", None),
            ("95", None),
        ] {
            let want = want.and_then(|(num, den)| Quantile::new(num, den));
            assert_eq!(quantile(text), want, "{text}");
        }
    }

    #[test]
    fn a_statistic_is_named_as_people_write_it() {
        for text in ["p50", "p05", "p99.9", "p99.95"] {
            assert_eq!(Statistic::Quantile(quantile(text).unwrap()).label(), text);
        }
        assert_eq!(Statistic::Max.label(), "max");
    }

    #[test]
    fn a_scope_asks_only_for_what_it_names() {
        let kind = Kind {
            mode: Mode::Batch,
            priority: Priority::High,
            selection: Selection::Direct,
            model: Some("m"),
            provider: None,
        };
        let all = Scope::default();
        for (name, scope, want) in [
            ("everything", all.clone(), true),
            ("its mode", Scope { mode: Some(Mode::Batch), ..all.clone() }, true),
            ("another mode", Scope { mode: Some(Mode::Interactive), ..all.clone() }, false),
            ("another priority", Scope { priority: Some(Priority::Low), ..all.clone() }, false),
            ("its model", Scope { model: Some("m".into()), ..all.clone() }, true),
            ("another model", Scope { model: Some("n".into()), ..all.clone() }, false),
            ("a provider nobody knows", Scope { provider: Some("p".into()), ..all.clone() }, false),
            (
                "another selection",
                Scope { selection: Some(Selection::Classified), ..all.clone() },
                false,
            ),
            (
                "its mode and another model",
                Scope { mode: Some(Mode::Batch), model: Some("n".into()), ..all },
                false,
            ),
        ] {
            assert_eq!(scope.holds(&kind), want, "{name}");
        }
    }
}
