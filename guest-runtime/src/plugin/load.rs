//! From bytes to a component, or to the reason why not.

#[cfg(feature = "kernel")]
use std::path::Path;

use wasmtime::component::{Component, Linker};
use wasmtime::{Engine, Precompiled};

use super::engine;
use super::inspect::{self, Import, Reach};
use crate::capability::Capability;
use crate::interface::{self, Linked};

/// Largest plugin that is looked at, in bytes.
pub(crate) const MAX_PLUGIN: usize = 64 << 20;

/// What happens with imports that are not ours.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Foreign {
    /// The component is refused.
    #[default]
    Refuse,
    /// They are linked; calling one ends the plugin.
    Trap,
}

impl Foreign {
    /// As a job and `--trap-foreign-imports` say it.
    #[must_use]
    pub fn trapping(trap: bool) -> Self {
        if trap { Self::Trap } else { Self::Refuse }
    }
}

/// Why bytes are not a plugin that can run here.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// Beyond the size limit.
    #[error("plugin too large: {bytes} bytes, {MAX_PLUGIN} is the most")]
    TooLarge {
        /// Its size.
        bytes: usize,
    },
    /// No wasm at all.
    #[error(
        "not WebAssembly: the file does not start with the wasm magic: build a component, for example with `proscenium new`"
    )]
    NotWasm,
    /// The text format.
    #[error(
        "WebAssembly text: only the binary format is taken: convert it with `wasm-tools parse`"
    )]
    Text,
    /// A module without a component around it.
    #[error(
        "a core module, not a component: wrap it with `wasm-tools component new`, or give its cargo directory"
    )]
    CoreModule,
    /// Precompiled code from somewhere else.
    #[error("precompiled code: only components are taken, because machine code cannot be checked")]
    Precompiled,
    /// A component without our export.
    #[error(
        "not a scenario: it exports {exports:?}, not `{}/scenario`: build it against the world `plugin`",
        crate::capability::PACKAGE
    )]
    WrongWorld {
        /// What it exports instead.
        exports: Vec<String>,
    },
    /// A version of the contract that this runtime does not offer.
    #[error(
        "built against another contract: it wants {wanted}, this runtime offers {offered}: update the older of the two"
    )]
    OtherContract {
        /// Name with version.
        wanted: String,
        /// Version offered.
        offered: String,
    },
    /// An interface of our package that does not exist here.
    #[error(
        "unknown interface {name}: this runtime does not offer it: update proscenium, or leave it out"
    )]
    UnknownInterface {
        /// Its name.
        name: String,
    },
    /// Imports beyond our package.
    #[error("imports that are not part of the contract: {}: build without them, or link them as traps with --trap-foreign-imports", names.join(", "))]
    ForeignImports {
        /// Their names.
        names: Vec<String>,
    },
    /// wasmtime refuses it.
    #[error("invalid component: {reason}")]
    Invalid {
        /// wasmtime's reason.
        reason: String,
    },
    /// This machine cannot run wasm.
    #[error("WebAssembly cannot run on this machine: {reason}")]
    Engine {
        /// wasmtime's reason.
        reason: String,
    },
}

/// A compiled component, checked and ready to be instantiated.
#[derive(Clone)]
pub struct Plugin {
    pub(crate) engine: Engine,
    pub(crate) component: Component,
    imports: Vec<Import>,
    exports_work: bool,
    foreign: Foreign,
}

impl std::fmt::Debug for Plugin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Plugin")
            .field("imports", &self.imports)
            .finish_non_exhaustive()
    }
}

impl Plugin {
    /// Compiles a component.
    ///
    /// # Errors
    /// Whatever is wrong with the bytes, see [`LoadError`].
    #[cfg(feature = "compiler")]
    pub fn compile(bytes: &[u8], foreign: Foreign) -> Result<Self, LoadError> {
        check_form(bytes)?;
        let compiler = engine::compiler().map_err(|e| LoadError::Engine {
            reason: e.to_string(),
        })?;
        let code = compiler
            .precompile_component(bytes)
            .map_err(|error| invalid(&error))?;
        #[expect(
            unsafe_code,
            reason = "the one way from another engine's code to this one"
        )]
        // SAFETY: The compiler made these bytes just now.
        let plugin = unsafe { Self::load_precompiled(&code, foreign) };
        plugin
    }

    /// Loads code that [`Self::precompiled`] made.
    ///
    /// # Errors
    /// `Invalid` for code of other settings or another version.
    ///
    /// # Safety
    /// The bytes must come from [`Self::precompiled`], unchanged: machine code
    /// cannot be checked.
    #[expect(unsafe_code, reason = "deserializing machine code has no safe form")]
    pub unsafe fn load_precompiled(bytes: &[u8], foreign: Foreign) -> Result<Self, LoadError> {
        let engine = engine::engine().map_err(|e| LoadError::Engine {
            reason: e.to_string(),
        })?;
        if Engine::detect_precompiled(bytes) != Some(Precompiled::Component) {
            return Err(LoadError::Invalid {
                reason: "not precompiled code of a component".into(),
            });
        }
        // SAFETY: The caller vouches for the bytes.
        let component =
            unsafe { Component::deserialize(&engine, bytes) }.map_err(|error| invalid(&error))?;
        Self::checked(engine, component, foreign)
    }

    /// As [`Self::load_precompiled`], from a file that is mapped rather than
    /// read: processes that map the same one share its pages.
    ///
    /// # Errors
    /// `Invalid` for code of other settings or another version, and for a file
    /// that cannot be mapped.
    ///
    /// # Safety
    /// As there, and nobody may change the file while the plugin lives.
    #[cfg(feature = "kernel")]
    #[expect(unsafe_code, reason = "deserializing machine code has no safe form")]
    pub unsafe fn map_precompiled(file: &Path, foreign: Foreign) -> Result<Self, LoadError> {
        let engine = engine::engine().map_err(|e| LoadError::Engine {
            reason: e.to_string(),
        })?;
        // SAFETY: The caller vouches for the file.
        let component = unsafe { Component::deserialize_file(&engine, file) }
            .map_err(|error| invalid(&error))?;
        Self::checked(engine, component, foreign)
    }

    fn checked(engine: Engine, component: Component, foreign: Foreign) -> Result<Self, LoadError> {
        let (imports, exports_work) = inspect::reach_and_exports(&engine, &component)?;
        let names: Vec<String> = imports
            .iter()
            .filter(|import| import.reach == Reach::Foreign)
            .map(|import| inspect::bounded(&import.name))
            .take(inspect::SHOWN)
            .collect();
        if foreign == Foreign::Refuse && !names.is_empty() {
            return Err(LoadError::ForeignImports { names });
        }
        Ok(Self {
            engine,
            component,
            imports,
            exports_work,
            foreign,
        })
    }

    /// Machine code that [`Self::load_precompiled`] takes, here and in a guest.
    ///
    /// # Errors
    /// `Engine`, if wasmtime cannot serialize it.
    #[cfg(feature = "compiler")]
    pub fn precompiled(&self) -> Result<Vec<u8>, LoadError> {
        self.component.serialize().map_err(|e| LoadError::Engine {
            reason: e.to_string(),
        })
    }

    /// What it imports, in its own order.
    #[must_use]
    pub fn imports(&self) -> &[Import] {
        &self.imports
    }

    /// The capabilities among its imports.
    #[must_use]
    pub fn capabilities(&self) -> Vec<Capability> {
        self.imports
            .iter()
            .filter_map(|import| match import.reach {
                Reach::Capability(capability) => Some(capability),
                Reach::Data | Reach::Foreign => None,
            })
            .collect()
    }

    /// Whether it has loops of its own for workers; see [`Self::works`].
    #[must_use]
    pub fn exports_work(&self) -> bool {
        self.exports_work
    }

    /// A linker in which every import traps.
    pub(crate) fn sealed_linker<T: 'static>(&self) -> wasmtime::Result<Linker<T>> {
        let mut linker = Linker::new(&self.engine);
        linker.define_unknown_imports_as_traps(&self.component)?;
        Ok(linker)
    }

    /// A linker with exactly what it imports; `live`: with our interfaces
    /// behind the imports rather than traps.
    pub(super) fn linker<T: Linked>(&self, live: bool) -> wasmtime::Result<Linker<T>> {
        let mut linker = Linker::new(&self.engine);
        if live {
            interface::link(&mut linker, &self.capabilities())?;
        }
        if !live || self.foreign == Foreign::Trap {
            linker.define_unknown_imports_as_traps(&self.component)?;
        }
        Ok(linker)
    }
}

/// Tells the kinds of wrong input apart by their first bytes.
#[cfg(feature = "compiler")]
fn check_form(bytes: &[u8]) -> Result<(), LoadError> {
    /// Magic, then version 13 of layer 1: a component.
    const COMPONENT: &[u8] = b"\0asm\x0d\0\x01\0";
    if bytes.len() > MAX_PLUGIN {
        return Err(LoadError::TooLarge { bytes: bytes.len() });
    }
    if bytes.starts_with(COMPONENT) {
        return Ok(());
    }
    if Engine::detect_precompiled(bytes).is_some() {
        return Err(LoadError::Precompiled);
    }
    if bytes.starts_with(b"\0asm\x01\0\0\0") {
        return Err(LoadError::CoreModule);
    }
    if bytes.starts_with(b"\0asm") {
        return Err(LoadError::Invalid {
            reason: "an unknown version of the binary format".into(),
        });
    }
    let head = String::from_utf8_lossy(&bytes[..bytes.len().min(4_096)]);
    let code = head
        .lines()
        .map(str::trim)
        .find(|line| !line.is_empty() && !line.starts_with(";;"));
    if code.is_some_and(|line| line.starts_with("(module") || line.starts_with("(component")) {
        return Err(LoadError::Text);
    }
    Err(LoadError::NotWasm)
}

fn invalid(error: &wasmtime::Error) -> LoadError {
    LoadError::Invalid {
        reason: one_line(error),
    }
}

/// An error chain of wasmtime's on one bounded line; it may quote the plugin.
fn one_line(error: &wasmtime::Error) -> String {
    crate::name::clean_line(&format!("{error:#}"), 1_024)
}
