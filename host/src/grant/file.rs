//! Grant files: read, checked whole, and asked for one plugin.
//!
//! What is wrong is said with line, column and the line itself. A file that is
//! wrong anywhere grants nothing to anyone.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use thiserror::Error;

use super::Grant;
use super::entry::{Entry, Fault};
use crate::event::clean;

/// Longest file, in bytes.
const MAX_FILE: u64 = 64 << 10;
/// Most sections of plugins.
const MAX_SECTIONS: usize = 256;
/// What the name of a section begins with that is a digest.
const DIGEST: &str = "sha256:";

/// Why a grant file was not taken.
#[derive(Debug, Error)]
pub enum GrantError {
    /// It cannot be read.
    #[error("cannot read the grant {}: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// It is not a grant.
    #[error("cannot use the grant {}: {fault}", path.display())]
    Content {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        fault: GrantFault,
    },
}

/// What is wrong in the text of a grant.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum GrantFault {
    /// Something in one line.
    #[error("line {line}, column {column}, `{text}`: {why}")]
    Line {
        /// From 1.
        line: usize,
        /// In characters, from 1.
        column: usize,
        /// What stands in that line.
        text: String,
        /// What is wrong with it.
        why: String,
    },
    /// The whole of it.
    #[error("{0}")]
    Whole(String),
}

/// A grant file that is right.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GrantFile {
    default: Grant,
    /// By name of the plugin, or digest.
    sections: BTreeMap<String, Grant>,
}

impl GrantFile {
    /// Reads a file.
    ///
    /// # Errors
    ///
    /// [`GrantError`].
    pub fn read(path: &Path) -> Result<Self, GrantError> {
        let read = |source| GrantError::Read {
            path: path.to_owned(),
            source,
        };
        let mut text = String::new();
        let file = File::open(path).map_err(read)?;
        let taken = file.take(MAX_FILE + 1).read_to_string(&mut text);
        taken.map_err(read)?;
        Self::parse(&text).map_err(|fault| GrantError::Content {
            path: path.to_owned(),
            fault,
        })
    }

    /// Reads the text of a file.
    ///
    /// # Errors
    ///
    /// What is wrong with it, and where; whatever the text.
    pub fn parse(text: &str) -> Result<Self, GrantFault> {
        if text.len() as u64 > MAX_FILE {
            let why = format!("it is larger than {} KiB", MAX_FILE >> 10);
            return Err(GrantFault::Whole(why));
        }
        let located = |fault| located(text, fault);
        let entry: Entry = toml::from_str(text).map_err(|error| {
            located(Fault {
                at: error.span().unwrap_or_default(),
                why: clean::line(error.message(), clean::MESSAGE),
            })
        })?;
        if entry.plugin.len() > MAX_SECTIONS {
            let why = format!("{MAX_SECTIONS} sections of plugins are the most");
            return Err(GrantFault::Whole(why));
        }
        let default = entry.resolve(&Grant::nothing()).map_err(located)?;
        let mut sections = BTreeMap::new();
        for (name, section) in &entry.plugin {
            let fault = |why: &str| located(Fault::at(name, why));
            if !is_name_or_digest(name.get_ref()) {
                return Err(fault(
                    "plugins are named as `inspect` shows it, or by \"sha256:\" and 64 hexadecimal digits",
                ));
            }
            if !section.plugin.is_empty() {
                return Err(fault("a plugin's section has no sections of plugins"));
            }
            let grant = section.resolve(&default).map_err(located)?;
            sections.insert(name.get_ref().clone(), grant);
        }
        Ok(Self { default, sections })
    }

    /// What plugins without a section get.
    #[must_use]
    pub fn default_grant(&self) -> Grant {
        self.default.clone()
    }

    /// What the plugin of this name and digest gets: by the section of its
    /// digest, else by that of its name, else as any.
    #[must_use]
    pub fn grant_for(&self, name: &str, digest: &str) -> Grant {
        let section = self.sections.get(&format!("{DIGEST}{digest}"));
        section
            .or_else(|| self.sections.get(name))
            .unwrap_or(&self.default)
            .clone()
    }
}

/// As manifests name plugins, or a digest.
fn is_name_or_digest(name: &str) -> bool {
    let hexadecimal = |b: u8| b.is_ascii_digit() || (b'a'..=b'f').contains(&b);
    let nameable = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
    match name.strip_prefix(DIGEST) {
        Some(digest) => digest.len() == 64 && digest.bytes().all(hexadecimal),
        None => (1..=64).contains(&name.len()) && name.bytes().all(nameable),
    }
}

/// From a place in the text to line and column.
fn located(text: &str, fault: Fault) -> GrantFault {
    let before = text.get(..fault.at.start).unwrap_or(text);
    let start = before.rfind('\n').map_or(0, |at| at + 1);
    let line = text.get(start..).and_then(|rest| rest.lines().next());
    GrantFault::Line {
        line: before.matches('\n').count() + 1,
        column: before.get(start..).unwrap_or_default().chars().count() + 1,
        text: clean::line(line.unwrap_or_default().trim(), clean::NAME),
        why: fault.why,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use proscenium_wire::{Budget, Names, OnDenied};

    use super::*;
    use crate::grant::Profile;

    const DIGEST_A: &str = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";

    fn fault(text: &str) -> String {
        GrantFile::parse(text).unwrap_err().to_string()
    }

    #[test]
    fn an_empty_file_grants_nothing() {
        let file = GrantFile::parse("# nothing\n").unwrap();
        assert_eq!(file.default_grant(), Grant::nothing());
        assert!(file.default_grant().permissions.capabilities.is_empty());
    }

    #[test]
    fn a_section_lays_its_keys_over_the_rest_of_the_file() {
        let file = GrantFile::parse(&format!(
            r#"
            profile = "load"          # to start from
            real-time = 5
            denied = "count"
            limits.workers = 10

            [plugin.steady]
            real-time = 50
            limits = {{ workers = 20, memory = "1 GiB" }}

            [plugin."sha256:{DIGEST_A}"]
            profile = "cgroup-only"
            "#
        ))
        .unwrap();
        let other = file.grant_for("other", "b");
        assert_eq!((other.permissions.real_time, other.limits.workers), (5, 10));
        assert_eq!(other.permissions.denied, OnDenied::Count);
        let steady = file.grant_for("steady", "b");
        assert_eq!(
            (steady.permissions.real_time, steady.limits.workers),
            (50, 20)
        );
        assert_eq!(steady.limits.memory_bytes, 1 << 30);
        assert_eq!(steady.permissions.work_types, Names::any());
        // A digest says more than a name, and a profile starts anew.
        let known = file.grant_for("steady", DIGEST_A);
        assert_eq!(known, Profile::CgroupOnly.grant());
    }

    #[test]
    fn what_is_wrong_is_said_with_line_column_and_key() {
        for (text, says) in [
            (
                "a = 1\ncolour = 1",
                "line 1, column 1, `a = 1`: unknown field `a`",
            ),
            (
                "real-time = 5\n  colour = 1",
                "line 2, column 3, `colour = 1`",
            ),
            (
                "real-time = 100",
                "column 13, `real-time = 100`: real-time is a priority",
            ),
            ("nice = 5", "from -20 to 0"),
            ("kernel = \"all\"", "unknown variant `all`"),
            ("denied = 1", "`denied = 1`"),
            ("profile = \"loud\"", "there are cgroup-only, load"),
            ("capabilities = [\"wasi\"]", "\"wasi\" is none of them"),
            (
                "controllers = [\"hugetlb\"]",
                "there are cpu, cpuset, memory, io, pids",
            ),
            ("work-types = [\"spin\"]", "inspect --work-types"),
            ("payloads = [\"../x\"]", "lower-case"),
            ("own-work = 1", "`own-work = 1`"),
            (
                "[limits]\nworker = 1",
                "line 2, column 1, `worker = 1`: there is no such limit",
            ),
            (
                "limits.workers = \"7\"",
                "limits.workers is a number, at most 65535",
            ),
            ("limits.memory = \"1 TiB\"", "at most \"4 GiB\""),
            ("limits.compute = 5", "a time such as"),
            ("[plugin.Steady]", "line 1, column 9, `[plugin.Steady]`"),
            ("[plugin.\"sha256:abc\"]", "64 hexadecimal digits"),
            ("[plugin.a]\nx = 1", "line 2"),
            ("[plugin.a.plugin.b]", "no sections of plugins"),
            ("= 1", "line 1"),
        ] {
            let said = fault(text);
            assert!(said.contains(says), "{text}: {said}");
            assert!(said.contains("line ") && said.len() < 1_024, "{said}");
        }
    }

    #[test]
    fn a_file_is_bounded() {
        let long = format!("# {}", "x".repeat(64 << 10));
        assert!(fault(&long).contains("64 KiB"));
        let many: String = (0..300).map(|at| format!("[plugin.p{at}]\n")).collect();
        assert!(fault(&many).contains("256 sections"));
        let names = vec!["\"a\""; 300].join(",");
        assert!(fault(&format!("payloads = [{names}]")).contains("256 names"));
    }

    proptest! {
        #[test]
        fn no_text_can_do_worse_than_be_refused(text in any::<String>()) {
            let _ = GrantFile::parse(&text);
        }

        #[test]
        fn no_line_of_toml_can_do_worse_than_be_refused(
            key in "(limits\\.)?[a-z-]{1,12}", value in "[\\[\\]{}\"a-z0-9. =*-]{0,20}"
        ) {
            if let Err(fault) = GrantFile::parse(&format!("{key} = {value}")) {
                prop_assert!(fault.to_string().contains("line 1"));
            }
        }

        #[test]
        fn every_amount_that_fits_is_taken(at in 0..Budget::ALL.len(), value in 0_u64..1_000) {
            let budget = Budget::ALL[at];
            let text = format!("limits.{} = {}", budget.key(), super::super::number::written(budget.unit(), value));
            let grant = GrantFile::parse(&text).unwrap().default_grant();
            prop_assert_eq!(grant.limits.get(budget), value);
        }
    }
}
