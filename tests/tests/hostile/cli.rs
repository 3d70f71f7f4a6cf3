//! Calls the CLI as it was built, with places of its own.

use std::path::Path;
use std::process::{Command, Stdio};

use proscenium_tests::attacks::{HARMLESS, REFUSED};
use proscenium_tests::layout;
use tempfile::TempDir;

use crate::support::listed;

/// What one call said, and its exit code.
#[derive(Debug)]
pub(crate) struct Said {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Said {
    /// Fails unless it was refused, as the list says of `attack`, in words that
    /// nothing acts on.
    pub(crate) fn is_refused_as(&self, attack: &str) {
        assert_eq!(listed(attack), REFUSED);
        assert_eq!(self.code, 3, "{attack}: {self:?}");
        self.is_harmless();
    }

    /// Fails unless it changed nothing, as the list says of `attack`.
    pub(crate) fn is_passed_over_as(&self, attack: &str) {
        assert_eq!(listed(attack), HARMLESS);
        assert_eq!(self.code, 0, "{attack}: {self:?}");
        self.is_harmless();
    }

    /// Fails if a terminal or a CI system would act on anything that was said.
    pub(crate) fn is_harmless(&self) {
        for line in self.out.lines().chain(self.err.lines()) {
            assert!(!line.contains(|c: char| c.is_control()), "{line:?}");
            let start = line.trim_start();
            assert!(!start.starts_with("::"), "{line:?}");
            assert!(
                !line.contains("##[") && !line.contains("##vso["),
                "{line:?}"
            );
            assert!(!line.contains("]]>"), "{line:?}");
            for word in ["ok ", "not ok ", "KTAP "] {
                assert!(!start.starts_with(word), "{line:?}");
            }
        }
    }
}

/// A cache, a state folder and a folder for files, gone afterwards.
#[derive(Debug)]
pub(crate) struct Place {
    folder: TempDir,
}

impl Place {
    pub(crate) fn new() -> Self {
        Self {
            folder: TempDir::new().unwrap(),
        }
    }

    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Writes a file to hand over as a plugin.
    pub(crate) fn file(&self, name: &str, content: impl AsRef<[u8]>) -> String {
        let path = self.path().join(name);
        std::fs::write(&path, content).unwrap();
        path.display().to_string()
    }

    pub(crate) fn run(&self, arguments: &[&str]) -> Said {
        let output = Command::new(layout::cli())
            .args(arguments)
            .current_dir(self.path())
            .env_remove("PROSCENIUM_KERNEL")
            .env("PROSCENIUM_CACHE", self.path().join("cache"))
            .env("PROSCENIUM_STATE", self.path().join("state"))
            .stdin(Stdio::null())
            .output()
            .unwrap();
        Said {
            code: output.status.code().unwrap_or(-1),
            out: String::from_utf8(output.stdout).unwrap(),
            err: String::from_utf8(output.stderr).unwrap(),
        }
    }
}
