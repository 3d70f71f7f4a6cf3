//! From a kernel that was chosen to files that QEMU can boot.
//!
//! Owns the checks before a boot and the cache of extracted ELF images. Never
//! starts a VM and never fetches anything.

use std::fs;
use std::io::{self, Read};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use sha2::{Digest, Sha256};

use super::cache::{Cache, CacheError, write_whole};
use super::config::{Features, KernelConfig, MAX_CONFIG, MissingOptions};
use super::decompress::MAX_OUTPUT;
use super::image::{self, Kind};
use super::modules::{self, Module, ModuleError};
use super::store::Kernel;

/// Extracted images that are kept for kernels outside of the cache, 50 to 80 MB each.
const KEPT_EXTRACTS: usize = 6;

/// A kernel that is ready to boot.
#[derive(Clone, Debug)]
pub struct Bootable {
    /// The file for QEMU: an ELF where possible, else the bzImage.
    pub image: PathBuf,
    /// Modules that the guest loads, in this order.
    pub modules: Vec<Module>,
    /// What the kernel offers; `None` when its configuration is not at hand.
    pub features: Option<Features>,
    /// What the user should know: nothing was checked, or the boot is slower. One sentence each.
    pub notes: Vec<String>,
}

/// Why a kernel cannot be booted.
#[derive(Debug, thiserror::Error)]
pub enum BootError {
    /// A file of the kernel could not be read.
    #[error("failed to read {path}")]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// It is no kernel.
    #[error("{path} cannot be booted")]
    Image {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        #[source]
        source: image::ImageError,
    },
    /// It lacks options.
    #[error("{path} cannot run scenarios")]
    Options {
        /// The image.
        path: PathBuf,
        /// All that is missing.
        #[source]
        source: MissingOptions,
    },
    /// Its modules are not at hand.
    #[error("{path} needs modules")]
    Modules {
        /// The image.
        path: PathBuf,
        /// Which, and what is wrong.
        #[source]
        source: ModuleError,
    },
    /// The extracted image could not be kept.
    #[error(transparent)]
    Cache(#[from] CacheError),
}

/// Checks `kernel` and makes it bootable.
///
/// The first time takes as long as decompressing a kernel takes, half a second
/// (zstd) to two (xz); later the extracted image is found by the path, time and size of its source.
///
/// # Errors
///
/// When it is no kernel, lacks an option that we need, or needs modules that are not at hand.
pub fn prepare(kernel: &Kernel, cache: &Cache) -> Result<Bootable, BootError> {
    let mut notes = Vec::new();
    let features = check_config(kernel, &mut notes)?;
    let wanted = features.as_ref().map_or(&[][..], |found| &found.modules);
    let modules = if wanted.is_empty() {
        Vec::new()
    } else {
        find_modules(kernel, wanted).map_err(|source| BootError::Modules {
            path: kernel.image.clone(),
            source,
        })?
    };
    let image = match &kernel.vmlinux {
        Some(vmlinux) => vmlinux.clone(),
        None => bootable_image(&kernel.image, cache, &mut notes)?,
    };
    Ok(Bootable {
        image,
        modules,
        features,
        notes,
    })
}

/// The configuration of a kernel, where it is at hand.
///
/// # Errors
///
/// When it cannot be read.
pub fn configuration(kernel: &Kernel) -> Result<Option<KernelConfig>, BootError> {
    let text = configuration_text(kernel)?;
    Ok(text.map(|text| KernelConfig::parse(&String::from_utf8_lossy(&text))))
}

/// The file of its configuration, where it is at hand.
///
/// # Errors
///
/// When it cannot be read.
pub fn configuration_text(kernel: &Kernel) -> Result<Option<Vec<u8>>, BootError> {
    let path = kernel.config.as_deref();
    path.map(|path| read(path, MAX_CONFIG)).transpose()
}

fn check_config(kernel: &Kernel, notes: &mut Vec<String>) -> Result<Option<Features>, BootError> {
    let Some(config) = configuration(kernel)? else {
        notes.push(format!(
            "the configuration of {} is not at hand, so it was not checked",
            kernel.image.display()
        ));
        return Ok(None);
    };
    let features = config.check().map_err(|source| BootError::Options {
        path: kernel.image.clone(),
        source,
    })?;
    Ok(Some(features))
}

fn find_modules(kernel: &Kernel, wanted: &[&str]) -> Result<Vec<Module>, ModuleError> {
    let found = kernel.modules.iter().find(|tree| tree.is_dir());
    let tree = found.ok_or_else(|| {
        let searched: Vec<_> = kernel
            .modules
            .iter()
            .map(|t| t.display().to_string())
            .collect();
        ModuleError::NoTree {
            wanted: wanted.join(" and "),
            searched: searched.join(", "),
        }
    })?;
    modules::resolve(tree, wanted)
}

/// The ELF inside of `path`, from the cache or extracted into it; `path` itself
/// if it is one, or if its payload cannot be unpacked here.
fn bootable_image(
    path: &Path,
    cache: &Cache,
    notes: &mut Vec<String>,
) -> Result<PathBuf, BootError> {
    let directory = cache.directory("vmlinux")?;
    let extracted = directory.join(key(path)?);
    if extracted.is_file() {
        return Ok(extracted);
    }
    let bytes = read(path, MAX_OUTPUT)?;
    let not_bootable = |source| BootError::Image {
        path: path.to_owned(),
        source,
    };
    match image::kind(&bytes).map_err(not_bootable)? {
        Kind::Elf => return Ok(path.to_owned()),
        Kind::BzImage => {}
    }
    match image::extract(&bytes) {
        Ok(elf) => {
            write_whole(&extracted, &elf)?;
            forget_old(&directory, &extracted);
            Ok(extracted)
        }
        Err(error) => {
            let reason = std::error::Error::source(&error)
                .map_or_else(|| error.to_string(), ToString::to_string);
            notes.push(format!(
                "{} is booted as it is, which takes about a second more: {reason}",
                path.display()
            ));
            Ok(path.to_owned())
        }
    }
}

/// Names an extract by where its source lies and when it was last changed, so
/// that a second run need not read it.
fn key(path: &Path) -> Result<String, BootError> {
    let failed = |source| BootError::Read {
        path: path.to_owned(),
        source,
    };
    let path = path.canonicalize().map_err(failed)?;
    let failed = |source| BootError::Read {
        path: path.clone(),
        source,
    };
    let facts = path.metadata().map_err(failed)?;
    let mut hash = Sha256::new();
    hash.update(path.as_os_str().as_encoded_bytes());
    for fact in [
        facts.mtime(),
        facts.mtime_nsec(),
        facts.ctime(),
        facts.ctime_nsec(),
    ] {
        hash.update(fact.to_le_bytes());
    }
    for fact in [facts.size(), facts.ino(), facts.dev()] {
        hash.update(fact.to_le_bytes());
    }
    let digest = hash.finalize();
    Ok(digest
        .iter()
        .take(16)
        .map(|byte| format!("{byte:02x}"))
        .collect())
}

/// Removes all but the newest extracts; one that cannot be removed only takes space.
fn forget_old(directory: &Path, current: &Path) {
    let Ok(entries) = fs::read_dir(directory) else {
        return;
    };
    let age = |path: &PathBuf| {
        path.metadata()
            .and_then(|m| m.modified())
            .unwrap_or(SystemTime::UNIX_EPOCH)
    };
    let mut extracts: Vec<PathBuf> = entries
        .filter_map(|entry| entry.ok().map(|e| e.path()))
        .filter(|path| path != current)
        .collect();
    extracts.sort_by_key(|path| std::cmp::Reverse(age(path)));
    for old in extracts.iter().skip(KEPT_EXTRACTS - 1) {
        let _ = fs::remove_file(old);
    }
}

fn read(path: &Path, limit: u64) -> Result<Vec<u8>, BootError> {
    let failed = |source| BootError::Read {
        path: path.to_owned(),
        source,
    };
    let file = fs::File::open(path).map_err(failed)?;
    let mut bytes = Vec::new();
    file.take(limit).read_to_end(&mut bytes).map_err(failed)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::config::tests::sufficient;
    use crate::kernel::image::tests::{bzimage, vmlinux};
    use crate::kernel::modules::tests::module;
    use crate::kernel::store;

    struct Place {
        dir: tempfile::TempDir,
        cache: Cache,
    }

    fn place() -> Place {
        let dir = tempfile::tempdir().unwrap();
        let cache = Cache::at(dir.path().join("cache"));
        Place { dir, cache }
    }

    impl Place {
        fn write(&self, name: &str, bytes: &[u8]) -> PathBuf {
            let path = self.dir.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(&path, bytes).unwrap();
            path
        }

        fn prepare(&self, image: &Path) -> Result<Bootable, BootError> {
            prepare(&store::from_path(image).unwrap(), &self.cache)
        }
    }

    fn image_with(elf: &[u8]) -> Vec<u8> {
        let level = ruzstd::encoding::CompressionLevel::Fastest;
        bzimage(
            &ruzstd::encoding::compress_to_vec(elf, level),
            "6.1.0-1-test",
        )
    }

    #[test]
    fn the_elf_is_extracted_once_and_again_when_the_image_changes() {
        let place = place();
        let image = place.write("vmlinuz", &image_with(&vmlinux(10)));
        let first = place.prepare(&image).unwrap().image;
        assert_eq!(fs::read(&first).unwrap(), vmlinux(10));
        // What is in the cache is used as it is: the source is not read again.
        fs::write(&first, b"marked").unwrap();
        assert_eq!(
            fs::read(place.prepare(&image).unwrap().image).unwrap(),
            b"marked"
        );
        place.write("vmlinuz", &image_with(&vmlinux(20)));
        let second = place.prepare(&image).unwrap().image;
        assert_eq!(fs::read(second).unwrap(), vmlinux(20));
    }

    #[test]
    fn an_elf_is_booted_as_it_is_and_a_text_is_refused() {
        let place = place();
        let elf = place.write("vmlinux", &vmlinux(0));
        assert_eq!(place.prepare(&elf).unwrap().image, elf);
        let text = place.write("notes.txt", b"hello");
        assert!(matches!(place.prepare(&text), Err(BootError::Image { .. })));
    }

    #[test]
    fn a_payload_that_we_cannot_unpack_boots_the_image_and_says_so() {
        let place = place();
        let image = place.write("vmlinuz", &bzimage(&[2, 0x21, 0x4c, 0x18, 0, 0], "6.1"));
        let bootable = place.prepare(&image).unwrap();
        assert_eq!(bootable.image, image);
        assert!(
            bootable
                .notes
                .iter()
                .any(|note| note.contains("a second more"))
        );
    }

    #[test]
    fn a_configuration_beside_the_image_is_checked_and_its_absence_is_noted() {
        let place = place();
        let image = place.write("vmlinuz-1", &vmlinux(0));
        let bootable = place.prepare(&image).unwrap();
        assert!(bootable.features.is_none() && bootable.notes[0].contains("not checked"));
        place.write(
            "config-1",
            sufficient("").replace("CONFIG_MEMCG=y\n", "").as_bytes(),
        );
        let error = place.prepare(&image).unwrap_err();
        let BootError::Options { source, .. } = error else {
            panic!("{error}");
        };
        assert!(source.to_string().contains("CONFIG_MEMCG"));
    }

    #[test]
    fn modules_are_found_beside_the_image_or_the_options_are_named() {
        let place = place();
        let image = place.write("boot/vmlinuz-6.1-x", &image_with(&vmlinux(0)));
        place.write(
            "boot/config-6.1-x",
            sufficient("CONFIG_VIRTIO_CONSOLE=m\n").as_bytes(),
        );
        let BootError::Modules { source, .. } = place.prepare(&image).unwrap_err() else {
            panic!("a module is missing");
        };
        assert!(source.to_string().contains("virtio_console"));
        place.write("lib/modules/6.1.0-1-test/virtio_console.ko", &module(""));
        assert_eq!(place.prepare(&image).unwrap().modules.len(), 1);
    }

    #[test]
    fn extracts_do_not_pile_up() {
        let place = place();
        for size in 0..10 {
            let image = place.write("vmlinuz", &image_with(&vmlinux(size)));
            place.prepare(&image).unwrap();
        }
        let kept = fs::read_dir(place.cache.root().join("vmlinux"))
            .unwrap()
            .count();
        assert_eq!(kept, KEPT_EXTRACTS);
    }
}
