//! A mapping as it is written, and what it means.

use super::{Field, Lookup, Mapping, Metric, Shape, Table, Tokens, Unit};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::fmt;

#[derive(Debug)]
pub(super) enum Problem {
    Toml(Box<toml::de::Error>),
    Meaning { place: String, problem: String },
}

/// The file as it is written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FileForm {
    #[serde(default)]
    columns_optional: bool,
    #[serde(default)]
    time_unit: Unit,
    time_zone: Option<String>,
    table: Vec<TableForm>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct TableForm {
    name: String,
    request_id: String,
    log_id: Option<String>,
    finished: Option<String>,
    metrics: BTreeMap<Metric, Places>,
    tokens: Option<Tokens>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Places {
    Name(String),
    Place(BTreeMap<String, String>),
    Several(Vec<Places>),
}

const ZONE: &str = "expected a time zone such as \"+02:00\"";

/// Reads a mapping.
pub(super) fn parse(text: &str) -> Result<Mapping, Problem> {
    let form: FileForm = toml::from_str(text).map_err(|error| Problem::Toml(Box::new(error)))?;
    let zone = form.time_zone.as_deref();
    let zone_s = zone.map_or(Some(0), zone_s).ok_or_else(|| Problem::Meaning {
        place: "time_zone".to_owned(),
        problem: format!("{ZONE}, found {:?}", zone.unwrap_or_default()),
    })?;
    if form.table.is_empty() {
        let place = "table".to_owned();
        return Err(Problem::Meaning { place, problem: "expected at least one".to_owned() });
    }
    let (columns_optional, time_unit) = (form.columns_optional, form.time_unit);
    let tables = form.table.into_iter().map(table).collect::<Result<_, _>>()?;
    Ok(Mapping { tables, columns_optional, time_unit, zone_s })
}

/// `+02:00` in seconds.
fn zone_s(text: &str) -> Option<i32> {
    let sign = match text.as_bytes().first()? {
        b'+' => 1,
        b'-' => -1,
        _ => return None,
    };
    let (hours, minutes) = text[1..].split_once(':')?;
    let number = |text: &str, most: i32| {
        let digits = text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_digit());
        text.parse::<i32>().ok().filter(|number| digits && *number <= most)
    };
    Some(sign * (number(hours, 14)? * 3_600 + number(minutes, 59)? * 60))
}

fn table(form: TableForm) -> Result<Table, Problem> {
    let TableForm { name, request_id, log_id, finished, metrics, tokens } = form;
    if tokens.is_some() && log_id.is_none() {
        return Err(Problem::Meaning {
            place: format!("table `{name}`"),
            problem: "`tokens` needs `log_id`, the column that its rows point to".to_owned(),
        });
    }
    let fields = |(metric, places): (Metric, Places)| {
        let mut fields = Vec::new();
        collect(metric, places, &mut fields).map_err(|problem| Problem::Meaning {
            place: format!("table `{name}`, metric `{}`", metric.name()),
            problem,
        })?;
        Ok((metric, fields))
    };
    let metrics = metrics.into_iter().map(fields).collect::<Result<_, _>>()?;
    Ok(Table { name, request_id, log_id, finished, metrics, tokens })
}

fn collect(metric: Metric, places: Places, fields: &mut Vec<Field>) -> Result<(), String> {
    match places {
        Places::Name(column) => {
            fields.push(Field::Column { column, unit: None, json: None });
        }
        Places::Place(keys) => fields.push(field(&Keys(keys))?),
        Places::Several(several) => {
            for places in several {
                collect(metric, places, fields)?;
            }
        }
    }
    fields.iter().try_for_each(|field| check(metric, field))
}

/// The keys that a place has.
struct Keys(BTreeMap<String, String>);

impl Keys {
    fn get(&self, key: &str) -> Option<String> {
        self.0.get(key).cloned()
    }

    fn are(&self, keys: &[&str]) -> bool {
        self.0.keys().all(|key| keys.contains(&key.as_str()))
    }
}

impl fmt::Display for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.keys().map(String::as_str).collect::<Vec<_>>().join(", "))
    }
}

fn field(keys: &Keys) -> Result<Field, String> {
    if let (Some(from), Some(to), true) =
        (keys.get("from"), keys.get("to"), keys.are(&["from", "to"]))
    {
        return Ok(Field::Between { from, to });
    }
    let column = keys.get("column");
    if let (Some(column), Some(table), Some(key), Some(name), true) = (
        column.clone(),
        keys.get("table"),
        keys.get("key"),
        keys.get("name"),
        keys.are(&["column", "table", "key", "name"]),
    ) {
        return Ok(Field::Named { column, lookup: Lookup { table, key, name } });
    }
    if let (Some(column), true) = (column, keys.are(&["column", "unit", "json"])) {
        let unit = keys.get("unit").as_deref().map(unit).transpose()?;
        return Ok(Field::Column { column, unit, json: keys.get("json") });
    }
    Err(format!(
        "expected a column, or {{ column, unit, json }}, {{ from, to }} or \
         {{ column, table, key, name }}; found {{ {keys} }}"
    ))
}

fn unit(text: &str) -> Result<Unit, String> {
    match text {
        "ns" => Ok(Unit::Ns),
        "us" => Ok(Unit::Us),
        "ms" => Ok(Unit::Ms),
        "s" => Ok(Unit::S),
        _ => Err(format!("expected the unit ns, us, ms or s, found {text:?}")),
    }
}

/// Whether a metric can be had from such a place.
fn check(metric: Metric, field: &Field) -> Result<(), String> {
    let fits = match (metric.shape(), field) {
        (Shape::Duration, Field::Between { .. })
        | (Shape::Text, Field::Named { .. } | Field::Column { unit: None, json: None, .. })
        | (Shape::Moment, Field::Column { unit: None, json: None, .. })
        | (Shape::Count | Shape::Flag, Field::Column { unit: None, .. })
        | (Shape::Duration, Field::Column { unit: Some(_), .. }) => true,
        (Shape::Duration, Field::Column { column, .. }) => {
            return Err(format!(
                "a duration needs its unit: {{ column = {column:?}, unit = \"ms\" }}"
            ));
        }
        _ => false,
    };
    let what = match metric.shape() {
        Shape::Moment => "a moment is a column",
        Shape::Duration => "a duration is { from, to } or { column, unit }",
        Shape::Count | Shape::Flag => "it is a column, or { column, json }",
        Shape::Text => "a text is a column, or { column, table, key, name }",
    };
    if fits { Ok(()) } else { Err(what.to_owned()) }
}

#[cfg(test)]
mod tests {
    use super::{parse, zone_s};
    use crate::mapping::{Field, Mapping, MappingError, Metric, Unit};

    const TABLE: &str = "[[table]]\nname = \"t\"\nrequest_id = \"id\"\n";

    #[test]
    fn the_mapping_that_is_built_in_has_every_metric() {
        let mapping = Mapping::logos();
        assert!(mapping.columns_optional);
        let tokens = [Metric::PromptTokens, Metric::CompletionTokens];
        for metric in Metric::ALL.into_iter().filter(|metric| !tokens.contains(metric)) {
            let has = mapping.tables.iter().any(|table| table.metrics.contains_key(&metric));
            assert!(has, "{metric:?}");
        }
        assert!(mapping.tables.iter().any(|table| table.tokens.is_some()));
    }

    #[test]
    fn places_are_read_in_every_form() {
        let text = format!(
            "time_unit = \"ms\"\ntime_zone = \"-03:30\"\n{TABLE}[table.metrics]\n\
             arrived = \"at\"\nload = {{ column = \"l\", unit = \"s\", json = \"k\" }}\n\
             model = [\"m\", {{ column = \"c\", table = \"t\", key = \"k\", name = \"n\" }}]\n"
        );
        let mapping = parse(&text).unwrap();
        assert_eq!((mapping.time_unit, mapping.zone_s), (Unit::Ms, -12_600));
        assert!(!mapping.columns_optional);
        let metrics = &mapping.tables[0].metrics;
        let (column, json) = ("l".to_owned(), Some("k".to_owned()));
        assert_eq!(metrics[&Metric::Load], [Field::Column { column, unit: Some(Unit::S), json }]);
        assert!(matches!(metrics[&Metric::Model][..], [Field::Column { .. }, Field::Named { .. }]));
    }

    #[test]
    fn the_mapping_in_the_guide_is_one() {
        let (_, guide) =
            include_str!("../../../../docs/replay.md").split_once("```toml\n").unwrap();
        let mapping = parse(guide.split("```").next().unwrap()).unwrap();
        assert_eq!(mapping.zone_s, 7_200);
        assert!(Metric::ALL.iter().all(|metric| guide.contains(metric.name())));
    }

    #[test]
    fn what_means_nothing_is_named_with_its_place() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("map.toml");
        let metric = |line: &str| format!("{TABLE}[table.metrics]\n{line}\n");
        for (text, want) in [
            ("table = 1".to_owned(), "not a mapping of a server's log: TOML parse error at line 1"),
            (String::new(), "missing field `table`"),
            ("table = []".to_owned(), "map.toml: table: expected at least one"),
            (format!("time_zone = \"CET\"\n{}", metric("")), "expected a time zone such as"),
            (metric("latency = \"x\""), "unknown variant `latency`, expected one of `arrived`"),
            (
                metric("ttft = \"ttft_ms\""),
                "table `t`, metric `ttft`: a duration needs its unit: \
                 { column = \"ttft_ms\", unit = \"ms\" }",
            ),
            (
                metric("ttft = { column = \"a\", unit = \"m\" }"),
                "expected the unit ns, us, ms or s",
            ),
            (metric("ttft = { from = \"a\" }"), "or { column, table, key, name }; found { from }"),
            (metric("model = { from = \"a\", to = \"b\" }"), "a text is a column, or"),
            (metric("arrived = { column = \"a\", unit = \"s\" }"), "a moment is a column"),
            (
                format!(
                    "{}[table.tokens]\ntable = \"u\"\nrow = \"r\"\ncount = \"c\"\ntype = \"y\"\n\
                     types = {{ table = \"y\", key = \"k\", name = \"n\" }}\nprompt = []\n\
                     completion = []\n",
                    metric("")
                ),
                "table `t`: `tokens` needs `log_id`",
            ),
        ] {
            std::fs::write(&path, &text).unwrap();
            let error = Mapping::open(&path).unwrap_err();
            let source = std::error::Error::source(&error).map(ToString::to_string);
            let shown = format!("{error}: {}", source.unwrap_or_default());
            assert!(shown.contains(want), "{text}: {shown}");
        }
        let missing = Mapping::open(&dir.path().join("missing")).unwrap_err();
        assert!(matches!(missing, MappingError::Read { .. }));
    }

    #[test]
    fn a_zone_is_hours_and_minutes() {
        for (text, want) in [
            ("+00:00", Some(0)),
            ("+05:45", Some(20_700)),
            ("-12:00", Some(-43_200)),
            ("+2:00", None),
            ("+02:60", None),
            ("02:00", None),
            ("+99:00", None),
            ("", None),
            ("+é:00", None),
        ] {
            assert_eq!(zone_s(text), want, "{text}");
        }
    }
}
