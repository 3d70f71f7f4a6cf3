//! Tells whether what cargo built is still what it would build.
//!
//! Owns `<cache>/builds/`, one record per project, and the reading of cargo's
//! dep-info file. Asking cargo costs a tenth of a second even when there is
//! nothing to do; looking at the files that it names costs nothing. In doubt
//! the answer is no.

use std::fs::Metadata;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::build::{self, Built};
use super::cache::digest;
use crate::error::ExpectedError;
use crate::layout::Environment;

/// What is remembered of a build.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Record {
    artefact: PathBuf,
    artefact_modified_ns: i128,
    manifests: Vec<PathBuf>,
    /// When the build began, by the clock of the file system: whatever changed
    /// later may not be in it.
    began_ns: i128,
}

/// The module that the project in `folder` builds, built now if need be.
///
/// # Errors
///
/// As [`build::build`]. That nothing can be remembered is no error.
pub fn artefact(
    folder: &Path,
    cache: &Path,
    environment: &Environment,
    terminal: bool,
) -> Result<PathBuf, ExpectedError> {
    let records = cache.join("builds");
    let path = records.join(format!("{}.json", key(folder, environment)));
    if let Some(record) = recall(&path)
        && record.is_fresh()
    {
        return Ok(record.artefact);
    }
    let began = now_of_file_system(&records);
    let Built {
        artefact,
        manifests,
    } = build::build(folder, environment, terminal)?;
    if let (Ok(began_ns), Ok(metadata)) = (began, artefact.metadata()) {
        let artefact_modified_ns = modified_ns(&metadata);
        let artefact = artefact.clone();
        // Without a record the next run asks cargo again, no more.
        let _ = remember(
            &path,
            &Record {
                artefact,
                artefact_modified_ns,
                manifests,
                began_ns,
            },
        );
    }
    Ok(artefact)
}

impl Record {
    fn is_fresh(&self) -> bool {
        let unchanged = |file: &Path| {
            file.metadata()
                .is_ok_and(|metadata| modified_ns(&metadata) < self.began_ns)
        };
        let same_artefact = || {
            self.artefact
                .metadata()
                .is_ok_and(|metadata| modified_ns(&metadata) == self.artefact_modified_ns)
        };
        let dep_info = std::fs::read_to_string(self.artefact.with_extension("d"));
        let Some(sources) = dep_info.ok().as_deref().and_then(sources) else {
            return false;
        };
        same_artefact()
            && self.manifests.iter().all(|file| unchanged(file))
            && sources.iter().all(|file| unchanged(file))
    }
}

/// The files in a dep-info file: `artefact: source source …`, blanks in names
/// escaped by a backslash. `None` if there are none, as in an empty file.
fn sources(dep_info: &str) -> Option<Vec<PathBuf>> {
    let (_, list) = dep_info.lines().next()?.split_once(": ")?;
    let mut files = vec![String::new()];
    let mut chars = list.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '\\' if chars.peek() == Some(&' ') => files.last_mut()?.extend(chars.next()),
            ' ' => files.push(String::new()),
            c => files.last_mut()?.push(c),
        }
    }
    files.retain(|file| !file.is_empty());
    (!files.is_empty()).then(|| files.into_iter().map(PathBuf::from).collect())
}

/// Everything that changes what cargo would make of the folder.
fn key(folder: &Path, environment: &Environment) -> String {
    digest(
        format!(
            "{folder:?} {:?} {:?}",
            environment.cargo, environment.cargo_settings
        )
        .as_bytes(),
    )
}

fn recall(path: &Path) -> Option<Record> {
    serde_json::from_slice(&std::fs::read(path).ok()?).ok()
}

fn remember(path: &Path, record: &Record) -> std::io::Result<()> {
    let folder = path.parent().unwrap_or(Path::new("."));
    let mut file = tempfile::NamedTempFile::new_in(folder)?;
    serde_json::to_writer(&mut file, record)?;
    file.persist(path).map_err(|error| error.error)?;
    Ok(())
}

fn now_of_file_system(folder: &Path) -> std::io::Result<i128> {
    std::fs::create_dir_all(folder)?;
    let file = tempfile::tempfile_in(folder)?;
    Ok(modified_ns(&file.metadata()?))
}

fn modified_ns(metadata: &Metadata) -> i128 {
    i128::from(metadata.mtime()) * 1_000_000_000 + i128::from(metadata.mtime_nsec())
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, SystemTime};

    use super::*;

    /// A project as it is after a build: everything older than the build's start.
    fn built() -> (tempfile::TempDir, Record) {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        std::fs::write(at("a b.rs"), "").unwrap();
        std::fs::write(at("Cargo.toml"), "").unwrap();
        std::fs::write(at("x.wasm"), "").unwrap();
        let source = at("a b.rs").display().to_string().replace(' ', "\\ ");
        std::fs::write(at("x.d"), format!("{}: {source}\n", at("x.wasm").display())).unwrap();
        let record = Record {
            artefact_modified_ns: modified_ns(&at("x.wasm").metadata().unwrap()),
            artefact: at("x.wasm"),
            manifests: vec![at("Cargo.toml")],
            began_ns: modified_ns(&at("x.d").metadata().unwrap()) + 1,
        };
        (folder, record)
    }

    fn touch(path: &Path) {
        let later = SystemTime::now() + Duration::from_secs(2);
        std::fs::File::options()
            .append(true)
            .open(path)
            .unwrap()
            .set_modified(later)
            .unwrap();
    }

    #[test]
    fn nothing_changed_is_fresh() {
        let (_folder, record) = built();
        assert!(record.is_fresh());
    }

    #[test]
    fn a_touched_source_manifest_or_artefact_is_stale() {
        for name in ["a b.rs", "Cargo.toml", "x.wasm"] {
            let (folder, record) = built();
            touch(&folder.path().join(name));
            assert!(!record.is_fresh(), "{name}");
        }
    }

    #[test]
    fn a_missing_file_is_stale() {
        for name in ["a b.rs", "Cargo.toml", "x.wasm", "x.d"] {
            let (folder, record) = built();
            std::fs::remove_file(folder.path().join(name)).unwrap();
            assert!(!record.is_fresh(), "{name}");
        }
    }

    #[test]
    fn a_dep_info_file_without_sources_is_stale() {
        let (folder, record) = built();
        std::fs::write(folder.path().join("x.d"), "").unwrap();
        assert!(!record.is_fresh());
    }
}
