//! Which file of this machine a declaration means, and whether it may be run.

use std::env;
use std::ffi::OsStr;
use std::fs::Metadata;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use super::{ProgramError, Role};

/// The file that a declaration means, links resolved. `search_path`: `PATH`.
///
/// # Errors
///
/// There is none, or it is something else than a file.
pub(crate) fn locate(
    role: Role,
    name: &str,
    binary: &Path,
    search_path: Option<&OsStr>,
) -> Result<PathBuf, ProgramError> {
    let missing = || ProgramError::NoProgram {
        role,
        name: name.to_owned(),
        program: binary.to_owned(),
    };
    let found = look_up(binary, search_path).ok_or_else(missing)?;
    let path = found.canonicalize().map_err(|_| missing())?;
    metadata(&path)?;
    Ok(path)
}

/// Checks that a file may be run, as the kernel would before a look at what is in it.
///
/// # Errors
///
/// It may not, and what to do.
pub(crate) fn executable(path: &Path) -> Result<(), ProgramError> {
    if metadata(path)?.permissions().mode() & 0o111 == 0 {
        let why = format!("it is not executable: chmod +x {}", path.display());
        return Err(ProgramError::not_runnable(path, why));
    }
    Ok(())
}

/// What the system says of a regular file; of others it is not asked.
pub(super) fn metadata(path: &Path) -> Result<Metadata, ProgramError> {
    let metadata = path.metadata().map_err(|source| ProgramError::Read {
        path: path.to_owned(),
        source,
    })?;
    if metadata.is_file() {
        return Ok(metadata);
    }
    let what = if metadata.is_dir() {
        "it is a folder: name a file"
    } else {
        "it is no regular file"
    };
    Err(ProgramError::not_runnable(path, what))
}

/// A path as it is; a name is looked up in the folders of `search_path`.
pub(super) fn look_up(binary: &Path, search_path: Option<&OsStr>) -> Option<PathBuf> {
    let is_name = binary.components().count() == 1 && binary.is_relative();
    if !is_name {
        return Some(binary.to_owned());
    }
    env::split_paths(search_path?)
        .map(|folder| folder.join(binary))
        .find(|path| path.is_file())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(binary: &str) -> String {
        let path = env::var_os("PATH");
        let found = locate(Role::Scheduler, "a", Path::new(binary), path.as_deref());
        found
            .and_then(|path| executable(&path))
            .unwrap_err()
            .to_string()
    }

    #[test]
    fn what_is_not_there_no_file_or_not_executable_is_named() {
        let missing = said("/nowhere/b");
        assert!(missing.contains("scheduler \"a\"") && missing.contains("/nowhere/b"));
        assert!(said("no-such-program-anywhere").contains("no-such-program-anywhere"));
        assert!(said("/usr").contains("it is a folder"));
        assert!(said("/dev/null").contains("no regular file"));
        assert!(said("/etc/passwd").contains("chmod +x /etc/passwd"));
    }

    #[test]
    fn a_name_is_looked_up_in_the_search_path() {
        let path = env::var_os("PATH");
        let found = locate(Role::Payload, "a", Path::new("sh"), path.as_deref()).unwrap();
        assert!(found.is_absolute() && executable(&found).is_ok());
    }
}
