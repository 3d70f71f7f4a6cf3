//! Kernel modules that came with the image.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io;
use std::path::Path;

use nix::errno::Errno;
use nix::kmod::{ModuleInitFlags, finit_module};

use super::InitError;

/// Loads every `*.ko` in `directory` in the order of the names. No directory
/// is no modules; one that is loaded or built in already is success.
///
/// # Errors
/// [`InitError::Module`], on the first that is refused.
pub fn load(directory: &Path) -> Result<(), InitError> {
    let entries = match fs::read_dir(directory) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(InitError::other("list the kernel modules")(error)),
    };
    let mut paths: Vec<_> = entries
        .filter_map(|entry| entry.ok().map(|entry| entry.path()))
        .filter(|path| path.extension() == Some(OsStr::new("ko")))
        .collect();
    paths.sort();
    for path in paths {
        let loaded = File::open(&path).and_then(|file| {
            match finit_module(file, c"", ModuleInitFlags::empty()) {
                Ok(()) | Err(Errno::EEXIST) => Ok(()),
                Err(errno) => Err(errno.into()),
            }
        });
        loaded.map_err(|error| InitError::Module {
            name: path
                .file_name()
                .unwrap_or_default()
                .to_string_lossy()
                .into_owned(),
            error,
        })?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_directory_is_no_modules() {
        load("/nonexistent/modules".as_ref()).unwrap();
    }

    #[test]
    fn what_is_not_a_module_is_refused_by_name() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("README"), "not looked at").unwrap();
        fs::write(folder.path().join("01-nonsense.ko"), "nonsense").unwrap();
        let error = load(folder.path()).unwrap_err().to_string();
        assert!(error.contains("01-nonsense.ko"), "{error}");
    }
}
