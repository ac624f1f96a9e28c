//! A SQLite file that a test may change as it likes.

use proofload_server_log::Source;
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions, Connection};
use std::path::{Path, PathBuf};
use tempfile::TempDir;

pub(crate) struct File {
    dir: TempDir,
}

impl File {
    pub(crate) fn new() -> Self {
        Self { dir: tempfile::tempdir().unwrap() }
    }

    pub(crate) fn path(&self) -> PathBuf {
        self.dir.path().join("log.sqlite")
    }

    pub(crate) fn source(&self) -> Source {
        Source::sqlite(&self.path())
    }

    pub(crate) fn dir(&self) -> &Path {
        self.dir.path()
    }

    /// Runs `sql`, in a file that is made if need be.
    pub(crate) fn run(&self, sql: &str) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            // Tables may be dropped in any order.
            let options = SqliteConnectOptions::new().filename(self.path()).foreign_keys(false);
            let mut connection = options.create_if_missing(true).connect().await.unwrap();
            sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut connection).await.unwrap();
            connection.close().await.unwrap();
        });
    }
}
