//! Files of this machine that the guest has at the same paths.
//!
//! Owns where they lie. A program comes with its interpreter and its
//! libraries, so that one that is linked dynamically runs in the guest as it
//! does here. Never decides which files those are.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use anyhow::{Context, ensure};
use proscenium::program::{Files, GUEST_ROOT, Linker, PackedFile, Wanted};
use proscenium::vm::initramfs::Image;

/// What the guest mounts over: a file beneath would not be seen.
const MOUNTED: [&str; 5] = ["/dev", "/proc", "/run", "/sys", "/tmp"];
/// What an ELF file begins with.
const ELF: &[u8] = b"\x7fELF";

/// Files on their way into an image.
#[derive(Debug, Default)]
pub(crate) struct Mirror {
    files: Files,
}

impl Mirror {
    /// A program that is linked dynamically, and its path; none for others,
    /// which run wherever they are.
    pub(crate) fn of_program(
        linker: &Linker,
        path: &Path,
    ) -> anyhow::Result<Option<(Self, PathBuf)>> {
        let path = canonical(path)?;
        let mut mirror = Self::default();
        if !mirror.place(linker, &path)? {
            return Ok(None);
        }
        visible(&path)?;
        Ok(Some((mirror, path)))
    }

    /// Adds one file.
    pub(crate) fn add(&mut self, linker: &Linker, path: &Path) -> anyhow::Result<()> {
        let path = canonical(path)?;
        visible(&path)?;
        if is_elf(&path)? {
            return self.place(linker, &path).map(drop);
        }
        Ok(self.files.file(&path, path.display().to_string(), 0o644)?)
    }

    /// Adds a program. Says whether it needs libraries.
    fn place(&mut self, linker: &Linker, path: &Path) -> anyhow::Result<bool> {
        let folder = path.parent().unwrap_or(Path::new("/"));
        let folder = format!("{GUEST_ROOT}{}", folder.display());
        let wanted = Wanted {
            program: path,
            folder: &folder,
            files: &[],
            with: &[],
            search_path: None,
        };
        let placed = self.files.place(wanted, linker)?;
        let mut names = placed.environment.iter().map(|(name, _)| name);
        Ok(names.any(|name| name == "LD_LIBRARY_PATH"))
    }

    /// Writes all of it.
    pub(crate) fn write(&self, image: &mut Image) -> anyhow::Result<()> {
        let Files { files, folders } = &self.files;
        let place = |path: &str| path.strip_prefix(GUEST_ROOT).unwrap_or(path).to_owned();
        let folders: BTreeSet<String> = folders.iter().map(|path| place(path)).collect();
        let files: Vec<(String, &PackedFile)> = files
            .iter()
            .map(|(path, file)| (place(path), file))
            .collect();
        let files = files
            .iter()
            .map(|(path, file)| (path.as_str(), file.mode, &file.content));
        Ok(image.add_tree(folders.iter().map(String::as_str), files)?)
    }
}

fn canonical(path: &Path) -> anyhow::Result<PathBuf> {
    path.canonicalize()
        .with_context(|| format!("failed to find {}", path.display()))
}

fn is_elf(path: &Path) -> anyhow::Result<bool> {
    let mut start = Vec::new();
    File::open(path)
        .and_then(|file| file.take(ELF.len() as u64).read_to_end(&mut start))
        .with_context(|| format!("failed to read {}", path.display()))?;
    Ok(start == ELF)
}

fn visible(path: &Path) -> anyhow::Result<()> {
    ensure!(
        !MOUNTED.iter().any(|mounted| path.starts_with(mounted)),
        "{} cannot be at the same path in a guest, which mounts over it: put it elsewhere",
        path.display()
    );
    Ok(())
}
