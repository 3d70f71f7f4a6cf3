//! A stage on a simulated machine with its log of effects and its frames.

use std::cell::RefCell;
use std::rc::Rc;

use nix::errno::Errno;
use proscenium_guest_runtime::contract::ops::Op;
use proscenium_guest_runtime::contract::stage::{Backdrop, StepPlan};
use proscenium_guest_runtime::contract::types::{CgroupDef, HoldSpec, PayloadRef, PayloadRun};
use proscenium_guest_runtime::executor::{Result, Settings, Stage};
use proscenium_guest_runtime::machine::Machine;
use proscenium_guest_runtime::verdict::Ending;
use proscenium_guest_runtime::world::World;
use proscenium_guest_runtime::world::simulated::{Effect, EffectLog, Script, Simulated};
use proscenium_wire::{
    Detail, DetailKind, Event, Outcome, PayloadRecord, PayloadSpec, Permissions, Thresholds,
    Verdict,
};

/// The same plans are carried out on a real kernel by the guest's own suite.
#[path = "../../../guest-runtime/tests/support/plans.rs"]
mod plans;

pub(crate) use plans::{MS, backdrop, def, def_on, ms, nothing, spawn, spins, step, work};

/// A stage, and what can be seen of it from outside.
pub(crate) struct Rig {
    pub(crate) stage: Stage,
    pub(crate) log: EffectLog,
    pub(crate) events: Rc<RefCell<Vec<Event>>>,
}

impl Rig {
    /// Two nodes, two caches, two cores each, no SMT; one second.
    pub(crate) fn new() -> Self {
        Self::on(Machine::uniform(2, 2, 2, 1))
    }

    pub(crate) fn on(machine: Machine) -> Self {
        Self::with(Simulated::new(machine), |_| {})
    }

    pub(crate) fn with(world: Simulated, change: impl FnOnce(&mut Settings)) -> Self {
        let log = EffectLog::recording();
        let events = Rc::new(RefCell::new(Vec::new()));
        let mut settings = settings();
        change(&mut settings);
        let world = Box::new(world.with_log(log.clone()));
        let stage = Stage::new(world, Box::new(Rc::clone(&events)), settings);
        Self { stage, log, events }
    }

    /// With these programs declared; of those in `scripts` it is said how
    /// they behave.
    pub(crate) fn payloads(declared: Vec<PayloadSpec>, scripts: &[(&str, Script)]) -> Self {
        let mut world = Simulated::new(Machine::uniform(2, 2, 2, 1));
        for (name, script) in scripts {
            world = world.with_payload(name, script.clone());
        }
        Self::with(world, |settings| settings.payloads = declared)
    }

    pub(crate) fn thresholds(thresholds: Thresholds) -> Self {
        let world = Simulated::new(Machine::uniform(2, 2, 2, 1));
        Self::with(world, |settings| settings.thresholds = thresholds)
    }

    pub(crate) fn lines(&self) -> Vec<String> {
        self.log.lines()
    }

    /// Values written to one file, in order.
    pub(crate) fn writes(&self, file: &str) -> Vec<String> {
        let effects = self.log.effects();
        let values = effects.iter().filter_map(|effect| match effect {
            Effect::Write { knob, value, .. } if knob.file_name() == file => Some(value.clone()),
            _ => None,
        });
        values.collect()
    }

    pub(crate) fn position(&self, text: &str) -> usize {
        let lines = self.lines();
        lines
            .iter()
            .position(|line| line.contains(text))
            .unwrap_or_else(|| panic!("no {text:?} in {lines:#?}"))
    }

    pub(crate) fn fail(&self, errno: Errno, which: impl Fn(&Effect) -> bool + 'static) {
        self.log.fail(errno, which);
    }

    /// Ends a scenario whose plugin says it passed.
    pub(crate) fn close(self) -> Ended {
        self.end(Ending::Returned {
            outcome: Outcome::Pass,
            reason: None,
        })
    }

    /// Ends a scenario whose plugin passed an error on.
    pub(crate) fn give_up(self, message: &str) -> Ended {
        self.end(Ending::Broken(Detail {
            kind: DetailKind::Plugin,
            outcome: Outcome::Fail,
            phase: None,
            message: message.to_owned(),
        }))
    }

    fn end(self, ending: Ending) -> Ended {
        let Self { stage, log, events } = self;
        let (verdict, world) = stage.close(ending);
        Ended {
            verdict,
            log,
            events: events.take(),
            world,
        }
    }

    /// A whole plan, then the end.
    #[expect(clippy::needless_pass_by_value, reason = "plans are written in place")]
    pub(crate) fn execute(mut self, backdrop: Backdrop, steps: Vec<StepPlan>) -> Ended {
        self.stage.execute(&backdrop, &steps).unwrap();
        self.close()
    }

    /// A whole plan that is refused before anything is done.
    #[expect(clippy::needless_pass_by_value, reason = "plans are written in place")]
    pub(crate) fn refused(mut self, backdrop: Backdrop, steps: Vec<StepPlan>) -> String {
        let error = self
            .stage
            .execute(&backdrop, &steps)
            .unwrap_err()
            .to_string();
        assert_eq!(self.lines(), Vec::<String>::new(), "nothing was done");
        error
    }
}

/// What is left when it is over.
pub(crate) struct Ended {
    pub(crate) verdict: Verdict,
    pub(crate) log: EffectLog,
    pub(crate) events: Vec<Event>,
    pub(crate) world: Box<dyn World>,
}

impl Ended {
    /// Another scenario in the same world, with a record of its own of frames.
    pub(crate) fn again(self) -> Rig {
        let events = Rc::default();
        Rig {
            stage: Stage::new(self.world, Box::new(Rc::clone(&events)), settings()),
            log: self.log,
            events,
        }
    }

    pub(crate) fn position(&self, text: &str) -> usize {
        let lines = self.log.lines();
        lines
            .iter()
            .position(|line| line.contains(text))
            .unwrap_or_else(|| panic!("no {text:?} in {lines:#?}"))
    }

    pub(crate) fn messages(&self) -> Vec<&str> {
        self.verdict
            .details
            .iter()
            .map(|detail| detail.message.as_str())
            .collect()
    }

    /// Payload records, in the order of their frames.
    pub(crate) fn records(&self) -> Vec<&PayloadRecord> {
        let mut records = Vec::new();
        for event in &self.events {
            if let Event::Payload(record) = event {
                records.push(record);
            }
        }
        records
    }

    /// Kinds of the frames that mark the timeline, in order.
    pub(crate) fn markers(&self) -> Vec<&'static str> {
        let name = |event: &Event| match event {
            Event::ScenarioStart => Some("start"),
            Event::StepStart(_) => Some("step-start"),
            Event::Resume => Some("resume"),
            Event::StepEnd(_) => Some("step-end"),
            Event::Pause => Some("pause"),
            Event::ScenarioEnd { .. } => Some("end"),
            _ => None,
        };
        self.events.iter().filter_map(name).collect()
    }
}

/// Runs until it is killed.
pub(crate) fn endless() -> Script {
    Script {
        ends_after: None,
        ..Script::default()
    }
}

pub(crate) fn start(payload: &str, cgroup: Option<&str>, args: &[&str]) -> PayloadRun {
    PayloadRun {
        payload: payload.to_owned(),
        args: args.iter().map(|arg| (*arg).to_owned()).collect(),
        cgroup: cgroup.map(str::to_owned),
    }
}

pub(crate) fn one(payload: &str, cgroup: Option<&str>) -> PayloadRef {
    PayloadRef {
        payload: payload.to_owned(),
        cgroup: cgroup.map(str::to_owned),
    }
}

pub(crate) fn run(payload: &str, cgroup: Option<&str>) -> Op {
    Op::RunPayload(start(payload, cgroup, &[]))
}

/// One second, in which everything is allowed.
fn settings() -> Settings {
    Settings {
        permissions: Permissions::all(),
        ..Settings::default()
    }
}

/// One step with these definitions, held to the end.
pub(crate) fn run_defs(defs: Vec<CgroupDef>) -> Ended {
    Rig::new().execute(nothing(), vec![step(defs, vec![], HoldSpec::Fraction(1.0))])
}

/// Sets one definition up in a step and leaves it standing.
pub(crate) fn standing(def: &CgroupDef) -> (Rig, Result<()>) {
    let mut rig = Rig::new();
    let id = rig.stage.begin(None).unwrap();
    let result = rig.stage.setup(id, std::slice::from_ref(def));
    (rig, result)
}
