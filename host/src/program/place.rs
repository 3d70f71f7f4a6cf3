//! Which path in the guest a file of this machine has.

use std::path::{Component, Path};

use super::{GUEST_ROOT, ProgramError};

/// First components of paths that are the guest's own.
const RESERVED: [&str; 10] = [
    "boot", "dev", "init", "job", "modules", "proc", "programs", "run", "sys", "tmp",
];
/// The place of a file of this machine in the guest.
pub(super) fn beneath_root(path: &Path) -> String {
    // Steps back are taken out, since their folders need not be in the guest.
    let mut parts: Vec<String> = Vec::new();
    for component in path.components() {
        match component {
            Component::Normal(part) => parts.push(part.to_string_lossy().into_owned()),
            Component::ParentDir => drop(parts.pop()),
            Component::RootDir | Component::CurDir | Component::Prefix(_) => {}
        }
    }
    format!("{GUEST_ROOT}/{}", parts.join("/"))
}

/// The same path in the guest, where somebody looks for just that.
pub(super) fn in_place(path: &Path) -> Result<String, ProgramError> {
    let refuse = |why: &str| Err(ProgramError::not_runnable(path, why));
    let mut parts = path.components();
    if parts.next() != Some(Component::RootDir) {
        return refuse("it has to be named by an absolute path");
    }
    let plain = path
        .components()
        .all(|part| !matches!(part, Component::ParentDir));
    let first = parts.next().map(|part| part.as_os_str().to_string_lossy());
    if !plain || first.is_some_and(|first| RESERVED.contains(&&*first)) {
        return refuse("the guest keeps that place for itself: use one in another folder");
    }
    Ok(path.to_string_lossy().into_owned())
}

/// The folder of a path in the guest.
pub(super) fn parent(guest: &str) -> String {
    let folder = Path::new(guest).parent().map(Path::to_string_lossy);
    folder.unwrap_or_default().into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_in_the_guest_have_no_steps_back_and_leave_its_own_alone() {
        assert_eq!(
            beneath_root(Path::new("/opt/bin/../lib/a.so")),
            "/programs/opt/lib/a.so"
        );
        for path in ["/proc/x", "/tmp/ld.so", "/lib/../init", "ld.so"] {
            assert!(in_place(Path::new(path)).is_err(), "{path}");
        }
        assert!(in_place(Path::new("/lib64/ld-linux-x86-64.so.2")).is_ok());
    }
}
