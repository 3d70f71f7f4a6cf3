//! One `newc` archive in the making, as Linux unpacks it at boot.

use std::fs;
use std::io::Write;
use std::path::Path;

use cpio::newc::{self, ModeFileType};

use super::initramfs::ImageError;
use super::program::check_program;

/// Entries so far, without the trailer.
#[derive(Default)]
pub(super) struct Archive {
    pub(super) bytes: Vec<u8>,
    entries: u32,
}

impl Archive {
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
        let size = u32::try_from(data.len()).map_err(|_| ImageError::TooLarge {
            name: path.to_owned(),
        })?;
        let mut writer = entry.write(&mut self.bytes, size);
        writer.write_all(data).map_err(ImageError::Write)?;
        writer.finish().map_err(ImageError::Write)?;
        Ok(())
    }
}
