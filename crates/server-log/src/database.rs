//! The seam between what is asked and the two databases that can be asked.
//!
//! sqlx's `Any` driver knows neither timestamps nor enums, so each database has a connection of its
//! own type behind [`Database`]. One connection is all that a reader or a writer of one log needs,
//! and without a pool the reason why none can be had reaches the user.

mod postgres;
mod sqlite;

use crate::source::{Place, Source};
use crate::sql::{Cell, Dialect, Query};
use sqlx::{PgConnection, SqliteConnection};
use std::collections::BTreeMap;
use std::time::Duration;

/// Until a connection must stand.
const CONNECT: Duration = Duration::from_secs(5);
/// What a single question may take, by the database's own clock.
pub(crate) const STATEMENT_SECONDS: u32 = 30;
/// Until an answer must be here: a database that is cut off stops no question of its own.
const ANSWER: Duration = Duration::from_secs(STATEMENT_SECONDS as u64 + 5);

/// What a column holds, as far as that is known before it is read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Type {
    /// Anything: SQLite decides by value.
    Any,
    Int,
    Real,
    /// A moment.
    Time,
    /// A date and a time of day, who knows where.
    NaiveTime,
    Flag,
    Text,
    Json,
    /// Something else, by its name.
    Other(String),
}

/// A database with a log.
pub(crate) trait Database {
    /// How it is asked.
    const DIALECT: Dialect;

    /// The columns of a table by name; none where there is no such table.
    async fn columns(&mut self, table: &str) -> Result<BTreeMap<String, Type>, sqlx::Error>;

    /// Asks, read-only, and hands over row by row.
    async fn read(
        &mut self,
        query: Query,
        on_row: &mut dyn FnMut(Vec<Cell>),
    ) -> Result<(), sqlx::Error>;

    /// Changes it, all or nothing.
    async fn write(&mut self, statements: Vec<Query>) -> Result<(), sqlx::Error>;

    /// Makes the tables of a log where they are missing.
    async fn make_tables(&mut self) -> Result<(), sqlx::Error>;

    /// Says goodbye.
    async fn close(self) -> Result<(), sqlx::Error>;
}

/// What a connection is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    Read,
    Write,
}

/// A connection of either kind.
pub(crate) enum Connection {
    Sqlite(SqliteConnection),
    Postgres(PgConnection),
}

/// Connects. A database that does not answer is given up after [`CONNECT`].
pub(crate) async fn connect(source: &Source, purpose: Purpose) -> Result<Connection, sqlx::Error> {
    let connecting = async {
        match source.place() {
            Place::Sqlite(path) => sqlite::connect(path, purpose).await.map(Connection::Sqlite),
            Place::Postgres(options) => postgres::connect(options).await.map(Connection::Postgres),
        }
    };
    within(CONNECT, connecting).await
}

/// Waits for `work` so long and no longer.
async fn within<T>(
    limit: Duration,
    work: impl Future<Output = Result<T, sqlx::Error>>,
) -> Result<T, sqlx::Error> {
    tokio::time::timeout(limit, work).await.unwrap_or_else(|_| {
        let reason = format!("no answer within {} s", limit.as_secs());
        Err(sqlx::Error::Io(std::io::Error::new(std::io::ErrorKind::TimedOut, reason)))
    })
}

/// What a database said, in words that show no user's name.
pub(crate) fn reason(error: &sqlx::Error) -> String {
    match error {
        sqlx::Error::Database(error) => match error.code().as_deref() {
            Some("28P01" | "28000") => "the user or the password is refused".to_owned(),
            Some("3D000") => "there is no database of that name".to_owned(),
            Some("57014") => format!(
                "a question took longer than {STATEMENT_SECONDS} s; is there an index on the \
                 request id, and does nothing lock the table?"
            ),
            Some("14") => "the file is missing or cannot be read".to_owned(),
            Some("26") => "the file is not a SQLite database".to_owned(),
            _ => error.message().to_owned(),
        },
        sqlx::Error::Io(error) => error.to_string(),
        sqlx::Error::Protocol(said) => {
            // Behind it stands where in the client this was found.
            let said = said.split(" (sqlx").next().unwrap_or_default();
            format!("what answers there does not speak as the database would: {said}")
        }
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::within;
    use std::time::Duration;

    #[test]
    fn who_never_answers_is_given_up() {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        let never = std::future::pending::<Result<(), sqlx::Error>>();
        let ended = runtime.block_on(async { within(Duration::from_millis(20), never).await });
        assert_eq!(super::reason(&ended.unwrap_err()), "no answer within 0 s");
        let strange =
            "unexpected response from SSLRequest: 0x48 (sqlx_postgres::connection::tls:95)";
        let found = super::reason(&sqlx::Error::Protocol(strange.to_owned()));
        assert!(found.ends_with("would: unexpected response from SSLRequest: 0x48"), "{found}");
        let now = async { Ok(7) };
        let ended = runtime.block_on(async { within(Duration::from_secs(60), now).await });
        assert_eq!(ended.unwrap(), 7);
    }
}
