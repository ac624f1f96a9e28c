//! From a line of text to objectives.

use super::error::nearest;
use super::objective::quantile;
use super::preset::PRESETS;
use super::{Objective, ParseSloError, Scope, Selection, Slo, Statistic, Timing};
use proofload_record::{Mode, Priority};
use proofload_stats::Quantile;
use proofload_units::parse_duration;

const ERRORS: &str = "errors";
const GOODPUT: &str = "goodput";
const PRESET: &str = "preset:";
const STATISTICS: [&str; 6] = ["p50", "p90", "p95", "p99", "p99.9", "max"];

/// Reads an objective, or the two of a `preset:NAME`.
///
/// The last colon ends the scope, so that a model's name may hold colons; it cannot hold a comma.
///
/// # Errors
/// [`ParseSloError`] with the column, and with the nearest valid word where a word was expected.
pub fn parse(text: &str) -> Result<Vec<Slo>, ParseSloError> {
    let source = Source(text);
    let trimmed = text.trim();
    if let Some((start, name)) = trimmed.split_at_checked(PRESET.len())
        && start.eq_ignore_ascii_case(PRESET)
    {
        return preset(source, name.trim());
    }
    let Some(colon) = text.rfind(':') else {
        let problem = format!("no colon between whom and what; for all requests write `*: {text}`");
        return Err(source.error(text.trim_start(), problem));
    };
    let scope = scope(source, &text[..colon])?;
    let objective = objective(source, &text[colon + 1..])?;
    Ok(vec![Slo { name: trimmed.to_owned(), scope, objective }])
}

/// The whole text, of which everything that is read is a slice: that is how a column is found.
#[derive(Clone, Copy)]
struct Source<'a>(&'a str);

impl Source<'_> {
    /// The fault `problem` at the beginning of `part`, a slice of the text.
    fn error(self, part: &str, problem: impl Into<String>) -> ParseSloError {
        let start = (part.as_ptr() as usize).saturating_sub(self.0.as_ptr() as usize);
        let before = self.0.get(..start).unwrap_or(self.0);
        ParseSloError {
            text: self.0.to_owned(),
            column: before.chars().count() + 1,
            problem: problem.into(),
            nearest: None,
        }
    }

    /// `word`, a slice of the text, is no `what`; these are.
    fn unknown<'v>(
        self,
        word: &str,
        what: &str,
        valid: impl IntoIterator<Item = &'v str>,
    ) -> ParseSloError {
        let valid: Vec<&str> = valid.into_iter().collect();
        let problem = if word.is_empty() {
            format!("expected a {what} ({})", valid.join(", "))
        } else {
            format!("`{word}` is no {what} ({})", valid.join(", "))
        };
        let nearest = nearest(word, valid).map(str::to_owned);
        ParseSloError { nearest, ..self.error(word, problem) }
    }
}

fn preset(source: Source<'_>, name: &str) -> Result<Vec<Slo>, ParseSloError> {
    let names = || PRESETS.iter().map(|preset| preset.name);
    let found = PRESETS.iter().find(|preset| preset.name.eq_ignore_ascii_case(name));
    let found = found.ok_or_else(|| source.unknown(name, "preset", names()))?;
    let limits = [(Timing::Ttft, found.ttft_ms), (Timing::Tpot, found.tpot_ms)];
    let slo = |(timing, limit_ms): (Timing, u64)| Slo {
        name: format!("{PRESET}{}: {} p99 < {limit_ms}ms", found.name, timing.label()),
        scope: Scope::default(),
        objective: Objective::Timing {
            timing,
            statistic: Statistic::Quantile(Quantile::P99),
            limit_ns: limit_ms * 1_000_000,
        },
    };
    Ok(limits.map(slo).into())
}

fn scope(source: Source<'_>, text: &str) -> Result<Scope, ParseSloError> {
    let mut scope = Scope::default();
    for (place, part) in text.split(',').enumerate() {
        match part.split_once('=') {
            Some((key, value)) => named(source, key.trim(), value.trim(), &mut scope)?,
            None if place == 0 => whom(source, part.trim(), &mut scope)?,
            None => {
                let problem = "expected `model=`, `provider=` or `selection=` after a comma";
                return Err(source.error(part.trim_start(), problem));
            }
        }
    }
    Ok(scope)
}

/// `mode`, `mode/priority`, `*/priority` or `/priority`; `*` is every one.
fn whom(source: Source<'_>, text: &str, scope: &mut Scope) -> Result<(), ParseSloError> {
    let (mode, priority) = match text.split_once('/') {
        Some((mode, priority)) => (mode.trim(), Some(priority.trim())),
        None => (text, None),
    };
    if !mode.is_empty() && mode != "*" {
        let modes = || Mode::ALL.into_iter().map(Mode::label).chain(["*"]);
        let found = mode.parse().map_err(|_| source.unknown(mode, "mode", modes()))?;
        scope.mode = Some(found);
    }
    if let Some(priority) = priority.filter(|priority| *priority != "*") {
        let labels = || Priority::ALL.into_iter().map(Priority::label).chain(["*"]);
        let found = priority.parse().map_err(|_| source.unknown(priority, "priority", labels()))?;
        scope.priority = Some(found);
    }
    Ok(())
}

/// `model=NAME`, `provider=NAME` or `selection=direct`.
fn named(
    source: Source<'_>,
    key: &str,
    value: &str,
    scope: &mut Scope,
) -> Result<(), ParseSloError> {
    if value.is_empty() {
        return Err(source.error(value, format!("expected a name after `{key}=`")));
    }
    let twice = match key {
        "model" => scope.model.replace(value.into()).is_some(),
        "provider" => scope.provider.replace(value.into()).is_some(),
        "selection" => {
            let found = Selection::ALL.into_iter().find(|selection| selection.label() == value);
            let labels = || Selection::ALL.into_iter().map(Selection::label);
            let found = found.ok_or_else(|| source.unknown(value, "selection", labels()))?;
            scope.selection.replace(found).is_some()
        }
        _ => return Err(source.unknown(key, "key", ["model", "provider", "selection"])),
    };
    if twice {
        return Err(source.error(key, format!("`{key}=` stands here twice")));
    }
    Ok(())
}

fn objective(source: Source<'_>, text: &str) -> Result<Objective, ParseSloError> {
    let (metric, rest) = word(text);
    if metric == ERRORS || metric == GOODPUT {
        return share(source, metric, rest);
    }
    let timing = Timing::ALL.into_iter().find(|timing| timing.label() == metric);
    let metrics = || Timing::ALL.into_iter().map(Timing::label).chain([ERRORS, GOODPUT]);
    let timing = timing.ok_or_else(|| source.unknown(metric, "metric", metrics()))?;
    let (name, rest) = word(rest);
    let statistic = statistic(source, timing, name)?;
    let value = compared(source, rest, '<', "a time is to be below its limit")?;
    let limit = parse_duration(value).map_err(|error| source.error(value, error.to_string()))?;
    if limit.is_zero() {
        return Err(source.error(value, "expected more than nothing"));
    }
    // `parse_duration` allows no more than fits.
    let limit_ns = u64::try_from(limit.as_nanos()).unwrap_or(u64::MAX);
    Ok(Objective::Timing { timing, statistic, limit_ns })
}

fn statistic(source: Source<'_>, timing: Timing, name: &str) -> Result<Statistic, ParseSloError> {
    match name {
        "max" => Ok(Statistic::Max),
        "mean" | "avg" => Err(source.error(
            name,
            "a mean has no value once a request failed, and no interval without a law: \
             ask for p50, or for p95",
        )),
        "" => {
            let problem = format!("`{}` needs a statistic, such as p95 or max", timing.label());
            Err(source.error(name, problem))
        }
        "p100" => Err(source.unknown(name, "statistic", ["max"])),
        _ => quantile(name)
            .map(Statistic::Quantile)
            .ok_or_else(|| source.unknown(name, "statistic", STATISTICS)),
    }
}

fn share(source: Source<'_>, metric: &str, rest: &str) -> Result<Objective, ParseSloError> {
    let (name, after) = word(rest);
    if !name.is_empty() {
        let problem = format!("`{metric}` is one share and takes no statistic, found `{name}`");
        return Err(source.error(name, problem));
    }
    let errors = metric == ERRORS;
    let (sign, why) = if errors {
        ('<', "a share of failures is to be below its limit")
    } else {
        ('>', "a share of good requests is to be above its limit")
    };
    let value = compared(source, after, sign, why)?;
    let number = value.strip_suffix('%').ok_or_else(|| {
        source.error(value, format!("expected per cent, such as 1%, found `{value}`"))
    })?;
    let percent = number.trim().parse::<f64>().ok().filter(|percent| *percent > 0.0);
    let percent = percent.filter(|percent| *percent < 100.0).ok_or_else(|| {
        let problem = format!(
            "expected more than 0 and less than 100 per cent, found `{value}`: no number of \
             requests proves that all, or none, are so"
        );
        source.error(value, problem)
    })?;
    let share = percent / 100.0;
    Ok(if errors {
        Objective::Errors { below: share }
    } else {
        Objective::Goodput { above: share }
    })
}

/// What follows the sign, which must be this one.
fn compared<'a>(
    source: Source<'_>,
    text: &'a str,
    sign: char,
    why: &str,
) -> Result<&'a str, ParseSloError> {
    let text = text.trim_start();
    let is_sign = |c: char| "<>=≤≥".contains(c);
    let end = text.find(|c| !is_sign(c)).unwrap_or(text.len());
    let (found, value) = text.split_at(end);
    if !found.chars().eq([sign]) {
        let problem = format!("expected `{sign}` ({why}), found `{}`", first_word(text));
        return Err(source.error(text, problem));
    }
    Ok(value.trim())
}

/// The word at the beginning, up to a space or a sign, and what follows it.
fn word(text: &str) -> (&str, &str) {
    let text = text.trim_start();
    let ends = |c: char| c.is_whitespace() || "<>=≤≥".contains(c);
    text.split_at(text.find(ends).unwrap_or(text.len()))
}

fn first_word(text: &str) -> &str {
    text.split_whitespace().next().unwrap_or("nothing")
}

#[cfg(test)]
mod tests {
    use super::parse;
    use crate::slo::{Objective, Scope, Selection, Statistic, Timing};
    use proofload_record::{Mode, Priority};
    use proofload_stats::Quantile;
    use proptest::prelude::*;

    const MS: u64 = 1_000_000;

    fn below(timing: Timing, statistic: Statistic, limit_ms: u64) -> Objective {
        Objective::Timing { timing, statistic, limit_ns: limit_ms * MS }
    }

    #[test]
    fn an_objective_is_read_however_it_is_spaced() {
        let p95 = Statistic::Quantile(Quantile::P95);
        let all = Scope::default();
        let interactive = Scope { mode: Some(Mode::Interactive), ..all.clone() };
        for (text, scope, objective) in [
            (
                "interactive/high: ttft p95 < 500ms",
                Scope { priority: Some(Priority::High), ..interactive.clone() },
                below(Timing::Ttft, p95, 500),
            ),
            ("*: errors < 1%", all.clone(), Objective::Errors { below: 0.01 }),
            (
                "batch: goodput > 95 %",
                Scope { mode: Some(Mode::Batch), ..all.clone() },
                Objective::Goodput { above: 0.95 },
            ),
            (
                "*/low:queue_wait max<2s",
                Scope { priority: Some(Priority::Low), ..all.clone() },
                below(Timing::QueueWait, Statistic::Max, 2_000),
            ),
            (
                "/low: tpot p50 < 1.5 s",
                Scope { priority: Some(Priority::Low), ..all.clone() },
                below(Timing::Tpot, Statistic::Quantile(Quantile::P50), 1_500),
            ),
            (
                "  interactive , model = qwen3:30b-a3b , selection=direct :  latency  p999  <  1m ",
                Scope {
                    model: Some("qwen3:30b-a3b".into()),
                    selection: Some(Selection::Direct),
                    ..interactive.clone()
                },
                below(Timing::Latency, Statistic::Quantile(Quantile::P999), 60_000),
            ),
            ("*/*: errors < 1%", all.clone(), Objective::Errors { below: 0.01 }),
            ("interactive/*: ttft p95 < 500ms", interactive, below(Timing::Ttft, p95, 500)),
            (
                "model=Qwen/Qwen2.5-7B,provider=a/b c: itl p95 < 50ms",
                Scope {
                    model: Some("Qwen/Qwen2.5-7B".into()),
                    provider: Some("a/b c".into()),
                    ..all
                },
                below(Timing::Itl, p95, 50),
            ),
        ] {
            let read = parse(text).unwrap();
            assert_eq!(read.len(), 1, "{text}");
            assert_eq!((&read[0].scope, read[0].objective), (&scope, objective), "{text}");
            assert_eq!(read[0].name, text.trim());
        }
    }

    #[test]
    fn a_fault_has_its_column_and_the_nearest_word() {
        for (text, column, nearest, hint) in [
            ("interactve: ttft p95 < 500ms", 1, Some("interactive"), "`interactve` is no mode"),
            ("batch/hgih: errors < 1%", 7, Some("high"), "`hgih` is no priority"),
            ("batch/: errors < 1%", 7, Some("*"), "expected a priority"),
            ("*: tfft p95 < 500ms", 4, Some("ttft"), "`tfft` is no metric"),
            ("*: ", 4, Some("itl"), "expected a metric"),
            ("µ: ttft p95 < 1s", 1, Some("*"), "no mode"),
            ("*,model=µµ: eror < 1%", 13, Some("errors"), "no metric"),
            ("*: ttft p59x < 500ms", 9, Some("p50"), "`p59x` is no statistic"),
            ("*: ttft p100 < 500ms", 9, Some("max"), "`p100` is no statistic"),
            ("*: ttft < 500ms", 9, None, "needs a statistic"),
            ("*: ttft mean < 500ms", 9, None, "a mean has no value once a request failed"),
            ("*: ttft avg < 500ms", 9, None, "a mean has no value once a request failed"),
            ("preset:", 8, Some("llama2-70b"), "llama3.1-405b-interactive, llama3.1-8b, "),
            ("*: ttft p95 > 500ms", 13, None, "expected `<` (a time is to be below its limit)"),
            ("*: ttft p95 <= 500ms", 13, None, "expected `<`"),
            ("*: ttft p95 500ms", 13, None, "found `500ms`"),
            ("*: ttft p95", 12, None, "found `nothing`"),
            ("*: ttft p95 < 500", 15, None, "a unit is missing"),
            ("*: ttft p95 < fast", 15, None, "is not a duration"),
            ("*: ttft p95 < 0ms", 15, None, "more than nothing"),
            ("*: errors p95 < 1%", 11, None, "takes no statistic"),
            ("*: errors > 1%", 11, None, "expected `<`"),
            ("*: goodput < 95%", 12, None, "expected `>`"),
            ("*: errors < 1", 13, None, "expected per cent"),
            ("*: errors < 0%", 13, None, "no number of requests proves"),
            ("*: goodput > 100%", 14, None, "no number of requests proves"),
            ("*: goodput > NaN%", 14, None, "more than 0"),
            ("ttft p95 < 500ms", 1, None, "write `*: ttft p95 < 500ms`"),
            ("*,modle=x: errors < 1%", 3, Some("model"), "`modle` is no key"),
            ("*,model=: errors < 1%", 9, None, "expected a name after `model=`"),
            ("*,model=a,model=b: errors < 1%", 11, None, "twice"),
            ("*,batch: errors < 1%", 3, None, "after a comma"),
            ("*,selection=direkt: errors < 1%", 13, Some("direct"), "no selection"),
            ("preset:llama3-8b", 8, Some("llama3.1-8b"), "no preset"),
        ] {
            let error = parse(text).unwrap_err();
            assert_eq!((error.column, error.nearest.as_deref()), (column, nearest), "{error}");
            assert!(error.to_string().contains(hint), "{error}");
            assert!(error.to_string().contains(&format!("column {column}: ")), "{error}");
        }
    }

    #[test]
    fn a_preset_is_two_objectives() {
        let read = parse(" preset:deepseek-r1-interactive ").unwrap();
        let p99 = Statistic::Quantile(Quantile::P99);
        let found: Vec<_> = read.iter().map(|slo| slo.objective).collect();
        assert_eq!(found, [below(Timing::Ttft, p99, 1_500), below(Timing::Tpot, p99, 15)]);
        assert_eq!(read[1].name, "preset:deepseek-r1-interactive: tpot p99 < 15ms");
        assert_eq!(parse("PRESET:DeepSeek-R1-interactive").unwrap(), read, "in whatever letters");
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused_within_it(text in "[a-zµ*/,=:<>%.0-9 ]{0,40}|\\PC{0,20}") {
            if let Err(error) = parse(&text) {
                prop_assert!(error.column <= text.chars().count() + 1, "{}", error);
            }
        }
    }
}
