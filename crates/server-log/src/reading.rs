//! The questions for one table, and what the cells of an answer mean.

use crate::mapping::Metric;
use crate::sql::{Cell, Dialect, Kind, Query};
use std::borrow::Cow;

/// The questions for one table.
#[derive(Debug)]
pub(crate) struct Reading {
    /// The table, for messages.
    pub(crate) name: String,
    pub(crate) dialect: Dialect,
    /// The request id as the table holds it, as text.
    pub(crate) id: String,
    /// The same, to be compared.
    pub(crate) id_compared: String,
    /// Whether the table shows every id in lower case, as it does a UUID.
    pub(crate) lower_ids: bool,
    /// When a request came, for comparing.
    pub(crate) came: Option<Came>,
    pub(crate) from: String,
    pub(crate) select: Vec<String>,
    pub(crate) kinds: Vec<Kind>,
    /// Place of the log's own number among the columns asked for.
    pub(crate) log_id: Option<usize>,
    pub(crate) finished: Option<usize>,
    pub(crate) takes: Vec<Take>,
    pub(crate) tokens: Option<TokenQuestion>,
}

/// The column of arrivals as it is, so that an index serves it.
#[derive(Debug)]
pub(crate) struct Came {
    pub(crate) column: String,
    pub(crate) clock: Clock,
    pub(crate) zone_s: i32,
}

/// How a column holds a moment.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Clock {
    Number { unit_ns: u32 },
    Zoned,
    Naive,
}

/// How a metric comes from the cells of a row.
#[derive(Debug)]
pub(crate) struct Take {
    pub(crate) metric: Metric,
    /// The columns, for messages.
    pub(crate) label: String,
    pub(crate) how: How,
}

/// The part of a [`Take`] that computes; numbers are places among the columns asked for.
#[derive(Clone, Copy, Debug)]
pub(crate) enum How {
    Moment(Moment),
    Between(Moment, Moment),
    /// A number of so many nanoseconds each.
    Duration(usize, u32),
    Count(usize),
    Flag(usize),
    Text(usize),
}

/// A moment among the columns.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Moment {
    pub(crate) at: usize,
    /// Nanoseconds of its unit.
    pub(crate) unit_ns: u32,
    /// What it is ahead of UTC, in seconds.
    pub(crate) zone_s: i32,
    /// Whether it has no zone of its own.
    pub(crate) naive: bool,
}

#[derive(Debug)]
pub(crate) struct TokenQuestion {
    pub(crate) select: String,
    pub(crate) from: String,
    /// The kind of a count, and the names that are asked for.
    pub(crate) kind: String,
    pub(crate) names: Vec<String>,
    /// How many of the names are the prompt's.
    pub(crate) prompt: usize,
}

impl Reading {
    /// Adds a column to those asked for; gives its place, that of an equal one where there is one.
    pub(crate) fn add(&mut self, sql: String, kind: Kind) -> usize {
        // The request id stands before them.
        if let Some(at) = self.select.iter().position(|known| *known == sql) {
            return at + 1;
        }
        self.select.push(sql);
        self.kinds.push(kind);
        self.select.len()
    }

    fn selecting(&self, columns: &[String], kinds: &[Kind]) -> Query {
        let mut query = Query::new(self.dialect, format!("SELECT {}", self.id));
        for column in columns {
            query.push(", ").push(column);
        }
        query.push(&format!(" FROM {} WHERE ", self.from));
        query.kinds = [&[Kind::Text], kinds].concat();
        query
    }

    /// Any row, with all that is asked for.
    pub(crate) fn sample(&self) -> Query {
        let mut query = self.selecting(&self.select, &self.kinds);
        query.push("1 = 1 LIMIT 1");
        query
    }

    /// The ids of the rows that came in a window of the log's own clock, where the log tells when.
    pub(crate) fn came_within(&self, from_ns: u64, to_ns: u64) -> Option<Query> {
        let came = self.came.as_ref()?;
        let at = |wall_ns: u64| {
            let ns = i128::from(wall_ns) + i128::from(came.zone_s) * 1_000_000_000;
            let stamp =
                format!("to_timestamp({}.{:06})", ns / 1_000_000_000, ns / 1_000 % 1_000_000);
            match came.clock {
                Clock::Number { unit_ns } => (ns / i128::from(unit_ns)).to_string(),
                Clock::Zoned => stamp,
                Clock::Naive => format!("({stamp} AT TIME ZONE 'UTC')"),
            }
        };
        let mut query = self.selecting(&[], &[]);
        query.push(&format!("{} BETWEEN {} AND {}", came.column, at(from_ns), at(to_ns)));
        Some(query)
    }

    /// An id as this table shows it.
    pub(crate) fn as_shown<'a>(&self, id: &'a str) -> Cow<'a, str> {
        if self.lower_ids { id.to_ascii_lowercase().into() } else { id.into() }
    }

    /// The rows of `ids`; their first column is the id.
    pub(crate) fn rows_of(&self, ids: &[&str]) -> Query {
        let mut query = self.selecting(&self.select, &self.kinds);
        query.is_one_of(&self.id_compared, ids);
        query
    }

    /// The token counts of `ids`: the row's number, the kind and the count. `None` where they are
    /// not in a table of their own.
    pub(crate) fn tokens_of(&self, ids: &[&str]) -> Option<Query> {
        let tokens = self.tokens.as_ref()?;
        let sql = format!("SELECT {} FROM {} WHERE ", tokens.select, tokens.from);
        let mut query = Query::new(self.dialect, sql);
        query.kinds = vec![Kind::Int, Kind::Text, Kind::Int];
        let names: Vec<&str> = tokens.names.iter().map(String::as_str).collect();
        query.is_one_of(&self.id_compared, ids).push(" AND ");
        query.is_one_of(&tokens.kind, &names);
        Some(query)
    }

    /// Of a kind of token, 0 for the prompt's and 1 for the answer's, and the place of its name among
    /// those that are asked for.
    pub(crate) fn token_kind(&self, kind: &str) -> Option<(usize, usize)> {
        let tokens = self.tokens.as_ref()?;
        let name = tokens.names.iter().position(|name| name == kind)?;
        Some((usize::from(name >= tokens.prompt), name))
    }

    /// Whether token counts are in a table of their own.
    pub(crate) const fn counts_tokens(&self) -> bool {
        self.tokens.is_some()
    }

    /// Every id that begins with `prefix`, which holds letters, digits and dashes alone.
    pub(crate) fn ids_like(&self, prefix: &str) -> Query {
        let mut query = self.selecting(&[], &[]);
        match self.dialect {
            // An index serves this; SQLite compares texts by their bytes.
            Dialect::Sqlite => {
                let end = format!("{prefix}\u{10ffff}");
                query.push(&format!("{} >= ", self.id)).text(prefix);
                query.push(&format!(" AND {} < ", self.id)).text(&end);
            }
            Dialect::Postgres => {
                query.push(&format!("{} LIKE ", self.id)).text(&format!("{prefix}%"));
            }
        }
        query
    }

    /// The newest row: its id and its moment.
    pub(crate) fn newest(&self) -> (Query, Option<Moment>) {
        let Some(moment) = self.moment() else {
            let mut query = self.selecting(&[], &[]);
            query.push("1 = 1 LIMIT 1");
            return (query, None);
        };
        let column = &self.select[moment.at - 1];
        let kinds = [self.kinds[moment.at - 1]];
        let mut query = self.selecting(std::slice::from_ref(column), &kinds);
        query.push(&format!("{column} IS NOT NULL ORDER BY {column} DESC LIMIT 1"));
        (query, Some(Moment { at: 1, ..moment }))
    }

    /// When the request came, by a row's cells.
    pub(crate) fn arrived(&self, cells: &[Cell]) -> Option<u64> {
        self.moment()?.of(cells).ok()?
    }

    /// The log's number of a row.
    pub(crate) fn log_id_of(&self, cells: &[Cell]) -> Option<i64> {
        match cells[self.log_id?] {
            Cell::Int(id) => Some(id),
            _ => None,
        }
    }

    /// Whether any of its moments has no zone.
    pub(crate) fn has_naive_times(&self) -> bool {
        self.moment().is_some_and(|moment| moment.naive)
    }

    fn moment(&self) -> Option<Moment> {
        self.takes.iter().find_map(|take| match take.how {
            How::Moment(moment) => Some(moment),
            _ => None,
        })
    }

    /// Whether there is any row.
    pub(crate) fn any(&self) -> Query {
        let mut query = self.selecting(&[], &[]);
        query.push("1 = 1 LIMIT 1");
        query
    }
}

impl Moment {
    /// Nanoseconds since the epoch; an error for a cell that is no moment.
    pub(crate) fn of(&self, cells: &[Cell]) -> Result<Option<u64>, ()> {
        let Some(ns) = number(&cells[self.at], self.unit_ns)? else { return Ok(None) };
        let ns = ns.saturating_sub(i128::from(self.zone_s) * 1_000_000_000);
        u64::try_from(ns).map(Some).map_err(|_| ())
    }
}

/// A number times `unit`, rounded; an error for a cell that is none. One that is too large for any
/// metric stays too large.
pub(crate) fn number(cell: &Cell, unit: u32) -> Result<Option<i128>, ()> {
    match cell {
        Cell::Null => Ok(None),
        Cell::Int(value) => Ok(Some(i128::from(*value) * i128::from(unit))),
        // The whole part apart: a moment in nanoseconds has more digits than a float.
        Cell::Real(value) if !value.is_finite() => Err(()),
        Cell::Real(value) => {
            let part = (value.fract() * f64::from(unit)).round() as i128;
            let whole = (value.trunc() as i128).saturating_mul(i128::from(unit));
            Ok(Some(whole.saturating_add(part)))
        }
        Cell::Text(_) => Err(()),
    }
}
