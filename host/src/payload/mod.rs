//! Payloads: programs of this machine that a scenario may start in the guest.
//!
//! Owns what an operator can say about one besides its program, and the specs
//! of the job. Where the files go is [`crate::program`]'s part.

mod declare;

use std::ffi::OsStr;

use proscenium_wire::{MAX_PAYLOADS, PayloadCheck, PayloadSpec};

use crate::program::{self, Files, Linker, ProgramError, Role, check_all, locate};

pub use declare::{from_argument, from_toml, read_file};

/// One payload as the operator declared it.
pub type Declared = program::Declared<PayloadSpec>;

/// Declarations alone, for a world that starts nothing. A program that did
/// not run has printed no figures, so none is expected.
///
/// # Errors
///
/// [`ProgramError::Declaration`].
pub fn on_paper(declared: Vec<Declared>) -> Result<Vec<PayloadSpec>, ProgramError> {
    check(&declared)?;
    let only_exit = |check: &PayloadCheck| matches!(check, PayloadCheck::ExitCode(_));
    let specs = declared.into_iter().map(|one| one.spec);
    Ok(specs
        .map(|mut spec| {
            spec.checks.retain(only_exit);
            spec
        })
        .collect())
}

/// Adds everything that the declared programs need to `files`. `search_path`: `PATH`.
///
/// # Errors
///
/// What is missing, and who needs it.
pub fn pack(
    declared: Vec<Declared>,
    files: &mut Files,
    linker: &Linker,
    search_path: Option<&OsStr>,
) -> Result<Vec<PayloadSpec>, ProgramError> {
    check(&declared)?;
    let mut specs = Vec::new();
    for one in declared {
        let mut spec = one.spec.clone();
        let program = locate(Role::Payload, &spec.name, &one.binary, search_path)?;
        let wanted = one.wanted(&program, &spec.folder, search_path);
        let placed = files.place(wanted, linker)?;
        spec.program = placed.program;
        spec.environment = placed.environment;
        specs.push(spec);
    }
    Ok(specs)
}

fn check(declared: &[Declared]) -> Result<(), ProgramError> {
    let names = declared.iter().map(|one| one.spec.name.as_str());
    check_all(Role::Payload, names, MAX_PAYLOADS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_payload_is_packed_under_its_name_and_finds_its_files_beside_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("payloads.toml");
        std::fs::write(folder.path().join("job.txt"), "x").unwrap();
        std::fs::write(
            &path,
            "[[payload]]\nname = \"shell\"\nbinary = \"sh\"\nfiles = [\"job.txt\"]",
        )
        .unwrap();
        let mut files = Files::default();
        let linker = Linker::of_this_machine();
        let search_path = std::env::var_os("PATH");
        let declared = read_file(&path).unwrap();
        let specs = pack(declared, &mut files, &linker, search_path.as_deref()).unwrap();
        assert!(files.files.contains_key(&specs[0].program));
        assert!(files.files.contains_key("/programs/run/shell/job.txt"));
        let (name, _) = &specs[0].environment[0];
        assert_eq!(name, "PATH");
    }

    #[test]
    fn on_paper_no_file_is_looked_for_and_no_figure_expected() {
        let mut one = from_argument("a=/nowhere/x").unwrap();
        one.spec.checks = vec![
            PayloadCheck::ExitCode(0),
            PayloadCheck::Exists("time".into()),
        ];
        let specs = on_paper(vec![one]).unwrap();
        assert_eq!(specs[0].checks, [PayloadCheck::ExitCode(0)]);
    }
}
