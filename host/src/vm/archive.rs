//! One `newc` archive, as Linux unpacks it at boot, written as it is made: what
//! is in a file goes over in pieces and is never in memory as a whole.

use std::fs::{self, File};
use std::io::{self, BufWriter, Read, Write};
use std::path::{Path, PathBuf};

use cpio::newc::{self, ModeFileType};

use super::initramfs::ImageError;
use super::program::check_program;

/// Bytes of a file that go over at a time.
const PIECE: usize = 256 << 10;

/// What is in a file of the guest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Content {
    /// These bytes.
    Bytes(Vec<u8>),
    /// The content of a file of this machine.
    File {
        /// The file.
        path: PathBuf,
        /// Its length in bytes, when it was looked at.
        length: u64,
    },
}

impl Content {
    /// How many bytes.
    #[must_use]
    pub fn length(&self) -> u64 {
        match self {
            Self::Bytes(bytes) => bytes.len() as u64,
            Self::File { length, .. } => *length,
        }
    }
}

/// An archive without its trailer.
pub(super) struct Archive<'a> {
    out: BufWriter<&'a File>,
    entries: u32,
}

impl<'a> Archive<'a> {
    /// Begins one where `out` stands.
    pub(super) fn new(out: &'a File) -> Self {
        Self {
            out: BufWriter::new(out),
            entries: 0,
        }
    }

    /// Writes the trailer. Nothing can be added any more.
    pub(super) fn finish(self) -> io::Result<()> {
        newc::trailer(self.out)?.flush()
    }

    pub(super) fn directory(&mut self, path: &str) -> Result<(), ImageError> {
        let entry = self.entry(path, 0o755, ModeFileType::Directory).nlink(2);
        self.write(path, entry, &[])
    }

    pub(super) fn device(
        &mut self,
        path: &str,
        mode: u32,
        major: u32,
        minor: u32,
    ) -> Result<(), ImageError> {
        let entry = self.entry(path, mode, ModeFileType::Char);
        self.write(path, entry.rdev_major(major).rdev_minor(minor), &[])
    }

    pub(super) fn file(&mut self, path: &str, mode: u32, bytes: &[u8]) -> Result<(), ImageError> {
        let entry = self.entry(path, mode, ModeFileType::Regular);
        self.write(path, entry, bytes)
    }

    /// The same with content from elsewhere.
    pub(super) fn content(
        &mut self,
        path: &str,
        mode: u32,
        content: &Content,
    ) -> Result<(), ImageError> {
        match content {
            Content::Bytes(bytes) => self.file(path, mode, bytes),
            Content::File {
                path: source,
                length,
            } => {
                let size = u32::try_from(*length).map_err(|_| too_large(path))?;
                let entry = self.entry(path, mode, ModeFileType::Regular);
                let read = |error| ImageError::Read {
                    path: source.clone(),
                    source: error,
                };
                let file = File::open(source).map_err(read)?;
                let mut writer = entry.write(&mut self.out, size);
                // A byte more than there was shows that it has grown.
                copy(file.take(length + 1), &mut writer, source)?;
                writer.finish().map(drop).map_err(ImageError::Write)
            }
        }
    }

    pub(super) fn program(&mut self, path: &str, source: &Path) -> Result<(), ImageError> {
        let bytes = fs::read(source).map_err(|error| ImageError::Read {
            path: source.to_owned(),
            source: error,
        })?;
        check_program(&bytes).map_err(|why| ImageError::Program {
            path: source.to_owned(),
            why,
        })?;
        self.file(path, 0o755, &bytes)
    }

    fn entry(&mut self, path: &str, mode: u32, kind: ModeFileType) -> newc::Builder {
        self.entries += 1;
        // Hard links are found by inode number, so each entry has its own.
        newc::Builder::new(path.trim_start_matches('/'))
            .ino(self.entries)
            .nlink(1)
            .mode(mode)
            .set_mode_file_type(kind)
    }

    fn write(&mut self, path: &str, entry: newc::Builder, data: &[u8]) -> Result<(), ImageError> {
        let size = u32::try_from(data.len()).map_err(|_| too_large(path))?;
        let mut writer = entry.write(&mut self.out, size);
        writer.write_all(data).map_err(ImageError::Write)?;
        writer.finish().map_err(ImageError::Write)?;
        Ok(())
    }
}

fn too_large(path: &str) -> ImageError {
    ImageError::TooLarge {
        name: path.to_owned(),
    }
}

/// Copies one byte less than `from` may give; anything else is a file that has
/// changed since it was looked at.
fn copy(mut from: io::Take<File>, to: &mut impl Write, source: &Path) -> Result<(), ImageError> {
    let changed = || ImageError::Changed {
        path: source.to_owned(),
    };
    let mut piece = vec![0; PIECE];
    while from.limit() > 1 {
        let most = usize::try_from(from.limit() - 1)
            .unwrap_or(PIECE)
            .min(PIECE);
        let read = from
            .read(&mut piece[..most])
            .map_err(|error| ImageError::Read {
                path: source.to_owned(),
                source: error,
            })?;
        if read == 0 {
            return Err(changed());
        }
        to.write_all(&piece[..read]).map_err(ImageError::Write)?;
    }
    match from.read(&mut piece[..1]) {
        Ok(0) => Ok(()),
        _ => Err(changed()),
    }
}
