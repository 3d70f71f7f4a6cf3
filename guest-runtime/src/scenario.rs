//! One scenario from beginning to end: a component, a world, a verdict.
//!
//! The guest calls this with the kernel behind the gateway, `check` with the
//! simulated world. However the component ends, the stage is closed: exactly
//! one verdict, everything collected.

use std::io;
use std::time::Duration;

use proscenium_wire::{Budget, Detail, DetailKind, Event, Job, Limits, LogLevel, Outcome, Verdict};

use crate::bindings::scenario::{Context, Outcome as PluginOutcome, Verdict as PluginVerdict};
use crate::bindings::types::{Error as ContractError, ErrorCode};
use crate::capability::Capability;
use crate::executor::{Error, Settings, Stage, linkable};
use crate::name::clean_line;
use crate::plugin::{Abort, Plugin, State, instantiate, store, watchdog};
use crate::sandbox::Ends;
use crate::sink::Sink;
use crate::verdict::Ending;
use crate::world::World;

/// Longest reason that a plugin gives, in bytes.
const MAX_REASON: usize = 4_096;

/// A component, wherever its code runs.
pub(crate) trait Component {
    /// What it imports.
    fn capabilities(&self) -> Vec<Capability>;

    /// The loops that it exports for its workers.
    ///
    /// # Errors
    /// How it ended instead of saying so.
    fn works(&mut self, limits: &Limits) -> Result<Vec<String>, Abort>;

    /// Runs its scenario on `stage`.
    fn perform(&mut self, stage: Stage, context: &Context, limits: &Limits) -> Performed;
}

/// What is left of a component that has run.
pub(crate) struct Performed {
    pub(crate) stage: Stage,
    /// Log lines and notes beyond the budget.
    pub(crate) dropped_lines: u64,
    pub(crate) ended: Ended,
}

/// Runs `plugin`, in this process, as `job` says.
///
/// The scheduler under test, if the job names one, is attached before the
/// component begins. Emits everything from that, or the scenario's start, to
/// the verdict and the figures of mediation into `sink`; the end frame is the
/// caller's.
pub fn run(plugin: &Plugin, job: &Job, world: Box<dyn World>, sink: Box<dyn Sink>) -> Verdict {
    run_component(&mut Here(plugin), job, world, sink)
}

/// As [`run`], for a component whose code runs in another process.
///
/// # Errors
/// The way there is not one.
pub fn run_apart(
    plugin: &Plugin,
    component: Ends,
    job: &Job,
    world: Box<dyn World>,
    sink: Box<dyn Sink>,
) -> io::Result<Verdict> {
    let mut broker = component.broker(plugin.capabilities(), job.trap_foreign_imports)?;
    Ok(run_component(&mut broker, job, world, sink))
}

pub(crate) fn run_component(
    component: &mut dyn Component,
    job: &Job,
    world: Box<dyn World>,
    sink: Box<dyn Sink>,
) -> Verdict {
    let context = Context {
        parameters: job.parameters.clone(),
        duration: job.duration_ns,
        seed: job.seed,
        scheduler: job.scheduler.clone(),
        kernel: world.kernel_release().to_owned(),
    };
    let mut stage = Stage::new(world, sink, Settings::from(job));
    if let Err(denied) = allowed(&component.capabilities(), job) {
        return stage.close(denied).0;
    }
    if let Some(name) = &job.scheduler
        && let Err(error) = stage.boot_scheduler(name)
    {
        return close_unloaded(stage, error);
    }
    let stage = match component.works(&job.limits) {
        Ok(works) => stage.with_works(works),
        Err(abort) => return close(stage, Err(abort)),
    };
    let Performed {
        mut stage,
        dropped_lines,
        ended,
    } = component.perform(stage, &context, &job.limits);
    if dropped_lines > 0 {
        let message = format!("{dropped_lines} log lines beyond the budget were dropped");
        stage.say(LogLevel::Warn, message.clone());
        stage.used_up(Budget::LogBytes, message);
    }
    close(stage, ended)
}

/// The scheduler under test did not get ready: no component was started.
fn close_unloaded(stage: Stage, error: Error) -> Verdict {
    let ending = match error {
        Error::Fault(fault) => return close(stage, Err(Abort::Fault(fault))),
        Error::Refused(refusal) => match refusal.code {
            ErrorCode::Cancelled => broken(
                DetailKind::Cancelled,
                Outcome::Inconclusive,
                &refusal.message,
            ),
            ErrorCode::Unavailable => broken(
                DetailKind::Environment,
                Outcome::Inconclusive,
                &refusal.to_string(),
            ),
            // It died in the moment in which it was enabled.
            ErrorCode::SchedulerDied if stage.scheduler_died() => Ending::PassedOn,
            // What is under test failed; the machine did what it should.
            _ => broken(DetailKind::Other, Outcome::Fail, &refusal.to_string()),
        },
    };
    stage.close(ending).0
}

/// Refuses what is not granted before any of the component's code runs. The
/// host has done so before it booted; this is the runtime's own word.
fn allowed(imported: &[Capability], job: &Job) -> Result<(), Ending> {
    if let Err(denied) = linkable(&job.permissions, imported) {
        return Err(broken(
            DetailKind::Denied,
            Outcome::Fail,
            &denied.to_string(),
        ));
    }
    let most = Duration::from_millis(job.limits.duration_ms);
    if Duration::from_nanos(job.duration_ns) > most {
        let message = format!("the scenario is to last longer than {most:?}, which is granted");
        return Err(broken(DetailKind::DurationLimit, Outcome::Fail, &message));
    }
    Ok(())
}

/// A component in this process.
struct Here<'a>(&'a Plugin);

impl Component for Here<'_> {
    fn capabilities(&self) -> Vec<Capability> {
        self.0.capabilities()
    }

    fn works(&mut self, limits: &Limits) -> Result<Vec<String>, Abort> {
        self.0
            .works(limits)
            .map_err(|error| Abort::Unfit(error.to_string()))
    }

    fn perform(&mut self, stage: Stage, context: &Context, limits: &Limits) -> Performed {
        let watchdog = match watchdog(self.0, limits) {
            Ok(watchdog) => watchdog,
            Err(abort) => return State::apart(stage, limits).performed(Err(abort)),
        };
        let mut store = store(self.0, State::new(stage, watchdog, limits), limits);
        let ended = instantiate(self.0, &mut store, limits, true, |store, scenario| {
            scenario
                .proscenium_scenario_scenario()
                .call_run(store, context)
        });
        // The component's memory goes first; the stage is what is left of it.
        store.into_data().performed(ended)
    }
}

/// What a component returned, or how it ended otherwise.
pub(crate) type Ended = Result<Result<PluginOutcome, ContractError>, Abort>;

fn close(mut stage: Stage, ended: Ended) -> Verdict {
    if let Err(Abort::Fault(fault)) = &ended {
        stage.emit(Event::Fault {
            message: fault.to_string(),
        });
    }
    let died = stage.scheduler_died();
    stage.close(ending_of(ended, died)).0
}

/// What the component returned, or how it did not. `died`: the scheduler under
/// test did, which is on record.
fn ending_of(ended: Ended, died: bool) -> Ending {
    match ended {
        Ok(Ok(PluginOutcome { verdict, reason })) => Ending::Returned {
            outcome: match verdict {
                PluginVerdict::Pass => Outcome::Pass,
                PluginVerdict::Fail => Outcome::Fail,
                PluginVerdict::Inconclusive => Outcome::Inconclusive,
                PluginVerdict::Skip => Outcome::Skip,
            },
            reason: reason.map(|reason| clean_line(&reason, MAX_REASON)),
        },
        // A plugin that passes a cancellation on has done nothing wrong.
        Ok(Err(error)) if error.code == ErrorCode::Cancelled => {
            broken(DetailKind::Cancelled, Outcome::Inconclusive, &error.message)
        }
        Ok(Err(error)) if error.code == ErrorCode::SchedulerDied && died => Ending::PassedOn,
        // Nor has one that is told that this machine does not have what it takes.
        Ok(Err(error)) if error.code == ErrorCode::Unavailable => broken(
            DetailKind::Environment,
            Outcome::Inconclusive,
            &error.message,
        ),
        Ok(Err(error)) => broken(
            DetailKind::Plugin,
            Outcome::Fail,
            &format!(
                "the plugin returned an error: {:?}: {}",
                error.code, error.message
            ),
        ),
        Err(abort) => aborted(&abort),
    }
}

fn aborted(abort: &Abort) -> Ending {
    let (kind, outcome) = match abort {
        Abort::Unfit(_) => (DetailKind::Plugin, Outcome::Fail),
        Abort::Trapped(_) => (DetailKind::PluginTrap, Outcome::Fail),
        Abort::OutOfTime(_) => (DetailKind::PluginTimeout, Outcome::Fail),
        Abort::Limit(budget, _) => (
            budget.map_or(DetailKind::PluginLimit, Budget::kind),
            Outcome::Fail,
        ),
        Abort::Fault(_) => (DetailKind::Environment, Outcome::Inconclusive),
    };
    broken(kind, outcome, &abort.to_string())
}

fn broken(kind: DetailKind, outcome: Outcome, message: &str) -> Ending {
    Ending::Broken(Detail {
        kind,
        outcome,
        phase: None,
        message: clean_line(message, MAX_REASON),
    })
}
