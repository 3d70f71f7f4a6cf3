//! Kernel modules that the guest must load before it can reach the host.
//!
//! Owns the search in a modules tree, the order by `depends=` in the modules
//! themselves (a package that was only unpacked has no `modules.dep`), and
//! their decompression. Never loads anything.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use object::read::elf::{FileHeader, SectionHeader};
use object::{Endianness, elf};

use super::decompress::{DecompressError, Format, decompress};

/// Most directories that a tree may have; a distribution's has about a thousand.
const MAX_DIRECTORIES: usize = 20_000;

/// A module in plain ELF, ready to be loaded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Module {
    /// Its name with underscores, as the kernel lists it.
    pub name: String,
    /// The file below the tree that it came from.
    pub path: PathBuf,
    /// The ELF file.
    pub bytes: Vec<u8>,
}

/// Why modules could not be had.
#[derive(Debug, thiserror::Error)]
pub enum ModuleError {
    /// No directory of modules for this kernel.
    #[error(
        "the kernel has {wanted} as modules and there is no directory of its modules: expected one of {searched}"
    )]
    NoTree {
        /// The options' modules.
        wanted: String,
        /// Where was looked.
        searched: String,
    },
    /// Not in the tree.
    #[error("module {name} is not below {tree}: the kernel needs it for {wanted_by}")]
    Missing {
        /// Its name.
        name: String,
        /// Where was looked.
        tree: PathBuf,
        /// The module that depends on it, or what it is for.
        wanted_by: String,
    },
    /// A file could not be read.
    #[error("failed to read {path}")]
    Read {
        /// The file or directory.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// A compression that we do not decode, or damaged data.
    #[error("failed to unpack {path}")]
    Unpack {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        #[source]
        source: DecompressError,
    },
    /// A module that is no ELF file with module information.
    #[error("{path} is no kernel module")]
    NotAModule {
        /// The file.
        path: PathBuf,
    },
    /// More directories than a modules tree has.
    #[error("{tree} is no modules tree: it has more than {MAX_DIRECTORIES} directories")]
    NotATree {
        /// Where was looked.
        tree: PathBuf,
    },
}

/// `wanted` and all that they depend on, each after what it depends on.
///
/// # Errors
///
/// When one is not there, cannot be read or is no module.
pub fn resolve(tree: &Path, wanted: &[&str]) -> Result<Vec<Module>, ModuleError> {
    let index = index(tree)?;
    let mut loaded = Vec::new();
    let mut seen = BTreeSet::new();
    for name in wanted {
        visit(
            tree,
            &index,
            name,
            "the ports to the host",
            &mut seen,
            &mut loaded,
        )?;
    }
    Ok(loaded)
}

/// Depth first. A module is marked before its dependencies are visited, so a
/// cycle in hostile files ends.
fn visit(
    tree: &Path,
    index: &BTreeMap<String, PathBuf>,
    name: &str,
    wanted_by: &str,
    seen: &mut BTreeSet<String>,
    loaded: &mut Vec<Module>,
) -> Result<(), ModuleError> {
    if !seen.insert(name.to_owned()) {
        return Ok(());
    }
    let path = index.get(name).ok_or_else(|| ModuleError::Missing {
        name: name.to_owned(),
        tree: tree.to_owned(),
        wanted_by: wanted_by.to_owned(),
    })?;
    let bytes = read(path)?;
    let depends = depends(&bytes).ok_or_else(|| ModuleError::NotAModule { path: path.clone() })?;
    for dependency in &depends {
        visit(tree, index, dependency, name, seen, loaded)?;
    }
    loaded.push(Module {
        name: name.to_owned(),
        path: path.clone(),
        bytes,
    });
    Ok(())
}

/// Names of all module files below `tree`, with underscores, and their paths.
fn index(tree: &Path) -> Result<BTreeMap<String, PathBuf>, ModuleError> {
    let mut found = BTreeMap::new();
    let mut pending = vec![tree.to_owned()];
    let mut visited = 0;
    while let Some(directory) = pending.pop() {
        visited += 1;
        if visited > MAX_DIRECTORIES {
            return Err(ModuleError::NotATree {
                tree: tree.to_owned(),
            });
        }
        let failed = |source| ModuleError::Read {
            path: directory.clone(),
            source,
        };
        for entry in fs::read_dir(&directory).map_err(failed)? {
            let entry = entry.map_err(failed)?;
            // Links such as `build` lead out of the tree; `file_type` does not follow them.
            let kind = entry.file_type().map_err(failed)?;
            if kind.is_dir() {
                pending.push(entry.path());
            } else if let Some(name) = entry.file_name().to_str().and_then(module_name) {
                found.insert(name, entry.path());
            }
        }
    }
    Ok(found)
}

/// `virtio-rng.ko.xz` is module `virtio_rng`.
fn module_name(file: &str) -> Option<String> {
    let (stem, extension) = file.split_once(".ko")?;
    matches!(extension, "" | ".xz" | ".gz" | ".zst").then(|| stem.replace('-', "_"))
}

fn read(path: &Path) -> Result<Vec<u8>, ModuleError> {
    let bytes = fs::read(path).map_err(|source| ModuleError::Read {
        path: path.to_owned(),
        source,
    })?;
    if Format::of(&bytes) == Some(Format::Elf) {
        return Ok(bytes);
    }
    decompress(&bytes).map_err(|source| ModuleError::Unpack {
        path: path.to_owned(),
        source,
    })
}

/// The names in `depends=` of the module's information; `None` if it is no module.
fn depends(bytes: &[u8]) -> Option<Vec<String>> {
    let header = elf::FileHeader64::<Endianness>::parse(bytes).ok()?;
    let endian = header.endian().ok()?;
    let sections = header.sections(endian, bytes).ok()?;
    let (_, section) = sections.section_by_name(endian, b".modinfo")?;
    let information = section.data(endian, bytes).ok()?;
    let names = information
        .split(|byte| *byte == 0)
        .find_map(|field| field.strip_prefix(b"depends="))
        .unwrap_or_default();
    let names = std::str::from_utf8(names).ok()?;
    let names = names.split(',').filter(|name| !name.is_empty());
    Some(names.map(|name| name.replace('-', "_")).collect())
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    /// An ELF object whose only content is module information.
    pub(crate) fn module(depends: &str) -> Vec<u8> {
        let names = b"\0.modinfo\0.shstrtab\0";
        let information = format!("license=GPL\0depends={depends}\0");
        let mut elf = vec![0_u8; 64];
        elf[..7].copy_from_slice(&[0x7f, b'E', b'L', b'F', 2, 1, 1]);
        (elf[16], elf[18], elf[20], elf[52]) = (1, 62, 1, 64);
        elf.extend(names);
        elf.extend(information.as_bytes());
        let table = elf.len() as u64;
        let mut section = |name: u32, kind: u32, offset: u64, size: usize| {
            let mut header = [0_u8; 64];
            header[..4].copy_from_slice(&name.to_le_bytes());
            header[4..8].copy_from_slice(&kind.to_le_bytes());
            header[24..32].copy_from_slice(&offset.to_le_bytes());
            header[32..40].copy_from_slice(&(size as u64).to_le_bytes());
            elf.extend(header);
        };
        section(0, 0, 0, 0);
        section(1, 1, 64 + names.len() as u64, information.len());
        section(10, 3, 64, names.len());
        elf[40..48].copy_from_slice(&table.to_le_bytes());
        (elf[58], elf[60], elf[62]) = (64, 3, 2);
        elf
    }

    fn tree(files: &[(&str, Vec<u8>)]) -> tempfile::TempDir {
        let dir = tempfile::tempdir().unwrap();
        for (path, bytes) in files {
            let path = dir.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, bytes).unwrap();
        }
        dir
    }

    fn names(modules: &[Module]) -> Vec<&str> {
        modules.iter().map(|module| module.name.as_str()).collect()
    }

    #[test]
    fn each_module_comes_after_what_it_depends_on_and_only_once() {
        let dir = tree(&[
            ("kernel/a/virtio-pci.ko", module("virtio-ring,virtio")),
            ("kernel/b/virtio_console.ko", module("virtio_ring")),
            ("kernel/b/virtio_ring.ko", module("virtio")),
            ("kernel/virtio.ko", module("")),
            ("kernel/other.ko", module("nonexistent")),
        ]);
        let found = resolve(dir.path(), &["virtio_pci", "virtio_console"]).unwrap();
        assert_eq!(
            names(&found),
            ["virtio", "virtio_ring", "virtio_pci", "virtio_console"]
        );
    }

    #[test]
    fn compressed_modules_are_unpacked() {
        let plain = module("");
        let packed = ruzstd::encoding::compress_to_vec(
            plain.as_slice(),
            ruzstd::encoding::CompressionLevel::Fastest,
        );
        let dir = tree(&[("a.ko.zst", packed)]);
        assert_eq!(resolve(dir.path(), &["a"]).unwrap()[0].bytes, plain);
    }

    #[test]
    fn a_dependency_that_is_not_there_names_who_wanted_it() {
        let dir = tree(&[("a.ko", module("b"))]);
        let error = resolve(dir.path(), &["a"]).unwrap_err();
        assert!(
            matches!(error, ModuleError::Missing { name, wanted_by, .. } if name == "b" && wanted_by == "a")
        );
    }

    #[test]
    fn a_cycle_ends() {
        let dir = tree(&[("a.ko", module("b")), ("b.ko", module("a"))]);
        assert_eq!(names(&resolve(dir.path(), &["a"]).unwrap()), ["b", "a"]);
    }

    #[test]
    fn files_that_are_no_modules_are_refused() {
        let dir = tree(&[("a.ko", b"\x7fELF".to_vec()), ("b.ko.xz", b"text".to_vec())]);
        assert!(matches!(
            resolve(dir.path(), &["a"]),
            Err(ModuleError::NotAModule { .. })
        ));
        assert!(matches!(
            resolve(dir.path(), &["b"]),
            Err(ModuleError::Unpack { .. })
        ));
    }

    #[test]
    fn links_out_of_the_tree_are_not_followed() {
        let outside = tree(&[("a.ko", module(""))]);
        let dir = tree(&[("b.ko", module(""))]);
        symlink(outside.path(), dir.path().join("build")).unwrap();
        assert!(matches!(
            resolve(dir.path(), &["a"]),
            Err(ModuleError::Missing { .. })
        ));
    }
}
