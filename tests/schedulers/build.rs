//! Compiles the kernel's half and makes its skeleton.
//!
//! Owns how clang is called. Never looks for a kernel: `cargo xtask build`
//! writes down the types of the one that the tests boot.

use std::env;
use std::ffi::OsStr;
use std::path::PathBuf;

use anyhow::Context;
use libbpf_cargo::SkeletonBuilder;

const SOURCE: &str = "src/bpf/fixture.bpf.c";

/// The kernel's types are written in its own C, which lets a struct lie in
/// another one without a name.
const KERNEL_C: [&str; 2] = ["-fms-extensions", "-Wno-microsoft-anon-tag"];

fn main() -> anyhow::Result<()> {
    let types = env::var_os("FIXTURE_VMLINUX")
        .map(PathBuf::from)
        .context("FIXTURE_VMLINUX is unset: build with `cargo xtask build`")?;
    let clang = env::var_os("FIXTURE_CLANG").unwrap_or_else(|| "clang".into());
    let folder = types
        .parent()
        .context("FIXTURE_VMLINUX names no file in a folder")?;
    let out = PathBuf::from(env::var_os("OUT_DIR").context("cargo sets OUT_DIR")?);
    SkeletonBuilder::new()
        .source(SOURCE)
        .clang(clang)
        .clang_args(KERNEL_C.map(OsStr::new))
        .clang_args(["-I".as_ref(), folder.as_os_str()])
        .build_and_generate(out.join("fixture.skel.rs"))
        .with_context(|| format!("failed to compile {SOURCE}"))?;
    println!("cargo::rerun-if-changed={SOURCE}");
    println!("cargo::rerun-if-changed={}", types.display());
    println!("cargo::rerun-if-env-changed=FIXTURE_VMLINUX");
    println!("cargo::rerun-if-env-changed=FIXTURE_CLANG");
    Ok(())
}
