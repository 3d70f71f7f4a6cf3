//! The one place where wasmtime is configured. Host and guest must agree on
//! everything that code generation depends on, or precompiled code is refused.

#[cfg(feature = "compiler")]
use std::hash::{DefaultHasher, Hash, Hasher};

use wasmtime::{Config, Engine};

#[cfg(feature = "compiler")]
use super::LoadError;

/// Stack of the component, in bytes.
const WASM_STACK: usize = 512 << 10;

/// Baseline for precompiled code: no CPU flags, so that it loads in every
/// guest and on every host of this architecture.
#[cfg(feature = "compiler")]
const TARGET: &str = "x86_64-unknown-linux-musl";

/// Names everything that precompiled code depends on, for cache keys: our
/// version, wasmtime's, the target, and each setting that changes the code.
///
/// # Errors
/// Only on a machine that wasmtime does not support.
#[cfg(feature = "compiler")]
pub fn settings_id() -> Result<String, LoadError> {
    let compiler = compiler().map_err(|error| LoadError::Engine {
        reason: error.to_string(),
    })?;
    // Keys that are the same in every process; another standard library may
    // have others, and then what is kept is made anew.
    let mut hasher = DefaultHasher::new();
    compiler.precompile_compatibility_hash().hash(&mut hasher);
    let version = env!("CARGO_PKG_VERSION");
    Ok(format!(
        "proscenium-{version}-{TARGET}-{:016x}",
        hasher.finish()
    ))
}

/// The engine that runs components: of this machine, and in the guest of that one.
///
/// # Errors
/// Only on a machine that wasmtime does not support.
pub(super) fn engine() -> wasmtime::Result<Engine> {
    Engine::new(&config())
}

/// The engine that compiles for [`TARGET`]. It runs nothing: wasmtime compares
/// the whole target with its host's, and a C library is part of it. Code that
/// is loaded has to match in architecture and operating system only.
///
/// # Errors
/// Only if wasmtime cannot compile for the target.
#[cfg(feature = "compiler")]
pub(super) fn compiler() -> wasmtime::Result<Engine> {
    let mut config = config();
    config.target(TARGET)?;
    config.cranelift_opt_level(wasmtime::OptLevel::Speed);
    Engine::new(&config)
}

fn config() -> Config {
    let mut config = Config::new();
    config
        .wasm_component_model(true)
        .epoch_interruption(true)
        .max_wasm_stack(WASM_STACK)
        // A trap's place in the plugin is worth more than the few bytes.
        .wasm_backtrace_max_frames(std::num::NonZeroUsize::new(16));
    config
}
