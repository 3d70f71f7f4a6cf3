//! The files of a folder that a program is to find where they are here.
//!
//! Owns the walk and its bounds. Links are followed, since what they lead to may
//! not be in the guest otherwise; what is neither file nor folder is passed over.

use std::fs;
use std::path::{Path, PathBuf};

use super::ProgramError;

/// Most files of one folder, with all that is in it.
const MOST: usize = 20_000;
/// Deepest nesting: links may lead in circles.
const DEEPEST: usize = 32;

/// All files in `folder` and beneath it, in the order of their paths.
///
/// # Errors
///
/// A folder that cannot be read, or too much of them.
pub(super) fn files(folder: &Path) -> Result<Vec<PathBuf>, ProgramError> {
    let mut found = Vec::new();
    let mut pending = vec![(folder.to_owned(), 0)];
    while let Some((inside, depth)) = pending.pop() {
        let failed = |source| ProgramError::Read {
            path: inside.clone(),
            source,
        };
        for entry in fs::read_dir(&inside).map_err(failed)? {
            let path = entry.map_err(failed)?.path();
            // A link that leads nowhere is nothing to find in the guest either.
            let Ok(metadata) = path.metadata() else {
                continue;
            };
            if metadata.is_dir() && depth < DEEPEST {
                pending.push((path, depth + 1));
            } else if metadata.is_file() {
                found.push(path);
            }
            if found.len() + pending.len() > MOST {
                let why = format!("it has more than {MOST} files: name folders beneath it");
                return Err(ProgramError::not_runnable(folder, why));
            }
        }
    }
    found.sort();
    Ok(found)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn links_are_followed_and_circles_end() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        fs::create_dir(path("a")).unwrap();
        fs::write(path("a/file"), "x").unwrap();
        symlink(path("a/file"), path("link")).unwrap();
        symlink(path("gone"), path("broken")).unwrap();
        assert_eq!(
            files(folder.path()).unwrap(),
            [path("a/file"), path("link")]
        );
        symlink(folder.path(), path("a/circle")).unwrap();
        let found = files(folder.path()).unwrap();
        assert!(found.len() > 2 && found.len() < 100, "{}", found.len());
        assert!(files(&path("gone")).is_err());
    }
}
