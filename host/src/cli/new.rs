//! `proscenium new`: a plugin project that builds and passes `check`.

use std::fs;
use std::path::{Path, PathBuf};

use super::Context;
use crate::error::ExpectedError;
use crate::exit_code;

/// Ending of the template's files that have placeholders in them.
const TEMPLATE_SUFFIX: &str = ".in";

/// Make a new plugin, in Rust, that builds and passes.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Example:
  proscenium new fair-shares && proscenium check fair-shares")]
pub(super) struct Args {
    /// Name of plugin and scenario: 1 to 64 lower-case letters, digits and dashes.
    #[arg(value_parser = name)]
    name: String,
    /// Folder to make; must not exist, or be empty [default: NAME].
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,
}

/// The rule for scenarios' names, and cargo's for packages: a letter first.
fn name(text: &str) -> Result<String, String> {
    let allowed = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
    let good = (1..=64).contains(&text.len())
        && text.bytes().all(allowed)
        && text.starts_with(|c: char| c.is_ascii_lowercase());
    if good {
        Ok(text.to_owned())
    } else {
        Err("1 to 64 lower-case letters, digits and dashes, a letter first".to_owned())
    }
}

pub(super) fn run(args: &Args, context: &mut Context<'_>) -> anyhow::Result<u8> {
    let source = context.layout.sdk()?;
    let folder = args
        .dir
        .clone()
        .unwrap_or_else(|| PathBuf::from(&args.name));
    refuse_to_overwrite(&folder)?;
    // Cargo resolves a relative path from the new project, so it gets a whole one.
    let sdk = source.sdk.display().to_string();
    let render = |text: &str| {
        text.replace("{{name}}", &args.name)
            .replace("{{sdk}}", &escaped(&sdk))
    };
    copy(&source.template, &folder, &render).map_err(|(path, error)| {
        ExpectedError::could_not_run(format!("cannot write {}", path.display())).because(error)
    })?;
    let shown = folder.display();
    writeln!(
        context.out,
        "made {shown}: start in {}",
        folder.join("src/lib.rs").display()
    )?;
    writeln!(context.out)?;
    writeln!(
        context.out,
        "  proscenium check {shown}   # without a VM, in a second"
    )?;
    writeln!(
        context.out,
        "  proscenium run {shown}     # in a VM, with a real kernel"
    )?;
    Ok(exit_code::PASSED)
}

fn refuse_to_overwrite(folder: &Path) -> Result<(), ExpectedError> {
    let empty = match fs::read_dir(folder) {
        Ok(mut entries) => entries.next().is_none(),
        Err(error) => error.kind() == std::io::ErrorKind::NotFound,
    };
    if empty {
        return Ok(());
    }
    Err(
        ExpectedError::refused(format!("cannot make {}", folder.display()))
            .because("it is there already, and nothing is overwritten")
            .remedy("choose another --dir"),
    )
}

/// A path inside a TOML string.
fn escaped(path: &str) -> String {
    path.replace('\\', "\\\\").replace('"', "\\\"")
}

type Failed = (PathBuf, std::io::Error);

fn copy(from: &Path, to: &Path, render: &dyn Fn(&str) -> String) -> Result<(), Failed> {
    let at = |path: &Path| {
        let path = path.to_owned();
        |error| (path, error)
    };
    fs::create_dir_all(to).map_err(at(to))?;
    for entry in fs::read_dir(from).map_err(at(from))? {
        let path = entry.map_err(at(from))?.path();
        let name = path
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        if path.is_dir() {
            copy(&path, &to.join(&name), render)?;
            continue;
        }
        let target = to.join(name.strip_suffix(TEMPLATE_SUFFIX).unwrap_or(&name));
        let text = fs::read_to_string(&path).map_err(at(&path))?;
        fs::write(&target, render(&text)).map_err(at(&target))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_follow_the_rule_for_scenarios_and_for_packages() {
        for good in ["a", "cpuset-shrink", "x2"] {
            assert!(name(good).is_ok(), "{good}");
        }
        for bad in ["", "A", "a_b", "2x", "-a", "../x", "a b", &"a".repeat(65)] {
            assert!(name(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_path_with_quotes_stays_one_string() {
        let table: toml::Table = format!("p = \"{}\"", escaped("/a\"b\\c")).parse().unwrap();
        assert_eq!(table["p"].as_str(), Some("/a\"b\\c"));
    }
}
