//! Builds a plugin that is a cargo project.
//!
//! Owns the calls to cargo and what is said when they fail. It never decides
//! whether a build is needed: that is `fresh`'s affair.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use cargo_metadata::{Message, Metadata, MetadataCommand};

use crate::error::ExpectedError;
use crate::layout::Environment;

/// The one target of plugins: a component built for it needs no WASI.
pub const TARGET: &str = "wasm32-unknown-unknown";

/// What one build made, and what it was made from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Built {
    /// The core module.
    pub artefact: PathBuf,
    /// Files that cargo reads and its dep-info does not name.
    pub manifests: Vec<PathBuf>,
}

/// Builds the project in `folder`. cargo's messages go to standard error.
///
/// # Errors
///
/// When cargo or the target is missing, the project does not build, or what it
/// builds is not one dynamic library.
pub fn build(
    folder: &Path,
    environment: &Environment,
    terminal: bool,
) -> Result<Built, ExpectedError> {
    let cargo = environment.cargo.clone().unwrap_or_else(|| "cargo".into());
    let manifest = folder.join("Cargo.toml");
    let metadata = metadata(&cargo, &manifest)?;
    let mut command = Command::new(&cargo);
    command.arg("build").arg("--manifest-path").arg(&manifest);
    command.args(["--lib", "--target", TARGET]);
    command.arg("--message-format=json-render-diagnostics");
    if has_plugin_profile(&metadata) {
        command.args(["--profile", "plugin"]);
    } else {
        command.arg("--release");
    }
    if !terminal {
        command.arg("--quiet");
    }
    let output = command
        .stdin(Stdio::null())
        .stderr(Stdio::inherit())
        .output()
        .map_err(|error| cannot_start(&cargo, &error))?;
    if !output.status.success() {
        return Err(explain_failure(folder, &cargo));
    }
    let artefact = artefact(&output.stdout, &manifest).ok_or_else(|| {
        ExpectedError::refused(format!("cannot use the project {}", folder.display()))
            .because("it does not build a dynamic library")
            .remedy("put `crate-type = [\"cdylib\"]` under [lib] in its Cargo.toml")
    })?;
    Ok(Built {
        artefact,
        manifests: manifests(&metadata),
    })
}

fn metadata(cargo: &Path, manifest: &Path) -> Result<Metadata, ExpectedError> {
    MetadataCommand::new()
        .cargo_path(cargo)
        .manifest_path(manifest)
        .no_deps()
        .exec()
        .map_err(|error| match error {
            cargo_metadata::Error::Io(error) => cannot_start(cargo, &error),
            cargo_metadata::Error::CargoMetadata { stderr } => {
                ExpectedError::refused(format!("cannot use {}", manifest.display()))
                    .because(stderr.trim().trim_start_matches("error: "))
            }
            other => {
                ExpectedError::refused(format!("cannot use {}", manifest.display())).because(other)
            }
        })
}

fn cannot_start(cargo: &Path, error: &std::io::Error) -> ExpectedError {
    ExpectedError::could_not_run(format!("cannot start {}", cargo.display()))
        .because(error)
        .remedy("install Rust from https://rustup.rs, or hand over a .wasm file")
}

/// Projects of this workspace, and those that wish to, have a profile of their
/// own for plugins.
fn has_plugin_profile(metadata: &Metadata) -> bool {
    std::fs::read_to_string(metadata.workspace_root.join("Cargo.toml"))
        .ok()
        .and_then(|text| text.parse::<toml::Table>().ok())
        .is_some_and(|manifest| {
            manifest
                .get("profile")
                .is_some_and(|profiles| profiles.get("plugin").is_some())
        })
}

/// cargo has said what is wrong; this adds what it does not say.
fn explain_failure(folder: &Path, cargo: &Path) -> ExpectedError {
    let failed = format!("cannot build the project {}", folder.display());
    if target_is_missing(cargo) {
        return ExpectedError::could_not_run(failed)
            .because(format!("Rust's {TARGET} target is not installed"))
            .remedy(format!("rustup target add {TARGET}"));
    }
    ExpectedError::refused(failed).because("cargo's messages above say why")
}

/// Asked only after a failure: the standard library's folder is where rustc
/// would have looked.
fn target_is_missing(cargo: &Path) -> bool {
    let rustc = cargo.with_file_name("rustc");
    Command::new(if rustc.is_absolute() {
        rustc
    } else {
        "rustc".into()
    })
    .args(["--print", "target-libdir", "--target", TARGET])
    .stderr(Stdio::null())
    .output()
    .is_ok_and(|output| {
        let libdir = String::from_utf8_lossy(&output.stdout);
        output.status.success() && !Path::new(libdir.trim()).is_dir()
    })
}

fn artefact(messages: &[u8], manifest: &Path) -> Option<PathBuf> {
    Message::parse_stream(messages)
        .filter_map(Result::ok)
        .find_map(|message| match message {
            Message::CompilerArtifact(artifact) if artifact.manifest_path == manifest => artifact
                .filenames
                .into_iter()
                .find(|file| file.extension() == Some("wasm"))
                .map(Into::into),
            _ => None,
        })
}

fn manifests(metadata: &Metadata) -> Vec<PathBuf> {
    let root = metadata.workspace_root.as_std_path();
    let mut files: Vec<PathBuf> = metadata
        .packages
        .iter()
        .map(|package| package.manifest_path.clone().into())
        .collect();
    files.push(root.join("Cargo.toml"));
    files.push(root.join("Cargo.lock"));
    files.push(root.join(".cargo/config.toml"));
    files.retain(|file| file.is_file());
    files.sort();
    files.dedup();
    files
}
