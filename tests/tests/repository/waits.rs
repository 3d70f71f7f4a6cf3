//! Nothing waits by looking again and again: what is waited for is an event or
//! a deadline.

use std::fs;

/// What waits without an event. Workers may sleep: that is their load.
const POLLING: [&str; 2] = ["sleep(", "yield_now("];

#[test]
fn s_119_neither_runtime_nor_host_sleeps() {
    let root = super::root();
    let mut found = Vec::new();
    for (file, _) in super::lines::files() {
        let ours = ["guest-runtime/src", "guest-runtime/wire/src", "host/src"];
        if !ours.iter().any(|folder| file.starts_with(folder)) {
            continue;
        }
        let text = fs::read_to_string(root.join(&file)).unwrap();
        // Tests of a file come last in it, or in a file of their own.
        let code = text.split("#[cfg(test)]").next().unwrap_or_default();
        if file.to_string_lossy().ends_with("tests.rs") {
            continue;
        }
        let sleeps = |line: &&str| POLLING.iter().any(|word| line.contains(word));
        found.extend(
            code.lines()
                .filter(|line| !line.trim_start().starts_with("//"))
                .filter(sleeps)
                .map(|line| format!("{}: {}", file.display(), line.trim())),
        );
    }
    assert!(found.is_empty(), "{found:#?}");
}

#[test]
fn s_119_the_compiler_refuses_a_sleep_everywhere() {
    let bans = fs::read_to_string(super::root().join("clippy.toml")).unwrap();
    assert!(bans.contains("path = \"std::thread::sleep\""), "{bans}");
}
