//! The server's own log: the simulator writes one into the run, and after the run it is joined.
//!
//! Nothing that is wrong with it ends a run: what the client saw is kept, the reason is recorded
//! with it, and the program ends as degraded.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::anyhow;
use proofload_launch::{Exit, Session};
use proofload_record::{End, Outcome, Secrets, ServerLog, ServerSide};
use proofload_run_dir::{Fate, RunDir};
use proofload_server_log::{Late, Mapping, ReadError, Run, Source, Wanted, Writer};

/// The simulator's log, in the run directory.
const OWN_LOG: &str = "server.sqlite";
/// A server may write its rows so long after the run.
const LATE: Duration = Duration::from_secs(5);
/// The same, where somebody waits for the program to end.
const LATE_INTERRUPTED: Duration = Duration::from_millis(500);

/// Where the server's own log is.
#[derive(clap::Args)]
#[command(next_help_heading = "Server log")]
pub(crate) struct ServerLogArgs {
    /// The server's own log, joined by request id: sqlite:PATH or
    /// postgres://USER@HOST:PORT/DATABASE [default: that of the embedded simulator]. Without
    /// --api-base the embedded simulator writes its log there, so it has to be empty
    // A plain string, since clap would repeat a refused value with the password in it.
    #[arg(long, value_name = "URL")]
    server_log: Option<String>,
    /// TOML file that says which column holds what [default: the schema of Logos]
    #[arg(long, value_name = "FILE", requires = "server_log")]
    server_log_map: Option<PathBuf>,
}

/// A log that is joined after the run.
pub(crate) struct Log {
    source: Source,
    /// Its address for the record.
    shown: String,
    mapping: Mapping,
    /// Where the simulator writes it.
    writer: Option<Writer>,
    /// What was said of it before the run.
    said: Option<String>,
}

impl ServerLogArgs {
    /// What nobody may see.
    pub(crate) fn secrets(&self) -> Secrets {
        let Some(url) = &self.server_log else { return Secrets::default() };
        let mut secrets = Source::secrets_of(url);
        if let Ok(password) = std::env::var("PGPASSWORD") {
            secrets.add(&password);
        }
        secrets
    }

    /// The flags for the manifest, without user and password.
    pub(crate) fn record(&self) -> serde_json::Value {
        let source = self.server_log.as_deref().and_then(|url| url.parse::<Source>().ok());
        serde_json::json!({
            "url": source.map(|source| source.to_string()),
            "map": self.server_log_map.as_ref().map(|path| path.display().to_string()),
        })
    }

    /// Gets ready to join a log after the run in `out`, and where the simulator is the server, to
    /// write one: then the second part takes its rows.
    pub(crate) fn prepare(
        &self,
        out: &Path,
        simulated: bool,
        session: &Session,
    ) -> anyhow::Result<(Option<Log>, Option<Intake>)> {
        let mapping = match &self.server_log_map {
            Some(path) => Mapping::open(path).map_err(Exit::bad_input)?,
            None => Mapping::logos(),
        };
        let (source, shown) = match &self.server_log {
            Some(url) => {
                let source: Source =
                    url.parse().map_err(|error| Exit::usage(anyhow!("--server-log: {error}")))?;
                let shown = source.to_string();
                (source, shown)
            }
            None if simulated => (Source::sqlite(&out.join(OWN_LOG)), format!("sqlite:{OWN_LOG}")),
            None => return Ok((None, None)),
        };
        if self.server_log.as_deref().is_some_and(Source::shows_password) {
            session.warn(
                "the password in --server-log can be seen by other users of this machine and \
                 stays in the shell's history; PGPASSWORD and ~/.pgpass keep it out of both",
            );
        }
        if simulated && self.server_log.is_some() {
            vacant(&source)?;
            session.tell(&format!("the embedded simulator writes its log into {shown}"));
        }
        let (writer, intake) =
            simulated.then(|| Writer::start(source.clone())).transpose()?.unzip();
        Ok((Some(Log { source, shown, mapping, writer, said: None }), intake))
    }
}

/// Refuses a database that holds what the simulator's rows must not be mixed with.
fn vacant(source: &Source) -> anyhow::Result<()> {
    let occupied = proofload_server_log::occupied(source)
        .map_err(|error| Exit::unwritable(anyhow!("--server-log: {error}")))?;
    let Some(table) = occupied else { return Ok(()) };
    let error = anyhow!(
        "--server-log: without --api-base the embedded simulator would write its rows there, and \
         `{table}` of {source} has rows already; name the server with --api-base, or an empty \
         database, or leave --server-log out: the log is then in {OWN_LOG} of the run"
    );
    Err(Exit::usage(error).into())
}

/// What takes the rows that the simulator logs.
type Intake = Box<dyn ServerLog>;

impl Log {
    /// Says before the run what will be wrong with the log of a server, which may be there only once
    /// the server is.
    pub(crate) fn check(&mut self, session: &Session) {
        if self.writer.is_some() {
            return;
        }
        if let Err(error) = proofload_server_log::check(&self.source, &self.mapping) {
            session.warn(&format!(
                "--server-log: {error}. The run goes on, and it is asked again at the end"
            ));
            self.said = Some(error.to_string());
        }
    }

    /// The models that a server's log has in a table of their own, where it can be asked.
    pub(crate) fn models(&self) -> Option<Vec<String>> {
        if self.writer.is_some() {
            return None;
        }
        let models = proofload_server_log::models(&self.source, &self.mapping).ok()?;
        Some(models).filter(|models| !models.is_empty())
    }

    /// Joins the log to the run in `dir`, and says what is wrong with it.
    pub(crate) fn join(
        self,
        dir: &mut RunDir,
        quiet: bool,
        session: &Session,
    ) -> anyhow::Result<()> {
        let Self { source, shown, mapping, writer, said } = self;
        let most = match writer {
            Some(_) => Duration::ZERO,
            None if session.interrupt().is_set() => LATE_INTERRUPTED,
            None => LATE,
        };
        let mut problems = Vec::new();
        let written = writer.map(Writer::finish).transpose().unwrap_or_else(|error| {
            problems.push(error.to_string());
            None
        });
        let wanted = |index| wanted(dir, index);
        let planned = dir.plan().len() as u32;
        let mut side = if written == Some(0) {
            if !(0..planned).any(|index| wanted(index).is_some()) {
                return Ok(());
            }
            problems.push("the simulator logged no request".to_owned());
            ServerSide::default()
        } else {
            let manifest = dir.manifest();
            let run = Run {
                run_id: &manifest.run_id,
                planned,
                began_wall_ns: manifest.clock.wall_ns,
                wanted: &wanted,
            };
            let waiting = |requests| {
                if !quiet {
                    session.tell(&format!(
                        "waiting {} s at most for rows of {requests} requests that the server may \
                         log late; Ctrl-C goes on without them",
                        most.as_secs_f64()
                    ));
                }
            };
            let hurry = || session.interrupt().is_set();
            let late = Late { most, hurry: &hurry, waiting: &waiting };
            proofload_server_log::read(&source, &mapping, &run, late)
                .unwrap_or_else(ReadError::into_side)
        };
        side.source = shown;
        side.problems.splice(0..0, problems);
        for problem in side.problems.iter().filter(|&problem| said.as_ref() != Some(problem)) {
            session.warn(&format!("server log: {problem}"));
        }
        dir.attach_server(side).map_err(|error| Exit::unwritable(error).into())
    }
}

/// What to look for of a planned request; nothing where it never reached a connection.
fn wanted(dir: &RunDir, index: u32) -> Option<Wanted> {
    let Fate::Row(row) = dir.fate(index) else { return None };
    let written_ns = row.written.get()?;
    let manifest = dir.manifest();
    let given = dir.notes().get(&index).and_then(|note| note.server_request_id.as_deref());
    Some(Wanted {
        id: given.map_or_else(|| format!("{}-{index}", manifest.run_id), str::to_owned),
        attempts: row.attempts,
        answered: row.end == End::Sent(Outcome::Ok),
        written_wall_ns: manifest.clock.wall_ns + written_ns,
    })
}
