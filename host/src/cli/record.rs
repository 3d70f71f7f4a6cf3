//! What `run` and `check` share around a recording: who is told, what is said first.

use std::io::{self, IsTerminal};
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use console::Term;
use proscenium_wire::{Job, LogLevel};

use super::scenario::ScenarioArgs;
use super::{Context, values};
use crate::error::{Class, ExpectedError};
use crate::event::{Acceleration, FORMAT_VERSION, Reason, RunOutcome, RunStarted, World};
use crate::plugin::Loaded;
use crate::report::human::Look;
use crate::report::{Human, JsonLines, Junit, Live, Plain, Reporters};
use crate::run_dir::RunDir;
use crate::session::{Monotonic, Recording};
use crate::vm::topology::Topology;

/// Columns where standard output is no terminal.
const WIDTH: u16 = 100;

/// Everybody who is to be told, as the options say.
pub(super) fn reporters(
    args: &ScenarioArgs,
    run_dir: Option<&RunDir>,
    context: &Context<'_>,
) -> Reporters {
    let mut reporters = Reporters::new(io::stderr());
    if args.json {
        reporters = reporters.with(JsonLines::new(io::stdout()));
    } else {
        reporters = if context.terminal {
            reporters.with(Live::new(LogLevel::Info))
        } else {
            reporters.with(Plain::new(io::stderr(), LogLevel::Info))
        };
        reporters = reporters.with(Human::new(io::stdout(), look(context)));
    }
    let in_run_dir = run_dir.map(|dir| dir.path().join("junit.xml"));
    match &args.junit {
        Some(path) => reporters.with(Junit::new(
            [path.clone()].into_iter().chain(in_run_dir).collect(),
        )),
        None => reporters,
    }
}

pub(super) fn look(context: &Context<'_>) -> Look {
    let environment = context.layout.environment();
    let terminal = io::stdout().is_terminal();
    let width = Term::stdout().size_checked().map(|(_, columns)| columns);
    Look {
        colour: Look::colour_for(
            terminal,
            environment.no_color.as_deref(),
            environment.term.as_deref(),
        ),
        width: width.unwrap_or(WIDTH),
    }
}

/// Only who reads the stream is told; people get a table of all when it is over.
pub(super) fn one_of_many(args: &ScenarioArgs) -> Reporters {
    let reporters = Reporters::new(io::stderr());
    if args.json {
        reporters.with(JsonLines::new(io::stdout()))
    } else {
        reporters
    }
}

/// Where a scenario is to run, for the first record.
#[derive(Debug)]
pub(super) struct Place {
    pub(super) world: World,
    /// The shape that was asked for; none is this machine's own.
    pub(super) topology: Option<Topology>,
    pub(super) kernel: Option<String>,
    pub(super) acceleration: Option<Acceleration>,
}

/// The first record.
pub(super) fn started(
    loaded: &Loaded,
    job: &Job,
    place: Place,
    run_dir: Option<&Path>,
) -> RunStarted {
    RunStarted {
        format_version: FORMAT_VERSION,
        host_version: env!("CARGO_PKG_VERSION").to_owned(),
        plugin: loaded.manifest.name.clone(),
        plugin_version: Some(loaded.manifest.version.clone()).filter(|v| !v.is_empty()),
        digest: format!("sha256:{}", loaded.digest),
        world: place.world,
        kernel: place.kernel,
        acceleration: place.acceleration,
        topology: place.topology.map(|topology| topology.to_string()),
        schedulers: job.schedulers.iter().map(|one| one.name.clone()).collect(),
        scheduler: job.scheduler.clone(),
        duration_ns: job.duration_ns,
        seed: job.seed,
        parameters: job.parameters.clone(),
        started_unix_ms: unix_ms(),
        run_dir: run_dir.map(|path| path.display().to_string()),
    }
}

/// Tells machines that ask for it that a plugin could not even be loaded;
/// people get the error itself.
pub(super) fn not_loaded(
    error: &ExpectedError,
    named: &Path,
    args: &ScenarioArgs,
    world: World,
    context: &Context<'_>,
) {
    if !args.json && args.junit.is_none() {
        return;
    }
    let mut quiet = Reporters::new(io::stderr());
    if args.json {
        quiet = reporters(args, None, context);
    } else if let Some(path) = &args.junit {
        quiet = quiet.with(Junit::new(vec![path.clone()]));
    }
    let clock = Monotonic::start();
    let started = RunStarted {
        format_version: FORMAT_VERSION,
        host_version: env!("CARGO_PKG_VERSION").to_owned(),
        plugin: named.display().to_string(),
        plugin_version: None,
        digest: String::new(),
        world,
        kernel: None,
        acceleration: None,
        topology: None,
        schedulers: Vec::new(),
        scheduler: None,
        duration_ns: args.duration.map_or(0, values::nanoseconds),
        seed: args.seed,
        parameters: args.param.clone(),
        started_unix_ms: unix_ms(),
        run_dir: None,
    };
    let (outcome, reason) = outcome(error);
    let _ = Recording::begin(&clock, &mut quiet, None, started).abort(outcome, reason);
}

/// An expected error as the end of a run.
pub(super) fn outcome(error: &ExpectedError) -> (RunOutcome, Reason) {
    match error.class() {
        Class::Refused => (
            RunOutcome::Refused,
            Reason::new("refused", error.to_string()),
        ),
        Class::CouldNotRun => (
            RunOutcome::CouldNotRun,
            Reason::new("could-not-run", error.to_string()),
        ),
    }
}

/// The end of a scenario that makes no sense here.
pub(super) fn skipped(unmet: &str) -> (RunOutcome, Reason) {
    (RunOutcome::Skipped, Reason::new("skip", unmet))
}

/// Milliseconds since 1970 by this machine's calendar clock.
pub(super) fn unix_ms() -> u64 {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}
