//! The programs of ours that run in the guest, and where they are found.

use std::path::PathBuf;

use super::initramfs::ImageError;

/// Name of the runtime in a directory of guest binaries.
pub const INIT_NAME: &str = "proscenium-init";
/// Name of the worker in a directory of guest binaries.
pub const WORKER_NAME: &str = "proscenium-worker";

/// The static programs that run in the guest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GuestBinaries {
    /// PID 1.
    pub init: PathBuf,
    /// What the runtime starts inside cgroups.
    pub worker: PathBuf,
}

impl GuestBinaries {
    /// The first of `directories` that holds both programs.
    ///
    /// # Errors
    ///
    /// When none does, with all of them named.
    pub fn find(directories: &[PathBuf]) -> Result<Self, ImageError> {
        directories
            .iter()
            .map(|dir| Self {
                init: dir.join(INIT_NAME),
                worker: dir.join(WORKER_NAME),
            })
            .find(|found| found.init.is_file() && found.worker.is_file())
            .ok_or_else(|| {
                let names: Vec<_> = directories
                    .iter()
                    .map(|d| d.display().to_string())
                    .collect();
                ImageError::NoBinaries {
                    searched: names.join(", "),
                }
            })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn missing_programs_name_every_directory_that_was_searched() {
        let error = GuestBinaries::find(&["/a".into(), "/b".into()]).unwrap_err();
        assert!(error.to_string().contains("/a, /b"));
    }
}
