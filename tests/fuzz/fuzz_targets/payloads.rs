//! Any text as an operator's file or argument that declares payloads.
//!
//! Besides not crashing: a name that was taken is one that a cgroup could have,
//! and no more payloads are declared than a job takes after the check of all.

#![no_main]

use std::path::Path;

use libfuzzer_sys::fuzz_target;
use proscenium::payload::{from_argument, from_toml};

fuzz_target!(|text: &str| {
    if let Ok(declared) = from_argument(text) {
        assert!(!declared.spec.name.contains(['/', '\0', '\n']));
    }
    if let Ok(all) = from_toml(text, Path::new("fuzz.toml")) {
        for declared in all {
            assert!(!declared.spec.name.contains(['/', '\0', '\n']));
        }
    }
});
