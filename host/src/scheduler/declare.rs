//! Declarations of schedulers: on the command line, and in a TOML file.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use proscenium_wire::SchedulerSpec;
use serde::Deserialize;

use super::Declared;
use crate::program::{
    GUEST_ROOT, ProgramError, Role, beneath, check_names, parts, read_document, resolve, shortened,
};

/// From its start until the kernel must say `enabled`, unless declared otherwise.
const READY: Duration = Duration::from_secs(30);
/// Shortest and longest time that can be declared.
const READY_RANGE: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(600));
/// Longest name that the kernel takes, in bytes (`SCX_OPS_NAME_LEN`, with a NUL).
const MAX_OPS: usize = 127;
/// Most variables of one scheduler.
const MAX_VARIABLES: usize = 64;

/// `NAME=PATH[,ARG…]`.
///
/// # Errors
///
/// What is wrong with it, as a clause.
pub fn from_argument(text: &str) -> Result<Declared, String> {
    let (name, binary, args) = parts(text)?;
    let entry = Entry {
        name: name.to_owned(),
        binary: binary.into(),
        args,
        ops: None,
        ready: None,
        environment: BTreeMap::new(),
        files: Vec::new(),
        with: Vec::new(),
    };
    entry
        .declare(Path::new(""))
        .map_err(|error| error.to_string())
}

/// All schedulers that a file declares. Paths are relative to the file.
///
/// # Errors
///
/// [`ProgramError`], with the place in the file where that is known.
pub fn read_file(path: &Path) -> Result<Vec<Declared>, ProgramError> {
    let document: Document = read_document(Role::Scheduler, path)?;
    let folder = path.parent().unwrap_or(Path::new(""));
    document
        .scheduler
        .into_iter()
        .map(|entry| entry.declare(folder))
        .collect()
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    #[serde(default)]
    scheduler: Vec<Entry>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Entry {
    name: String,
    binary: PathBuf,
    #[serde(default)]
    args: Vec<String>,
    /// Name under which the kernel must know it.
    ops: Option<String>,
    /// Such as `30s`.
    ready: Option<String>,
    #[serde(default)]
    environment: BTreeMap<String, String>,
    #[serde(default)]
    files: Vec<PathBuf>,
    #[serde(default)]
    with: Vec<PathBuf>,
}

impl Entry {
    /// `folder`: what paths are relative to.
    fn declare(self, folder: &Path) -> Result<Declared, ProgramError> {
        let name = shortened(&self.name);
        let refuse = |why| ProgramError::Declaration {
            role: Role::Scheduler,
            name: name.clone(),
            why,
        };
        let texts = self.args.iter().chain(self.environment.values());
        check_names(&self.name, &self.binary, texts).map_err(refuse)?;
        self.check_ops().map_err(refuse)?;
        self.check_environment().map_err(refuse)?;
        let ready_ms = ready_ms(self.ready.as_deref()).map_err(refuse)?;
        Ok(Declared {
            binary: resolve(folder, self.binary),
            files: beneath(folder, &self.files),
            with: beneath(folder, &self.with),
            spec: SchedulerSpec {
                folder: format!("{GUEST_ROOT}/run/{}", self.name),
                name: self.name,
                program: String::new(),
                args: self.args,
                environment: self.environment.into_iter().collect(),
                ops: self.ops,
                ready_ms,
            },
        })
    }

    /// As the kernel checks it.
    fn check_ops(&self) -> Result<(), String> {
        let allowed = |b: u8| b.is_ascii_alphanumeric() || b == b'_' || b == b'.';
        match &self.ops {
            Some(ops) if ops.is_empty() || ops.len() > MAX_OPS || !ops.bytes().all(allowed) => {
                Err(format!(
                    "ops {:?} is no name that the kernel takes: \
                     1 to {MAX_OPS} letters, digits, dots and underscores",
                    shortened(ops)
                ))
            }
            _ => Ok(()),
        }
    }

    fn check_environment(&self) -> Result<(), String> {
        if self.environment.len() > MAX_VARIABLES {
            return Err(format!("{MAX_VARIABLES} variables is the most"));
        }
        let bad = |name: &&String| name.is_empty() || name.contains(['=', '\0']);
        match self.environment.keys().find(bad) {
            Some(name) => Err(format!(
                "{:?} is no name of a variable: it has no = and no NUL in it",
                shortened(name)
            )),
            None => Ok(()),
        }
    }
}

/// The ready time in milliseconds, at most [`READY_RANGE`]'s.
fn ready_ms(text: Option<&str>) -> Result<u32, String> {
    let ready = match text {
        None => READY,
        Some(text) => humantime::parse_duration(text)
            .map_err(|error| format!("ready: {error}: write it as 500ms, 30s or 2m"))?,
    };
    let (least, most) = READY_RANGE;
    u32::try_from(ready.as_millis())
        .ok()
        .filter(|_| (least..=most).contains(&ready))
        .ok_or_else(|| "ready is from 100ms to 10m".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::program::testing::{declared, said};

    fn read(text: &str) -> Result<Vec<Declared>, ProgramError> {
        declared(text, read_file)
    }

    fn refused(line: &str) -> String {
        said(read(&format!(
            "[[scheduler]]\nname = \"a\"\nbinary = \"/a\"\n{line}"
        )))
    }

    #[test]
    fn an_argument_is_name_path_and_further_arguments() {
        let declared = from_argument("fifo=./scx_fifo,--slice-us,20000").unwrap();
        assert_eq!(declared.spec.name, "fifo");
        assert_eq!(declared.binary, Path::new("./scx_fifo"));
        assert_eq!(declared.spec.args, ["--slice-us", "20000"]);
        assert_eq!(declared.spec.ready_ms, 30_000);
        assert_eq!(declared.spec.ops, None);
        for text in ["fifo", "=x", "a=", "A=/x", "../a=/x", "a b=/x"] {
            assert!(from_argument(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_file_says_all_of_it_and_its_paths_are_its_own() {
        let all = read(
            r#"
            [[scheduler]]
            name = "layered"
            binary = "bin/scx_layered"
            args = ["layers.json"]
            ops = "layered"
            ready = "45s"
            environment = { RUST_LOG = "info" }
            files = ["layers.json"]
            with = ["/usr/lib/libplugin.so"]
            [[scheduler]]
            name = "other"
            binary = "scx_simple"
            "#,
        )
        .unwrap();
        let [layered, other] = &all[..] else {
            panic!("{all:?}")
        };
        assert!(layered.binary.is_absolute() && layered.binary.ends_with("bin/scx_layered"));
        assert!(layered.files[0].is_absolute());
        assert_eq!(layered.with, [Path::new("/usr/lib/libplugin.so")]);
        assert_eq!(layered.spec.ops.as_deref(), Some("layered"));
        assert_eq!(layered.spec.ready_ms, 45_000);
        assert_eq!(
            layered.spec.environment,
            [("RUST_LOG".to_owned(), "info".to_owned())]
        );
        assert_eq!(other.binary, Path::new("scx_simple"), "it is looked up");
    }

    #[test]
    fn what_is_not_understood_is_refused_and_named() {
        for (line, says) in [
            ("colour = 1", "colour"),
            ("ready = \"soon\"", "500ms, 30s or 2m"),
            ("ready = \"11m\"", "from 100ms to 10m"),
            ("ready = \"1ms\"", "from 100ms to 10m"),
            ("ops = \"a b\"", "\"a b\" is no name"),
            ("ops = \"\"", "no name that the kernel takes"),
            ("environment = { \"A=B\" = \"x\" }", "\"A=B\" is no name"),
            ("environment = { A = \"x\\u0000\" }", "no NUL"),
        ] {
            let said = refused(line);
            assert!(said.contains(says), "{line}: {said}");
        }
        assert!(refused("ops = \"a b\"").contains("scheduler \"a\""));
    }
}
