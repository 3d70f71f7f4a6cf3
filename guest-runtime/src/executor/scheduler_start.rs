//! From a declaration to a scheduler that the kernel has enabled, or to the
//! reason why not: told with the loader's last words, its process gone.

use std::time::Duration;

use proscenium_wire::{SchedulerChange, SchedulerSpec};

use super::obituary::how_it_ended;
use super::scheduler::{LINGER, Running};
use super::scheduler_log::Log;
use super::scheduler_rules::{declared, none_attached, settled};
use super::stage::Stage;
use super::{Error, Result};
use crate::bindings::types::ErrorCode;
use crate::name::{clean_line, quote};
use crate::time::nanos;
use crate::world::{ExtState, ProgramPlan, Wake};

/// Longest name of the kernel's that is told, in bytes.
const MAX_OPS_NAME: usize = 128;

impl Stage {
    pub(super) fn attach(&mut self, name: &str) -> Result<()> {
        none_attached(name, self.scheduler())?;
        let spec = declared(&self.settings.schedulers, name)?.clone();
        settled(name, &self.sched_ext())?;
        let start = self.schedulers.starts;
        self.schedulers.starts = start.saturating_add(1);
        let begun = self.world.now();
        self.mediation.spawns += 1;
        let id = match self.world.start_scheduler(&plan(&spec)) {
            Ok(id) => id,
            Err(error) => {
                let reason = error.to_string();
                self.tell_scheduler(start, name, SchedulerChange::Refused { reason });
                return Err(Error::from(error).context(format!("scheduler {}", quote(name))));
            }
        };
        let mut running = Running {
            id,
            start,
            name: name.to_owned(),
            log: Log::new(start),
        };
        let until = begun + Duration::from_millis(u64::from(spec.ready_ms));
        match self.until_enabled(&mut running, &spec, until) {
            Ok(ops) => {
                let took = self.world.now().saturating_sub(begun);
                let took_ns = nanos(took);
                self.tell_scheduler(start, name, SchedulerChange::Attached { ops, took_ns });
                self.world.watch_scheduler(Some(id));
                self.schedulers.live = Some(running);
                // It may have died in between.
                self.look()
            }
            Err(error) => Err(self.refuse(running, error)),
        }
    }

    /// Waits for the kernel to have it enabled; gives the name under which.
    fn until_enabled(
        &mut self,
        running: &mut Running,
        spec: &SchedulerSpec,
        until: Duration,
    ) -> Result<String> {
        let mut late = false;
        loop {
            let kernel = self.sched_ext();
            if let (ExtState::Enabled, Some(ops)) = (kernel.state, kernel.ops) {
                return expected(spec, &ops);
            }
            if let Some(exit) = self.world.scheduler_exit(running.id) {
                return Err(Error::new(
                    ErrorCode::Kernel,
                    format!(
                        "its process {} before the kernel had it enabled",
                        how_it_ended(exit)
                    ),
                ));
            }
            if late {
                return Err(Error::new(
                    ErrorCode::TimedOut,
                    format!(
                        "the kernel does not have it enabled after its ready time of {} ms",
                        spec.ready_ms
                    ),
                ));
            }
            self.drain_log(running);
            self.mediation.waits += 1;
            self.sink.flush();
            match self.world.await_scheduler(running.id, until)? {
                Wake::Elapsed => late = true,
                Wake::Deserted => {
                    self.desert();
                    self.proceed()?;
                }
                Wake::Cancelled(reason) => {
                    self.cancelled = Some(reason);
                    self.proceed()?;
                }
                Wake::Scheduler | Wake::SchedulerDown(_) | Wake::Ended => {}
            }
        }
    }

    /// Does away with one that did not get ready; gives the whole story.
    fn refuse(&mut self, running: Running, error: Error) -> Error {
        let name = running.name.clone();
        let start = running.start;
        let (_, words) = self.stop(running, LINGER);
        let error = match error {
            Error::Refused(refusal) if refusal.code != ErrorCode::Cancelled => {
                let words = words.map_or_else(
                    || "it said nothing".to_owned(),
                    |words| format!("it last said: {words}"),
                );
                let message = format!(
                    "scheduler {} did not get ready: {}; {words}",
                    quote(&name),
                    refusal.message
                );
                Error::new(refusal.code, message)
            }
            other => other,
        };
        let reason = error.to_string();
        self.tell_scheduler(start, &name, SchedulerChange::Refused { reason });
        error
    }
}

/// The kernel's name for it, if it is the one that is meant.
fn expected(spec: &SchedulerSpec, ops: &str) -> Result<String> {
    match &spec.ops {
        Some(expected) if expected != ops => Err(Error::new(
            ErrorCode::Kernel,
            format!(
                "the kernel has {} enabled, and {} was expected",
                quote(ops),
                quote(expected)
            ),
        )),
        _ => Ok(clean_line(ops, MAX_OPS_NAME)),
    }
}

fn plan(spec: &SchedulerSpec) -> ProgramPlan {
    ProgramPlan {
        name: spec.name.clone(),
        program: spec.program.clone(),
        folder: spec.folder.clone(),
        arguments: spec.args.clone(),
        environment: spec.environment.clone(),
    }
}
