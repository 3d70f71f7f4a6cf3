//! The files of declared programs, with the places that they have in the guest.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsStr;
use std::path::{Component, Path, PathBuf, absolute};

use super::elf::is_elf;
use super::linker::Linker;
use super::locate::{look_up, metadata};
use super::place::{beneath_root, in_place, parent};
use super::script::{self, Interpreter};
use super::{ProgramError, tree};
use crate::vm::initramfs::Content;

/// Largest file that is packed, in bytes.
const MAX_FILE: u64 = 512 << 20;
/// Interpreters that lead from one to the next; the kernel follows five.
const MAX_INTERPRETERS: usize = 5;

/// One file for the guest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PackedFile {
    /// Permissions.
    pub mode: u32,
    /// What is in it.
    pub content: Content,
}

/// Files for the guest's image.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Files {
    /// By absolute path in the guest.
    pub files: BTreeMap<String, PackedFile>,
    /// Folders that programs start in, besides those of files.
    pub folders: BTreeSet<String>,
}

/// A program that is to run in the guest.
#[derive(Clone, Copy, Debug)]
pub struct Wanted<'a> {
    /// Its canonical path.
    pub program: &'a Path,
    /// The folder that it starts in, in the guest.
    pub folder: &'a str,
    /// Files of that folder.
    pub files: &'a [PathBuf],
    /// Files and folders that it finds where they are here.
    pub with: &'a [PathBuf],
    /// `PATH`, in which the interpreters of scripts are looked up.
    pub search_path: Option<&'a OsStr>,
}

/// Where a program went, and what it must be told to run there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Placed {
    /// Absolute path of the program in the guest.
    pub program: String,
    /// The environment with which it finds its libraries.
    pub environment: Vec<(String, String)>,
}

/// Folders for a program's environment, without repetition.
#[derive(Default)]
struct Folders {
    libraries: Vec<String>,
    programs: Vec<String>,
}

impl Files {
    /// Adds a program with all that it needs, and the folder that it starts in.
    ///
    /// # Errors
    ///
    /// What is missing or cannot run, and who needs it.
    pub fn place(&mut self, wanted: Wanted<'_>, linker: &Linker) -> Result<Placed, ProgramError> {
        let mut folders = Folders::default();
        let guest = beneath_root(wanted.program);
        self.program(
            wanted.program,
            &guest,
            (linker, wanted.search_path),
            &mut folders,
        )?;
        for file in wanted.files {
            let name = file.file_name().map(OsStr::to_string_lossy);
            let guest = format!("{}/{}", wanted.folder, name.unwrap_or_default());
            self.file(file, guest, 0o644)?;
        }
        for path in wanted.with {
            self.with(path, linker, &mut folders)?;
        }
        self.folders.insert(wanted.folder.to_owned());
        Ok(Placed {
            program: guest,
            environment: environment(wanted.program, &folders),
        })
    }

    /// Adds a file, unless one is in its place already. It is read when the
    /// image is written.
    ///
    /// # Errors
    ///
    /// It is none, or too large.
    pub fn file(&mut self, path: &Path, guest: String, mode: u32) -> Result<(), ProgramError> {
        if let Entry::Vacant(place) = self.files.entry(guest) {
            let content = content(path)?;
            place.insert(PackedFile { mode, content });
        }
        Ok(())
    }

    /// Bytes of all files.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        let bytes = self.files.values().map(|file| file.content.length());
        bytes.sum()
    }

    /// Adds a program with all that it needs.
    fn program(
        &mut self,
        path: &Path,
        guest: &str,
        (linker, search_path): (&Linker, Option<&OsStr>),
        folders: &mut Folders,
    ) -> Result<(), ProgramError> {
        let (mut path, mut guest) = (path.to_owned(), guest.to_owned());
        for _ in 0..MAX_INTERPRETERS {
            self.file(&path, guest, 0o755)?;
            let Some(Interpreter {
                path: interpreter,
                looked_up,
            }) = script::interpreter(&path)?
            else {
                return self.libraries(&path, linker, folders);
            };
            let mut next = interpreter;
            if let Some(name) = looked_up {
                // `env` is a program like any other, and starts the next.
                let env = canonical(&next)?;
                self.file(&env, in_place(&next)?, 0o755)?;
                self.libraries(&env, linker, folders)?;
                next = look_up(Path::new(&name), search_path)
                    .ok_or_else(|| no_interpreter(&path, &name))?;
                add(&mut folders.programs, parent(&in_place(&next)?));
            }
            guest = in_place(&next)?;
            path = canonical(&next)?;
        }
        let why = format!("its interpreters are scripts, {MAX_INTERPRETERS} of them and more");
        Err(ProgramError::not_runnable(path, why))
    }

    /// Adds libraries and dynamic linker of the program or library in `path`.
    fn libraries(
        &mut self,
        path: &Path,
        linker: &Linker,
        folders: &mut Folders,
    ) -> Result<(), ProgramError> {
        let closure = linker.closure(path)?;
        for library in closure.libraries.values() {
            let guest = beneath_root(library);
            add(&mut folders.libraries, parent(&guest));
            self.file(library, guest, 0o755)?;
        }
        if let Some(interpreter) = closure.interpreter {
            let guest = in_place(&interpreter)?;
            self.file(&interpreter, guest, 0o755)?;
        }
        Ok(())
    }

    /// Adds a file or a folder at the path that it has here. Libraries are
    /// found by name as well, and come with those that they need.
    fn with(
        &mut self,
        path: &Path,
        linker: &Linker,
        folders: &mut Folders,
    ) -> Result<(), ProgramError> {
        let path = named(path)?;
        if !path.is_dir() {
            let guest = in_place(&path)?;
            if is_elf(&path) {
                add(&mut folders.libraries, parent(&guest));
                self.libraries(&canonical(&path)?, linker, folders)?;
            }
            return self.file(&path, guest, 0o755);
        }
        for file in tree::files(&path)? {
            self.file(&file, in_place(&file)?, 0o755)?;
            // Of a whole folder not everything is used, so not everything has
            // to have what it needs: a file for another machine has nothing here.
            if is_elf(&file)
                && let Err(error) = self.libraries(&canonical(&file)?, linker, folders)
            {
                tracing::debug!("{error}");
            }
        }
        Ok(())
    }
}

fn content(path: &Path) -> Result<Content, ProgramError> {
    let length = metadata(path)?.len();
    if length > MAX_FILE {
        let (has, most) = (length >> 20, MAX_FILE >> 20);
        let why = format!(
            "it has {has} MiB, {most} MiB is the most: strip it of what is there for debuggers"
        );
        return Err(ProgramError::not_runnable(path, why));
    }
    Ok(Content::File {
        path: path.to_owned(),
        length,
    })
}

/// A path as it was named, if that says where it is from the root on.
fn named(path: &Path) -> Result<PathBuf, ProgramError> {
    let steps_back = path
        .components()
        .any(|part| matches!(part, Component::ParentDir));
    match absolute(path) {
        Ok(path) if !steps_back => Ok(path),
        _ => canonical(path),
    }
}

fn no_interpreter(script: &Path, name: &str) -> ProgramError {
    let why = format!("{name} is in no folder of PATH, and the script asks for it: install it");
    ProgramError::not_runnable(script, why)
}

fn add(folders: &mut Vec<String>, folder: String) {
    if !folders.contains(&folder) {
        folders.push(folder);
    }
}

fn canonical(path: &Path) -> Result<PathBuf, ProgramError> {
    path.canonicalize().map_err(|source| ProgramError::Read {
        path: path.to_owned(),
        source,
    })
}

fn environment(program: &Path, folders: &Folders) -> Vec<(String, String)> {
    let own = parent(&beneath_root(program));
    let programs = [own].into_iter().chain(folders.programs.iter().cloned());
    let mut path: Vec<String> = programs.collect();
    for folder in ["/usr/bin", "/bin"] {
        add(&mut path, folder.to_owned());
    }
    let mut environment = vec![
        ("PATH".to_owned(), path.join(":")),
        ("HOME".to_owned(), "/tmp".to_owned()),
        ("TMPDIR".to_owned(), "/tmp".to_owned()),
        ("LC_ALL".to_owned(), "C".to_owned()),
    ];
    if !folders.libraries.is_empty() {
        environment.push(("LD_LIBRARY_PATH".to_owned(), folders.libraries.join(":")));
    }
    environment
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::program::GUEST_ROOT;

    fn place(path: &Path) -> Result<(Files, Placed), ProgramError> {
        place_with(path, &[])
    }

    fn place_with(path: &Path, with: &[PathBuf]) -> Result<(Files, Placed), ProgramError> {
        let mut files = Files::default();
        let search_path = std::env::var_os("PATH");
        let wanted = Wanted {
            program: path,
            folder: "/programs/run/x",
            files: &[],
            with,
            search_path: search_path.as_deref(),
        };
        let placed = files.place(wanted, &Linker::of_this_machine())?;
        Ok((files, placed))
    }

    fn variable<'a>(placed: &'a Placed, name: &str) -> &'a str {
        let mut all = placed.environment.iter();
        let (_, value) = all.find(|(variable, _)| variable == name).unwrap();
        value
    }

    #[test]
    fn a_program_comes_with_its_libraries_and_is_told_where_they_are() {
        let exe = std::env::current_exe().unwrap().canonicalize().unwrap();
        let (files, placed) = place(&exe).unwrap();
        assert_eq!(placed.program, format!("{GUEST_ROOT}{}", exe.display()));
        assert_eq!(files.files[&placed.program].mode, 0o755);
        let library = files.files.keys().find(|path| path.ends_with("/libc.so.6"));
        let folder = Path::new(library.unwrap()).parent().unwrap();
        let path = variable(&placed, "LD_LIBRARY_PATH");
        assert!(
            path.split(':').any(|one| Path::new(one) == folder),
            "{path}"
        );
        let interpreters = files
            .files
            .keys()
            .filter(|path| !path.starts_with(GUEST_ROOT));
        assert_eq!(interpreters.count(), 1);
    }

    #[test]
    fn a_script_comes_with_its_interpreter_at_its_own_place() {
        let folder = tempfile::tempdir().unwrap();
        let script = folder.path().join("run.sh");
        fs::write(&script, "#!/bin/sh -e\necho hello\n").unwrap();
        let (files, _) = place(&script).unwrap();
        assert!(files.files.contains_key("/bin/sh"));
        assert!(files.files.keys().any(|path| path.ends_with("/libc.so.6")));
    }

    #[test]
    fn what_a_script_has_looked_up_comes_along_and_is_found_again() {
        let folder = tempfile::tempdir().unwrap();
        let script = folder.path().join("run.sh");
        fs::write(&script, "#!/usr/bin/env sh\n").unwrap();
        let (files, placed) = place(&script).unwrap();
        assert!(files.files.contains_key("/usr/bin/env"));
        let found = files.files.keys().find(|path| path.ends_with("/sh"));
        let folder_of_sh = parent(found.unwrap());
        let path = variable(&placed, "PATH");
        assert!(path.split(':').any(|one| one == folder_of_sh), "{path}");
        fs::write(&script, "#!/usr/bin/env no-such-program\n").unwrap();
        let error = place(&script).unwrap_err().to_string();
        assert!(error.contains("no-such-program is in no folder"), "{error}");
    }

    #[test]
    fn interpreters_that_lead_in_circles_are_refused() {
        // Beneath a folder that the guest does not keep for itself.
        let folder = tempfile::tempdir_in(env!("CARGO_MANIFEST_DIR")).unwrap();
        let script = folder.path().join("self");
        fs::write(&script, format!("#!{}\n", script.display())).unwrap();
        let error = place(&script).unwrap_err().to_string();
        assert!(error.contains("interpreters are scripts"), "{error}");
    }

    #[test]
    fn what_comes_with_a_program_is_where_it_is_here_and_libraries_are_found_by_name() {
        let folder = tempfile::tempdir_in(env!("CARGO_MANIFEST_DIR")).unwrap();
        let data = folder.path().join("share/data");
        fs::create_dir(data.parent().unwrap()).unwrap();
        fs::write(&data, "x").unwrap();
        let exe = std::env::current_exe().unwrap().canonicalize().unwrap();
        let libraries = Linker::of_this_machine().closure(&exe).unwrap().libraries;
        let library = &libraries["libc.so.6"];
        let with = [folder.path().to_owned(), library.clone()];
        let (files, placed) = place_with(&exe, &with).unwrap();
        assert!(files.files.contains_key(&*data.to_string_lossy()));
        assert!(files.files.contains_key(&*library.to_string_lossy()));
        let folders = variable(&placed, "LD_LIBRARY_PATH");
        let of_library = library.parent().unwrap();
        assert!(
            folders.split(':').any(|one| Path::new(one) == of_library),
            "{folders}"
        );
        let gone = place_with(&exe, &[folder.path().join("gone")]).unwrap_err();
        assert!(gone.to_string().contains("gone"), "{gone}");
    }

    #[test]
    fn what_is_no_program_or_too_large_is_named() {
        let text = place(Path::new("/etc/passwd")).unwrap_err().to_string();
        assert!(
            text.contains("/etc/passwd") && text.contains("ELF"),
            "{text}"
        );
        let folder = tempfile::tempdir().unwrap();
        let huge = folder.path().join("huge");
        let file = fs::File::create(&huge).unwrap();
        file.set_len(MAX_FILE + 1).unwrap();
        let text = place(&huge).unwrap_err().to_string();
        assert!(text.contains("512 MiB is the most"), "{text}");
    }
}
