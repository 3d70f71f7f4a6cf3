//! The log of effects, which outside checks read, and the faults that tests
//! put in.

use std::cell::RefCell;
use std::fmt;
use std::rc::Rc;
use std::time::Duration;

use nix::errno::Errno;
use proscenium_worker::Setup;

use crate::world::{CrewId, Knob};

/// Most effects that are kept; a flood is not worth memory.
const MAX_EFFECTS: usize = 200_000;

/// One effect on the simulated kernel, in order.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(
    missing_docs,
    reason = "the fields are the arguments of the gateway's methods"
)]
pub enum Effect {
    Enable {
        group: String,
        controllers: String,
    },
    Confine {
        processes: u32,
        memory: u64,
    },
    Create {
        group: String,
    },
    Remove {
        group: String,
    },
    Write {
        group: String,
        knob: Knob,
        value: String,
    },
    Spawn {
        group: String,
        work: String,
        setups: Vec<Setup>,
    },
    SpawnThreads {
        group: String,
        process: String,
        /// Name of the work, and one setup for each worker that does it.
        parts: Vec<(String, Vec<Setup>)>,
    },
    OpenGate {
        crew: CrewId,
    },
    SetEpoch {
        crew: CrewId,
        epoch: u32,
    },
    SetAffinity {
        pid: u32,
        cpus: String,
    },
    Migrate {
        crew: CrewId,
        group: String,
    },
    SteerIrq {
        number: u32,
        cpu: u32,
    },
    Kill {
        crews: Vec<CrewId>,
    },
    Collect {
        crews: Vec<CrewId>,
    },
    Wait {
        until: Duration,
    },
    StartPayload {
        payload: String,
        group: String,
        arguments: Vec<String>,
    },
    EndPayload {
        payload: String,
    },
    StartScheduler {
        scheduler: String,
        arguments: Vec<String>,
    },
    WatchScheduler {
        scheduler: Option<String>,
    },
    StopScheduler {
        scheduler: String,
    },
    PinMap {
        map: String,
    },
    ReleaseMaps,
}

impl fmt::Display for Effect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Enable { group, controllers } => {
                write!(f, "enable {controllers} below {group:?}")
            }
            Self::Confine { processes, memory } => {
                write!(
                    f,
                    "confine the root to {processes} processes and {memory} bytes"
                )
            }
            Self::Create { group } => write!(f, "create {group:?}"),
            Self::Remove { group } => write!(f, "remove {group:?}"),
            Self::Write { group, knob, value } => {
                write!(f, "write {value:?} to {} of {group:?}", knob.file_name())
            }
            Self::Spawn {
                group,
                work,
                setups,
            } => write!(f, "start {} {work} workers in {group:?}", setups.len()),
            Self::SpawnThreads {
                group,
                process,
                parts,
            } => {
                let threads: usize = parts.iter().map(|(_, setups)| setups.len()).sum();
                write!(
                    f,
                    "start process {process:?} of {threads} workers in {group:?}"
                )
            }
            Self::OpenGate { crew } => write!(f, "open the gate of crew {}", crew.0),
            Self::SetEpoch { crew, epoch } => write!(f, "tell crew {} epoch {epoch}", crew.0),
            Self::SetAffinity { pid, cpus } => write!(f, "pin worker {pid} to CPUs {cpus}"),
            Self::Migrate { crew, group } => write!(f, "move crew {} to {group:?}", crew.0),
            Self::SteerIrq { number, cpu } => write!(f, "steer interrupt {number} to CPU {cpu}"),
            Self::Kill { crews } => write!(f, "kill {} crews", crews.len()),
            Self::StartPayload {
                payload,
                group,
                arguments,
            } => write!(
                f,
                "start payload {payload:?} in {group:?} with {arguments:?}"
            ),
            Self::EndPayload { payload } => write!(f, "end payload {payload:?}"),
            Self::Collect { crews } => write!(f, "collect {} crews", crews.len()),
            Self::StartScheduler {
                scheduler,
                arguments,
            } => write!(f, "start scheduler {scheduler:?} with {arguments:?}"),
            Self::WatchScheduler {
                scheduler: Some(name),
            } => write!(f, "watch scheduler {name:?}"),
            Self::WatchScheduler { scheduler: None } => write!(f, "watch no scheduler"),
            Self::StopScheduler { scheduler } => write!(f, "stop scheduler {scheduler:?}"),
            Self::PinMap { map } => write!(f, "keep BPF map {map:?}"),
            Self::ReleaseMaps => write!(f, "release all BPF maps"),
            Self::Wait { until } => write!(f, "wait until {until:?}"),
        }
    }
}

type Fault = (Box<dyn Fn(&Effect) -> bool>, Errno);

#[derive(Default)]
struct Inner {
    recording: bool,
    effects: Vec<Effect>,
    faults: Vec<Fault>,
}

/// A shared log: one handle goes into the world, the other stays outside.
#[derive(Clone, Default)]
pub struct EffectLog(Rc<RefCell<Inner>>);

impl fmt::Debug for EffectLog {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(&self.0.borrow().effects).finish()
    }
}

impl EffectLog {
    /// A log that keeps what happens, up to 200,000 effects.
    #[must_use]
    pub fn recording() -> Self {
        let log = Self::default();
        log.0.borrow_mut().recording = true;
        log
    }

    /// Everything so far, in order.
    #[must_use]
    pub fn effects(&self) -> Vec<Effect> {
        self.0.borrow().effects.clone()
    }

    /// As lines of text, for comparisons that read well.
    #[must_use]
    pub fn lines(&self) -> Vec<String> {
        self.0
            .borrow()
            .effects
            .iter()
            .map(Effect::to_string)
            .collect()
    }

    /// Every effect that `which` picks from now on fails with `errno`; a wait
    /// as a defect of the environment, everything else as the kernel's answer.
    pub fn fail(&self, errno: Errno, which: impl Fn(&Effect) -> bool + 'static) {
        self.0.borrow_mut().faults.push((Box::new(which), errno));
    }

    pub(super) fn note(&self, effect: &Effect) {
        let mut inner = self.0.borrow_mut();
        if inner.recording && inner.effects.len() < MAX_EFFECTS {
            inner.effects.push(effect.clone());
        }
    }

    /// Errno with which an effect is to fail.
    pub(super) fn fault(&self, effect: &Effect) -> Option<Errno> {
        let inner = self.0.borrow();
        let fault = inner.faults.iter().find(|(which, _)| which(effect));
        fault.map(|(_, errno)| *errno)
    }
}
