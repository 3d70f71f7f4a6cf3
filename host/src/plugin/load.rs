//! From what a user names to a plugin that is ready to run.

use std::path::{Path, PathBuf};

use proscenium_guest_runtime::plugin::{Foreign, LoadError, Manifest, Plugin, settings_id};
use proscenium_wire::Limits;

use super::cache::{Cache, Key, digest};
use super::{fresh, read};
use crate::error::ExpectedError;
use crate::layout::Layout;

/// A plugin, compiled and described.
#[derive(Debug)]
pub struct Loaded {
    /// What the user named.
    pub named: PathBuf,
    /// The file that it came to.
    pub file: PathBuf,
    /// SHA-256 of the component, in hexadecimal.
    pub digest: String,
    /// Size of the component, in bytes.
    pub component_bytes: usize,
    /// Machine code for this host and every guest.
    pub code: Vec<u8>,
    /// The component itself.
    pub plugin: Plugin,
    /// What it says of itself.
    pub manifest: Manifest,
    /// Loops that it exports for its workers.
    pub works: Vec<String>,
    /// Whether the machine code came from the cache.
    pub cached: bool,
}

/// Loads plugins.
#[derive(Debug)]
pub struct Loader<'a> {
    layout: &'a Layout,
    foreign: Foreign,
    /// Whether standard error is a terminal, on which cargo may draw.
    terminal: bool,
}

impl<'a> Loader<'a> {
    /// A loader that treats imports that are not ours as `foreign` says.
    #[must_use]
    pub fn new(layout: &'a Layout, foreign: Foreign, terminal: bool) -> Self {
        Self {
            layout,
            foreign,
            terminal,
        }
    }

    /// Loads what `named` is: a component, a core module that carries its
    /// contract, or a cargo project, which is built if it is not up to date.
    ///
    /// # Errors
    ///
    /// Whatever is wrong with it, and what is missing to load it.
    pub fn load(&self, named: &Path) -> Result<Loaded, ExpectedError> {
        let file = self.file(named)?;
        let component = read::to_component(&file, read::read(&file)?)?;
        let digest = digest(&component);
        let (plugin, code, cached) = self.compiled(named, &component, &digest)?;
        let silent = |export: &str, error| {
            ExpectedError::refused(format!("cannot use {}", named.display()))
                .because(error)
                .remedy(format!(
                    "{export} has to return what the plugin is, without calling anything"
                ))
        };
        let limits = Limits::default();
        let manifest = plugin
            .describe(&limits)
            .map_err(|error| silent("describe", error))?;
        let works = plugin
            .works(&limits)
            .map_err(|error| silent("works", error))?;
        Ok(Loaded {
            named: named.to_owned(),
            component_bytes: component.len(),
            file,
            digest,
            code,
            plugin,
            manifest,
            works,
            cached,
        })
    }

    fn file(&self, named: &Path) -> Result<PathBuf, ExpectedError> {
        let failed = || ExpectedError::refused(format!("cannot use {}", named.display()));
        let metadata = named.metadata().map_err(|error| {
            failed()
                .because(error)
                .remedy("name a .wasm file or a project's folder")
        })?;
        if !metadata.is_dir() {
            return Ok(named.to_owned());
        }
        let folder = named
            .canonicalize()
            .map_err(|error| failed().because(error))?;
        if !folder.join("Cargo.toml").is_file() {
            return Err(failed()
                .because("the folder has no Cargo.toml")
                .remedy("name a .wasm file, or make a project with `proscenium new NAME`"));
        }
        fresh::artefact(
            &folder,
            &self.layout.cache()?,
            self.layout.environment(),
            self.terminal,
        )
    }

    /// The component's machine code, from the cache where possible.
    fn compiled(
        &self,
        named: &Path,
        component: &[u8],
        digest: &str,
    ) -> Result<(Plugin, Vec<u8>, bool), ExpectedError> {
        let cache = Cache::open(&self.layout.cache()?)?;
        let key = Key::new(digest, settings_id());
        if let Some(code) = cache.get(&key) {
            match load_precompiled(&code, self.foreign) {
                Ok(plugin) => {
                    cache.touch(&key);
                    return Ok((plugin, code, true));
                }
                // Our code, from other settings than its name says: compile anew.
                Err(LoadError::Invalid { .. }) => {}
                Err(error) => return Err(refused(named, &error)),
            }
        }
        // Compiled with the imports as they are: what is kept serves both ways.
        let plugin =
            Plugin::compile(component, self.foreign).map_err(|error| refused(named, &error))?;
        let code = plugin
            .precompiled()
            .map_err(|error| refused(named, &error))?;
        // A full disk costs the next run its time, and this one nothing.
        let _ = cache.put(&key, &code);
        Ok((plugin, code, false))
    }
}

#[expect(
    unsafe_code,
    reason = "machine code is loaded from a cache that is ours alone"
)]
fn load_precompiled(code: &[u8], foreign: Foreign) -> Result<Plugin, LoadError> {
    // SAFETY: The bytes are an entry of our cache: the folder is writable by
    // this user alone, and the entry's checksum covers its content and a name
    // that is the digest of the component and of the compiler's settings.
    // JUSTIFICATION: Compiling takes 30 ms to minutes, and machine code has no
    // form that could be checked.
    unsafe { Plugin::load_precompiled(code, foreign) }
}

fn refused(named: &Path, error: &LoadError) -> ExpectedError {
    let failed = match error {
        LoadError::Engine { .. } => ExpectedError::could_not_run,
        _ => ExpectedError::refused,
    };
    failed(format!("cannot use {}", named.display())).because(error)
}
