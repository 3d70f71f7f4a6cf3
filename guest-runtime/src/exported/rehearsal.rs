//! A loop tried out for a moment, where no process runs it: in `check`.
//!
//! Runs the very code that a worker would, under the same bounds, so that what
//! traps there traps here. Measures nothing: figures of the simulated world
//! are nominal.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use proscenium_wire::Limits;
use proscenium_worker::{Breakdown, BreakdownKind};

use super::body::{Body, CALL_TIME};
use super::pace::Pace;
use crate::bindings::own_work::Seat;
use crate::plugin::{Foreign, LoadError, Plugin, watchdog};
use crate::world::simulated::Rehearse;

/// How long a loop is tried, in real time.
const TRIAL: Duration = Duration::from_millis(50);

/// See the module.
#[derive(Debug)]
pub struct Rehearsal {
    plugin: Plugin,
    /// What came of each loop, so that a plan of many steps tries it once.
    tried: BTreeMap<String, Option<Breakdown>>,
}

impl Rehearsal {
    /// For the loops of `plugin`, in an engine of its own: the clock that ends
    /// a loop there must not end the scenario here.
    ///
    /// # Errors
    /// `Engine`, if wasmtime cannot.
    pub fn new(plugin: &Plugin) -> Result<Self, LoadError> {
        let code = plugin.precompiled()?;
        #[expect(unsafe_code, reason = "deserializing machine code has no safe form")]
        // SAFETY: `precompiled` made these bytes just now.
        let plugin = unsafe { Plugin::load_precompiled(&code, Foreign::Trap) }?;
        Ok(Self {
            plugin,
            tried: BTreeMap::new(),
        })
    }

    fn run(&self, seat: &Seat, memory_bytes: u64) -> Result<(), Breakdown> {
        let limits = Limits {
            memory_bytes,
            compute_ms: u64::try_from((CALL_TIME + TRIAL).as_millis()).unwrap_or(u64::MAX),
            ..Limits::default()
        };
        let mut watchdog = watchdog(&self.plugin, &limits).map_err(|abort| Breakdown {
            kind: BreakdownKind::Unable,
            message: abort.to_string(),
        })?;
        watchdog.resume();
        let mut body = Body::open(&self.plugin, &limits, 1)?;
        body.prepare(seat)?;
        let begun = Instant::now();
        let mut pace = Pace::new();
        let mut before = Duration::ZERO;
        while before < TRIAL {
            let done = body.run_batch(pace.budget())?;
            let now = begun.elapsed();
            pace.took(done, now - before);
            before = now;
            if done == 0 {
                break;
            }
        }
        Ok(())
    }
}

impl Rehearse for Rehearsal {
    fn rehearse(&mut self, name: &str, workers: u32, memory_bytes: u64) -> Option<Breakdown> {
        if let Some(known) = self.tried.get(name) {
            return known.clone();
        }
        let seat = Seat {
            name: name.to_owned(),
            worker: 0,
            workers,
        };
        let broke = self.run(&seat, memory_bytes).err();
        self.tried.insert(seat.name, broke.clone());
        broke
    }
}
