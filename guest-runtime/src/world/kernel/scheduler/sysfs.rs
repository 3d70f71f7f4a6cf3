//! What `/sys/kernel/sched_ext` says at one moment.
//!
//! Its files stay open, so that a look is one read each. Nothing here waits:
//! none of these files announces a change.

use std::fs::File;
use std::os::unix::fs::FileExt;

use cap_std::fs::Dir;

use crate::name::clean_line;
use crate::world::{ExtState, SchedExt};

/// Most bytes of one file; the kernel bounds names to 127.
const MOST: usize = 256;

/// See the module.
#[derive(Debug)]
pub(super) struct Sysfs {
    dir: Dir,
    state: Option<File>,
    enables: Option<File>,
}

impl Sysfs {
    /// Opens what is there. What is not reads as absent.
    pub(super) fn new(dir: Dir) -> Self {
        let open = |name| dir.open(name).ok().map(cap_std::fs::File::into_std);
        Self {
            state: open("state"),
            enables: open("enable_seq"),
            dir,
        }
    }

    /// Its state.
    pub(super) fn state(&self) -> ExtState {
        let text = self.state.as_ref().and_then(read);
        text.as_deref().map_or(ExtState::Absent, parse_state)
    }

    /// Its state, and who is loaded.
    pub(super) fn read(&self) -> SchedExt {
        let ops = self.dir.open("root/ops").ok();
        let ops = ops.and_then(|file| read(&file.into_std()));
        SchedExt {
            state: self.state(),
            ops: ops.map(|ops| clean_line(&ops, MOST)),
        }
    }

    /// How many schedulers were enabled since the machine was booted.
    pub(super) fn enables(&self) -> Option<u64> {
        self.enables.as_ref().and_then(read)?.parse().ok()
    }
}

/// The one line of a file.
fn read(file: &File) -> Option<String> {
    let mut buffer = [0; MOST];
    let length = file.read_at(&mut buffer, 0).ok()?;
    let text = String::from_utf8_lossy(buffer.get(..length)?);
    Some(text.trim_end().to_owned())
}

/// What is not known is not down either.
fn parse_state(text: &str) -> ExtState {
    match text {
        "disabled" => ExtState::Disabled,
        "enabling" => ExtState::Enabling,
        "enabled" => ExtState::Enabled,
        "disabling" => ExtState::Disabling,
        _ => ExtState::Absent,
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use cap_std::ambient_authority;

    use super::*;

    /// A folder with these files.
    fn sysfs(files: &[(&str, &str)]) -> (tempfile::TempDir, Sysfs) {
        let folder = tempfile::tempdir().unwrap();
        for (name, text) in files {
            let path = folder.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        let dir = Dir::open_ambient_dir(folder.path(), ambient_authority()).unwrap();
        (folder, Sysfs::new(dir))
    }

    #[test]
    fn each_state_is_read_and_an_unknown_one_is_none() {
        for (text, state) in [
            ("disabled\n", ExtState::Disabled),
            ("enabling\n", ExtState::Enabling),
            ("enabled\n", ExtState::Enabled),
            ("disabling\n", ExtState::Disabling),
            ("", ExtState::Absent),
            ("ENABLED\n", ExtState::Absent),
            ("enabled now\n", ExtState::Absent),
        ] {
            let (_folder, sysfs) = sysfs(&[("state", text)]);
            assert_eq!(sysfs.state(), state, "{text:?}");
        }
    }

    #[test]
    fn a_state_is_read_anew_each_time() {
        let (folder, sysfs) = sysfs(&[("state", "enabled\n"), ("root/ops", "simple\n")]);
        let enabled = SchedExt {
            state: ExtState::Enabled,
            ops: Some("simple".to_owned()),
        };
        assert_eq!(sysfs.read(), enabled);
        fs::write(folder.path().join("state"), "disabled\n").unwrap();
        fs::remove_dir_all(folder.path().join("root")).unwrap();
        assert_eq!(sysfs.read().state, ExtState::Disabled);
        assert_eq!(sysfs.read().ops, None);
    }

    #[test]
    fn the_count_of_enables_is_a_number_or_nothing() {
        for (text, count) in [("7\n", Some(7)), ("-1\n", None), ("x", None), ("", None)] {
            let (_folder, sysfs) = sysfs(&[("enable_seq", text)]);
            assert_eq!(sysfs.enables(), count, "{text:?}");
        }
        assert_eq!(sysfs(&[]).1.enables(), None);
    }

    #[test]
    fn a_name_is_one_clean_line() {
        let (_folder, sysfs) = sysfs(&[("root/ops", "a\x1b[1mb\n\n")]);
        assert_eq!(sysfs.read().ops.as_deref(), Some("a [1mb"));
    }
}
