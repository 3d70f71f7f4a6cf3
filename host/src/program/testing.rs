//! What tests of declarations have in common. Owns no file but temporary ones.

use std::error::Error;
use std::fs;
use std::path::Path;

use super::ProgramError;

/// What `read` makes of a file of declarations with this text.
pub(crate) fn declared<T>(
    text: &str,
    read: impl FnOnce(&Path) -> Result<T, ProgramError>,
) -> Result<T, ProgramError> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("declarations.toml");
    fs::write(&path, text).unwrap();
    read(&path)
}

/// An error with its cause.
pub(crate) fn said<T: std::fmt::Debug>(refused: Result<T, ProgramError>) -> String {
    let error = refused.unwrap_err();
    let source = error.source().map(ToString::to_string);
    format!("{error}: {}", source.unwrap_or_default())
}
