//! `proscenium check`: a scenario read over in the simulated world, in virtual time.

use std::ffi::OsString;
use std::path::Path;
use std::time::Duration;

use proscenium_wire::{Event, Job, LogLevel};

use super::admission::Admitted;
use super::needs::Have;
use super::programs::Programs;
use super::record::{self, Place};
use super::scenario::ScenarioArgs;
use super::simulated::KernelOnPaper;
use super::sweep::{self, Named, Sweep};
use super::{Context, code_of, job, needs, say, worse};
use crate::error::ExpectedError;
use crate::event::{Reason, RunEnded, RunOutcome, Speaker, World};
use crate::exit_code;
use crate::plugin::{Loaded, Loader};
use crate::report::Reporters;
use crate::session::{Clock, Ending, Monotonic, Recording};
use crate::shield::{Shield, ShieldError, Simulation};
use crate::vm::topology::Topology;

/// Real time that virtual time may take, on all topologies together. A
/// scenario needs a fraction of a second; one that waits a billion times is
/// stopped and says so.
const PATIENCE: Duration = Duration::from_secs(60);

/// Read scenarios over without a VM: on a simulated machine, in virtual time.
///
/// Cgroups, ranges and lifetimes follow the kernel's rules. Everything that is found is told, not
/// only the first: what would be refused (errors), what is probably not meant (warnings), each
/// with its place and what to do. How a scheduler copes does not show: load is shared out evenly.
///
/// The exit code is the one that a run would have; findings alone do not change it.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  proscenium check plugins/steady
  proscenium check plugins/cpuset-shrink --topology 2n8l8c2t --param tolerance=10
  proscenium check my.wasm --all-topologies --deny-warnings
  proscenium check my.wasm --json | jq 'select(.event.type == \"finding\").event'")]
pub(super) struct Args {
    #[command(flatten)]
    scenario: ScenarioArgs,

    /// Shape of the machine: nodes, last-level caches in all, cores per cache, threads per core;
    /// or the name of a preset, such as 252cpu-14llc-smt. Several give a table.
    #[arg(long, short, value_name = "NnNlNcNt", default_value = "1n1l2c1t")]
    topology: Vec<Topology>,

    /// Check on every preset that meets the scenario's needs.
    #[arg(long, conflicts_with = "topology")]
    all_topologies: bool,

    /// Check against what this kernel was built with: a file with its configuration beside it, or
    /// the name of a fetched one. It is not booted.
    #[arg(long, short, value_name = "KERNEL")]
    kernel: Option<OsString>,

    /// Fail if there are warnings or errors among the findings, though the scenario passes.
    #[arg(long)]
    deny_warnings: bool,
}

pub(super) fn run(args: &Args, context: &mut Context<'_>) -> anyhow::Result<u8> {
    let mut code = exit_code::PASSED;
    for named in &args.scenario.plugins {
        let one = match check(named, args, context) {
            Ok(Checked::One(code)) => code,
            Ok(Checked::Many(code, table)) => {
                context.out.write_all(&table)?;
                code
            }
            Err(error) => {
                say(&format!("error: {error}"));
                record::not_loaded(&error, named, &args.scenario, World::Simulated, context);
                code_of(&error)
            }
        };
        code = worse(code, one);
    }
    Ok(code)
}

/// An exit code, and for several topologies what is to be printed.
enum Checked {
    One(u8),
    Many(u8, Vec<u8>),
}

fn check(named: &Path, args: &Args, context: &Context<'_>) -> Result<Checked, ExpectedError> {
    let scenario = &args.scenario;
    let kernel = args.kernel.as_deref();
    let kernel = kernel
        .map(|named| KernelOnPaper::find(&context.layout, named))
        .transpose()?;
    let clock = Monotonic::start();
    let loaded = Loader::new(&context.layout, scenario.foreign(), context.terminal).load(named)?;
    let Admitted { grant, note } = scenario.admit(&loaded)?;
    let programs = Programs::on_paper(&scenario.programs)?;
    let checking = Checking {
        job: job::job(scenario, &loaded.manifest, &programs, grant)?,
        note,
        loaded,
        kernel,
        deny_warnings: args.deny_warnings,
        begun: Monotonic::start(),
    };
    if let ([topology], false) = (&args.topology[..], args.all_topologies) {
        let mut reporters = record::reporters(scenario, None, context);
        let ended = checking.on(*topology, &clock, &mut reporters);
        return Ok(Checked::One(ended.exit_code));
    }
    if scenario.junit.is_some() {
        return Err(
            ExpectedError::refused("cannot write a JUnit report of several topologies")
                .because("it is a report of one run")
                .remedy("name one --topology at a time, or use --json"),
        );
    }
    checking.on_all(args, record::look(context).width)
}

/// What is to be checked, wherever.
struct Checking {
    loaded: Loaded,
    job: Job,
    /// What is granted, where nobody said.
    note: Option<String>,
    kernel: Option<KernelOnPaper>,
    deny_warnings: bool,
    /// When the first simulation began.
    begun: Monotonic,
}

impl Checking {
    /// On several topologies, one after another.
    fn on_all(&self, args: &Args, width: u16) -> Result<Checked, ExpectedError> {
        let release = self.release();
        let (all, unfit) = if args.all_topologies {
            sweep::presets(
                &self.loaded.manifest.needs,
                |topology| self.have(topology),
                release,
            )
        } else {
            (args.topology.iter().copied().map(Named::from).collect(), 0)
        };
        let mut sweep = Sweep::default();
        let mut code = exit_code::PASSED;
        for named in &all {
            let mut reporters = record::one_of_many(&args.scenario);
            let ended = self.on(named.topology, &Monotonic::start(), &mut reporters);
            code = worse(code, ended.exit_code);
            sweep.add(named, &ended, reporters.summary());
        }
        let mut text = Vec::new();
        if !args.scenario.json {
            let name = &self.loaded.manifest.name;
            sweep
                .print(&mut text, name, unfit, width)
                .map_err(|error| ExpectedError::could_not_run(error.to_string()))?;
        }
        Ok(Checked::Many(code, text))
    }

    fn on(&self, topology: Topology, clock: &Monotonic, reporters: &mut Reporters) -> RunEnded {
        let place = Place {
            world: World::Simulated,
            topology: Some(topology),
            kernel: self.release().map(str::to_owned),
            acceleration: None,
        };
        let started = record::started(&self.loaded, &self.job, place, None);
        let mut recording = Recording::begin(clock, reporters, None, started);
        recording.evidence.deny_findings = self.deny_warnings;
        if let Some(note) = &self.note {
            recording.log(Speaker::Host, LogLevel::Info, note);
        }
        let needs = &self.loaded.manifest.needs;
        if let Some(unmet) = needs::unmet(needs, &self.have(topology), self.release()) {
            let (outcome, reason) = record::skipped(&unmet);
            return recording.abort(outcome, reason);
        }
        let kernel = self.kernel.as_ref();
        let refused = kernel.and_then(|kernel| kernel.refuses(&self.job));
        if let Some(finding) = &refused {
            recording.guest(Event::Finding(finding.clone()));
        }
        if let Err(error) = self.simulate(topology, &mut recording) {
            let error = ExpectedError::could_not_run("the simulation failed").because(error);
            let (outcome, reason) = record::outcome(&error);
            return recording.abort(outcome, reason);
        }
        match refused {
            // What a run would say before it boots.
            Some(finding) => {
                recording.abort(RunOutcome::Refused, Reason::new("refused", finding.message))
            }
            None => {
                recording.guest(Event::End);
                recording.finish(Ending::Orderly)
            }
        }
    }

    fn have(&self, topology: Topology) -> Have {
        Have::of_vm(topology).staging(&self.job.schedulers)
    }

    /// Runs the scenario in a process of its own, and takes down what it tells.
    fn simulate(
        &self,
        topology: Topology,
        recording: &mut Recording<'_>,
    ) -> Result<(), ShieldError> {
        let spent = Duration::from_nanos(self.begun.now_ns());
        let simulation = Simulation {
            job: &self.job,
            code: &self.loaded.code,
            topology,
            controllers: self.kernel.as_ref().map(|kernel| kernel.controllers),
            patience: PATIENCE.saturating_sub(spent),
            impatience: &format!(
                "the simulation took over {} s: wait less often, or for longer at a time",
                PATIENCE.as_secs()
            ),
        };
        Shield::of_this_program().simulate(&simulation, |event| recording.guest(event))
    }

    fn release(&self) -> Option<&str> {
        self.kernel.as_ref().map(|kernel| kernel.name.as_str())
    }
}
