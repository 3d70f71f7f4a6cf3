//! The files of declared programs, with the places that they have in the guest.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsStr;
use std::fs;
use std::path::{Component, Path, PathBuf};

use super::linker::Linker;
use super::locate::metadata;
use super::{GUEST_ROOT, ProgramError};

/// First components of paths that are the guest's own.
const RESERVED: [&str; 10] = [
    "boot", "dev", "init", "job", "modules", "proc", "programs", "run", "sys", "tmp",
];
/// Largest file that is packed, in bytes.
const MAX_FILE: u64 = 512 << 20;

/// One file for the guest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PackedFile {
    /// Permissions.
    pub mode: u32,
    /// Its content.
    pub bytes: Vec<u8>,
}

/// Files for the guest's image.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Files {
    /// By absolute path in the guest.
    pub files: BTreeMap<String, PackedFile>,
    /// Folders that programs start in, besides those of files.
    pub folders: BTreeSet<String>,
}

/// Where a program went, and what it must be told to run there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Placed {
    /// Absolute path of the program in the guest.
    pub program: String,
    /// The environment with which it finds its libraries.
    pub environment: Vec<(String, String)>,
}

impl Files {
    /// Adds the program in the canonical path `program` with all that it needs,
    /// the folder that it starts in, and `beside` in that folder.
    ///
    /// # Errors
    ///
    /// What is missing or cannot run, and who needs it.
    pub fn place(
        &mut self,
        program: &Path,
        folder: &str,
        beside: &[PathBuf],
        linker: &Linker,
    ) -> Result<Placed, ProgramError> {
        let mut libraries = Vec::new();
        let guest = beneath_root(program);
        self.program(program, &guest, linker, &mut libraries)?;
        for file in beside {
            let name = file.file_name().map(OsStr::to_string_lossy);
            let guest = format!("{folder}/{}", name.unwrap_or_default());
            self.file(file, guest, 0o644)?;
        }
        self.folders.insert(folder.to_owned());
        Ok(Placed {
            program: guest,
            environment: environment(program, &libraries),
        })
    }

    /// Adds a file with this content, unless one is in its place already.
    pub fn insert(&mut self, guest: String, mode: u32, bytes: Vec<u8>) {
        self.files
            .entry(guest)
            .or_insert(PackedFile { mode, bytes });
    }

    /// Bytes of all files.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        let bytes = self.files.values().map(|file| file.bytes.len() as u64);
        bytes.sum()
    }

    /// Adds a program with all that it needs; `folders` get those of libraries.
    fn program(
        &mut self,
        path: &Path,
        guest: &str,
        linker: &Linker,
        folders: &mut Vec<String>,
    ) -> Result<(), ProgramError> {
        self.file(path, guest.to_owned(), 0o755)?;
        let bytes = self.files.get(guest).map_or(&[][..], |file| &file.bytes);
        if let Some(interpreter) = script_interpreter(bytes, path)? {
            let interpreter = in_place(&interpreter)?;
            let canonical = canonical(Path::new(&interpreter))?;
            return self.program(&canonical, &interpreter, linker, folders);
        }
        let closure = linker.closure(path, bytes)?;
        for library in closure.libraries.values() {
            let guest = beneath_root(library);
            let folder = Path::new(&guest).parent().map(Path::to_string_lossy);
            let folder = folder.unwrap_or_default().into_owned();
            if !folders.contains(&folder) {
                folders.push(folder);
            }
            self.file(library, guest, 0o755)?;
        }
        if let Some(interpreter) = closure.interpreter {
            let guest = in_place(&interpreter)?;
            self.file(&interpreter, guest, 0o755)?;
        }
        Ok(())
    }

    fn file(&mut self, path: &Path, guest: String, mode: u32) -> Result<(), ProgramError> {
        if let Entry::Vacant(place) = self.files.entry(guest) {
            place.insert(PackedFile {
                mode,
                bytes: read(path)?,
            });
        }
        Ok(())
    }
}

fn read(path: &Path) -> Result<Vec<u8>, ProgramError> {
    let size = metadata(path)?.len();
    if size > MAX_FILE {
        let (has, most) = (size >> 20, MAX_FILE >> 20);
        let why = format!(
            "it has {has} MiB, {most} MiB is the most: strip it of what is there for debuggers"
        );
        return Err(ProgramError::not_runnable(path, why));
    }
    fs::read(path).map_err(|source| ProgramError::Read {
        path: path.to_owned(),
        source,
    })
}

fn canonical(path: &Path) -> Result<PathBuf, ProgramError> {
    path.canonicalize().map_err(|source| ProgramError::Read {
        path: path.to_owned(),
        source,
    })
}

/// The place of a file of this machine in the guest.
fn beneath_root(path: &Path) -> String {
    // Steps back are taken out, since their folders need not be in the guest.
    let mut parts: Vec<String> = Vec::new();
    for component in path.components() {
        match component {
            Component::Normal(part) => parts.push(part.to_string_lossy().into_owned()),
            Component::ParentDir => drop(parts.pop()),
            Component::RootDir | Component::CurDir | Component::Prefix(_) => {}
        }
    }
    format!("{GUEST_ROOT}/{}", parts.join("/"))
}

/// The path of an interpreter, which the kernel looks for just there.
fn in_place(path: &Path) -> Result<String, ProgramError> {
    let refuse = |why: &str| Err(ProgramError::not_runnable(path, why));
    let mut parts = path.components();
    if parts.next() != Some(Component::RootDir) {
        return refuse("an interpreter is named by an absolute path");
    }
    let plain = path
        .components()
        .all(|part| !matches!(part, Component::ParentDir));
    let first = parts.next().map(|part| part.as_os_str().to_string_lossy());
    if !plain || first.is_some_and(|first| RESERVED.contains(&&*first)) {
        return refuse(
            "the guest keeps that place for itself: use an interpreter in another folder",
        );
    }
    Ok(path.to_string_lossy().into_owned())
}

/// The interpreter of a script; none if the file is no script.
fn script_interpreter(bytes: &[u8], path: &Path) -> Result<Option<PathBuf>, ProgramError> {
    let Some(rest) = bytes.strip_prefix(b"#!") else {
        return Ok(None);
    };
    let line = rest.split(|byte| *byte == b'\n').next().unwrap_or_default();
    let line = String::from_utf8_lossy(line);
    let refuse = |why: &str| ProgramError::not_runnable(path, why);
    match line.split_whitespace().next() {
        Some(interpreter) if interpreter.ends_with("/env") => Err(refuse(
            "its interpreter is looked up by name: write its path after #!",
        )),
        Some(interpreter) => Ok(Some(interpreter.into())),
        None => Err(refuse("it names no interpreter after #!")),
    }
}

fn environment(program: &Path, libraries: &[String]) -> Vec<(String, String)> {
    let own = beneath_root(program.parent().unwrap_or(Path::new("/")));
    let mut environment = vec![
        ("PATH".to_owned(), format!("{own}:/usr/bin:/bin")),
        ("HOME".to_owned(), "/tmp".to_owned()),
        ("TMPDIR".to_owned(), "/tmp".to_owned()),
        ("LC_ALL".to_owned(), "C".to_owned()),
    ];
    if !libraries.is_empty() {
        environment.push(("LD_LIBRARY_PATH".to_owned(), libraries.join(":")));
    }
    environment
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(path: &Path) -> Result<(Files, Placed), ProgramError> {
        let mut files = Files::default();
        let linker = Linker::of_this_machine();
        let placed = files.place(path, "/programs/run/x", &[], &linker)?;
        Ok((files, placed))
    }

    #[test]
    fn a_program_comes_with_its_libraries_and_is_told_where_they_are() {
        let exe = std::env::current_exe().unwrap().canonicalize().unwrap();
        let (files, placed) = place(&exe).unwrap();
        assert_eq!(placed.program, format!("{GUEST_ROOT}{}", exe.display()));
        assert_eq!(files.files[&placed.program].mode, 0o755);
        let library = files.files.keys().find(|path| path.ends_with("/libc.so.6"));
        let folder = Path::new(library.unwrap()).parent().unwrap();
        let (_, path) = placed
            .environment
            .iter()
            .find(|(name, _)| name == "LD_LIBRARY_PATH")
            .unwrap();
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
        fs::write(&script, "#!/usr/bin/env python3\n").unwrap();
        let error = place(&script).unwrap_err();
        assert!(error.to_string().contains("write its path"), "{error}");
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

    #[test]
    fn places_in_the_guest_have_no_steps_back_and_leave_its_own_alone() {
        assert_eq!(
            beneath_root(Path::new("/opt/bin/../lib/a.so")),
            "/programs/opt/lib/a.so"
        );
        for path in ["/proc/x", "/tmp/ld.so", "/lib/../init", "ld.so"] {
            assert!(in_place(Path::new(path)).is_err(), "{path}");
        }
        assert!(in_place(Path::new("/lib64/ld-linux-x86-64.so.2")).is_ok());
    }
}
