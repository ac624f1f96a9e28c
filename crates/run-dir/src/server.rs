//! What the server's own log said, in a run directory: both files together.

use crate::error::OpenError;
use crate::format::server::{self, ServerError};
use crate::manifest::sync_dir;
use crate::names;
use proofload_record::ServerSide;
use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::Path;

/// Writes `server.csv` and then `server.json` into the run directory `dir`, each in one step, in
/// place of those that are there. The rows of `side` must be in the order of the plan, one a
/// request.
///
/// # Errors
/// The file that cannot be written, by name. Without `server.json` a run has no server side.
pub fn write_server_side(dir: &Path, side: &ServerSide) -> io::Result<()> {
    let named = |name: &'static str| {
        move |error: io::Error| {
            io::Error::new(error.kind(), format!("cannot write {name}: {error}"))
        }
    };
    replace(dir, names::SERVER, |out| server::encode_rows(&side.rows, out))
        .map_err(named(names::SERVER))?;
    replace(dir, names::SERVER_ABOUT, |out| out.write_all(&server::encode_about(side)))
        .map_err(named(names::SERVER_ABOUT))?;
    sync_dir(dir)
}

/// Writes a file under another name and renames it.
fn replace(
    dir: &Path,
    name: &str,
    write: impl FnOnce(&mut BufWriter<File>) -> io::Result<()>,
) -> io::Result<()> {
    let temporary = dir.join(format!("{name}.tmp"));
    let mut out = BufWriter::new(File::create(&temporary)?);
    write(&mut out)?;
    let file = out.into_inner().map_err(io::IntoInnerError::into_error)?;
    file.sync_all()?;
    fs::rename(&temporary, dir.join(name))
}

/// Reads both files, where they are; what is wrong with them goes into `damage`.
pub(crate) fn read(
    dir: &Path,
    planned: usize,
    damage: &mut Vec<String>,
) -> Result<Option<ServerSide>, OpenError> {
    let rows = read_file(&dir.join(names::SERVER))?;
    let path = dir.join(names::SERVER_ABOUT);
    let Some(json) = read_file(&path)? else {
        if rows.is_some() {
            damage.push(format!(
                "{} is there without {}, so it is left out: writing it was cut off",
                names::SERVER,
                names::SERVER_ABOUT
            ));
        }
        return Ok(None);
    };
    let about = match server::decode_about(&json) {
        Ok(about) => about,
        Err(ServerError::Newer { found }) => {
            return Err(OpenError::Newer { path, found, known: server::VERSION });
        }
        Err(error) => {
            damage.push(format!("{}: {error}", names::SERVER_ABOUT));
            return Ok(None);
        }
    };
    let Some(rows) = rows else {
        damage.push(format!("{} is missing", names::SERVER));
        return Ok(None);
    };
    let (side, error) = server::decode(about, &rows, planned);
    damage.extend(error.map(|error| format!("{}: {error}", names::SERVER)));
    Ok(Some(side))
}

fn read_file(path: &Path) -> Result<Option<Vec<u8>>, OpenError> {
    match fs::read(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        read => read.map(Some).map_err(OpenError::at(path)),
    }
}
