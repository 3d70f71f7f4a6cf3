//! `proscenium check`: a scenario in the simulated world, in virtual time.

use std::path::Path;
use std::sync::mpsc::{SyncSender, sync_channel};
use std::thread;
use std::time::Duration;

use proscenium_guest_runtime::exported::Rehearsal;
use proscenium_guest_runtime::machine::Machine;
use proscenium_guest_runtime::scenario;
use proscenium_guest_runtime::sink::Sink;
use proscenium_guest_runtime::world::simulated::Simulated;
use proscenium_wire::{Event, Job};

use super::needs::Have;
use super::record::{self, Place};
use super::scenario::{ScenarioArgs, bad_payload};
use super::{Context, code_of, job, needs, say, worse};
use crate::error::ExpectedError;
use crate::event::{RunOutcome, World};
use crate::exit_code;
use crate::payload::Pack;
use crate::plugin::{Loaded, Loader};
use crate::session::{Clock, Ending, Monotonic, Recording};

/// Real time that virtual time may take. A scenario needs a fraction of a
/// second; one that waits a billion times is stopped and says so.
const PATIENCE: Duration = Duration::from_secs(60);
/// Events under way between scenario and reporters; beyond that it waits.
const IN_FLIGHT: usize = 1_024;

/// Run scenarios without a VM: a simulated machine, in virtual time.
///
/// Cgroups, ranges and lifetimes follow the kernel's rules, so mistakes in a plan show here. How
/// a scheduler copes does not: load is shared out evenly.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  proscenium check plugins/steady
  proscenium check plugins/cpuset-shrink --topology 2n8l8c2t --param tolerance=10
  proscenium check my.wasm --json | jq .event.type")]
pub(super) struct Args {
    #[command(flatten)]
    scenario: ScenarioArgs,
}

pub(super) fn run(args: &Args, context: &mut Context<'_>) -> anyhow::Result<u8> {
    let args = &args.scenario;
    let mut code = exit_code::PASSED;
    for named in &args.plugins {
        let one = check(named, args, context).unwrap_or_else(|error| {
            say(&format!("error: {error}"));
            record::not_loaded(&error, named, args, World::Simulated, context);
            code_of(&error)
        });
        code = worse(code, one);
    }
    Ok(code)
}

fn check(named: &Path, args: &ScenarioArgs, context: &Context<'_>) -> Result<u8, ExpectedError> {
    let clock = Monotonic::start();
    let loaded = Loader::new(&context.layout, args.foreign(), context.terminal).load(named)?;
    let payloads = Pack::declarations(args.declared()?).map_err(|error| bad_payload(&error))?;
    let job = job::job(args, &loaded.manifest, payloads)?;
    let place = Place {
        world: World::Simulated,
        kernel: None,
        acceleration: None,
    };
    let started = record::started(&loaded, &job, args, place, None);
    let mut reporters = record::reporters(args, None, context);
    let mut recording = Recording::begin(&clock, &mut reporters, None, started);
    if let Some(unmet) = needs::unmet(&loaded.manifest.needs, &Have::of_vm(args.topology), None) {
        let (outcome, reason) = record::skipped(&unmet);
        return Ok(recording.abort(outcome, reason).exit_code);
    }
    let topology = args.topology;
    let machine = Machine::uniform(
        topology.nodes(),
        topology.llcs(),
        topology.cores(),
        topology.threads(),
    );
    let rehearsal = loaded
        .plugin
        .exports_work()
        .then(|| Rehearsal::new(&loaded.plugin));
    let rehearsal = match rehearsal.transpose() {
        Ok(rehearsal) => rehearsal,
        Err(error) => {
            let failed =
                ExpectedError::could_not_run("exported work cannot be tried").because(error);
            let (outcome, reason) = record::outcome(&failed);
            return Ok(recording.abort(outcome, reason).exit_code);
        }
    };
    if simulate(&loaded, &job, machine, rehearsal, &mut recording) {
        recording.guest(Event::End);
        return Ok(recording.finish(Ending::Orderly).exit_code);
    }
    let (_, reason) = record::outcome(
        &ExpectedError::could_not_run("the runtime failed").because("its thread ended early"),
    );
    Ok(recording.abort(RunOutcome::CouldNotRun, reason).exit_code)
}

/// Runs the scenario beside the reporters, so that neither holds more than
/// [`IN_FLIGHT`] events. False if the runtime itself broke down.
fn simulate(
    loaded: &Loaded,
    job: &Job,
    machine: Machine,
    rehearsal: Option<Rehearsal>,
    recording: &mut Recording<'_>,
) -> bool {
    let (sender, events) = sync_channel(IN_FLIGHT);
    thread::scope(|scope| {
        let world = scope.spawn(move || {
            let sink = Box::new(Outlet { sender, sent: 0 });
            let clock = Monotonic::start();
            let mut world = Simulated::new(machine).interrupted_by(move || {
                (Duration::from_nanos(clock.now_ns()) > PATIENCE).then(|| {
                    format!(
                        "the simulation took over {} s: wait less often, or for longer at a time",
                        PATIENCE.as_secs()
                    )
                })
            });
            if let Some(rehearsal) = rehearsal {
                world = world.with_rehearsal(Box::new(rehearsal));
            }
            scenario::run(&loaded.plugin, job, Box::new(world), sink)
        });
        let mut verdict_told = false;
        for event in events {
            verdict_told |= matches!(event, Event::Verdict(_));
            recording.guest(event);
        }
        match world.join() {
            Ok(verdict) if !verdict_told => recording.guest(Event::Verdict(verdict)),
            Ok(_) => {}
            Err(_) => return false,
        }
        true
    })
}

/// The scenario's end of the channel.
#[derive(Debug)]
struct Outlet {
    sender: SyncSender<Event>,
    sent: u64,
}

impl Sink for Outlet {
    fn emit(&mut self, event: Event) {
        // The other end goes first only when the command is being ended.
        if self.sender.send(event).is_ok() {
            self.sent += 1;
        }
    }

    fn frames(&self) -> u64 {
        self.sent
    }

    fn flush(&mut self) {}
}
