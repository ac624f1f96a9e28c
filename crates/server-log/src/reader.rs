//! Reading a run's rows out of a log.
//!
//! Ids are asked for in batches, so what is held at a time does not depend on how large the log is.
//! A server writes its rows after the answer; those that are missing, or not finished, are asked
//! for again until a deadline.

use crate::database::{Connection, Database, Purpose, connect, reason};
use crate::layout::{Layout, detect};
use crate::mapping::{Lookup, Mapping, Metric};
use crate::run::{Late, Run};
use crate::search::Search;
use crate::source::Source;
use crate::sql::{self, Cell, Kind, Query};
use proofload_record::{Missing, ServerSide};
use std::io;
use tokio::runtime;

/// Why nothing can be read from a log.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// It cannot be reached.
    #[error("cannot open {source_name}: {reason}")]
    Connect {
        /// Where it is, without user and password.
        source_name: String,
        /// Why.
        reason: String,
    },
    /// It can be reached, and does not answer.
    #[error("cannot read {source_name}: {reason}")]
    Query {
        /// Where it is.
        source_name: String,
        /// What the database said.
        reason: String,
    },
    /// No table of the mapping has request ids, so that no row can be told apart.
    #[error(
        "{source_name} cannot be joined: {reason}; rows are matched by request id, never by their \
         place. Name table and column of the id in --server-log-map"
    )]
    NoRequestId {
        /// Where it is.
        source_name: String,
        /// What is not there.
        reason: String,
    },
    /// This machine has no room for the attempt.
    #[error("cannot begin to read a server's log")]
    Runtime(#[source] io::Error),
}

impl ReadError {
    /// The server's side of a run whose log cannot be read: nothing, and why.
    #[must_use]
    pub fn into_side(self) -> ServerSide {
        let reason = "the log cannot be read";
        let missing = |metric: Metric| Missing {
            metric: metric.name().to_owned(),
            reason: reason.to_owned(),
        };
        ServerSide {
            missing: Metric::ALL.into_iter().map(missing).collect(),
            problems: vec![self.to_string()],
            ..ServerSide::default()
        }
    }
}

/// Looks whether a log can be reached, read and joined, as one would before a long run.
///
/// # Errors
/// [`ReadError`].
pub fn check(source: &Source, mapping: &Mapping) -> Result<(), ReadError> {
    on_runtime(async {
        match open(source).await? {
            Connection::Sqlite(database) => try_out(database, source, mapping).await,
            Connection::Postgres(database) => try_out(database, source, mapping).await,
        }
    })
}

/// Reads the rows of `run`. Rows that are not there yet are asked for again as `late` says.
///
/// What is missing or doubtful is part of the answer: [`ServerSide::problems`].
///
/// # Errors
/// [`ReadError`], where nothing can be read at all.
pub fn read(
    source: &Source,
    mapping: &Mapping,
    run: &Run<'_>,
    late: Late<'_>,
) -> Result<ServerSide, ReadError> {
    on_runtime(async {
        match open(source).await? {
            Connection::Sqlite(database) => read_from(database, source, mapping, run, late).await,
            Connection::Postgres(database) => read_from(database, source, mapping, run, late).await,
        }
    })
}

/// The models that a log has in a table of their own, as far as there is one: the first 10,000.
///
/// # Errors
/// [`ReadError`].
pub fn models(source: &Source, mapping: &Mapping) -> Result<Vec<String>, ReadError> {
    let Some(lookup) = mapping.models() else { return Ok(Vec::new()) };
    on_runtime(async {
        let models = match open(source).await? {
            Connection::Sqlite(database) => names(database, lookup).await,
            Connection::Postgres(database) => names(database, lookup).await,
        };
        models.map_err(|error| ReadError::Query {
            source_name: source.to_string(),
            reason: reason(&error),
        })
    })
}

async fn names<D: Database>(mut database: D, lookup: &Lookup) -> Result<Vec<String>, sqlx::Error> {
    let mut names = Vec::new();
    if database.columns(&lookup.table).await?.contains_key(&lookup.name) {
        let (name, table) = (sql::ident(&lookup.name), sql::table(&lookup.table));
        let sql = format!("SELECT {name} FROM {table} WHERE {name} IS NOT NULL LIMIT 10000");
        let mut query = Query::new(D::DIALECT, sql);
        query.kinds = vec![Kind::Text];
        let mut on_row = |cells: Vec<Cell>| {
            if let Some(Cell::Text(name)) = cells.into_iter().next() {
                names.push(name);
            }
        };
        database.read(query, &mut on_row).await?;
    }
    let _ = database.close().await;
    Ok(names)
}

fn on_runtime<T>(work: impl Future<Output = Result<T, ReadError>>) -> Result<T, ReadError> {
    let runtime = runtime::Builder::new_current_thread().enable_all().build();
    runtime.map_err(ReadError::Runtime)?.block_on(work)
}

async fn open(source: &Source) -> Result<Connection, ReadError> {
    connect(source, Purpose::Read).await.map_err(|error| ReadError::Connect {
        source_name: source.to_string(),
        reason: reason(&error),
    })
}

/// Asks every question once, since who may see a table may not be allowed to read it.
async fn try_out<D: Database>(
    mut database: D,
    source: &Source,
    mapping: &Mapping,
) -> Result<(), ReadError> {
    let layout = layout(&mut database, source, mapping).await?;
    for reading in &layout.readings {
        for query in [Some(reading.sample()), reading.tokens_of(&["-"])].into_iter().flatten() {
            database.read(query, &mut |_| ()).await.map_err(|error| ReadError::Query {
                source_name: source.to_string(),
                reason: reason(&error),
            })?;
        }
    }
    let _ = database.close().await;
    Ok(())
}

/// The layout of a log that can be joined.
async fn layout<D: Database>(
    database: &mut D,
    source: &Source,
    mapping: &Mapping,
) -> Result<Layout, ReadError> {
    let layout = detect(database, mapping).await.map_err(|error| ReadError::Query {
        source_name: source.to_string(),
        reason: reason(&error),
    })?;
    if layout.readings.is_empty() {
        let (source_name, reason) = (source.to_string(), layout.problems.join(", "));
        return Err(ReadError::NoRequestId { source_name, reason });
    }
    Ok(layout)
}

async fn read_from<D: Database>(
    mut database: D,
    source: &Source,
    mapping: &Mapping,
    run: &Run<'_>,
    late: Late<'_>,
) -> Result<ServerSide, ReadError> {
    let layout = layout(&mut database, source, mapping).await?;
    let mut search = Search::new(database, layout, run);
    let side = search.run(source, late).await;
    // The answer is complete, however the goodbye ends.
    let _ = search.database.close().await;
    Ok(side)
}
