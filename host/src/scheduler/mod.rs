//! Schedulers under test: programs of this machine that load a sched_ext
//! scheduler in the guest.
//!
//! ```text
//!   --scheduler, --schedulers FILE ─► Declared ─► checks ─► program::Files ─► image
//!                                        └──────► SchedulerSpec ──────────► job
//! ```
//!
//! Owns what an operator can say about one, and what a loader must be before
//! anything boots. A scenario knows its name only. Never runs a loader here:
//! this machine's own scheduler is nobody's to change.

mod declare;

use std::ffi::OsStr;
use std::fs::File;
use std::io::Read as _;
use std::path::Path;

use proscenium_wire::{MAX_SCHEDULERS, PayloadKind, PayloadOutput, PayloadSpec, SchedulerSpec};

use crate::program::{self, Files, Linker, ProgramError, Role, check_all, executable, locate};

pub use declare::{from_argument, read_file};

/// One scheduler as the operator declared it.
pub type Declared = program::Declared<SchedulerSpec>;

/// Declarations alone, for a world that starts nothing.
///
/// # Errors
///
/// [`ProgramError::Declaration`].
pub fn on_paper(declared: Vec<Declared>) -> Result<Vec<SchedulerSpec>, ProgramError> {
    check(&declared)?;
    Ok(declared.into_iter().map(|one| one.spec).collect())
}

/// Adds everything that the loaders need to `files`. `search_path`: `PATH`.
///
/// # Errors
///
/// A loader that is no program, or what it lacks.
pub fn pack(
    declared: Vec<Declared>,
    files: &mut Files,
    linker: &Linker,
    search_path: Option<&OsStr>,
) -> Result<Vec<SchedulerSpec>, ProgramError> {
    check(&declared)?;
    let mut specs = Vec::new();
    for one in declared {
        let mut spec = one.spec.clone();
        let program = locate(Role::Scheduler, &spec.name, &one.binary, search_path)?;
        executable(&program)?;
        refuse_script(&program)?;
        let wanted = one.wanted(&program, &spec.folder, search_path);
        let placed = files.place(wanted, linker)?;
        spec.program = placed.program;
        spec.environment = merged(placed.environment, spec.environment);
        specs.push(spec);
    }
    Ok(specs)
}

/// A declaration with which a scenario that starts the scheduler as a payload
/// is told what it is, instead of that there is none of that name.
#[must_use]
pub fn as_payload(spec: &SchedulerSpec) -> PayloadSpec {
    PayloadSpec {
        name: spec.name.clone(),
        kind: PayloadKind::Scheduler,
        program: spec.program.clone(),
        folder: spec.folder.clone(),
        args: Vec::new(),
        environment: Vec::new(),
        known_flags: None,
        output: PayloadOutput::ExitCode,
        hints: Vec::new(),
        checks: Vec::new(),
    }
}

fn check(declared: &[Declared]) -> Result<(), ProgramError> {
    let names = declared.iter().map(|one| one.spec.name.as_str());
    check_all(Role::Scheduler, names, MAX_SCHEDULERS)
}

/// The process that is started must be the one that holds the scheduler: with a
/// script that is its interpreter, and what it starts is not watched.
fn refuse_script(path: &Path) -> Result<(), ProgramError> {
    let mut start = [0; 2];
    let is_script = File::open(path)
        .and_then(|mut file| file.read_exact(&mut start))
        .is_ok_and(|()| start == *b"#!");
    if is_script {
        return Err(ProgramError::not_runnable(
            path,
            "it is a script, and a scheduler is held by the process that is started: \
             name the program itself, with its arguments",
        ));
    }
    Ok(())
}

/// `ours`, with what the operator set instead or besides.
fn merged(ours: Vec<(String, String)>, theirs: Vec<(String, String)>) -> Vec<(String, String)> {
    let kept = ours
        .into_iter()
        .filter(|(name, _)| theirs.iter().all(|(set, _)| set != name));
    let mut all: Vec<_> = kept.collect();
    all.extend(theirs);
    all
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::fs::Permissions;
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    fn packed(declared: Declared) -> Result<(Files, SchedulerSpec), ProgramError> {
        let mut files = Files::default();
        let linker = Linker::of_this_machine();
        let search_path = std::env::var_os("PATH");
        let specs = pack(vec![declared], &mut files, &linker, search_path.as_deref())?;
        Ok((files, specs[0].clone()))
    }

    fn refused(path: &Path) -> String {
        let argument = format!("scx={}", path.display());
        packed(from_argument(&argument).unwrap())
            .unwrap_err()
            .to_string()
    }

    #[test]
    fn a_loader_is_packed_with_what_it_needs_and_keeps_the_operators_variables() {
        let exe = std::env::current_exe().unwrap();
        let mut declared = from_argument(&format!("scx={}", exe.display())).unwrap();
        declared.spec.environment = vec![
            ("HOME".into(), "/elsewhere".into()),
            ("RUST_LOG".into(), "debug".into()),
        ];
        let (files, spec) = packed(declared).unwrap();
        assert!(files.files.contains_key(&spec.program));
        assert!(files.folders.contains("/programs/run/scx"));
        let of = |name: &str| {
            let mut all = spec.environment.iter().filter(|(set, _)| set == name);
            let value = all.next().map(|(_, value)| value.as_str());
            assert!(all.next().is_none(), "{name} is set once");
            value
        };
        assert_eq!(of("HOME"), Some("/elsewhere"));
        assert_eq!(of("RUST_LOG"), Some("debug"));
        assert!(of("LD_LIBRARY_PATH").is_some());
    }

    #[test]
    fn what_cannot_be_a_loader_is_refused_and_the_message_says_why() {
        let folder = tempfile::tempdir().unwrap();
        let file = |name: &str, mode: u32, bytes: &[u8]| {
            let path = folder.path().join(name);
            fs::write(&path, bytes).unwrap();
            fs::set_permissions(&path, Permissions::from_mode(mode)).unwrap();
            path
        };
        let exe = fs::read(std::env::current_exe().unwrap()).unwrap();
        let mut arm = exe.clone();
        arm[18] = 183;
        for (path, says) in [
            (folder.path().join("missing"), "there is no program"),
            (folder.path().to_owned(), "it is a folder"),
            (file("plain", 0o644, &exe), "chmod +x"),
            (file("script", 0o755, b"#!/bin/sh\n"), "it is a script"),
            (file("arm", 0o755, &arm), "another processor"),
            (file("text", 0o755, b"hello"), "no 64-bit ELF file"),
            (file("cut", 0o755, &exe[..100]), "cannot run in the guest"),
            (file("empty", 0o755, b""), "no 64-bit ELF file"),
        ] {
            let said = refused(&path);
            assert!(said.contains(says), "{}: {said}", path.display());
            let name = path.display().to_string();
            assert!(said.contains(&name), "the file is named: {said}");
        }
    }
}
