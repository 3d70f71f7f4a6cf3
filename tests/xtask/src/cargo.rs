//! Calls cargo for the chores.
//!
//! Owns how cargo is called: which one, with what environment, what of its
//! output is shown. Never chooses what is built.

use std::ffi::OsString;
use std::process::Command;

use anyhow::ensure;

use crate::console::Step;
use crate::stream;
use crate::workspace::Workspace;

/// The target of plugins.
pub(crate) const WASM: &str = "wasm32-unknown-unknown";
/// The target of everything that runs in the guest.
pub(crate) const GUEST: &str = "x86_64-unknown-linux-musl";

/// A cargo call in the repository's root.
pub(crate) fn command(workspace: &Workspace, arguments: &[&str]) -> Command {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| OsString::from("cargo"));
    let mut command = Command::new(cargo);
    command.args(arguments).current_dir(workspace.root());
    // `cargo run` tells us about our own package. A build script that asks to
    // be run again when such a variable changes would be, on every other call.
    for (name, _) in std::env::vars_os() {
        let described = [
            "CARGO_PKG_",
            "CARGO_MANIFEST_",
            "CARGO_BIN_",
            "CARGO_CRATE_",
        ];
        if name
            .to_str()
            .is_some_and(|name| described.iter().any(|start| name.starts_with(start)))
        {
            command.env_remove(name);
        }
    }
    command
}

/// Adds `-p NAME` for every package.
pub(crate) fn packages<'a>(names: impl IntoIterator<Item = &'a str>) -> Vec<&'a str> {
    names.into_iter().flat_map(|name| ["-p", name]).collect()
}

/// Runs a cargo call as part of a step. cargo's closing line is left out: the
/// step has one.
pub(crate) fn run(step: &Step<'_>, mut command: Command) -> anyhow::Result<()> {
    if step.console().colour() {
        command.env("CARGO_TERM_COLOR", "always");
    }
    let shown = shown(&command);
    let ended = stream::run(command, |line| {
        if !is_closing(line) {
            step.line(line);
        }
    })?;
    ensure!(
        ended.status.success(),
        "`{shown}` failed ({})",
        ended.status
    );
    Ok(())
}

/// A command as it would be typed.
pub(crate) fn shown(command: &Command) -> String {
    let words = command
        .get_args()
        .map(|word| word.to_string_lossy().into_owned());
    std::iter::once("cargo".to_owned())
        .chain(words)
        .collect::<Vec<_>>()
        .join(" ")
}

fn is_closing(line: &str) -> bool {
    let plain = plain(line);
    let words = plain.trim_start();
    words.starts_with("Finished `") || words.starts_with("Blocking waiting for file lock")
}

/// `text` without the escape sequences that set colours.
pub(crate) fn plain(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        if c == '\x1b' {
            // A colour sequence ends with its first letter.
            chars.by_ref().find(char::is_ascii_alphabetic);
        } else {
            plain.push(c);
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_closing_line_is_recognised_with_and_without_colours() {
        assert!(is_closing(
            "    Finished `release` profile [optimized] target(s) in 0.08s"
        ));
        assert!(is_closing(
            "\x1b[1m\x1b[32m    Finished\x1b[0m `guest` profile [optimized]"
        ));
        assert!(!is_closing("   Compiling proscenium v0.1.0"));
        assert!(!is_closing("error: could not compile `proscenium`"));
    }

    #[test]
    fn each_package_is_named_to_cargo() {
        assert_eq!(packages(["a", "b"]), ["-p", "a", "-p", "b"]);
    }
}
