//! SQLite: a file, opened read-only to be read.

use super::{Database, Purpose, Type};
use crate::sql::{Cell, Dialect, Param, Query};
use futures_util::TryStreamExt;
use sqlx::sqlite::{
    SqliteArguments, SqliteConnectOptions, SqliteJournalMode, SqliteRow, SqliteSynchronous,
};
use sqlx::{
    AssertSqlSafe, ConnectOptions, Connection, Row, Sqlite, SqliteConnection, TypeInfo, ValueRef,
};
use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

/// How long one waits for another that writes.
const BUSY: Duration = Duration::from_secs(5);

pub(crate) async fn connect(
    path: &Path,
    purpose: Purpose,
) -> Result<SqliteConnection, sqlx::Error> {
    if path.is_dir() {
        return Err(sqlx::Error::Io(std::io::ErrorKind::IsADirectory.into()));
    }
    let options = SqliteConnectOptions::new().filename(path).busy_timeout(BUSY);
    let options = match purpose {
        Purpose::Read => options.read_only(true),
        // Whole transactions survive a kill of the program. Power loss may cost the log of a
        // simulator, which can be made again.
        Purpose::Write => options
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Delete)
            .synchronous(SqliteSynchronous::Off),
    };
    options.disable_statement_logging().connect().await
}

impl Database for SqliteConnection {
    const DIALECT: Dialect = Dialect::Sqlite;

    async fn columns(&mut self, table: &str) -> Result<BTreeMap<String, Type>, sqlx::Error> {
        let sql = "SELECT name FROM pragma_table_info(?1)";
        let names = sqlx::query_scalar::<_, String>(sql).bind(table).fetch_all(self).await?;
        Ok(names.into_iter().map(|name| (name, Type::Any)).collect())
    }

    async fn read(
        &mut self,
        query: Query,
        on_row: &mut dyn FnMut(Vec<Cell>),
    ) -> Result<(), sqlx::Error> {
        let mut rows = bound(query).fetch(self);
        while let Some(row) = rows.try_next().await? {
            on_row((0..row.len()).map(|at| cell(&row, at)).collect::<Result<_, _>>()?);
        }
        Ok(())
    }

    async fn write(&mut self, statements: Vec<Query>) -> Result<(), sqlx::Error> {
        let mut transaction = self.begin().await?;
        for statement in statements {
            bound(statement).execute(&mut *transaction).await?;
        }
        transaction.commit().await
    }

    async fn make_tables(&mut self) -> Result<(), sqlx::Error> {
        sqlx::raw_sql(include_str!("../../../../fixtures/server-log/sqlite.sql"))
            .execute(self)
            .await
            .map(|_| ())
    }

    async fn close(self) -> Result<(), sqlx::Error> {
        Connection::close(self).await
    }
}

/// The statement is ours, with every name in it quoted: see `sql`.
fn bound(query: Query) -> sqlx::query::Query<'static, Sqlite, SqliteArguments> {
    query.params.into_iter().fold(sqlx::query(AssertSqlSafe(query.sql)), |bound, param| {
        match param {
            Param::Text(value) => bound.bind(value),
            // Never made for this database.
            Param::Texts(values) => bound.bind(values.join(",")),
        }
    })
}

fn cell(row: &SqliteRow, at: usize) -> Result<Cell, sqlx::Error> {
    let value = row.try_get_raw(at)?;
    if value.is_null() {
        return Ok(Cell::Null);
    }
    Ok(match value.type_info().name() {
        "INTEGER" => Cell::Int(row.try_get_unchecked(at)?),
        "REAL" => Cell::Real(row.try_get_unchecked(at)?),
        "TEXT" => Cell::Text(row.try_get_unchecked(at)?),
        other => Cell::Text(format!("({other})")),
    })
}
