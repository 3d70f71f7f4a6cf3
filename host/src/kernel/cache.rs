//! Where we keep what can be had again.
//!
//! Owns the directory's layout and the rule that nothing half-written ever
//! has its final name. Never reads the environment behind the caller's back:
//! [`Cache::locate`] takes it as a function.

use std::ffi::OsString;
use std::fs;
use std::io::{self, Write};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

/// Variable that names the directory, before any other rule.
pub const CACHE_VARIABLE: &str = "PROSCENIUM_CACHE";

/// Our cache directory, mode 0700.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cache {
    root: PathBuf,
}

/// Why the cache cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum CacheError {
    /// No variable says where it could be.
    #[error("there is no place for the cache: set {CACHE_VARIABLE} or HOME")]
    NoPlace,
    /// The file system refused; a full disk is among the reasons.
    #[error("failed to {verb} {path} in the cache")]
    Io {
        /// What was tried.
        verb: &'static str,
        /// On which file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
}

impl Cache {
    /// The directory by `PROSCENIUM_CACHE`, else `XDG_CACHE_HOME`, else `HOME`,
    /// as `variable` gives them. Makes nothing.
    ///
    /// # Errors
    ///
    /// When none of the three is set to an absolute path.
    pub fn locate(variable: impl Fn(&str) -> Option<OsString>) -> Result<Self, CacheError> {
        let path = |name| {
            variable(name)
                .map(PathBuf::from)
                .filter(|p| p.is_absolute())
        };
        let root = path(CACHE_VARIABLE)
            .or_else(|| path("XDG_CACHE_HOME").map(|dir| dir.join("proscenium")))
            .or_else(|| path("HOME").map(|dir| dir.join(".cache/proscenium")))
            .ok_or(CacheError::NoPlace)?;
        Ok(Self { root })
    }

    /// The cache at `root`. Makes nothing.
    #[must_use]
    pub const fn at(root: PathBuf) -> Self {
        Self { root }
    }

    /// The directory itself.
    #[must_use]
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Directory of fetched kernels, one directory each.
    #[must_use]
    pub fn kernels(&self) -> PathBuf {
        self.root.join("kernels")
    }

    /// The directory `name` below the root, made with mode 0700 if it is not there.
    ///
    /// # Errors
    ///
    /// When it cannot be made.
    pub fn directory(&self, name: &str) -> Result<PathBuf, CacheError> {
        let path = self.root.join(name);
        fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(&path)
            .map_err(io_error("make", &path))?;
        Ok(path)
    }

    /// A directory for work in progress, on the same file system as the rest,
    /// removed when the value is dropped.
    ///
    /// # Errors
    ///
    /// When it cannot be made.
    pub fn scratch(&self) -> Result<tempfile::TempDir, CacheError> {
        let parent = self.directory("scratch")?;
        tempfile::tempdir_in(&parent).map_err(io_error("make a directory in", &parent))
    }
}

/// Writes `bytes` to `path` so that `path` is either whole or not there.
///
/// # Errors
///
/// When the directory is not there, or the disk is full.
pub fn write_whole(path: &Path, bytes: &[u8]) -> Result<(), CacheError> {
    let parent = path.parent().unwrap_or(Path::new("."));
    let mut file =
        tempfile::NamedTempFile::new_in(parent).map_err(io_error("make a file in", parent))?;
    file.write_all(bytes).map_err(io_error("write", path))?;
    file.persist(path)
        .map_err(|error| io_error("rename to", path)(error.error))?;
    Ok(())
}

/// An error about `path` while doing `verb`.
pub(crate) fn io_error(verb: &'static str, path: &Path) -> impl FnOnce(io::Error) -> CacheError {
    let path = path.to_owned();
    move |source| CacheError::Io { verb, path, source }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    fn located(set: &[(&str, &str)]) -> Option<PathBuf> {
        let variable = |name: &str| set.iter().find(|v| v.0 == name).map(|v| v.1.into());
        Cache::locate(variable).ok().map(|cache| cache.root)
    }

    #[test]
    fn our_own_variable_comes_first_then_xdg_then_home() {
        let all = [
            ("HOME", "/h"),
            ("XDG_CACHE_HOME", "/x"),
            (CACHE_VARIABLE, "/p"),
        ];
        assert_eq!(located(&all), Some("/p".into()));
        assert_eq!(located(&all[..2]), Some("/x/proscenium".into()));
        assert_eq!(located(&all[..1]), Some("/h/.cache/proscenium".into()));
        assert_eq!(located(&[]), None);
    }

    #[test]
    fn relative_paths_are_not_taken() {
        assert_eq!(
            located(&[("XDG_CACHE_HOME", "x"), ("HOME", "/h")]),
            Some("/h/.cache/proscenium".into())
        );
        assert_eq!(located(&[(CACHE_VARIABLE, "")]), None);
    }

    #[test]
    fn directories_are_for_their_owner_only() {
        let dir = tempfile::tempdir().unwrap();
        let made = Cache::at(dir.path().join("c")).directory("a").unwrap();
        assert_eq!(
            fs::metadata(made).unwrap().permissions().mode() & 0o777,
            0o700
        );
    }

    #[test]
    fn a_write_that_fails_says_on_which_file() {
        let error = write_whole(Path::new("/nonexistent/x"), b"").unwrap_err();
        assert!(error.to_string().contains("/nonexistent"));
    }
}
