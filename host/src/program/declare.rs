//! What all declarations of programs have in common: how they are written,
//! which names there may be, and what paths in a file are relative to.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use proscenium_wire::{MAX_NAME, is_name};
use serde::de::DeserializeOwned;

use super::{ProgramError, Role, Wanted};

/// Largest file of declarations, in bytes.
const MAX_DOCUMENT: u64 = 1 << 20;

/// One program as the operator declared it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Declared<S> {
    /// Its program on this machine: a path, or a name to look up.
    pub binary: PathBuf,
    /// Files that it finds in the folder that it starts in.
    pub files: Vec<PathBuf>,
    /// Files and folders that it finds at the paths that they have here.
    pub with: Vec<PathBuf>,
    /// All that does not depend on this machine's files.
    pub spec: S,
}

impl<S> Declared<S> {
    /// What has to be packed of it. `program`: its canonical path.
    pub(crate) fn wanted<'a>(
        &'a self,
        program: &'a Path,
        folder: &'a str,
        search_path: Option<&'a OsStr>,
    ) -> Wanted<'a> {
        Wanted {
            program,
            folder,
            files: &self.files,
            with: &self.with,
            search_path,
        }
    }
}

/// `NAME=PATH[,ARG…]` as name, path and arguments.
///
/// # Errors
///
/// How to write it.
pub(crate) fn parts(text: &str) -> Result<(&str, &str, Vec<String>), String> {
    let (name, program) = text
        .split_once('=')
        .ok_or_else(|| "write it as NAME=PATH or NAME=PATH,ARG,ARG".to_owned())?;
    let mut parts = program.split(',');
    let binary = parts.next().unwrap_or_default();
    Ok((name, binary, parts.map(str::to_owned).collect()))
}

/// A file of declarations.
///
/// # Errors
///
/// [`ProgramError`], with the place in the file where that is known.
pub(crate) fn read_document<T: DeserializeOwned>(
    role: Role,
    path: &Path,
) -> Result<T, ProgramError> {
    parse_document(role, &read_text(path)?, path)
}

/// What is in a file of declarations, which may not be longer than 1 MiB.
///
/// # Errors
///
/// [`ProgramError::Read`].
pub(crate) fn read_text(path: &Path) -> Result<String, ProgramError> {
    read_bounded(path).map_err(|source| ProgramError::Read {
        path: path.to_owned(),
        source,
    })
}

/// As [`read_document`], for `text`, which is that of the file `path`.
///
/// # Errors
///
/// [`ProgramError::Toml`], with the place in the file.
pub(crate) fn parse_document<T: DeserializeOwned>(
    role: Role,
    text: &str,
    path: &Path,
) -> Result<T, ProgramError> {
    toml::from_str(text).map_err(|source| ProgramError::Toml {
        role,
        path: path.to_owned(),
        source: Box::new(source),
    })
}

fn read_bounded(path: &Path) -> io::Result<String> {
    if fs::metadata(path)?.is_dir() {
        return Err(io::ErrorKind::IsADirectory.into());
    }
    let mut text = String::new();
    File::open(path)?
        .take(MAX_DOCUMENT + 1)
        .read_to_string(&mut text)?;
    if text.len() as u64 > MAX_DOCUMENT {
        let why = format!("it has more than {} KiB", MAX_DOCUMENT >> 10);
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, why));
    }
    Ok(text)
}

/// What is wrong with a name, a program or its texts, as a clause.
pub(crate) fn check_names<'a>(
    name: &str,
    binary: &Path,
    mut texts: impl Iterator<Item = &'a String>,
) -> Result<(), String> {
    if !is_name(name) {
        return Err(
            "names are 1 to 64 lower-case letters, digits, dashes, dots and underscores".into(),
        );
    }
    if binary.as_os_str().is_empty() {
        return Err("it has no program: write NAME=PATH".into());
    }
    if texts.any(|text| text.contains('\0')) {
        return Err("arguments, flags and variables have no NUL".into());
    }
    Ok(())
}

/// A name without a slash is looked up, a path is relative to `folder`.
pub(crate) fn resolve(folder: &Path, binary: PathBuf) -> PathBuf {
    if binary.components().count() > 1 {
        folder.join(binary)
    } else {
        binary
    }
}

/// Paths of a file of declarations, which are relative to `folder`.
pub(crate) fn beneath(folder: &Path, paths: &[PathBuf]) -> Vec<PathBuf> {
    paths.iter().map(|path| folder.join(path)).collect()
}

/// Refuses names that are declared twice, and more than `most` of them.
pub(crate) fn check_all<'a>(
    role: Role,
    names: impl Iterator<Item = &'a str>,
    most: usize,
) -> Result<(), ProgramError> {
    let mut before: Vec<&str> = Vec::new();
    for name in names {
        let refuse = |why: String| {
            let name = name.to_owned();
            Err(ProgramError::Declaration { role, name, why })
        };
        if before.len() >= most {
            return refuse(format!("{most} {role}s is the most: leave some out"));
        }
        if before.contains(&name) {
            return refuse("it is declared twice: give one of them another name".to_owned());
        }
        before.push(name);
    }
    Ok(())
}

/// The start of a name, for messages about it.
pub(crate) fn shortened(name: &str) -> String {
    name.chars().take(MAX_NAME).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_declared_once_and_there_are_not_too_many() {
        let check = |names: &[&str]| check_all(Role::Scheduler, names.iter().copied(), 2);
        assert!(check(&["a", "b"]).is_ok());
        let twice = check(&["a", "a"]).unwrap_err().to_string();
        assert!(
            twice.contains("scheduler \"a\"") && twice.contains("twice"),
            "{twice}"
        );
        let many = check(&["a", "b", "c"]).unwrap_err().to_string();
        assert!(many.contains("2 schedulers is the most"), "{many}");
    }

    #[test]
    fn a_file_of_declarations_that_is_none_says_why() {
        let folder = tempfile::tempdir().unwrap();
        let read = |path: &Path| {
            read_document::<toml::Table>(Role::Payload, path)
                .map_err(|error| {
                    let source = std::error::Error::source(&error).map(ToString::to_string);
                    format!("{error}: {}", source.unwrap_or_default())
                })
                .unwrap_err()
        };
        let said = read(folder.path());
        assert!(said.contains("directory"), "{said}");
        let path = folder.path().join("huge.toml");
        fs::write(&path, " ".repeat(1 + (1 << 20))).unwrap();
        assert!(read(&path).contains("1024 KiB"));
        assert!(read(Path::new("/nowhere/x.toml")).contains("/nowhere/x.toml"));
        fs::write(&path, "a = [\nb").unwrap();
        assert!(read(&path).contains("payloads file"), "{}", read(&path));
    }
}
