//! Precompiled code, kept between runs.
//!
//! Owns `<cache>/plugins/`. Machine code that is loaded from here runs with the
//! rights of this process, so: the folder is the user's alone, an entry's name
//! is a digest of all that it was made from (the plugin, wasmtime's version, the
//! compiler's settings), and each entry ends with a checksum over its name and
//! content. An entry that does not check out is as good as none. It never
//! decides what is compiled, or what an entry means.

use std::fs::{DirBuilder, File, Metadata};
use std::io::Write;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use nix::unistd::geteuid;
use sha2::{Digest, Sha256};

use crate::error::ExpectedError;

/// Length of the checksum at an entry's end, in bytes.
const CHECKSUM: usize = 32;
/// Entries kept; the oldest go first. A precompiled Rust plugin has about
/// 120 KB, a Python one 33 MB.
const KEEP: usize = 64;

/// SHA-256 of `bytes`, as 64 hexadecimal digits.
#[must_use]
pub fn digest(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The name of one entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Key(String);

impl Key {
    /// From the digest of the plugin and what identifies the compiler and its
    /// settings.
    #[must_use]
    pub fn new(plugin_digest: &str, compiler: &str) -> Self {
        Self(digest(format!("{plugin_digest}\n{compiler}").as_bytes()))
    }
}

/// The folder of entries.
#[derive(Clone, Debug)]
pub struct Cache {
    folder: PathBuf,
}

impl Cache {
    /// Opens `plugins` in the folder `cache`, and makes it if it is missing.
    ///
    /// # Errors
    ///
    /// When it cannot be made, or when others than this user could have put
    /// something into it.
    pub fn open(cache: &Path) -> Result<Self, ExpectedError> {
        let folder = cache.join("plugins");
        let failed = |why: &dyn std::fmt::Display| {
            ExpectedError::could_not_run(format!("cannot use the cache {}", folder.display()))
                .because(why)
        };
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(&folder)
            .map_err(|e| failed(&e))?;
        let metadata = folder.symlink_metadata().map_err(|e| failed(&e))?;
        if !is_private(&metadata) {
            return Err(failed(&"others than you may write to it").remedy(format!(
                "look at what is in it, then `rm -r {}`; it is made again",
                folder.display()
            )));
        }
        Ok(Self { folder })
    }

    /// What was stored under `key`, unless it is missing, cut short or changed.
    #[must_use]
    pub fn get(&self, key: &Key) -> Option<Vec<u8>> {
        let mut bytes = std::fs::read(self.path(key)).ok()?;
        let end = bytes.len().checked_sub(CHECKSUM)?;
        if checksum(key, &[&bytes[..end]])[..] != bytes[end..] {
            return None;
        }
        bytes.truncate(end);
        Some(bytes)
    }

    /// Stores `parts`, one after another. Readers and other writers see all of
    /// it or nothing.
    ///
    /// # Errors
    ///
    /// What the file system says.
    pub fn put(&self, key: &Key, parts: &[&[u8]]) -> std::io::Result<()> {
        let mut file = tempfile::Builder::new()
            .prefix(".new-")
            .tempfile_in(&self.folder)?;
        for part in parts {
            file.write_all(part)?;
        }
        file.write_all(&checksum(key, parts))?;
        file.persist(self.path(key)).map_err(|error| error.error)?;
        self.prune();
        Ok(())
    }

    fn path(&self, key: &Key) -> PathBuf {
        self.folder.join(format!("{}.cwasm", key.0))
    }

    /// Keeps the newest entries. Failing to remove one is harmless: it is tried again.
    fn prune(&self) {
        let Ok(folder) = std::fs::read_dir(&self.folder) else {
            return;
        };
        let mut entries: Vec<(SystemTime, PathBuf)> = folder
            .filter_map(Result::ok)
            .filter_map(|entry| Some((entry.metadata().ok()?.modified().ok()?, entry.path())))
            .collect();
        entries.sort();
        let surplus = entries.len().saturating_sub(KEEP);
        for (_, path) in entries.into_iter().take(surplus) {
            let _ = std::fs::remove_file(path);
        }
    }

    /// Marks an entry as used, so that pruning takes others first.
    pub fn touch(&self, key: &Key) {
        // Only the order of pruning depends on it.
        let _ = File::open(self.path(key)).and_then(|file| file.set_modified(SystemTime::now()));
    }
}

fn is_private(metadata: &Metadata) -> bool {
    metadata.is_dir()
        && metadata.uid() == geteuid().as_raw()
        && metadata.permissions().mode() & 0o022 == 0
}

fn checksum(key: &Key, parts: &[&[u8]]) -> [u8; CHECKSUM] {
    let begun = Sha256::new().chain_update(&key.0);
    parts
        .iter()
        .fold(begun, |sum, part| sum.chain_update(part))
        .finalize()
        .into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cache() -> (tempfile::TempDir, Cache) {
        let folder = tempfile::tempdir().unwrap();
        let cache = Cache::open(folder.path()).unwrap();
        (folder, cache)
    }

    #[test]
    fn an_entry_comes_back_as_it_was_stored() {
        let (_folder, cache) = cache();
        let key = Key::new("component", "compiler");
        assert_eq!(cache.get(&key), None);
        cache.put(&key, &[b"machine ", b"code"]).unwrap();
        assert_eq!(cache.get(&key).as_deref(), Some(b"machine code".as_slice()));
    }

    #[test]
    fn another_component_or_compiler_is_another_entry() {
        let (_folder, cache) = cache();
        cache.put(&Key::new("a", "1"), &[b"code"]).unwrap();
        assert_eq!(cache.get(&Key::new("b", "1")), None);
        assert_eq!(cache.get(&Key::new("a", "2")), None);
    }

    #[test]
    fn an_entry_that_was_cut_changed_or_renamed_is_none() {
        let (_folder, cache) = cache();
        let key = Key::new("a", "1");
        cache.put(&key, &[b"machine ", b"code"]).unwrap();
        let whole = std::fs::read(cache.path(&key)).unwrap();
        for length in 0..whole.len() {
            std::fs::write(cache.path(&key), &whole[..length]).unwrap();
            assert_eq!(cache.get(&key), None, "cut to {length} bytes");
        }
        for at in 0..whole.len() {
            let mut changed = whole.clone();
            changed[at] ^= 1;
            std::fs::write(cache.path(&key), &changed).unwrap();
            assert_eq!(cache.get(&key), None, "byte {at} changed");
        }
        let other = Key::new("b", "1");
        std::fs::write(cache.path(&other), &whole).unwrap();
        assert_eq!(cache.get(&other), None);
    }

    #[test]
    fn the_folder_is_made_for_the_user_alone_and_refused_when_others_may_write() {
        let (folder, cache) = cache();
        let mode = |path: &Path| path.metadata().unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(&cache.folder), 0o700);
        std::fs::set_permissions(&cache.folder, PermissionsExt::from_mode(0o777)).unwrap();
        let error = Cache::open(folder.path()).unwrap_err().to_string();
        assert!(error.contains("others than you may write"), "{error}");
    }

    #[test]
    fn old_entries_make_room_and_nothing_half_written_stays() {
        let (_folder, cache) = cache();
        for n in 0..KEEP + 5 {
            cache
                .put(&Key::new(&n.to_string(), ""), &[b"code"])
                .unwrap();
        }
        let names: Vec<_> = std::fs::read_dir(&cache.folder)
            .unwrap()
            .map(|e| e.unwrap().file_name())
            .collect();
        assert_eq!(names.len(), KEEP);
        assert!(
            names
                .iter()
                .all(|name| name.to_string_lossy().ends_with(".cwasm"))
        );
    }
}
