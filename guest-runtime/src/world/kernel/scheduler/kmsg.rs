//! The kernel's log, record by record: `/dev/kmsg`, read without blocking.
//!
//! Programs write to it as well, but not in the kernel's name: what is not of
//! the kernel's own facility is left out. What the records mean is `said.rs`.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::os::fd::{AsFd, BorrowedFd};

use nix::errno::Errno;

/// Longest record that the kernel hands out.
const MOST: usize = 8 << 10;
/// Records that are taken at a time. More are left for the next time.
const AT_A_TIME: usize = 256;

/// See the module.
#[derive(Debug)]
pub(super) struct KernelLog {
    file: File,
}

impl KernelLog {
    /// The log from its beginning. `file` is open without blocking.
    pub(super) fn new(file: File) -> Self {
        Self { file }
    }

    /// Leaves out what it says until now.
    pub(super) fn skip(&self) -> io::Result<()> {
        (&self.file).seek(SeekFrom::End(0)).map(drop)
    }

    /// Takes what has come, and gives the text of each record of the kernel's own.
    pub(super) fn take(&self, mut hear: impl FnMut(&str)) {
        let mut buffer = [0; MOST];
        for _ in 0..AT_A_TIME {
            let length = match (&self.file).read(&mut buffer) {
                Ok(0) => return,
                Ok(length) => length,
                // Some were overwritten before they were read, or it was interrupted.
                Err(error) => match error.raw_os_error().map(Errno::from_raw) {
                    Some(Errno::EPIPE | Errno::EINTR) => continue,
                    _ => return,
                },
            };
            if let Some(text) = buffer.get(..length).and_then(kernels) {
                hear(&String::from_utf8_lossy(text));
            }
        }
    }
}

impl AsFd for KernelLog {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.file.as_fd()
    }
}

/// The text of `PRIORITY,NUMBER,TIME,FLAGS;TEXT`, if the kernel wrote it. Lines
/// that follow describe devices.
fn kernels(record: &[u8]) -> Option<&[u8]> {
    let semicolon = record.iter().position(|byte| *byte == b';')?;
    let (head, text) = record.split_at(semicolon);
    let priority = head.split(|byte| *byte == b',').next()?;
    let priority: u32 = str::from_utf8(priority).ok()?.parse().ok()?;
    // The facility is what is left above the three bits of the level; 0 is the kernel.
    (priority >> 3 == 0).then(|| text[1..].split(|byte| *byte == b'\n').next())?
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_kernels_own_records_are_told_from_those_of_programs() {
        let text = |record: &'static str| kernels(record.as_bytes());
        assert_eq!(
            text("6,339,5140900,-,caller=T1;sched_ext: a; b\n SUBSYSTEM=x\n"),
            Some(b"sched_ext: a; b".as_slice())
        );
        assert_eq!(text("3,1,2,-;\n"), Some(b"".as_slice()));
        for other in [
            "12,340,5140901,-;sched_ext: BPF scheduler \"x\" disabled (a lie)\n",
            "6,339,5140900,-",
            ";text",
            "-1,2,3,-;text",
            "99999999999,2,3,-;text",
            "",
        ] {
            assert_eq!(text(other), None, "{other:?}");
        }
    }

    proptest! {
        #[test]
        fn no_bytes_are_too_much(record in prop::collection::vec(any::<u8>(), 0..300)) {
            kernels(&record);
        }

        #[test]
        fn a_text_is_one_line(level in 0..8_u8, text in "\\PC{0,80}") {
            let record = format!("{level},1,2,-;{text}\n KEY=value\n");
            prop_assert_eq!(kernels(record.as_bytes()), Some(text.as_bytes()));
        }
    }
}
