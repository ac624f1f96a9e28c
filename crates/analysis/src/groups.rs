//! Figures of requests that have something in common.

use crate::imported;
use crate::kinds::Kinds;
use crate::metric::Metric;
use crate::results::{Group, GroupMetrics, Slo};
use crate::summary::Summary;
use crate::tally::{Case, Tally, attainment};
use proofload_verdict::slo::Kind;
use std::collections::BTreeMap;

/// The metrics of groups by one thing.
const OF_ONE: &[Metric] = &[
    Metric::Ttft,
    Metric::TotalLatency,
    Metric::Latency,
    Metric::Tpot,
    Metric::ClientDuration,
    Metric::QueueWait,
    Metric::ServerTotal,
];

/// The metrics of groups by two things: there are many of those.
const OF_TWO: &[Metric] = &[Metric::Ttft, Metric::Latency, Metric::QueueWait];

/// What requests can have in common.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum By {
    Model,
    Mode,
    Priority,
    Selection,
}

impl By {
    const ALL: [Self; 4] = [Self::Model, Self::Mode, Self::Priority, Self::Selection];

    const fn label(self) -> &'static str {
        match self {
            Self::Model => "model",
            Self::Mode => "mode",
            Self::Priority => "priority",
            Self::Selection => "selection",
        }
    }

    /// Its value, with a number that puts values in order.
    pub(crate) fn value(self, kind: &Kind<'_>) -> (u8, String) {
        match self {
            Self::Mode => (kind.mode as u8, kind.mode.label().to_owned()),
            Self::Priority => (kind.priority as u8, kind.priority.label().to_owned()),
            Self::Selection => (kind.selection as u8, kind.selection.label().to_owned()),
            Self::Model => {
                let model = kind.model.unwrap_or("(chosen by the server)");
                let name = match kind.provider {
                    Some(provider) => format!("{provider} / {model}"),
                    None => model.to_owned(),
                };
                (0, name)
            }
        }
    }
}

/// What all groups of a run share.
pub(crate) struct Whole<'t, 'a> {
    pub(crate) tally: &'t Tally<'a>,
    pub(crate) kinds: &'t Kinds<'a>,
    /// Every metric over all requests, in the order of [`Metric::ALL`].
    pub(crate) summaries: &'t [Option<Summary>],
    pub(crate) limit_ns: u64,
    /// Whether the order of arrival is unknown.
    pub(crate) is_imported: bool,
    /// Whether it is known who chose the models.
    pub(crate) selection_known: bool,
}

impl Whole<'_, '_> {
    /// Groups by each thing, and by two things at once where both tell requests apart. Left out are
    /// pairs of one request, and those of as many as one of the two has by itself: they are that.
    pub(crate) fn groups(&self) -> Vec<Group> {
        let single: Vec<(By, Vec<Group>)> = By::ALL
            .into_iter()
            .filter(|by| self.selection_known || *by != By::Selection)
            .map(|by| (by, self.by(by.label(), OF_ONE, |kind| vec![by.value(kind)], |_, _| true)))
            .collect();
        let apart: Vec<By> =
            single.iter().filter(|(_, groups)| groups.len() > 1).map(|(by, _)| *by).collect();
        let mut groups: Vec<Group> = single.into_iter().flat_map(|(_, groups)| groups).collect();
        let size = |by: By, name: &str| {
            let found = groups.iter().find(|group| group.by == by.label() && group.name == name);
            found.map_or(0, |group| group.n)
        };
        let mut pairs = Vec::new();
        for (place, one) in apart.iter().enumerate() {
            for other in &apart[place + 1..] {
                let by = format!("{}, {}", one.label(), other.label());
                let tells = |values: &[(u8, String)], n: usize| {
                    let parts = [*one, *other].into_iter().zip(values);
                    let mut sizes = parts.map(|(by, (_, name))| size(by, name));
                    n > 1 && sizes.all(|size| size != n as u64)
                };
                let value = |kind: &Kind<'_>| vec![one.value(kind), other.value(kind)];
                pairs.extend(self.by(&by, OF_TWO, value, tells));
            }
        }
        groups.extend(pairs);
        groups
    }

    /// The groups of one value each, those that `tells` of their values and number of requests.
    fn by(
        &self,
        by: &str,
        metrics: &[Metric],
        value: impl Fn(&Kind<'_>) -> Vec<(u8, String)>,
        tells: impl Fn(&[(u8, String)], usize) -> bool,
    ) -> Vec<Group> {
        let mut names: BTreeMap<Vec<(u8, String)>, usize> = BTreeMap::new();
        for kind in &self.kinds.all {
            names.entry(value(kind)).or_insert(0);
        }
        names.values_mut().enumerate().for_each(|(number, place)| *place = number);
        let group_of: Vec<usize> = self.kinds.all.iter().map(|kind| names[&value(kind)]).collect();
        let mut members: Vec<Vec<&Case<'_>>> = vec![Vec::new(); names.len()];
        for (place, case) in self.tally.cases.iter().enumerate() {
            if let Some(kind) = self.kinds.at(place) {
                members[group_of[kind]].push(case);
            }
        }
        let name = |values: &[(u8, String)]| {
            let parts: Vec<&str> = values.iter().map(|(_, name)| name.as_str()).collect();
            parts.join(", ")
        };
        let groups = names.keys().zip(&members);
        let groups = groups.filter(|(values, members)| tells(values, members.len()));
        groups.map(|(values, members)| self.group(by, name(values), metrics, members)).collect()
    }

    fn group(&self, by: &str, name: String, metrics: &[Metric], members: &[&Case<'_>]) -> Group {
        let figures = |metric: Metric| {
            let figures = if members.len() == self.tally.cases.len() {
                self.summaries[metric as usize].as_ref()?.figures(metric.unit_ns())
            } else {
                let values: Vec<f64> =
                    members.iter().filter_map(|case| case.value(metric)).collect();
                let mut summary = Summary::of(&values)?;
                if self.is_imported {
                    imported::without_intervals(&mut summary);
                }
                summary.figures(metric.unit_ns())
            };
            Some((metric, figures))
        };
        let mut attained = attainment(members.iter().copied(), self.limit_ns);
        if self.is_imported {
            imported::without_interval(&mut attained.met);
        }
        Group {
            by: by.to_owned(),
            name,
            n: members.len() as u64,
            ok: members.iter().filter(|case| case.end.is_ok()).count() as u64,
            metrics: GroupMetrics(metrics.iter().copied().filter_map(figures).collect()),
            slo: Slo::new(&attained, self.is_imported),
        }
    }
}
