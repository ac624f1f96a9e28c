//! The pictures of a run as files.

use crate::atomic::{self, WriteError};
use proofload_analysis::{Analysis, Picture};
use proofload_charts::{Theme, png, svg_file};
use std::io;
use std::path::{Path, PathBuf};

/// Pixels of a PNG for each unit of its picture.
const SCALE: u8 = 2;

/// Writes every picture as `NAME.svg` and `NAME.png` into the folder `charts` of a run directory.
pub(crate) fn write_all(analysis: &Analysis<'_>, dir: &Path) -> Result<Vec<PathBuf>, WriteError> {
    let folder = dir.join("charts");
    let mut files = Vec::new();
    for picture in analysis.pictures() {
        if files.is_empty() {
            std::fs::create_dir_all(&folder)
                .map_err(|source| WriteError { path: folder.clone(), source })?;
        }
        let path = folder.join(picture.name).with_extension("svg");
        let mut text = String::new();
        svg_file(&picture.scene, &mut text);
        atomic::write(&path, |out| out.write_all(text.as_bytes()))?;
        files.push(path);
        files.push(write_png(picture, folder.join(picture.name).with_extension("png"))?);
    }
    Ok(files)
}

/// Writes the picture `name` as a PNG. Where this run has none, nothing of another run is left in
/// its place.
pub(crate) fn write_beside(
    analysis: &Analysis<'_>,
    name: &str,
    path: PathBuf,
) -> Result<Option<PathBuf>, WriteError> {
    match analysis.pictures().find(|picture| picture.name == name) {
        Some(picture) => write_png(picture, path).map(Some),
        None => match std::fs::remove_file(&path) {
            Err(source) if source.kind() != io::ErrorKind::NotFound => {
                Err(WriteError { path, source })
            }
            _ => Ok(None),
        },
    }
}

fn write_png(picture: &Picture, path: PathBuf) -> Result<PathBuf, WriteError> {
    let drawn = png(&picture.scene, Theme::Light, SCALE).map_err(io::Error::other);
    atomic::write(&path, |out| out.write_all(&drawn?))?;
    Ok(path)
}
