//! PostgreSQL: every question in a read-only transaction of its own.
//!
//! Nothing is set for the session, because behind a pooler it would outlast us and meet others.

use super::{ANSWER, CONNECT, Database, STATEMENT_SECONDS, Type, within};
use crate::sql::{Cell, Dialect, Kind, Param, Query};
use futures_util::TryStreamExt;
use sqlx::postgres::{PgArguments, PgConnectOptions, PgRow};
use sqlx::{AssertSqlSafe, ConnectOptions, Connection, PgConnection, Postgres, Row};
use std::collections::BTreeMap;

pub(crate) async fn connect(options: &PgConnectOptions) -> Result<PgConnection, sqlx::Error> {
    options.connect().await
}

impl Database for PgConnection {
    const DIALECT: Dialect = Dialect::Postgres;

    async fn columns(&mut self, table: &str) -> Result<BTreeMap<String, Type>, sqlx::Error> {
        let sql = "SELECT a.attname::text, \
                   CASE WHEN t.typtype = 'e' THEN 'text' ELSE t.typname::text END \
                   FROM pg_attribute a JOIN pg_type t ON t.oid = a.atttypid \
                   WHERE a.attrelid = to_regclass($1) AND a.attnum > 0 AND NOT a.attisdropped";
        let query = sqlx::query_as::<_, (String, String)>(sql).persistent(false);
        let rows = within(ANSWER, query.bind(crate::sql::table(table)).fetch_all(self)).await?;
        Ok(rows.into_iter().map(|(name, found)| (name, type_of(&found))).collect())
    }

    async fn read(
        &mut self,
        query: Query,
        on_row: &mut dyn FnMut(Vec<Cell>),
    ) -> Result<(), sqlx::Error> {
        let begin =
            format!("BEGIN READ ONLY; SET LOCAL statement_timeout = '{STATEMENT_SECONDS}s'");
        let asking = async {
            sqlx::raw_sql(AssertSqlSafe(begin)).execute(&mut *self).await?;
            let read = read_rows(self, query, on_row).await;
            // After a failure too: the connection can be asked again.
            let ended = sqlx::raw_sql("ROLLBACK").execute(&mut *self).await;
            read.and(ended.map(|_| ()))
        };
        within(ANSWER, asking).await
    }

    async fn write(&mut self, statements: Vec<Query>) -> Result<(), sqlx::Error> {
        let mut transaction = self.begin().await?;
        for statement in statements {
            bound(statement).execute(&mut *transaction).await?;
        }
        transaction.commit().await
    }

    async fn make_tables(&mut self) -> Result<(), sqlx::Error> {
        sqlx::raw_sql(include_str!("../../../../fixtures/server-log/postgres.sql"))
            .execute(self)
            .await
            .map(|_| ())
    }

    async fn close(self) -> Result<(), sqlx::Error> {
        within(CONNECT, Connection::close(self)).await
    }
}

async fn read_rows(
    connection: &mut PgConnection,
    query: Query,
    on_row: &mut dyn FnMut(Vec<Cell>),
) -> Result<(), sqlx::Error> {
    let kinds = query.kinds.clone();
    let mut rows = bound(query).fetch(connection);
    while let Some(row) = rows.try_next().await? {
        let cells = kinds.iter().enumerate().map(|(at, &kind)| cell(&row, at, kind));
        on_row(cells.collect::<Result<_, _>>()?);
    }
    Ok(())
}

/// The statement is ours, with every name in it quoted: see `sql`. It is prepared without a name,
/// which every pooler understands.
fn bound(query: Query) -> sqlx::query::Query<'static, Postgres, PgArguments> {
    let begun = sqlx::query(AssertSqlSafe(query.sql)).persistent(false);
    query.params.into_iter().fold(begun, |bound, param| match param {
        Param::Text(value) => bound.bind(value),
        Param::Texts(values) => bound.bind(values),
    })
}

fn cell(row: &PgRow, at: usize, kind: Kind) -> Result<Cell, sqlx::Error> {
    let value = match kind {
        Kind::Int => row.try_get::<Option<i64>, _>(at)?.map(Cell::Int),
        Kind::Real => row.try_get::<Option<f64>, _>(at)?.map(Cell::Real),
        Kind::Text => row.try_get::<Option<String>, _>(at)?.map(Cell::Text),
    };
    Ok(value.unwrap_or(Cell::Null))
}

fn type_of(name: &str) -> Type {
    match name {
        "int2" | "int4" | "int8" => Type::Int,
        "float4" | "float8" | "numeric" => Type::Real,
        "timestamptz" => Type::Time,
        "timestamp" => Type::NaiveTime,
        "bool" => Type::Flag,
        "text" | "varchar" | "bpchar" => Type::Text,
        "json" | "jsonb" => Type::Json,
        other => Type::Other(other.to_owned()),
    }
}
