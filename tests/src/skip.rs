//! How a test says that it cannot run on this machine.
//!
//! Rust's test harness knows passed and failed. A test that returns early has
//! passed as far as it can tell, so the reason is also written to a file, and
//! `cargo xtask test` counts the test as skipped.

use std::fs::File;
use std::io::Write;
use std::path::Path;

/// Records that the test `name` cannot run here because of `reason`. Return
/// from the test after it.
///
/// # Panics
///
/// Where nobody counts skips, that is, outside of `cargo xtask test`: there, a
/// test that did not run must not look like one that passed.
pub fn skip(name: &str, reason: &str) {
    let file = std::env::var_os("PROSCENIUM_SKIPS");
    let recorded = file.is_some_and(|file| record(Path::new(&file), name, reason).is_ok());
    assert!(
        recorded,
        "cannot run here: {reason} (`cargo xtask test` counts this as skipped)"
    );
}

/// One write of one line, appended: tests record at the same time.
fn record(file: &Path, name: &str, reason: &str) -> std::io::Result<()> {
    let line = format!("{name}: {}\n", reason.replace('\n', " "));
    File::options()
        .create(true)
        .append(true)
        .open(file)?
        .write_all(line.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_skip_is_one_line() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("skips");
        record(&file, "boots_with_kvm", "no KVM:\nthe probe failed").unwrap();
        record(&file, "other", "no kernel").unwrap();
        let text = std::fs::read_to_string(&file).unwrap();
        assert_eq!(
            text,
            "boots_with_kvm: no KVM: the probe failed\nother: no kernel\n"
        );
    }
}
