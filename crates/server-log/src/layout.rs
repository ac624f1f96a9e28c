//! A mapping laid over the tables that there are: which questions can be asked, and what cannot.

use crate::database::{Database, Type};
use crate::mapping::{Field, Lookup, Mapping, Metric, Shape, Table, Tokens};
use crate::reading::{Came, Clock, How, Moment, Reading, Take, TokenQuestion};
use crate::sql::{Dialect, Kind, ident, literal, table};
use std::collections::{BTreeMap, HashMap};

/// What can be asked of a log.
#[derive(Debug)]
pub(crate) struct Layout {
    pub(crate) readings: Vec<Reading>,
    /// Why a metric cannot be had from a place, by metric.
    pub(crate) absent: BTreeMap<Metric, Vec<String>>,
    /// What is expected to be there and is not.
    pub(crate) problems: Vec<String>,
    /// Whether a form of the schema without some of it is as good.
    pub(crate) optional: bool,
}

/// Lays `mapping` over the tables of `database`.
pub(crate) async fn detect<D: Database>(
    database: &mut D,
    mapping: &Mapping,
) -> Result<Layout, sqlx::Error> {
    let mut tables = Tables { known: HashMap::new() };
    let mut layout = Layout {
        readings: Vec::new(),
        absent: BTreeMap::new(),
        problems: Vec::new(),
        optional: mapping.columns_optional,
    };
    for form in &mapping.tables {
        tables.look(database, &form.name).await?;
        let lookups = form.metrics.values().flatten().filter_map(|field| match field {
            Field::Named { lookup, .. } => Some(&lookup.table),
            _ => None,
        });
        let tokens = form.tokens.iter().flat_map(|tokens| [&tokens.table, &tokens.kinds.table]);
        for name in lookups.chain(tokens) {
            tables.look(database, name).await?;
        }
        match tables.column(&form.name, &form.request_id) {
            Ok(ty) => {
                let ty = ty.clone();
                let reading = Build { tables: &tables, mapping, form, dialect: D::DIALECT }
                    .reading(&ty, &mut layout.absent);
                layout.readings.push(reading);
            }
            Err(reason) => {
                for &metric in form.metrics.keys() {
                    layout.absent.entry(metric).or_default().push(reason.clone());
                }
                if form.tokens.is_some() {
                    for metric in [Metric::PromptTokens, Metric::CompletionTokens] {
                        layout.absent.entry(metric).or_default().push(reason.clone());
                    }
                }
                layout.problems.push(reason);
            }
        }
    }
    if !mapping.columns_optional {
        layout.problems.extend(layout.absent.values().flatten().cloned());
        layout.problems.sort_unstable();
        layout.problems.dedup();
    } else if !layout.readings.is_empty() {
        layout.problems.clear();
    }
    Ok(layout)
}

/// What tables there are.
struct Tables {
    known: HashMap<String, BTreeMap<String, Type>>,
}

impl Tables {
    async fn look<D: Database>(&mut self, database: &mut D, name: &str) -> Result<(), sqlx::Error> {
        if !self.known.contains_key(name) {
            self.known.insert(name.to_owned(), database.columns(name).await?);
        }
        Ok(())
    }

    /// The type of a column, or why there is none.
    fn column(&self, table: &str, column: &str) -> Result<&Type, String> {
        let columns = self.known.get(table).filter(|columns| !columns.is_empty());
        let columns = columns.ok_or_else(|| format!("there is no table `{table}`"))?;
        columns.get(column).ok_or_else(|| format!("there is no column `{table}.{column}`"))
    }

    fn has(&self, lookup: &Lookup) -> Result<(), String> {
        self.column(&lookup.table, &lookup.key)?;
        self.column(&lookup.table, &lookup.name).map(|_| ())
    }
}

/// Makes the questions for one table.
struct Build<'a> {
    tables: &'a Tables,
    mapping: &'a Mapping,
    form: &'a Table,
    dialect: Dialect,
}

impl Build<'_> {
    fn reading(&self, id: &Type, absent: &mut BTreeMap<Metric, Vec<String>>) -> Reading {
        let column = format!("t.{}", ident(&self.form.request_id));
        let as_text = match self.dialect {
            Dialect::Sqlite => column.clone(),
            Dialect::Postgres => format!("{column}::text"),
        };
        // An index serves only the column as it is.
        let plain = matches!(id, Type::Any | Type::Text);
        let mut reading = Reading {
            name: self.form.name.clone(),
            dialect: self.dialect,
            id_compared: if plain { column } else { as_text.clone() },
            id: as_text,
            lower_ids: *id == Type::Other("uuid".to_owned()),
            came: None,
            from: format!("{} AS t", table(&self.form.name)),
            select: Vec::new(),
            kinds: Vec::new(),
            log_id: None,
            finished: None,
            takes: Vec::new(),
            tokens: None,
        };
        let log_id = self.form.log_id.as_deref();
        reading.log_id = log_id.and_then(|column| {
            let (sql, kind) = self.number(column).ok()?;
            (kind == Kind::Int).then(|| reading.add(sql, kind))
        });
        let finished = self.form.finished.as_deref();
        reading.finished = finished.and_then(|column| {
            self.tables.column(&self.form.name, column).ok()?;
            let sql = format!("CASE WHEN t.{} IS NOT NULL THEN 1 END", ident(column));
            let sql = self.cast(&sql, "bigint");
            Some(reading.add(sql, Kind::Int))
        });
        for (&metric, fields) in &self.form.metrics {
            let mut reasons = Vec::new();
            let found = fields.iter().find_map(|field| {
                let how = self.how(metric, field, &mut reading);
                how.map_err(|reason| reasons.push(reason)).ok().map(|how| (field, how))
            });
            match found {
                Some((field, how)) => {
                    let label = self.label(field);
                    reading.takes.push(Take { metric, label, how });
                }
                None => absent.entry(metric).or_default().append(&mut reasons),
            }
        }
        if let Some(tokens) = &self.form.tokens {
            match self.token_question(tokens, reading.log_id) {
                Ok(question) => reading.tokens = Some(question),
                Err(reason) => {
                    for metric in [Metric::PromptTokens, Metric::CompletionTokens] {
                        absent.entry(metric).or_default().push(reason.clone());
                    }
                }
            }
        }
        reading
    }

    fn label(&self, field: &Field) -> String {
        let table = &self.form.name;
        match field {
            Field::Column { column, json: None, .. } => format!("`{table}.{column}`"),
            Field::Column { column, json: Some(key), .. } => {
                format!("`{key}` in `{table}.{column}`")
            }
            Field::Between { from, to } => format!("`{table}.{from}` or `{table}.{to}`"),
            Field::Named { column, .. } => format!("`{table}.{column}`"),
        }
    }

    fn how(&self, metric: Metric, field: &Field, reading: &mut Reading) -> Result<How, String> {
        match field {
            Field::Between { from, to } => {
                let (from, to) = (self.moment(from)?, self.moment(to)?);
                Ok(How::Between(from.place(reading), to.place(reading)))
            }
            Field::Named { column, lookup } => {
                self.tables.column(&self.form.name, column)?;
                self.tables.has(lookup)?;
                let alias = format!("n{}", reading.select.len());
                reading.from.push_str(&format!(
                    " LEFT JOIN {} AS {alias} ON {alias}.{} = t.{}",
                    table(&lookup.table),
                    ident(&lookup.key),
                    ident(column)
                ));
                let sql = self.cast(&format!("{alias}.{}", ident(&lookup.name)), "text");
                Ok(How::Text(reading.add(sql, Kind::Text)))
            }
            Field::Column { column, unit, json } => {
                let shape = metric.shape();
                if shape == Shape::Moment {
                    let moment = self.moment(column)?;
                    let (column, zone_s) = (format!("t.{}", ident(column)), moment.zone_s);
                    reading.came = Some(Came { column, clock: moment.clock, zone_s });
                    return Ok(How::Moment(moment.place(reading)));
                }
                if shape == Shape::Text {
                    self.tables.column(&self.form.name, column)?;
                    let sql = self.cast(&format!("t.{}", ident(column)), "text");
                    return Ok(How::Text(reading.add(sql, Kind::Text)));
                }
                let (sql, kind) = match json {
                    Some(key) => self.json_number(column, key)?,
                    None => self.number(column)?,
                };
                let at = reading.add(sql, kind);
                Ok(match shape {
                    Shape::Duration => How::Duration(at, unit.unwrap_or_default().ns()),
                    Shape::Flag => How::Flag(at),
                    _ => How::Count(at),
                })
            }
        }
    }

    /// A moment, not yet among the columns.
    fn moment(&self, column: &str) -> Result<Unplaced, String> {
        let ty = self.tables.column(&self.form.name, column)?;
        let sql = format!("t.{}", ident(column));
        let number = |sql, kind| Unplaced {
            sql,
            kind,
            unit_ns: self.mapping.time_unit.ns(),
            zone_s: 0,
            naive: false,
            clock: Clock::Number { unit_ns: self.mapping.time_unit.ns() },
        };
        Ok(match ty {
            Type::Any => number(sql, Kind::Int),
            Type::Int => number(format!("{sql}::bigint"), Kind::Int),
            Type::Real => number(format!("{sql}::double precision"), Kind::Real),
            Type::Time | Type::NaiveTime => {
                let naive = *ty == Type::NaiveTime;
                let epoch = format!("(EXTRACT(EPOCH FROM {sql}) * 1000000)::bigint");
                Unplaced {
                    sql: format!("CASE WHEN isfinite({sql}) THEN {epoch} END"),
                    kind: Kind::Int,
                    unit_ns: 1_000,
                    zone_s: if naive { self.mapping.zone_s } else { 0 },
                    naive,
                    clock: if naive { Clock::Naive } else { Clock::Zoned },
                }
            }
            other => return Err(self.wrong(column, other, "a timestamp or a number")),
        })
    }

    fn number(&self, column: &str) -> Result<(String, Kind), String> {
        let sql = format!("t.{}", ident(column));
        Ok(match self.tables.column(&self.form.name, column)? {
            Type::Any => (sql, Kind::Int),
            Type::Int => (format!("{sql}::bigint"), Kind::Int),
            Type::Flag => (format!("{sql}::int::bigint"), Kind::Int),
            Type::Real => (format!("{sql}::double precision"), Kind::Real),
            other => return Err(self.wrong(column, other, "a number")),
        })
    }

    fn json_number(&self, column: &str, key: &str) -> Result<(String, Kind), String> {
        let sql = format!("t.{}", ident(column));
        match self.tables.column(&self.form.name, column)? {
            Type::Any => {
                // A key of a JSON path stands in double quotes, in which none may be.
                let path = literal(&format!("$.\"{}\"", key.replace('"', "")));
                let value = format!("json_extract({sql}, {path})");
                // What is no JSON comes as it is, to be counted as unreadable.
                let sql = format!("CASE WHEN json_valid({sql}) THEN {value} ELSE {sql} END");
                Ok((sql, Kind::Real))
            }
            Type::Json => {
                let (sql, key) = (format!("{sql}::jsonb"), literal(key));
                let value = format!("({sql} ->> {key})::double precision");
                let found = format!("jsonb_typeof({sql} -> {key})");
                // Of what is no number only that is told.
                let other = format!("WHEN {found} <> 'null' THEN 'NaN'::double precision");
                Ok((format!("CASE WHEN {found} = 'number' THEN {value} {other} END"), Kind::Real))
            }
            other => Err(self.wrong(column, other, "JSON")),
        }
    }

    fn wrong(&self, column: &str, found: &Type, expected: &str) -> String {
        let found = match found {
            Type::Other(name) => name.clone(),
            other => format!("{other:?}").to_lowercase(),
        };
        format!("`{}.{column}` is of type {found}, expected {expected}", self.form.name)
    }

    fn token_question(
        &self,
        tokens: &Tokens,
        log_id: Option<usize>,
    ) -> Result<TokenQuestion, String> {
        let Some(row) = self.form.log_id.as_deref().filter(|_| log_id.is_some()) else {
            return Err(format!("`{}` has no number that `log_id` names", self.form.name));
        };
        for column in [&tokens.row, &tokens.count, &tokens.kind] {
            self.tables.column(&tokens.table, column)?;
        }
        self.tables.has(&tokens.kinds)?;
        let kind = self.cast(&format!("k.{}", ident(&tokens.kinds.name)), "text");
        let select = [
            self.cast(&format!("t.{}", ident(row)), "bigint"),
            kind.clone(),
            self.cast(&format!("u.{}", ident(&tokens.count)), "bigint"),
        ]
        .join(", ");
        let from = format!(
            "{} AS t JOIN {} AS u ON u.{} = t.{} JOIN {} AS k ON k.{} = u.{}",
            table(&self.form.name),
            table(&tokens.table),
            ident(&tokens.row),
            ident(row),
            table(&tokens.kinds.table),
            ident(&tokens.kinds.key),
            ident(&tokens.kind),
        );
        let names = tokens.prompt.iter().chain(&tokens.completion).cloned().collect();
        Ok(TokenQuestion { select, from, kind, names, prompt: tokens.prompt.len() })
    }

    fn cast(&self, sql: &str, ty: &str) -> String {
        match self.dialect {
            Dialect::Sqlite => sql.to_owned(),
            Dialect::Postgres => format!("({sql})::{ty}"),
        }
    }
}

struct Unplaced {
    sql: String,
    kind: Kind,
    unit_ns: u32,
    zone_s: i32,
    naive: bool,
    clock: Clock,
}

impl Unplaced {
    fn place(self, reading: &mut Reading) -> Moment {
        let at = reading.add(self.sql, self.kind);
        Moment { at, unit_ns: self.unit_ns, zone_s: self.zone_s, naive: self.naive }
    }
}
