//! `proscenium grant`: what the profiles grant, and what a plugin would need.

use std::fs::OpenOptions;
use std::io::{ErrorKind, Write};
use std::path::PathBuf;

use proscenium_guest_runtime::plugin::Foreign;

use super::{Context, admission, say};
use crate::error::ExpectedError;
use crate::exit_code;
use crate::grant::{self, Profile};
use crate::plugin::Loader;

/// Show what plugins may be granted, and what one asks for.
///
/// A grant is a TOML file: what is not in it is denied. See `grant show load` for an example.
#[derive(Debug, clap::Subcommand)]
pub(super) enum Command {
    /// Print a built-in profile as a grant file, or list the profiles.
    Show {
        /// cgroup-only, load or scheduler-control.
        profile: Option<Profile>,
    },
    /// Print the smallest grant that lets a plugin run. Read it before you use it.
    Suggest {
        /// A component (.wasm), or the folder of a cargo project, which is built.
        plugin: PathBuf,
        /// Write it to a file, which must not exist yet.
        #[arg(long, short, value_name = "FILE")]
        output: Option<PathBuf>,
    },
}

pub(super) fn run(command: Command, context: &mut Context<'_>) -> anyhow::Result<u8> {
    match command {
        Command::Show { profile: None } => {
            for profile in Profile::ALL {
                let summary = grant::summary(&profile.grant());
                writeln!(context.out, "{:<18} {summary}", profile.name())?;
            }
        }
        Command::Show {
            profile: Some(profile),
        } => write!(context.out, "{}", profile.text())?,
        Command::Suggest { plugin, output } => {
            // What it imports beside our interfaces no grant allows.
            let loader = Loader::new(&context.layout, Foreign::Trap, context.terminal);
            let loaded = loader.load(&plugin)?;
            let manifest = &loaded.manifest;
            let ask = admission::ask(&loaded, manifest.default_duration);
            let text = format!(
                "# All that {} {} asks for. Its digest is sha256:{}.\n{}\n",
                manifest.name,
                manifest.version,
                loaded.digest,
                grant::lines(&manifest.name, &ask.whole()),
            );
            match output {
                None => context.out.write_all(text.as_bytes())?,
                Some(path) => {
                    write_new(&path, &text)?;
                    say(&format!("written to {}", path.display()));
                }
            }
        }
    }
    Ok(exit_code::PASSED)
}

/// Writes a file that is not there yet; one that is stays as it is.
fn write_new(path: &PathBuf, text: &str) -> Result<(), ExpectedError> {
    let failed = |error: std::io::Error| {
        let what = format!("cannot write the grant to {}", path.display());
        match error.kind() {
            ErrorKind::AlreadyExists => ExpectedError::refused(what)
                .because("the file exists, and may have been read and trusted")
                .remedy("name another file, or move that one away"),
            _ => ExpectedError::could_not_run(what).because(error),
        }
    };
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .open(path)
        .map_err(failed)?;
    file.write_all(text.as_bytes()).map_err(failed)
}
