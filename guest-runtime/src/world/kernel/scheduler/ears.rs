//! What is heard of the kernel: its log, its uevents, its trace, and the files
//! that those announce.
//!
//! Listens once there is a scheduler; until then a run is woken by none of it.

use std::fs::File;

use cap_std::fs::Dir;

use super::SchedExtParts;
use super::kmsg::KernelLog;
use super::sysfs::Sysfs;
use super::trace::Trace;
use super::uevent::Uevents;
use crate::world::kernel::files::errno;
use crate::world::kernel::reactor::Reactor;

/// What is heard of the kernel.
#[derive(Debug)]
pub(super) struct Ears {
    pub(super) sysfs: Sysfs,
    pub(super) log: KernelLog,
    /// Until the first scheduler is started, nobody listens.
    pub(super) uevents: Option<Uevents>,
    pub(super) emergency: Option<File>,
    instances: fn() -> Option<Dir>,
    pub(super) trace: Option<Trace>,
}

impl Ears {
    /// Hears nothing yet.
    pub(super) fn new(parts: SchedExtParts) -> Self {
        Self {
            sysfs: Sysfs::new(parts.sysfs),
            log: KernelLog::new(parts.log),
            uevents: None,
            emergency: parts.emergency,
            instances: parts.instances,
            trace: None,
        }
    }

    /// Listens from now on, if nobody does yet.
    pub(super) fn listen(&mut self, reactor: &Reactor) -> nix::Result<()> {
        if self.uevents.is_none() {
            let uevents = Uevents::subscribe()?;
            self.log.skip().map_err(|error| errno(&error))?;
            reactor.watch_sched_ext(&self.log)?;
            reactor.watch_sched_ext(&uevents)?;
            self.uevents = Some(uevents);
            let trace = (self.instances)().map(Trace::start).transpose();
            self.trace = trace.unwrap_or_else(|error| {
                tracing::warn!("the kernel is not traced: {error}");
                None
            });
            if let Some(trace) = &self.trace {
                reactor.watch_sched_ext(trace)?;
            }
        }
        Ok(())
    }
}
