//! Which limits a request must keep to count as good.

use super::{Kind, Objective, Scope, Slo, Statistic, Timing};

/// The limits of single requests that a list of objectives implies.
///
/// Within one scope the limits of a time are those of different quantiles, and no single request is
/// held to the limit of the median: the loosest counts. What several scopes ask of a request must
/// all be kept. A quantile of pooled gaps says nothing of one request and is left out.
#[derive(Clone, Debug, PartialEq)]
pub struct GoodputLimits<'a> {
    limits: Vec<(&'a Scope, Timing, u64)>,
    fallback: (Timing, u64),
}

impl<'a> GoodputLimits<'a> {
    /// The limits in `slos`; a request to which none applies is held to `fallback`, a time and its
    /// limit in nanoseconds.
    #[must_use]
    pub fn of(slos: &'a [Slo], fallback: (Timing, u64)) -> Self {
        let mut limits: Vec<(&Scope, Timing, u64)> = Vec::new();
        for slo in slos {
            let Objective::Timing { timing, statistic, limit_ns } = slo.objective else { continue };
            if timing == Timing::Itl && statistic != Statistic::Max {
                continue;
            }
            let same = |(scope, other, _): &&mut (&Scope, Timing, u64)| {
                **scope == slo.scope && *other == timing
            };
            match limits.iter_mut().find(same) {
                Some((_, _, limit)) => *limit = limit_ns.max(*limit),
                None => limits.push((&slo.scope, timing, limit_ns)),
            }
        }
        Self { limits, fallback }
    }

    /// The limits in nanoseconds that a request of this kind must keep, at least one.
    pub fn for_kind(&self, kind: &Kind<'_>) -> impl Iterator<Item = (Timing, u64)> {
        let applies = |(scope, _, _): &&(&Scope, Timing, u64)| scope.holds(kind);
        let none = !self.limits.iter().any(|limit| applies(&limit));
        let fallback = none.then_some(self.fallback);
        let asked = self.limits.iter().filter(move |(scope, _, _)| scope.holds(kind));
        asked.map(|(_, timing, limit)| (*timing, *limit)).chain(fallback)
    }
}

#[cfg(test)]
mod tests {
    use super::GoodputLimits;
    use crate::slo::{Kind, Selection, Timing, parse};
    use proofload_record::{Mode, Priority};

    #[test]
    fn a_request_is_held_to_the_loosest_of_a_scope_and_to_every_scope() {
        let texts = [
            "*: ttft p50 < 100ms",
            "*: ttft p99 < 800ms",
            "interactive: ttft p95 < 500ms",
            "interactive: itl p95 < 40ms",
            "interactive/high: itl max < 90ms",
            "batch,model=m: latency p95 < 9s",
            "*: errors < 1%",
        ];
        let slos: Vec<_> = texts.iter().flat_map(|text| parse(text).unwrap()).collect();
        let limits = GoodputLimits::of(&slos, (Timing::Latency, 10_000_000_000));
        let kind = |mode, priority, model| Kind {
            mode,
            priority,
            selection: Selection::Direct,
            model,
            provider: None,
        };
        let ms = |(timing, ns): (Timing, u64)| (timing, ns / 1_000_000);
        for (name, kind, want) in [
            (
                "of two scopes",
                kind(Mode::Interactive, Priority::Low, None),
                vec![(Timing::Ttft, 800), (Timing::Ttft, 500)],
            ),
            (
                "with the longest gap",
                kind(Mode::Interactive, Priority::High, None),
                vec![(Timing::Ttft, 800), (Timing::Ttft, 500), (Timing::Itl, 90)],
            ),
            (
                "of a model",
                kind(Mode::Batch, Priority::Low, Some("m")),
                vec![(Timing::Ttft, 800), (Timing::Latency, 9_000)],
            ),
        ] {
            let found: Vec<_> = limits.for_kind(&kind).map(ms).collect();
            assert_eq!(found, want, "{name}");
        }
        let only_batch = parse("batch: ttft p95 < 1s").unwrap();
        let limits = GoodputLimits::of(&only_batch, (Timing::Latency, 10_000_000_000));
        let found: Vec<_> =
            limits.for_kind(&kind(Mode::Interactive, Priority::Mid, None)).map(ms).collect();
        assert_eq!(found, [(Timing::Latency, 10_000)], "nothing was asked of it");
    }
}
