//! Where things are on this machine: our guest binaries, the SDK, the cache, the runs.
//!
//! Owns every path that is not named on the command line, and is the one place
//! that reads the environment for them. It creates nothing and decides nothing
//! about what is in the places that it names.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use crate::error::ExpectedError;
use crate::vm::initramfs::{GuestBinaries, INIT_NAME, WORKER_NAME};

/// What the process was started with, as far as places are concerned.
#[derive(Clone, Debug, Default)]
pub struct Environment {
    /// This executable, links resolved.
    pub exe: Option<PathBuf>,
    /// `PROSCENIUM_LIBEXEC`: folder of the guest binaries.
    pub libexec: Option<PathBuf>,
    /// `PROSCENIUM_SHARE`: folder of the SDK, the contract and the template.
    pub share: Option<PathBuf>,
    /// `PROSCENIUM_CACHE`: folder of what can be made again.
    pub cache: Option<PathBuf>,
    /// `PROSCENIUM_STATE`: folder of what runs leave behind.
    pub state: Option<PathBuf>,
    /// `XDG_CACHE_HOME`, if absolute.
    pub xdg_cache_home: Option<PathBuf>,
    /// `XDG_STATE_HOME`, if absolute.
    pub xdg_state_home: Option<PathBuf>,
    /// `HOME`.
    pub home: Option<PathBuf>,
    /// `PATH`, where QEMU is looked for.
    pub search_path: Option<OsString>,
    /// `PROSCENIUM_KERNEL`: the kernel where the command line names none.
    pub kernel: Option<OsString>,
    /// `NO_COLOR`.
    pub no_color: Option<String>,
    /// `TERM`.
    pub term: Option<String>,
    /// `CARGO`: the cargo that builds plugins, else the one on the path.
    pub cargo: Option<PathBuf>,
    /// Variables that change where cargo puts what it builds, or how it builds.
    pub cargo_settings: Vec<(&'static str, OsString)>,
}

/// Variables that belong into [`Environment::cargo_settings`].
const CARGO_SETTINGS: [&str; 5] = [
    "CARGO_BUILD_TARGET_DIR",
    "CARGO_ENCODED_RUSTFLAGS",
    "CARGO_TARGET_DIR",
    "RUSTFLAGS",
    "RUSTUP_TOOLCHAIN",
];

impl Environment {
    /// Reads this process's environment. Empty variables count as absent.
    #[must_use]
    pub fn capture() -> Self {
        let value = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty());
        let path = |name: &str| value(name).map(PathBuf::from);
        let text = |name: &str| value(name).map(|value| value.to_string_lossy().into_owned());
        // The XDG base directory specification has relative values ignored.
        let xdg = |name: &str| path(name).filter(|path| path.is_absolute());
        Self {
            exe: std::env::current_exe()
                .ok()
                .and_then(|exe| exe.canonicalize().ok()),
            libexec: path("PROSCENIUM_LIBEXEC"),
            share: path("PROSCENIUM_SHARE"),
            cache: path("PROSCENIUM_CACHE"),
            state: path("PROSCENIUM_STATE"),
            xdg_cache_home: xdg("XDG_CACHE_HOME"),
            xdg_state_home: xdg("XDG_STATE_HOME"),
            home: path("HOME"),
            search_path: value("PATH"),
            kernel: value("PROSCENIUM_KERNEL"),
            no_color: text("NO_COLOR"),
            term: text("TERM"),
            cargo: path("CARGO"),
            cargo_settings: CARGO_SETTINGS
                .iter()
                .filter_map(|name| Some((*name, value(name)?)))
                .collect(),
        }
    }
}

/// What `new` renders from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SdkSource {
    /// The SDK crate, for a path dependency.
    pub sdk: PathBuf,
    /// The template's folder.
    pub template: PathBuf,
}

/// Answers where things are.
#[derive(Clone, Debug)]
pub struct Layout {
    environment: Environment,
    workspace: Option<PathBuf>,
}

impl Layout {
    /// Finds the workspace that the executable was built in, if it was.
    #[must_use]
    pub fn new(environment: Environment) -> Self {
        let workspace = environment.exe.as_deref().and_then(workspace_of);
        Self {
            environment,
            workspace,
        }
    }

    /// What it was made from.
    #[must_use]
    pub fn environment(&self) -> &Environment {
        &self.environment
    }

    /// Folders that may hold PID 1 and the worker, best first:
    /// `$PROSCENIUM_LIBEXEC` alone, else `../libexec/proscenium` beside the
    /// executable's folder and the build tree of the workspace.
    #[must_use]
    pub fn guest_folders(&self) -> Vec<PathBuf> {
        match &self.environment.libexec {
            // An explicit choice is not second-guessed.
            Some(libexec) => vec![libexec.clone()],
            None => self
                .beside_exe("libexec/proscenium")
                .into_iter()
                .chain(self.build_tree("x86_64-unknown-linux-musl/guest"))
                .collect(),
        }
    }

    /// Finds PID 1 and the worker in [`Self::guest_folders`].
    ///
    /// # Errors
    ///
    /// When no folder has both; the message lists the folders.
    pub fn guest_binaries(&self) -> Result<GuestBinaries, ExpectedError> {
        let folders = self.guest_folders();
        GuestBinaries::find(&folders).map_err(|_| {
            ExpectedError::could_not_run("cannot find the guest's programs")
                .because(format!(
                    "{INIT_NAME} and {WORKER_NAME} are not together in {}",
                    list(&folders)
                ))
                .remedy("build them with `cargo xtask build`, or set PROSCENIUM_LIBEXEC")
        })
    }

    /// Finds the SDK and the template of `new`: `$PROSCENIUM_SHARE`, then
    /// `../share/proscenium` beside the executable's folder, then the workspace.
    ///
    /// # Errors
    ///
    /// When no place has both; the message lists the places.
    pub fn sdk(&self) -> Result<SdkSource, ExpectedError> {
        let roots: Vec<PathBuf> = match &self.environment.share {
            Some(share) => vec![share.clone()],
            None => self
                .beside_exe("share/proscenium")
                .into_iter()
                .chain(self.workspace.clone())
                .collect(),
        };
        roots
            .iter()
            .map(|root| root.join("sdk/rust"))
            .map(|sdk| SdkSource {
                template: sdk.join("template"),
                sdk,
            })
            .find(|found| found.sdk.join("Cargo.toml").is_file() && found.template.is_dir())
            .ok_or_else(|| {
                ExpectedError::could_not_run("cannot find the SDK")
                    .because(format!("no sdk/rust with a template in {}", list(&roots)))
                    .remedy("set PROSCENIUM_SHARE to a checkout or an installed share folder")
            })
    }

    /// Folder of what can be made again: `$PROSCENIUM_CACHE`, else
    /// `proscenium` in `$XDG_CACHE_HOME`, else in `~/.cache`.
    ///
    /// # Errors
    ///
    /// When none of the three variables is set.
    pub fn cache(&self) -> Result<PathBuf, ExpectedError> {
        let Environment {
            cache,
            xdg_cache_home,
            home,
            ..
        } = &self.environment;
        base(cache, xdg_cache_home, home, ".cache").ok_or_else(|| {
            ExpectedError::could_not_run("cannot tell where the cache is")
                .because("neither PROSCENIUM_CACHE, XDG_CACHE_HOME nor HOME is set")
                .remedy("set PROSCENIUM_CACHE to a folder of yours")
        })
    }

    /// Folder of what runs leave behind: `$PROSCENIUM_STATE`, else `proscenium`
    /// in `$XDG_STATE_HOME`, else in `~/.local/state`.
    ///
    /// # Errors
    ///
    /// When none of the three variables is set.
    pub fn state(&self) -> Result<PathBuf, ExpectedError> {
        let Environment {
            state,
            xdg_state_home,
            home,
            ..
        } = &self.environment;
        base(state, xdg_state_home, home, ".local/state").ok_or_else(|| {
            ExpectedError::could_not_run("cannot tell where runs are kept")
                .because("neither PROSCENIUM_STATE, XDG_STATE_HOME nor HOME is set")
                .remedy("name a folder with --run-dir, or set PROSCENIUM_STATE")
        })
    }

    fn beside_exe(&self, relative: &str) -> Option<PathBuf> {
        Some(
            self.environment
                .exe
                .as_deref()?
                .parent()?
                .parent()?
                .join(relative),
        )
    }

    /// The executable is in `target/<profile>/`, so the other targets are beside that.
    fn build_tree(&self, relative: &str) -> Option<PathBuf> {
        self.workspace.as_ref()?;
        Some(target_folder(self.environment.exe.as_deref()?)?.join(relative))
    }
}

/// The folder in which cargo put `exe`: found by the tag that cargo leaves in it.
fn target_folder(exe: &Path) -> Option<&Path> {
    exe.ancestors()
        .skip(1)
        .find(|folder| folder.join("CACHEDIR.TAG").is_file())
}

/// The workspace whose target folder `exe` is in.
fn workspace_of(exe: &Path) -> Option<PathBuf> {
    let workspace = target_folder(exe)?.parent()?;
    let ours = ["Cargo.toml", "sdk/rust/Cargo.toml", "wit/world.wit"];
    ours.iter()
        .all(|file| workspace.join(file).is_file())
        .then(|| workspace.to_path_buf())
}

fn base(
    own: &Option<PathBuf>,
    xdg: &Option<PathBuf>,
    home: &Option<PathBuf>,
    below_home: &str,
) -> Option<PathBuf> {
    if let Some(own) = own {
        return Some(own.clone());
    }
    let base = xdg
        .clone()
        .or_else(|| Some(home.as_ref()?.join(below_home)))?;
    Some(base.join("proscenium"))
}

fn list(places: &[PathBuf]) -> String {
    if places.is_empty() {
        return "any known place".to_owned();
    }
    places
        .iter()
        .map(|place| place.display().to_string())
        .collect::<Vec<_>>()
        .join(" or ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn layout(change: impl FnOnce(&mut Environment)) -> Layout {
        let mut environment = Environment {
            home: Some("/home/a".into()),
            ..Environment::default()
        };
        change(&mut environment);
        Layout::new(environment)
    }

    #[test]
    fn our_own_variable_wins_over_xdg_and_xdg_over_home() {
        let own = layout(|env| {
            env.cache = Some("/own".into());
            env.xdg_cache_home = Some("/xdg".into());
        });
        assert_eq!(own.cache().unwrap(), Path::new("/own"));
        let xdg = layout(|env| env.xdg_cache_home = Some("/xdg".into()));
        assert_eq!(xdg.cache().unwrap(), Path::new("/xdg/proscenium"));
        assert_eq!(
            layout(|_| ()).cache().unwrap(),
            Path::new("/home/a/.cache/proscenium")
        );
    }

    #[test]
    fn runs_are_state_and_not_cache() {
        assert_eq!(
            layout(|_| ()).state().unwrap(),
            Path::new("/home/a/.local/state/proscenium")
        );
    }

    #[test]
    fn without_any_home_the_message_names_the_variable_to_set() {
        let nowhere = Layout::new(Environment::default());
        assert!(
            nowhere
                .cache()
                .unwrap_err()
                .to_string()
                .contains("set PROSCENIUM_CACHE")
        );
    }

    #[test]
    fn guest_programs_count_only_when_both_are_there() {
        let folder = tempfile::tempdir().unwrap();
        let layout = layout(|env| env.libexec = Some(folder.path().into()));
        std::fs::write(folder.path().join("proscenium-init"), "").unwrap();
        let missing = layout.guest_binaries().unwrap_err().to_string();
        assert!(missing.contains("cargo xtask build"), "{missing}");
        std::fs::write(folder.path().join("proscenium-worker"), "").unwrap();
        assert_eq!(
            layout.guest_binaries().unwrap().init,
            folder.path().join("proscenium-init")
        );
    }

    #[test]
    fn an_installed_tree_is_found_from_the_executable() {
        let prefix = tempfile::tempdir().unwrap();
        let libexec = prefix.path().join("libexec/proscenium");
        std::fs::create_dir_all(&libexec).unwrap();
        for name in ["proscenium-init", "proscenium-worker"] {
            std::fs::write(libexec.join(name), "").unwrap();
        }
        let layout = layout(|env| env.exe = Some(prefix.path().join("bin/proscenium")));
        assert_eq!(
            layout.guest_binaries().unwrap().worker,
            libexec.join("proscenium-worker")
        );
    }
}
