//! What the guest boots from: archives, one after the other.
//!
//! Linux unpacks concatenated `newc` archives in order, so the runtime, the
//! kernel's modules, payloads and the job are written separately. Owns their layout and
//! the anonymous file that holds them: nothing of a run's image is on disk, so
//! nothing can be left behind. Never compiles or fetches anything.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{self, Seek, SeekFrom};
use std::os::fd::{AsFd, BorrowedFd};
use std::path::{Path, PathBuf};

use nix::sys::memfd::{MFdFlags, memfd_create};
use proscenium_wire::{JOB_PATH, PLUGIN_PATH};

use super::archive::Archive;
pub use super::archive::Content;
pub use super::binaries::{GuestBinaries, INIT_NAME, WORKER_NAME};

/// Where the guest's runtime finds the worker.
pub const WORKER_PATH: &str = "/worker";
/// Directory whose files the guest's runtime loads in the order of their names.
pub const MODULES_DIR: &str = "/modules";

/// Directories of the guest, in the order in which they are made.
const DIRECTORIES: &[&str] = &["dev", "proc", "sys", "tmp", "run", "job", "modules"];
/// Device nodes that exist before devtmpfs is mounted: path, mode, major, minor.
const DEVICES: &[(&str, u32, u32, u32)] =
    &[("dev/console", 0o600, 5, 1), ("dev/null", 0o666, 1, 3)];
/// Archives in an image start on this boundary; Linux asks for four bytes.
const ALIGNMENT: u64 = 512;

/// Why an image could not be made.
#[derive(Debug, thiserror::Error)]
pub enum ImageError {
    /// No directory holds both programs.
    #[error(
        "the guest's programs {INIT_NAME} and {WORKER_NAME} are in none of {searched}: build them with `cargo xtask build`"
    )]
    NoBinaries {
        /// The directories, for the message.
        searched: String,
    },
    /// A file could not be read.
    #[error("failed to read {path}")]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// A file is not what it was when the run was made ready.
    #[error("{path} has changed while it was packed: run it again when it is complete")]
    Changed {
        /// The file.
        path: PathBuf,
    },
    /// A program that cannot run in the guest.
    #[error("{path} cannot run in the guest: {why}: build it for x86_64-unknown-linux-musl")]
    Program {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        why: &'static str,
    },
    /// A file of 4 GiB or more.
    #[error("{name} is too large for the guest's image")]
    TooLarge {
        /// The name in the image.
        name: String,
    },
    /// The image could not be written.
    #[error("failed to write the guest's image")]
    Write(#[source] io::Error),
}

/// A growing image in memory, readable by QEMU through its descriptor.
#[derive(Debug)]
pub struct Image {
    file: File,
    length: usize,
}

impl Image {
    /// An image that holds the runtime and nothing to do.
    ///
    /// # Errors
    ///
    /// When a program cannot be read or is not static, or memory is short.
    pub fn new(binaries: &GuestBinaries) -> Result<Self, ImageError> {
        let memory = memfd_create(c"proscenium-image", MFdFlags::MFD_CLOEXEC)
            .map_err(|error| ImageError::Write(error.into()))?;
        let mut image = Self {
            file: File::from(memory),
            length: 0,
        };
        image.append(|base| {
            for directory in DIRECTORIES {
                base.directory(directory)?;
            }
            for &(path, mode, major, minor) in DEVICES {
                base.device(path, mode, major, minor)?;
            }
            base.program("init", &binaries.init)?;
            base.program(WORKER_PATH, &binaries.worker)
        })?;
        Ok(image)
    }

    /// Adds kernel modules, which the guest loads in this order.
    ///
    /// # Errors
    ///
    /// When memory is short.
    pub fn add_modules<'a>(
        &mut self,
        modules: impl IntoIterator<Item = (&'a str, &'a [u8])>,
    ) -> Result<(), ImageError> {
        self.append(|archive| {
            for (index, (name, bytes)) in modules.into_iter().enumerate() {
                archive.file(&format!("{MODULES_DIR}/{index:02}-{name}.ko"), 0o644, bytes)?;
            }
            Ok(())
        })
    }

    /// Adds the job: its encoded description and the precompiled component.
    ///
    /// # Errors
    ///
    /// When memory is short or the component is too large.
    pub fn add_job(&mut self, job: &[u8], plugin: &[u8]) -> Result<(), ImageError> {
        self.append(|archive| {
            archive.file(JOB_PATH, 0o644, job)?;
            archive.file(PLUGIN_PATH, 0o644, plugin)
        })
    }

    /// Adds files at absolute paths, with their permissions, and the folders
    /// above them; `folders` are made besides.
    ///
    /// # Errors
    ///
    /// When memory is short, or a file is too large, cannot be read or has changed.
    pub fn add_tree<'a>(
        &mut self,
        folders: impl IntoIterator<Item = &'a str>,
        files: impl IntoIterator<Item = (&'a str, u32, &'a Content)> + Clone,
    ) -> Result<(), ImageError> {
        let parents = files.clone().into_iter().map(|(path, _, _)| parent(path));
        // In order, so that a folder comes before what is in it.
        let all: BTreeSet<&Path> = folders
            .into_iter()
            .map(Path::new)
            .chain(parents)
            .flat_map(Path::ancestors)
            .filter(|folder| folder.file_name().is_some())
            .collect();
        self.append(|archive| {
            for folder in all {
                archive.directory(&folder.to_string_lossy())?;
            }
            for (path, mode, content) in files {
                archive.content(path, mode & 0o777, content)?;
            }
            Ok(())
        })
    }

    /// Adds one more file at an absolute `path`, whose folder the image must
    /// already have.
    ///
    /// # Errors
    ///
    /// When memory is short or the file is too large.
    pub fn add_file(&mut self, path: &str, mode: u32, bytes: &[u8]) -> Result<(), ImageError> {
        self.append(|archive| archive.file(path, mode & 0o777, bytes))
    }

    /// Bytes so far.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.length
    }

    /// Whether nothing was written; it never is.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.length == 0
    }

    /// Writes one archive at the end.
    fn append(
        &mut self,
        fill: impl FnOnce(&mut Archive<'_>) -> Result<(), ImageError>,
    ) -> Result<(), ImageError> {
        let mut archive = Archive::new(&self.file);
        fill(&mut archive)?;
        archive.finish().map_err(ImageError::Write)?;
        let end = self.file.stream_position().map_err(ImageError::Write)?;
        let next = end.next_multiple_of(ALIGNMENT);
        self.file.set_len(next).map_err(ImageError::Write)?;
        self.file
            .seek(SeekFrom::Start(next))
            .map_err(ImageError::Write)?;
        self.length = usize::try_from(next)
            .map_err(|_| ImageError::Write(io::ErrorKind::FileTooLarge.into()))?;
        Ok(())
    }
}

impl AsFd for Image {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.file.as_fd()
    }
}

/// Memory in MiB that a guest needs for an image of so many bytes, beside what it
/// needs for itself. It holds the image until that is unpacked, and what is
/// unpacked may fill half of the rest: that is the kernel's bound on its root.
#[must_use]
pub fn room_mib(image_bytes: u64) -> u64 {
    3 * image_bytes.div_ceil(1 << 20)
}

fn parent(path: &str) -> &Path {
    Path::new(path).parent().unwrap_or(Path::new("/"))
}

#[cfg(test)]
mod tests {
    use cpio::newc;

    use super::*;
    use std::io::Read;
    use std::{env, fs};

    /// A minimal static ELF: the header alone has no interpreter.
    fn static_program() -> Vec<u8> {
        let mut bytes = vec![0; 64];
        bytes[..8].copy_from_slice(&[0x7f, b'E', b'L', b'F', 2, 1, 1, 0]);
        bytes[16] = 2;
        bytes[18] = 62;
        bytes[20] = 1;
        bytes[52] = 64;
        bytes
    }

    fn binaries(dir: &Path) -> GuestBinaries {
        fs::write(dir.join(INIT_NAME), static_program()).unwrap();
        fs::write(dir.join(WORKER_NAME), static_program()).unwrap();
        GuestBinaries::find(&[dir.to_owned()]).unwrap()
    }

    /// Names and modes of every entry of every archive, as Linux would read them.
    fn entries(image: &Image) -> Vec<(String, u32)> {
        let mut file = image.file.try_clone().unwrap();
        file.rewind().unwrap();
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes).unwrap();
        let mut rest = bytes.as_slice();
        let mut found = Vec::new();
        while !rest.is_empty() {
            let reader = newc::Reader::new(rest).unwrap();
            let (name, mode) = (reader.entry().name().to_owned(), reader.entry().mode());
            let trailer = reader.entry().is_trailer();
            rest = reader.finish().unwrap();
            if trailer {
                let zeros = rest.iter().take_while(|byte| **byte == 0).count();
                rest = &rest[zeros..];
            } else {
                found.push((name, mode));
            }
        }
        found
    }

    #[test]
    fn the_three_archives_read_back_in_order() {
        let dir = tempfile::tempdir().unwrap();
        let mut image = Image::new(&binaries(dir.path())).unwrap();
        image
            .add_modules([("virtio", b"a".as_slice()), ("virtio_pci", b"b")])
            .unwrap();
        image.add_job(b"job", b"plugin").unwrap();
        let names: Vec<String> = entries(&image).into_iter().map(|e| e.0).collect();
        assert_eq!(
            names,
            [
                "dev",
                "proc",
                "sys",
                "tmp",
                "run",
                "job",
                "modules",
                "dev/console",
                "dev/null",
                "init",
                "worker",
                "modules/00-virtio.ko",
                "modules/01-virtio_pci.ko",
                "job/job.bin",
                "job/plugin.cwasm",
            ]
        );
        assert_eq!(image.len() as u64 % ALIGNMENT, 0);
    }

    #[test]
    fn programs_are_executable_and_devices_are_devices() {
        let dir = tempfile::tempdir().unwrap();
        let found = entries(&Image::new(&binaries(dir.path())).unwrap());
        let mode = |name: &str| found.iter().find(|e| e.0 == name).unwrap().1;
        assert_eq!(mode("init"), 0o100_755);
        assert_eq!(mode("dev/console"), 0o020_600);
        assert_eq!(mode("proc"), 0o040_755);
    }

    #[test]
    fn a_tree_has_every_folder_once_and_before_what_is_in_it() {
        let dir = tempfile::tempdir().unwrap();
        let mut image = Image::new(&binaries(dir.path())).unwrap();
        let before = entries(&image).len();
        let source = dir.path().join("source");
        fs::write(&source, "y").unwrap();
        let (x, y) = (
            Content::Bytes(b"x".to_vec()),
            Content::File {
                path: source.clone(),
                length: 1,
            },
        );
        let files = [("/a/b/x", 0o755, &x), ("/a/y", 0o644, &y)];
        image.add_tree(["/c"], files).unwrap();
        let added: Vec<_> = entries(&image).split_off(before);
        let names: Vec<_> = added.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["a", "a/b", "c", "a/b/x", "a/y"]);
        assert_eq!((added[3].1, added[4].1), (0o100_755, 0o100_644));
        for content in ["", "yy"] {
            fs::write(&source, content).unwrap();
            let error = image.add_tree([], [("/y", 0o644, &y)]).unwrap_err();
            assert!(matches!(error, ImageError::Changed { .. }), "{error}");
        }
    }

    #[test]
    fn a_dynamic_program_is_refused_before_a_kernel_panics_over_it() {
        let dir = tempfile::tempdir().unwrap();
        let mut found = binaries(dir.path());
        found.init = env::current_exe().unwrap();
        let error = Image::new(&found).unwrap_err();
        assert!(matches!(
            error,
            ImageError::Program {
                why: "it is linked dynamically",
                ..
            }
        ));
    }

    #[test]
    fn a_script_is_no_program_for_the_guest() {
        let dir = tempfile::tempdir().unwrap();
        let found = binaries(dir.path());
        fs::write(&found.worker, "#!/bin/sh\n").unwrap();
        assert!(matches!(
            Image::new(&found),
            Err(ImageError::Program { .. })
        ));
    }
}
