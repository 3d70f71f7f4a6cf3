//! From what a user names to a plugin that is ready to run.

use std::path::{Path, PathBuf};

use proscenium_guest_runtime::plugin::{Foreign, LoadError, Manifest, Plugin, settings_id};

use super::cache::{Cache, Key, digest};
use super::entry::Entry;
use super::{Facts, fresh, read};
use crate::error::ExpectedError;
use crate::layout::Layout;
use crate::shield::{Refusal, Shield, ShieldError};

/// A plugin, compiled and described.
#[derive(Debug)]
pub struct Loaded {
    /// What the user named.
    pub named: PathBuf,
    /// The file that it came to.
    pub file: PathBuf,
    /// SHA-256 of that file, in hexadecimal.
    pub digest: String,
    /// Its size, in bytes.
    pub file_bytes: usize,
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
        let bytes = read::read(&file)?;
        let digest = digest(&bytes);
        let (plugin, entry, cached) = self.compiled((named, &file), &bytes, &digest)?;
        let Entry {
            code,
            facts: Facts { manifest, works },
        } = entry;
        Ok(Loaded {
            named: named.to_owned(),
            file_bytes: bytes.len(),
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

    /// Machine code and facts, from the cache where possible.
    fn compiled(
        &self,
        (named, file): (&Path, &Path),
        bytes: &[u8],
        digest: &str,
    ) -> Result<(Plugin, Entry, bool), ExpectedError> {
        let cache = Cache::open(&self.layout.cache()?)?;
        let settings = settings_id().map_err(|error| refused(named, &error))?;
        let key = Key::new(digest, &settings);
        if let Some(entry) = cache.get(&key).and_then(Entry::from_bytes) {
            match load_precompiled(&entry.code, self.foreign) {
                Ok(plugin) => {
                    cache.touch(&key);
                    return Ok((plugin, entry, true));
                }
                // Our code, from other settings than its name says: compile anew.
                Err(LoadError::Invalid { .. }) => {}
                Err(error) => return Err(refused(named, &error)),
            }
        }
        let prepared = Shield::of_this_program()
            .prepare(bytes)
            .map_err(|error| not_prepared((named, file), &error))?;
        // What it imports is judged before what it says.
        let plugin = load_precompiled(&prepared.code, self.foreign)
            .map_err(|error| refused(named, &error))?;
        let facts = prepared.facts.map_err(|refusal| {
            let error = ShieldError::Refused(refusal);
            not_prepared((named, file), &error)
        })?;
        let entry = Entry {
            code: prepared.code,
            facts,
        };
        if let Some(tail) = entry.tail() {
            // A full disk costs the next run its time, and this one nothing.
            let _ = cache.put(&key, &[&entry.code, &tail]);
        }
        Ok((plugin, entry, false))
    }
}

#[expect(
    unsafe_code,
    reason = "machine code comes from our compiler, or from a cache that is ours alone"
)]
fn load_precompiled(code: &[u8], foreign: Foreign) -> Result<Plugin, LoadError> {
    // SAFETY: The bytes are what our compiler made, in a child that had run
    // nothing foreign by then; or such bytes from our cache: its folder is
    // writable by this user alone, and an entry's checksum covers its content
    // and a name that is the digest of the plugin and of the compiler's settings.
    // JUSTIFICATION: Compiling takes 30 ms to minutes and is not bounded, so it
    // is done elsewhere and seldom; machine code has no form that could be checked.
    unsafe { Plugin::load_precompiled(code, foreign) }
}

fn refused(named: &Path, error: &LoadError) -> ExpectedError {
    let failed = match error {
        LoadError::Engine { .. } => ExpectedError::could_not_run,
        _ => ExpectedError::refused,
    };
    failed(format!("cannot use {}", named.display())).because(error)
}

fn not_prepared((named, file): (&Path, &Path), error: &ShieldError) -> ExpectedError {
    let cannot_use = format!("cannot use {}", named.display());
    match error {
        ShieldError::Refused(Refusal::Unwrappable(reason)) => read::unwrappable(file, reason),
        ShieldError::Refused(Refusal::Silent { export, reason }) => {
            ExpectedError::refused(cannot_use)
                .because(reason)
                .remedy(format!(
                    "{export} has to return what the plugin is, without calling anything"
                ))
        }
        ShieldError::Refused(Refusal::NoPlugin(reason)) => {
            ExpectedError::refused(cannot_use).because(reason)
        }
        ShieldError::Refused(Refusal::Unconfined(reason)) => {
            ExpectedError::could_not_run(cannot_use)
                .because(format!("the compiler cannot be locked in: {reason}"))
                .remedy("use a kernel with seccomp filters (CONFIG_SECCOMP_FILTER)")
        }
        ShieldError::Refused(Refusal::Machine(reason)) => {
            ExpectedError::could_not_run(cannot_use).because(reason)
        }
        ShieldError::TooMuch { .. } => ExpectedError::refused(cannot_use)
            .because(error)
            .remedy("make it smaller: nothing that compiles so long has been seen to be honest"),
        ShieldError::BrokeDown { .. } => ExpectedError::refused(cannot_use)
            .because(error)
            .remedy("if you trust it, report this with the plugin"),
        ShieldError::System { .. } => ExpectedError::could_not_run(cannot_use).because(error),
    }
}
