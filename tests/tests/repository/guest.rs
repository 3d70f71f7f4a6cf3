//! What must not be in the guest: a compiler, and what only the host needs.

use std::process::Command;

/// Names of everything that the guest's PID 1 is linked from.
fn linked() -> Vec<String> {
    let output = Command::new(env!("CARGO"))
        .args([
            "tree",
            "--package",
            "proscenium-guest-runtime",
            "--edges",
            "normal",
        ])
        .args([
            "--target",
            "x86_64-unknown-linux-musl",
            "--prefix",
            "none",
            "--format",
            "{lib}",
        ])
        .current_dir(super::root())
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let names = String::from_utf8(output.stdout).unwrap();
    names
        .lines()
        .map(|line| line.trim_end_matches(" (*)").to_owned())
        .collect()
}

#[test]
fn the_guest_has_a_runtime_and_no_compiler() {
    let linked = linked();
    assert!(
        linked.iter().any(|name| name == "wasmtime"),
        "cargo tree was misread: {linked:?}"
    );
    let compilers = [
        "cranelift",
        "regalloc",
        "winch",
        "wasmtime_internal_cranelift",
    ];
    let found: Vec<&String> = linked
        .iter()
        .filter(|name| compilers.iter().any(|compiler| name.starts_with(compiler)))
        // Data structures that the runtime shares with the compiler.
        .filter(|name| {
            !["cranelift_bforest", "cranelift_bitset", "cranelift_entity"].contains(&name.as_str())
        })
        .collect();
    assert!(
        found.is_empty(),
        "the guest's PID 1 is linked with {found:?}"
    );
}

#[test]
fn the_guest_has_no_async_runtime_and_no_wasi() {
    let unwanted = ["tokio", "wasmtime_wasi", "async_std", "smol"];
    let found: Vec<String> = linked()
        .into_iter()
        .filter(|name| unwanted.contains(&name.as_str()))
        .collect();
    assert!(
        found.is_empty(),
        "the guest's PID 1 is linked with {found:?}"
    );
}
