//! The files of all declared payloads, with the places that they have in the
//! guest, and the declarations completed for it.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsStr;
use std::path::{Component, Path, PathBuf};
use std::{env, fs};

use proscenium_wire::{PayloadCheck, PayloadKind, PayloadSpec};

use super::declare::check_all;
use super::linker::Linker;
use super::{Declared, GUEST_ROOT, PayloadError};

/// First components of paths that are the guest's own.
const RESERVED: [&str; 9] = [
    "dev", "init", "job", "modules", "payloads", "proc", "run", "sys", "tmp",
];

/// One file for the guest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PackedFile {
    /// Permissions.
    pub mode: u32,
    /// Its content.
    pub bytes: Vec<u8>,
}

/// All files of all payloads.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Pack {
    /// By absolute path in the guest.
    pub files: BTreeMap<String, PackedFile>,
    /// Folders that payloads start in, besides those of files.
    pub folders: BTreeSet<String>,
    /// For the job.
    pub specs: Vec<PayloadSpec>,
}

impl Pack {
    /// Declarations alone, for a world that starts nothing. A program that did
    /// not run has printed no figures, so none is expected.
    ///
    /// # Errors
    ///
    /// [`PayloadError::Declaration`].
    pub fn declarations(declared: Vec<Declared>) -> Result<Vec<PayloadSpec>, PayloadError> {
        check_all(&declared)?;
        let only_exit = |check: &PayloadCheck| matches!(check, PayloadCheck::ExitCode(_));
        let specs = declared.into_iter().map(|one| one.spec);
        Ok(specs
            .map(|mut spec| {
                spec.checks.retain(only_exit);
                spec
            })
            .collect())
    }

    /// Finds everything that the declared programs need. `search_path`: `PATH`.
    ///
    /// # Errors
    ///
    /// What is missing, and who needs it.
    pub fn of(declared: Vec<Declared>, search_path: Option<&OsStr>) -> Result<Self, PayloadError> {
        check_all(&declared)?;
        let mut pack = Self::default();
        if declared.is_empty() {
            return Ok(pack);
        }
        let linker = Linker::of_this_machine();
        for one in declared {
            let spec = pack.add(one, &linker, search_path)?;
            pack.specs.push(spec);
        }
        Ok(pack)
    }

    /// Bytes of all files.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        let bytes = self.files.values().map(|file| file.bytes.len() as u64);
        bytes.sum()
    }

    fn add(
        &mut self,
        declared: Declared,
        linker: &Linker,
        search_path: Option<&OsStr>,
    ) -> Result<PayloadSpec, PayloadError> {
        let Declared {
            binary,
            files,
            mut spec,
        } = declared;
        // Declared so that its use as a payload can be refused by name.
        if spec.kind == PayloadKind::Scheduler {
            return Ok(spec);
        }
        let program = locate(&binary, search_path).ok_or_else(|| PayloadError::NoProgram {
            name: spec.name.clone(),
            program: binary,
        })?;
        let mut folders = Vec::new();
        spec.program = beneath_root(&program);
        self.program(&program, &spec.program, linker, &mut folders)?;
        for file in files {
            let name = file.file_name().map(OsStr::to_string_lossy);
            let guest = format!("{}/{}", spec.folder, name.unwrap_or_default());
            self.file(&file, guest, 0o644)?;
        }
        self.folders.insert(spec.folder.clone());
        spec.environment = environment(&program, &folders);
        Ok(spec)
    }

    /// Adds a program with all that it needs; `folders` get those of libraries.
    fn program(
        &mut self,
        path: &Path,
        guest: &str,
        linker: &Linker,
        folders: &mut Vec<String>,
    ) -> Result<(), PayloadError> {
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

    fn file(&mut self, path: &Path, guest: String, mode: u32) -> Result<(), PayloadError> {
        if let Entry::Vacant(place) = self.files.entry(guest) {
            let bytes = fs::read(path).map_err(|source| PayloadError::Read {
                path: path.to_owned(),
                source,
            })?;
            place.insert(PackedFile { mode, bytes });
        }
        Ok(())
    }
}

/// The file that a declaration means, links resolved.
fn locate(binary: &Path, search_path: Option<&OsStr>) -> Option<PathBuf> {
    let is_name = binary.components().count() == 1 && binary.is_relative();
    let found = if is_name {
        env::split_paths(search_path?)
            .map(|folder| folder.join(binary))
            .find(|path| path.is_file())
    } else {
        Some(binary.to_owned())
    };
    found?.canonicalize().ok().filter(|path| path.is_file())
}

fn canonical(path: &Path) -> Result<PathBuf, PayloadError> {
    path.canonicalize().map_err(|source| PayloadError::Read {
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
fn in_place(path: &Path) -> Result<String, PayloadError> {
    let refuse = |why: &str| {
        Err(PayloadError::NotRunnable {
            path: path.to_owned(),
            why: why.to_owned(),
        })
    };
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
fn script_interpreter(bytes: &[u8], path: &Path) -> Result<Option<PathBuf>, PayloadError> {
    let Some(rest) = bytes.strip_prefix(b"#!") else {
        return Ok(None);
    };
    let line = rest.split(|byte| *byte == b'\n').next().unwrap_or_default();
    let line = String::from_utf8_lossy(line);
    let refuse = |why: &str| PayloadError::NotRunnable {
        path: path.to_owned(),
        why: why.to_owned(),
    };
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
    use crate::payload::from_argument;

    fn pack(argument: &str) -> Result<Pack, PayloadError> {
        Pack::of(
            vec![from_argument(argument).unwrap()],
            env::var_os("PATH").as_deref(),
        )
    }

    #[test]
    fn a_program_comes_with_its_libraries_and_is_told_where_they_are() {
        let exe = env::current_exe().unwrap().canonicalize().unwrap();
        let pack = pack(&format!("me={}", exe.display())).unwrap();
        let spec = &pack.specs[0];
        assert_eq!(spec.program, format!("{GUEST_ROOT}{}", exe.display()));
        assert_eq!(pack.files[&spec.program].mode, 0o755);
        let library = pack.files.keys().find(|path| path.ends_with("/libc.so.6"));
        let folder = Path::new(library.unwrap()).parent().unwrap();
        let (_, path) = spec
            .environment
            .iter()
            .find(|(name, _)| name == "LD_LIBRARY_PATH")
            .unwrap();
        assert!(
            path.split(':').any(|one| Path::new(one) == folder),
            "{path}"
        );
        let interpreters = pack
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
        let pack = pack(&format!("script={}", script.display())).unwrap();
        assert!(pack.files.contains_key("/bin/sh"));
        assert!(pack.files.keys().any(|path| path.ends_with("/libc.so.6")));
        fs::write(&script, "#!/usr/bin/env python3\n").unwrap();
        let error = super::tests::pack(&format!("script={}", script.display())).unwrap_err();
        assert!(error.to_string().contains("write its path"), "{error}");
    }

    #[test]
    fn what_is_not_there_or_no_program_is_named() {
        let missing = pack("a=/nowhere/b").unwrap_err().to_string();
        assert!(
            missing.contains("\"a\"") && missing.contains("/nowhere/b"),
            "{missing}"
        );
        let text = pack("a=/etc/passwd").unwrap_err().to_string();
        assert!(
            text.contains("/etc/passwd") && text.contains("ELF"),
            "{text}"
        );
    }

    #[test]
    fn places_in_the_guest_have_no_steps_back_and_leave_its_own_alone() {
        assert_eq!(
            beneath_root(Path::new("/opt/bin/../lib/a.so")),
            "/payloads/opt/lib/a.so"
        );
        for path in ["/proc/x", "/tmp/ld.so", "/lib/../init", "ld.so"] {
            assert!(in_place(Path::new(path)).is_err(), "{path}");
        }
        assert!(in_place(Path::new("/lib64/ld-linux-x86-64.so.2")).is_ok());
    }
}
