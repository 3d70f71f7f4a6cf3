//! The kernel's scheduling statistics of this thread. The file is opened
//! before the loop, so that reading it afterwards is one call.

use std::fs::File;
use std::os::unix::fs::FileExt;

use crate::report::Schedstat;

#[derive(Debug)]
pub(super) struct SchedstatFile(File);

impl SchedstatFile {
    /// `None` without `/proc` or `CONFIG_SCHED_INFO`.
    pub(super) fn open() -> Option<Self> {
        File::open("/proc/thread-self/schedstat").ok().map(Self)
    }

    pub(super) fn read(&self) -> Option<Schedstat> {
        let mut text = [0_u8; 128];
        let len = self.0.read_at(&mut text, 0).ok()?;
        let mut numbers = std::str::from_utf8(text.get(..len)?)
            .ok()?
            .split_ascii_whitespace()
            .map(str::parse);
        let mut next = || numbers.next()?.ok();
        Some(Schedstat {
            cpu_time_ns: next()?,
            run_delay_ns: next()?,
            run_count: next()?,
        })
    }
}
