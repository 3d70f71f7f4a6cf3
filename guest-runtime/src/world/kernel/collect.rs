//! The end of crews: ask, wait for all of them together, kill the rest, read
//! the reports.
//!
//! A worker in a frozen cgroup cannot hear that it is asked: whoever collects
//! thaws first. Never removes a cgroup.

use std::time::Duration;

use nix::errno::Errno;
use nix::sys::signal::Signal;
use nix::sys::wait::{Id, WaitPidFlag, waitid};
use nix::unistd::Pid;
use proscenium_worker::ExitInfo;

use super::Kernel;
use super::crew::DYING;
use super::process::Process;
use super::reactor::{Happened, Reactor};
use crate::world::{CrewId, CrewReport};

impl Kernel {
    /// See [`crate::world::World::collect`]. `until` is monotonic time.
    pub(super) fn collect_crews(&mut self, ids: &[CrewId], until: Duration) -> Vec<CrewReport> {
        let mut taken: Vec<_> = ids
            .iter()
            .filter_map(|id| Some((*id, self.crews.take(*id)?)))
            .collect();
        for (_, crew) in &mut taken {
            crew.request_stop();
        }
        let mut workers: Vec<&mut Process> = taken
            .iter_mut()
            .flat_map(|(_, crew)| crew.processes_mut())
            .map(|(process, _)| process)
            .collect();
        self.await_all(&mut workers, until);
        let mut late: Vec<&mut Process> = workers
            .into_iter()
            .filter(|worker| worker.exit().is_none())
            .collect();
        if !late.is_empty() {
            for worker in &late {
                worker.signal(Signal::SIGKILL);
            }
            self.await_all(&mut late, Reactor::monotonic() + DYING);
            for worker in late {
                if worker.exit().is_some() {
                    worker.set_exit(ExitInfo::TimedOut);
                }
            }
        }
        let undead = self.crews.undead();
        taken
            .into_iter()
            .map(|(id, crew)| crew.into_report(id, undead))
            .collect()
    }

    /// Waits until all are reaped, or until `until`.
    ///
    /// One is watched at a time: whoever ended meanwhile is reaped without a
    /// wait, so that hundreds that were killed cost a few wake-ups.
    pub(super) fn await_all(&mut self, workers: &mut [&mut Process], until: Duration) {
        if let Err(error) = self.reactor.set_deadline(until) {
            tracing::error!("{error}");
        } else {
            let mut others = false;
            for worker in &mut *workers {
                if !self.await_one(worker, &mut others) {
                    break;
                }
            }
            if others {
                self.reap_children(workers);
            }
        }
        // Those behind one that did not end in time may have ended all the same.
        for worker in workers {
            worker.reap();
        }
    }

    /// Waits until it is reaped. False: nobody can be waited for any longer.
    /// `others`: set when children were said to have ended, whose ever.
    fn await_one(&mut self, worker: &mut Process, others: &mut bool) -> bool {
        if worker.reap() {
            return true;
        }
        if let Err(errno) = self.reactor.watch(&*worker, 0) {
            tracing::error!("failed to watch process {}: {errno}", worker.pid());
            return true;
        }
        let goes_on = loop {
            match self.reactor.next() {
                Ok(Happened::Elapsed) => break false,
                Ok(happened @ (Happened::Ready(_) | Happened::Children)) => {
                    *others |= matches!(happened, Happened::Children);
                    if worker.reap() {
                        break true;
                    }
                }
                Ok(other) => self.take_in(other),
                Err(error) => {
                    tracing::error!("{error}");
                    break false;
                }
            }
        };
        self.reactor.unwatch(&*worker);
        goes_on
    }

    /// Reaps every child that has ended: ours into their crews, orphans that
    /// were handed to this process for good. `taken` are in no crew just now.
    pub(super) fn reap_children(&mut self, taken: &mut [&mut Process]) {
        loop {
            // Only looks: taking the status here would take it from a crew.
            let flags = WaitPidFlag::WEXITED | WaitPidFlag::WNOHANG | WaitPidFlag::WNOWAIT;
            let pid = match waitid(Id::All, flags) {
                Ok(status) => status.pid(),
                Err(Errno::EINTR) => continue,
                Err(_) => None,
            };
            let Some(pid) = pid else { return };
            let ours = taken.iter_mut().find(|worker| worker.pid() == pid);
            let reaped = match ours {
                Some(worker) => worker.reap(),
                None => {
                    self.crews.reap(pid)
                        || self.payloads.reap(pid)
                        || self.schedulers.reap(pid, &self.reactor)
                }
            };
            if !reaped && !reap_orphan(pid) {
                return;
            }
        }
    }
}

fn reap_orphan(pid: Pid) -> bool {
    waitid(Id::Pid(pid), WaitPidFlag::WEXITED | WaitPidFlag::WNOHANG).is_ok()
}
