//! SQL as text: identifiers quoted, values bound, and never anything else from outside.

/// How the two databases differ in what they are asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Dialect {
    Sqlite,
    Postgres,
}

/// A bound value.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Param {
    Text(String),
    /// A list, for PostgreSQL alone.
    Texts(Vec<String>),
}

/// A value that was read.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Cell {
    Null,
    Int(i64),
    Real(f64),
    Text(String),
}

/// As what a column of an answer is read. SQLite has its own mind about that.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Int,
    Real,
    Text,
}

/// A statement being written.
#[derive(Debug)]
pub(crate) struct Query {
    dialect: Dialect,
    pub(crate) sql: String,
    pub(crate) params: Vec<Param>,
    /// Of its answer's columns.
    pub(crate) kinds: Vec<Kind>,
}

impl Query {
    pub(crate) fn new(dialect: Dialect, sql: impl Into<String>) -> Self {
        Self { dialect, sql: sql.into(), params: Vec::new(), kinds: Vec::new() }
    }

    /// Appends SQL of ours.
    pub(crate) fn push(&mut self, sql: &str) -> &mut Self {
        self.sql.push_str(sql);
        self
    }

    /// Appends a value's place.
    pub(crate) fn bind(&mut self, param: Param) -> &mut Self {
        self.params.push(param);
        let sign = match self.dialect {
            Dialect::Sqlite => '?',
            Dialect::Postgres => '$',
        };
        self.sql.push(sign);
        self.sql.push_str(&self.params.len().to_string());
        self
    }

    /// Appends a text's place.
    pub(crate) fn text(&mut self, text: &str) -> &mut Self {
        self.bind(Param::Text(text.to_owned()))
    }

    /// Appends that `column`, an expression of ours, is one of `ids`.
    pub(crate) fn is_one_of(&mut self, column: &str, ids: &[&str]) -> &mut Self {
        self.push(column);
        match self.dialect {
            Dialect::Postgres => {
                let ids = ids.iter().map(|&id| id.to_owned()).collect();
                self.push(" = ANY(").bind(Param::Texts(ids)).push(")")
            }
            Dialect::Sqlite => {
                self.push(" IN (");
                for (place, id) in ids.iter().enumerate() {
                    self.push(if place == 0 { "" } else { ", " }).text(id);
                }
                self.push(")")
            }
        }
    }
}

/// An identifier, quoted.
pub(crate) fn ident(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// A table's name, quoted; with a schema before it where there is a dot.
pub(crate) fn table(name: &str) -> String {
    match name.split_once('.') {
        Some((schema, name)) => format!("{}.{}", ident(schema), ident(name)),
        None => ident(name),
    }
}

/// A text, quoted.
pub(crate) fn literal(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

#[cfg(test)]
mod tests {
    use super::{Dialect, Param, Query, ident, literal, table};

    #[test]
    fn no_name_ends_its_quotes() {
        assert_eq!(ident("a\"; DROP TABLE b; --"), "\"a\"\"; DROP TABLE b; --\"");
        assert_eq!(table("logs.a\"b"), "\"logs\".\"a\"\"b\"");
        assert_eq!(literal("it's"), "'it''s'");
    }

    #[test]
    fn values_are_bound_in_each_database_s_way() {
        for (dialect, want, params) in [
            (Dialect::Sqlite, "SELECT ?1 WHERE id IN (?2, ?3)", 3),
            (Dialect::Postgres, "SELECT $1 WHERE id = ANY($2)", 2),
        ] {
            let mut query = Query::new(dialect, "SELECT ");
            query.text("x").push(" WHERE ").is_one_of("id", &["a", "'b"]);
            assert_eq!(query.sql, want);
            assert_eq!(query.params.len(), params);
            assert_eq!(query.params[0], Param::Text("x".to_owned()));
        }
    }
}
