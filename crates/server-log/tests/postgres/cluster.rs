//! A PostgreSQL server of our own: in a temporary folder, on a free port of the loopback.

use proofload_server_log::Source;
use sqlx::{AssertSqlSafe, Connection, PgConnection};
use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::chown;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use tempfile::TempDir;

/// Its superuser's password; a text in which every part would be noticed.
pub(crate) const PASSWORD: &str = "planted/p@ss:word";
const PASSWORD_IN_URL: &str = "planted%2Fp%40ss%3Aword";

/// The programs of a PostgreSQL installation.
pub(crate) struct Programs(PathBuf);

impl Programs {
    /// Debian's newest, or those on the path.
    pub(crate) fn find() -> Option<Self> {
        let debian = fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
        let mut folders: Vec<_> = debian.map(|version| version.path().join("bin")).collect();
        folders.sort_unstable();
        let path = std::env::var_os("PATH").unwrap_or_default();
        folders.reverse();
        folders.extend(std::env::split_paths(&path));
        let has = |folder: &PathBuf| {
            ["initdb", "pg_ctl", "postgres"].iter().all(|name| folder.join(name).is_file())
        };
        folders.into_iter().find(has).map(Self)
    }
}

/// A running server.
pub(crate) struct Cluster {
    folder: TempDir,
    pg_ctl: PathBuf,
    user: Option<(u32, u32)>,
    port: u16,
}

/// A database of one test.
pub(crate) struct Database {
    pub(crate) name: String,
    pub(crate) port: u16,
}

impl Cluster {
    pub(crate) fn start(programs: &Programs) -> Result<Self, String> {
        let folder = tempfile::tempdir().map_err(|error| error.to_string())?;
        let user = unprivileged();
        let port = TcpListener::bind("127.0.0.1:0").and_then(|socket| socket.local_addr());
        let port = port.map_err(|error| error.to_string())?.port();
        let password = folder.path().join("password");
        fs::write(&password, PASSWORD).map_err(|error| error.to_string())?;
        if let Some((uid, gid)) = user {
            for path in [folder.path(), &password] {
                chown(path, Some(uid), Some(gid)).map_err(|error| error.to_string())?;
            }
        }
        let cluster = Self { pg_ctl: programs.0.join("pg_ctl"), folder, user, port };
        let data = cluster.data();
        let mut initdb = cluster.command(&programs.0.join("initdb"));
        initdb.args(["--username=proofload", "--auth=scram-sha-256", "--no-sync", "--no-locale"]);
        initdb.arg("--encoding=UTF8").arg("--pwfile").arg(&password).arg("--pgdata").arg(&data);
        run(initdb)?;
        let options = format!(
            "-c listen_addresses=127.0.0.1 -c port={port} -c unix_socket_directories='' \
             -c fsync=off -c max_connections=50 -c timezone=Asia/Kolkata"
        );
        let mut start = cluster.command(&cluster.pg_ctl);
        start.args(["start", "-w", "-t", "60", "-o", &options, "-l"]);
        start.arg(cluster.folder.path().join("log")).arg("-D").arg(&data);
        run(start)?;
        Ok(cluster)
    }

    fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    /// PostgreSQL refuses to run as root.
    fn command(&self, program: &Path) -> Command {
        let mut command = Command::new(program);
        command.current_dir(self.folder.path()).env_remove("PGDATA").env("LC_ALL", "C");
        if let Some((uid, gid)) = self.user {
            command.uid(uid).gid(gid);
        }
        command
    }

    /// A new database.
    pub(crate) fn database(&self, name: &str) -> Database {
        let name = name.replace(' ', "_");
        let template = Database { name: "postgres".to_owned(), port: self.port };
        template.run(&format!("CREATE DATABASE \"{name}\""));
        Database { name, port: self.port }
    }

    pub(crate) fn stop(&self) {
        let mut stop = self.command(&self.pg_ctl);
        stop.args(["stop", "-w", "-m", "immediate", "-D"]).arg(self.data());
        run(stop).unwrap();
    }
}

impl Database {
    pub(crate) fn url(&self) -> String {
        self.url_of("proofload", PASSWORD_IN_URL)
    }

    pub(crate) fn url_of(&self, user: &str, password: &str) -> String {
        format!("postgres://{user}:{password}@127.0.0.1:{}/{}", self.port, self.name)
    }

    pub(crate) fn source(&self) -> Source {
        self.url().parse().unwrap()
    }

    /// Runs `sql` as the superuser.
    pub(crate) fn run(&self, sql: &str) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let mut connection = PgConnection::connect(&self.url()).await.unwrap();
            sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut connection).await.unwrap();
            connection.close().await.unwrap();
        });
    }
}

/// The user and group to run as, where we are root.
fn unprivileged() -> Option<(u32, u32)> {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let uid = status.lines().find_map(|line| line.strip_prefix("Uid:"));
    if uid.and_then(|ids| ids.split_whitespace().nth(1)) != Some("0") {
        return None;
    }
    let users = fs::read_to_string("/etc/passwd").unwrap_or_default();
    let ids = |name: &str| {
        let line = users.lines().find(|line| line.split(':').next() == Some(name))?;
        let mut fields = line.split(':').skip(2).map(str::parse::<u32>);
        Some((fields.next()?.ok()?, fields.next()?.ok()?))
    };
    ids("postgres").or_else(|| ids("nobody"))
}

fn run(mut command: Command) -> Result<(), String> {
    // What it starts would hold a pipe open for as long as it runs.
    let named = format!("{:?}", command.get_program());
    let ended = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).status();
    match ended {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(format!("{named}: {status}")),
        Err(error) => Err(format!("{named}: {error}")),
    }
}
