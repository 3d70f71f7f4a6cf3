//! Finds the libraries of a program as the dynamic linker would: along the
//! paths in the files themselves, in the linker's cache, in default folders.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::fs;
use std::path::{Path, PathBuf};

use super::elf::{Linkage, linkage};
use super::{ProgramError, ld_cache};

/// Searched last: those of glibc on Debian and elsewhere, and of musl.
const DEFAULT_FOLDERS: [&str; 7] = [
    "/lib/x86_64-linux-gnu",
    "/usr/lib/x86_64-linux-gnu",
    "/lib64",
    "/usr/lib64",
    "/lib",
    "/usr/lib",
    "/usr/local/lib",
];

/// What this machine knows about libraries.
#[derive(Debug)]
pub struct Linker {
    cache: HashMap<String, PathBuf>,
    folders: Vec<PathBuf>,
}

/// What a program needs beside itself.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Closure {
    pub(super) interpreter: Option<PathBuf>,
    /// By name, as they are asked for.
    pub(super) libraries: BTreeMap<String, PathBuf>,
}

/// A file under way, and the search path that it inherits.
struct Pending {
    path: PathBuf,
    linkage: Linkage,
    /// `DT_RPATH` of what led here, its own first.
    inherited: Vec<PathBuf>,
}

impl Linker {
    /// This machine's own.
    #[must_use]
    pub fn of_this_machine() -> Self {
        let cache = fs::read(ld_cache::PATH).unwrap_or_default();
        Self {
            cache: ld_cache::parse(&cache),
            folders: DEFAULT_FOLDERS.map(PathBuf::from).to_vec(),
        }
    }

    /// Interpreter and libraries of the program in the file `path`, which is a
    /// canonical path.
    pub(super) fn closure(&self, path: &Path) -> Result<Closure, ProgramError> {
        let read = linkage(path).map_err(|why| ProgramError::NotRunnable {
            path: path.to_owned(),
            why: format!("{why}: it takes an x86-64 Linux program or a script"),
        })?;
        let mut closure = Closure {
            interpreter: read.interpreter.as_ref().map(PathBuf::from),
            libraries: BTreeMap::new(),
        };
        let mut queue = VecDeque::from([Pending {
            path: path.to_owned(),
            linkage: read,
            inherited: Vec::new(),
        }]);
        while let Some(mut user) = queue.pop_front() {
            let own = expand(&user.linkage.rpath, &user.path);
            user.inherited.splice(0..0, own);
            for name in std::mem::take(&mut user.linkage.needed) {
                let known = closure.libraries.contains_key(&name)
                    || is_interpreter(closure.interpreter.as_deref(), &name);
                if known {
                    continue;
                }
                let (found, linkage) = self.find(&name, &user)?;
                closure.libraries.insert(name, found.clone());
                queue.push_back(Pending {
                    path: found,
                    linkage,
                    inherited: user.inherited.clone(),
                });
            }
        }
        Ok(closure)
    }

    fn find(&self, name: &str, user: &Pending) -> Result<(PathBuf, Linkage), ProgramError> {
        let runpath = expand(&user.linkage.runpath, &user.path);
        let by_files = if user.linkage.runpath.is_empty() {
            user.inherited.clone()
        } else {
            runpath
        };
        let folders = || by_files.iter().chain(&self.folders);
        let mut candidates: Vec<PathBuf> = if name.contains('/') {
            vec![name.into()]
        } else {
            by_files
                .iter()
                .map(|folder| folder.join(name))
                .chain(self.cache.get(name).cloned())
                .chain(self.folders.iter().map(|folder| folder.join(name)))
                .collect()
        };
        candidates.retain(|candidate| candidate.is_absolute());
        // One for another processor is passed over, as the linker does.
        candidates
            .into_iter()
            .find_map(|path| {
                let linkage = linkage(&path).ok()?;
                Some((path, linkage))
            })
            .ok_or_else(|| ProgramError::MissingLibrary {
                library: name.to_owned(),
                needed_by: user.path.clone(),
                searched: folders()
                    .map(|folder| folder.display().to_string())
                    .collect::<Vec<_>>()
                    .join(", "),
            })
    }
}

/// Folders of a file's search path, with `$ORIGIN` as the file's own folder.
fn expand(folders: &[String], file: &Path) -> Vec<PathBuf> {
    let origin = file.parent().unwrap_or(Path::new("/")).to_string_lossy();
    folders
        .iter()
        .map(|folder| {
            let folder = folder.replace("${ORIGIN}", &origin);
            PathBuf::from(folder.replace("$ORIGIN", &origin))
        })
        .collect()
}

/// Whether a name means the interpreter itself, which is there already; musl's
/// is its C library too.
fn is_interpreter(interpreter: Option<&Path>, name: &str) -> bool {
    let file = interpreter
        .and_then(Path::file_name)
        .and_then(|file| file.to_str())
        .unwrap_or_default();
    file == name || (file.starts_with("ld-musl-") && name.starts_with("libc."))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_test_is_found_with_its_libraries() {
        let program = std::env::current_exe().unwrap().canonicalize().unwrap();
        let closure = Linker::of_this_machine().closure(&program).unwrap();
        assert!(closure.interpreter.unwrap().is_file());
        assert!(closure.libraries.contains_key("libc.so.6"));
        assert!(closure.libraries.values().all(|path| path.is_file()));
    }

    #[test]
    fn a_missing_library_is_named_with_who_needs_it_and_where_it_was_looked_for() {
        let program = std::env::current_exe().unwrap().canonicalize().unwrap();
        let nowhere = Linker {
            cache: HashMap::new(),
            folders: vec!["/nowhere".into()],
        };
        let error = nowhere.closure(&program).unwrap_err().to_string();
        for word in ["lib", "/nowhere", &program.display().to_string()] {
            assert!(error.contains(word), "{word}: {error}");
        }
    }

    #[test]
    fn origin_is_the_folder_of_the_file_that_says_it() {
        let folders = ["$ORIGIN/../lib".to_owned(), "${ORIGIN}/x".to_owned()];
        assert_eq!(
            expand(&folders, Path::new("/opt/app/bin/tool")),
            [
                Path::new("/opt/app/bin/../lib"),
                Path::new("/opt/app/bin/x")
            ]
        );
    }

    #[test]
    fn a_name_that_is_the_interpreter_is_not_looked_for() {
        let glibc = Some(Path::new("/lib64/ld-linux-x86-64.so.2"));
        assert!(is_interpreter(glibc, "ld-linux-x86-64.so.2"));
        assert!(!is_interpreter(glibc, "libc.so.6"));
        let musl = Some(Path::new("/lib/ld-musl-x86_64.so.1"));
        assert!(is_interpreter(musl, "libc.musl-x86_64.so.1"));
    }
}
