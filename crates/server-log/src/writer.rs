//! Writing a log, as a server under test would: for the simulator.
//!
//! Rows are written after the answers, in batches, by a thread of its own, so that no answer waits
//! for a database. The log is opened with the first row: where nothing is asked, nothing is made,
//! unless [`make_tables`] does so before.

use crate::database::{Connection, Database, Purpose, connect, reason};
use crate::insert::Inserts;
use crate::source::{Place, Source};
use crate::sql::{Kind, Query, ident};
use proofload_record::{ServerLog, ServerRow};
use std::collections::HashSet;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TrySendError, sync_channel};
use std::thread::{Builder, JoinHandle};
use std::time::{Duration, Instant};
use tokio::runtime::{self, Runtime};

/// Rows that may wait for the database. Beyond, they are dropped and counted.
const QUEUE: usize = 65_536;
/// Rows of a transaction.
const BATCH: usize = 1_000;
/// How long a transaction's first row waits for others.
const GATHER: Duration = Duration::from_millis(50);

/// The tables of the schema that is built in.
const TABLES: [&str; 6] =
    ["log_entry", "request_events", "usage_tokens", "models", "providers", "token_types"];

/// Why a log could not be written to its end.
#[derive(Debug, thiserror::Error)]
pub enum WriteError {
    /// The database refused, or cannot be reached.
    #[error("cannot write the log {source_name}: {reason}")]
    Database {
        /// Where it is, without user and password.
        source_name: String,
        /// What the database said.
        reason: String,
    },
    /// Rows came faster than the database takes them.
    #[error("{dropped} rows came faster than {source_name} takes them and are not in the log")]
    Dropped {
        /// Where it is.
        source_name: String,
        /// How many.
        dropped: u64,
    },
    /// The thread panicked.
    #[error("the writer of {source_name} ended by itself, a fault of this program")]
    Panicked {
        /// Where it is.
        source_name: String,
    },
}

/// Writes a log until it is finished.
pub struct Writer {
    source_name: String,
    dropped: Arc<AtomicU64>,
    thread: JoinHandle<Result<u64, sqlx::Error>>,
}

impl Writer {
    /// Begins; the rows come through the second part, which ends the log when it is dropped.
    ///
    /// # Errors
    /// There is no thread to be had.
    pub fn start(source: Source) -> io::Result<(Self, Box<dyn ServerLog>)> {
        let (rows, queue) = sync_channel(QUEUE);
        let dropped = Arc::new(AtomicU64::new(0));
        let source_name = source.to_string();
        let runtime = runtime::Builder::new_current_thread().enable_all().build()?;
        let thread = Builder::new()
            .name("server-log".to_owned())
            .spawn(move || write_all(&runtime, &source, &queue))?;
        let intake = Intake { rows, dropped: Arc::clone(&dropped) };
        Ok((Self { source_name, dropped, thread }, Box::new(intake)))
    }

    /// Waits until every row is in the log and gives their number. Drop the other part first, which
    /// a simulator does when it stops.
    ///
    /// # Errors
    /// [`WriteError`]; what was written before is there.
    pub fn finish(self) -> Result<u64, WriteError> {
        let Self { source_name, dropped, thread } = self;
        let Ok(ended) = thread.join() else { return Err(WriteError::Panicked { source_name }) };
        let written = ended.map_err(|error| WriteError::Database {
            source_name: source_name.clone(),
            reason: reason(&error),
        })?;
        match dropped.load(Ordering::Relaxed) {
            0 => Ok(written),
            dropped => Err(WriteError::Dropped { source_name, dropped }),
        }
    }
}

/// Makes the tables where they are missing, so that a log which cannot be written is found before
/// anybody asks, and who looks into it early finds it empty.
///
/// # Errors
/// There is no runtime to be had, or what the database said.
pub fn make_tables(source: &Source) -> Result<(), WriteError> {
    let made = runtime::Builder::new_current_thread().enable_all().build();
    let made = made.map_err(sqlx::Error::Io).and_then(|runtime| {
        runtime.block_on(async {
            match connect(source, Purpose::Write).await? {
                Connection::Sqlite(database) => make_tables_of(database).await,
                Connection::Postgres(database) => make_tables_of(database).await,
            }
        })
    });
    made.map_err(|error| WriteError::Database {
        source_name: source.to_string(),
        reason: reason(&error),
    })
}

/// The first of the tables that a [`Writer`] writes to which has rows already, for who must not mix
/// its rows with others'. A SQLite file that is not there has none, and is not made.
///
/// # Errors
/// There is no runtime to be had, or what the database said.
pub fn occupied(source: &Source) -> Result<Option<&'static str>, WriteError> {
    if let Place::Sqlite(path) = source.place()
        && !path.exists()
    {
        return Ok(None);
    }
    let asked = runtime::Builder::new_current_thread().enable_all().build();
    let asked = asked.map_err(sqlx::Error::Io).and_then(|runtime| {
        runtime.block_on(async {
            match connect(source, Purpose::Read).await? {
                Connection::Sqlite(database) => first_occupied(database).await,
                Connection::Postgres(database) => first_occupied(database).await,
            }
        })
    });
    asked.map_err(|error| WriteError::Database {
        source_name: source.to_string(),
        reason: reason(&error),
    })
}

async fn first_occupied<D: Database>(mut database: D) -> Result<Option<&'static str>, sqlx::Error> {
    let mut occupied = None;
    for name in TABLES {
        if database.columns(name).await?.is_empty() {
            continue;
        }
        let mut query = Query::new(D::DIALECT, format!("SELECT '1' FROM {} LIMIT 1", ident(name)));
        query.kinds = vec![Kind::Text];
        let mut has_rows = false;
        database.read(query, &mut |_| has_rows = true).await?;
        if has_rows {
            occupied = Some(name);
            break;
        }
    }
    let _ = database.close().await;
    Ok(occupied)
}

async fn make_tables_of<D: Database>(mut database: D) -> Result<(), sqlx::Error> {
    database.make_tables().await?;
    database.close().await
}

struct Intake {
    rows: SyncSender<ServerRow>,
    dropped: Arc<AtomicU64>,
}

impl ServerLog for Intake {
    fn log(&mut self, row: ServerRow) {
        // Once the thread has failed, `finish` says why.
        if let Err(TrySendError::Full(_)) = self.rows.try_send(row) {
            self.dropped.fetch_add(1, Ordering::Relaxed);
        }
    }
}

fn write_all(
    runtime: &Runtime,
    source: &Source,
    queue: &Receiver<ServerRow>,
) -> Result<u64, sqlx::Error> {
    let Ok(first) = queue.recv() else { return Ok(0) };
    match runtime.block_on(connect(source, Purpose::Write))? {
        Connection::Sqlite(database) => write_to(runtime, database, first, queue),
        Connection::Postgres(database) => write_to(runtime, database, first, queue),
    }
}

fn write_to<D: Database>(
    runtime: &Runtime,
    mut database: D,
    first: ServerRow,
    queue: &Receiver<ServerRow>,
) -> Result<u64, sqlx::Error> {
    runtime.block_on(database.make_tables())?;
    let mut inserts = Inserts::new(D::DIALECT);
    let mut written = 0;
    let mut next = Some(first);
    while let Some(row) = next.take().or_else(|| queue.recv().ok()) {
        let (batch, left) = gather(row, queue);
        next = left;
        runtime.block_on(database.write(inserts.of(&batch)))?;
        written += batch.len() as u64;
    }
    runtime.block_on(database.close())?;
    Ok(written)
}

/// The rows of a transaction, and one more where its id is among them already: a statement finds a
/// row by its id.
fn gather(first: ServerRow, queue: &Receiver<ServerRow>) -> (Vec<ServerRow>, Option<ServerRow>) {
    let deadline = Instant::now() + GATHER;
    let mut ids = HashSet::from([first.request_id.clone()]);
    let mut batch = vec![first];
    while batch.len() < BATCH {
        match queue.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
            Ok(row) if ids.insert(row.request_id.clone()) => batch.push(row),
            Ok(row) => return (batch, Some(row)),
            Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => break,
        }
    }
    (batch, None)
}
