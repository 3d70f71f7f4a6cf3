//! A stage on the kernel, and eyes that do not belong to it.

use std::cell::RefCell;
use std::fs;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::time::Duration;

use proscenium_guest_runtime::contract::ops::Op;
use proscenium_guest_runtime::contract::types::CgroupDef;
use proscenium_guest_runtime::cpuset::CpuSet;
use proscenium_guest_runtime::executor::{Result, Settings, Stage, StepId};
use proscenium_guest_runtime::verdict::Ending;
use proscenium_guest_runtime::world::kernel::Kernel;
use proscenium_guest_runtime::world::{Controllers, World};
use proscenium_wire::{Event, Outcome, PayloadSpec, Permissions, Verdict};

use crate::place::{Place, skip};
use crate::plans::{backdrop, ms};

/// What the suite needs of a hierarchy, and of a machine.
const NEEDED: Controllers = Controllers::CPU
    .union(Controllers::CPUSET)
    .union(Controllers::MEMORY)
    .union(Controllers::PIDS);
const CPUS: usize = 4;

/// A stage, and where its cgroups are.
pub(crate) struct Rig {
    pub(crate) stage: Stage,
    events: Rc<RefCell<Vec<Event>>>,
    root: PathBuf,
}

impl Rig {
    /// A stage for the test `name`; `None`, which is recorded, where it cannot be.
    pub(crate) fn new(name: &str) -> Option<Self> {
        Self::with(name, vec![])
    }

    /// The same with these programs declared.
    pub(crate) fn with(name: &str, payloads: Vec<PayloadSpec>) -> Option<Self> {
        let place = Place::find(name)?;
        let world = Kernel::new(place.parts(None)).unwrap();
        let (has, cpus) = (world.controllers(), world.machine().cpus.len());
        if !has.contains(NEEDED) || cpus < CPUS {
            skip(
                name,
                &format!("it takes {NEEDED} and {CPUS} CPUs: {has} and {cpus} here"),
            );
            return None;
        }
        let settings = Settings {
            duration: Duration::from_secs(60),
            permissions: Permissions::all(),
            payloads,
            ..Settings::default()
        };
        let events = Rc::new(RefCell::new(Vec::<Event>::new()));
        Some(Self {
            stage: Stage::new(Box::new(world), Box::new(Rc::clone(&events)), settings),
            events,
            root: place.hierarchy.join(&place.root_name),
        })
    }

    /// The same with a backdrop of these definitions and an open step.
    pub(crate) fn under_way(name: &str, defs: Vec<CgroupDef>) -> Option<(Self, StepId)> {
        let mut rig = Self::new(name)?;
        rig.stage.set_backdrop(&backdrop(defs, vec![])).unwrap();
        let step = rig.stage.begin(None).unwrap();
        Some((rig, step))
    }

    /// Sets one definition up in a step, which stays open.
    pub(crate) fn standing(name: &str, def: &CgroupDef) -> Option<Self> {
        let mut rig = Self::new(name)?;
        rig.set_up(def).unwrap();
        Some(rig)
    }

    /// Sets one definition up in a step of its own.
    pub(crate) fn set_up(&mut self, def: &CgroupDef) -> Result<StepId> {
        let step = self.stage.begin(None)?;
        self.stage.setup(step, std::slice::from_ref(def))?;
        Ok(step)
    }

    pub(crate) fn apply(&mut self, step: StepId, op: Op) {
        self.stage.apply(step, &[op]).unwrap();
    }

    /// Lets 100 ms pass.
    pub(crate) fn hold(&mut self, step: StepId) {
        self.stage.hold(step, &ms(100)).unwrap();
    }

    /// Ends a scenario whose plugin says that it passed; nothing is left of it.
    pub(crate) fn close(self) -> Verdict {
        let (verdict, world) = self.stage.close(Ending::Returned {
            outcome: Outcome::Pass,
            reason: None,
        });
        drop(world);
        assert!(!self.root.exists(), "the scenario's root is gone");
        verdict
    }

    /// The frames so far.
    pub(crate) fn events(&self) -> Vec<Event> {
        self.events.borrow().clone()
    }

    pub(crate) fn cgroup(&self, cgroup: &str) -> PathBuf {
        self.root.join(cgroup)
    }

    /// A file of a cgroup, without the newline at its end.
    pub(crate) fn file(&self, cgroup: &str, file: &str) -> String {
        let text = fs::read_to_string(self.cgroup(cgroup).join(file)).unwrap();
        text.trim_end().to_owned()
    }

    /// The processes in a cgroup, ascending.
    pub(crate) fn procs(&self, cgroup: &str) -> Vec<u32> {
        let text = self.file(cgroup, "cgroup.procs");
        let mut pids: Vec<u32> = text.lines().map(|line| line.parse().unwrap()).collect();
        pids.sort_unstable();
        pids
    }

    /// The CPUs on which each process of a cgroup may run.
    pub(crate) fn allowed(&self, cgroup: &str) -> Vec<CpuSet> {
        let pids = self.procs(cgroup);
        pids.into_iter()
            .map(|pid| status(pid, "Cpus_allowed_list").parse().unwrap())
            .collect()
    }

    /// A line `NAME VALUE` of a file of a cgroup.
    pub(crate) fn value(&self, cgroup: &str, file: &str, name: &str) -> u64 {
        let text = self.file(cgroup, file);
        let words = text.lines().filter_map(|line| line.split_once(' '));
        let mut values = words.filter(|(found, _)| *found == name);
        values.next().unwrap().1.parse().unwrap()
    }
}

/// A line of `/proc/PID/status`.
pub(crate) fn status(pid: u32, name: &str) -> String {
    let text = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let lines = text.lines().filter_map(|line| line.split_once(":\t"));
    let mut values = lines.filter(|(found, _)| *found == name);
    values.next().unwrap().1.to_owned()
}

/// A field of `/proc/PID/stat`, by its number in proc(5).
pub(crate) fn stat(pid: u32, field: usize) -> i64 {
    let text = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    // The second field is the name, which may have spaces in it.
    let rest = text.rsplit_once(')').unwrap().1;
    rest.split_whitespace()
        .nth(field - 3)
        .unwrap()
        .parse()
        .unwrap()
}

/// Whether such a process exists, a dead one that nobody reaped included.
pub(crate) fn exists(pid: u32) -> bool {
    Path::new(&format!("/proc/{pid}")).exists()
}
