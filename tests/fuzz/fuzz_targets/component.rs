//! Any bytes as a plugin's file: wrapped, compiled, inspected, described.
//!
//! This is what the child behind `host/src/shield` does with foreign bytes, in
//! this process. Besides not crashing: what compiled loads again and shows the
//! same imports, and what describe says passes the checks a second time.

#![no_main]

use libfuzzer_sys::fuzz_target;
use proscenium::plugin::read::wrap;
use proscenium_guest_runtime::exported::check_works;
use proscenium_guest_runtime::plugin::{Foreign, Plugin, check_manifest};
use proscenium_wire::Limits;

fuzz_target!(|bytes: &[u8]| {
    let Ok(component) = wrap(bytes.to_vec()) else {
        return;
    };
    let Ok(plugin) = Plugin::compile(&component, Foreign::Trap) else {
        return;
    };
    let code = plugin.precompiled().expect("what compiled can be kept");
    // SAFETY: the line above made these bytes.
    let again = unsafe { Plugin::load_precompiled(&code, Foreign::Trap) }.expect("kept code loads");
    assert_eq!(plugin.imports(), again.imports());
    let limits = Limits {
        compute_ms: 50,
        ..Limits::default()
    };
    if let Ok(manifest) = plugin.describe(&limits) {
        assert_eq!(check_manifest(manifest.clone()), Ok(manifest));
    }
    if let Ok(works) = plugin.works(&limits) {
        assert_eq!(check_works(works.clone()), Ok(works));
    }
});
