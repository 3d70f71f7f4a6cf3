//! A scenario, run in the simulated world by a child.
//!
//! ```text
//!   input   │ length u32 │ terms, JSON │ length u32 │ job │ machine code │
//!   output  │ frame │ frame │ …                 as a guest sends them
//! ```
//!
//! The child is to the command what a guest is to a run, with less: its world
//! is memory, and its clock is virtual.

use std::fs::File;
use std::io::{self, Read, Seek, Write};
use std::ops::ControlFlow;
use std::time::{Duration, Instant};

use proscenium_guest_runtime::exported::Rehearsal;
use proscenium_guest_runtime::link::PortSink;
use proscenium_guest_runtime::machine::Machine;
use proscenium_guest_runtime::plugin::{Foreign, Plugin};
use proscenium_guest_runtime::scenario;
use proscenium_guest_runtime::sink::Sink;
use proscenium_guest_runtime::world::Controllers;
use proscenium_guest_runtime::world::simulated::Simulated;
use proscenium_wire::{Decoder, Event, Job, MAX_JOB, Received, decode_job, encode_job};
use serde::{Deserialize, Serialize};

use super::child::Task;
use super::{Bounds, Shield, ShieldError};
use crate::child::in_memory;
use crate::vm::topology::Topology;

/// Longest terms, in bytes: they are four numbers and a few words.
const MAX_TERMS: usize = 4_096;
/// Time for starting, loading and ending, beyond what the scenario may take.
const MARGIN: Duration = Duration::from_secs(10);

/// What is to be run, and where.
#[derive(Clone, Copy, Debug)]
pub struct Simulation<'a> {
    /// The scenario.
    pub job: &'a Job,
    /// The plugin's machine code, from our compiler.
    pub code: &'a [u8],
    /// The machine.
    pub topology: Topology,
    /// What the kernel offers; none is everything.
    pub controllers: Option<Controllers>,
    /// Real time that virtual time may take.
    pub patience: Duration,
    /// What is said when it is used up.
    pub impatience: &'a str,
}

/// A [`Simulation`] without its long parts.
#[derive(Debug, Serialize, Deserialize)]
struct Terms {
    topology: String,
    /// Their bits.
    controllers: Option<u8>,
    patience_ms: u64,
    impatience: String,
}

impl Shield {
    /// Runs a scenario, and tells what happens as it happens: everything up to
    /// the verdict and the figures of mediation, and no end frame.
    ///
    /// # Errors
    ///
    /// [`ShieldError`]; the child is gone in any case.
    pub fn simulate(
        &self,
        simulation: &Simulation<'_>,
        mut tell: impl FnMut(Event),
    ) -> Result<(), ShieldError> {
        let limits = &simulation.job.limits;
        let compute = Duration::from_millis(limits.compute_ms);
        let longest = simulation.patience + compute + MARGIN;
        let bounds = Bounds {
            cpu: longest,
            wall: longest,
            memory_bytes: self.bounds.memory_bytes.saturating_add(limits.memory_bytes),
            ..self.bounds
        };
        let input = request(simulation).map_err(ShieldError::system)?;
        let mut decoder = Decoder::new();
        let mut damaged = false;
        let shield = Self::of(&self.program, bounds);
        let ended = shield.run(Task::Simulate, input, &mut |bytes| {
            decoder.push(bytes);
            for received in decoder.by_ref() {
                match received {
                    Received::Message(event) => tell(event),
                    _ => damaged = true,
                }
            }
            if damaged {
                ControlFlow::Break(())
            } else {
                ControlFlow::Continue(())
            }
        })?;
        if damaged {
            return Err(ShieldError::system("what it said cannot be read"));
        }
        match (ended.failure(&bounds), decoder.finish()) {
            (Some(failure), _) => Err(failure),
            (None, Some(truncated)) => Err(ShieldError::system(truncated)),
            (None, None) => Ok(()),
        }
    }
}

fn request(simulation: &Simulation<'_>) -> io::Result<File> {
    let terms = serde_json::to_vec(&Terms {
        topology: simulation.topology.to_string(),
        controllers: simulation.controllers.map(|some| some.bits()),
        patience_ms: u64::try_from(simulation.patience.as_millis()).unwrap_or(u64::MAX),
        impatience: simulation.impatience.to_owned(),
    })?;
    let job = encode_job(simulation.job).map_err(io::Error::other)?;
    let mut head = Vec::new();
    for part in [&terms, &job] {
        let length = u32::try_from(part.len()).map_err(io::Error::other)?;
        head.extend(length.to_le_bytes());
        head.extend(part);
    }
    let mut file = in_memory(&head)?;
    file.seek(io::SeekFrom::End(0))?;
    file.write_all(simulation.code)?;
    file.rewind()?;
    Ok(file)
}

/// The child's side. What fails is a fault frame.
pub(super) fn serve(confined: io::Result<()>, out: File) -> io::Result<()> {
    let mut sink = PortSink::new(out.try_clone()?);
    if let Err(message) = confined
        .map_err(|e| e.to_string())
        .and_then(|()| simulate(out))
    {
        sink.emit(Event::Fault { message });
    }
    Ok(())
}

fn simulate(out: File) -> Result<(), String> {
    let begun = Instant::now();
    let mut input = io::stdin().lock();
    let failed = |error: &dyn std::fmt::Display| format!("cannot simulate: {error}");
    let terms: Terms = part(&mut input, MAX_TERMS)
        .and_then(|bytes| Ok(serde_json::from_slice(&bytes)?))
        .map_err(|error| failed(&error))?;
    let job = part(&mut input, MAX_JOB).map_err(|error| failed(&error))?;
    let job = decode_job(&job).map_err(|error| failed(&error))?;
    let mut code = Vec::new();
    input
        .read_to_end(&mut code)
        .map_err(|error| failed(&error))?;
    let foreign = Foreign::trapping(job.trap_foreign_imports);
    #[expect(unsafe_code, reason = "deserializing machine code has no safe form")]
    // SAFETY: the command hands over what its compiler made, or kept in its cache.
    // JUSTIFICATION: machine code has no form that could be checked.
    let plugin = unsafe { Plugin::load_precompiled(&code, foreign) }.map_err(|e| failed(&e))?;
    drop(code);
    let world = world(&terms, begun)?.with_schedulers(&job.schedulers);
    let world = if plugin.exports_work() {
        let rehearsal = Rehearsal::new(&plugin).map_err(|error| failed(&error))?;
        world.with_rehearsal(Box::new(rehearsal))
    } else {
        world
    };
    // The verdict is among what it sends.
    let _ = scenario::run(&plugin, &job, Box::new(world), Box::new(PortSink::new(out)));
    Ok(())
}

fn world(terms: &Terms, begun: Instant) -> Result<Simulated, String> {
    let topology: Topology = terms.topology.parse().map_err(|_| "no topology")?;
    let machine = Machine::uniform(
        topology.nodes(),
        topology.llcs(),
        topology.cores(),
        topology.threads(),
    );
    let patience = Duration::from_millis(terms.patience_ms);
    let impatience = terms.impatience.clone();
    let world = Simulated::new(machine)
        .interrupted_by(move || (begun.elapsed() > patience).then(|| impatience.clone()));
    Ok(match terms.controllers {
        Some(bits) => world.with_controllers(Controllers::from_bits_truncate(bits)),
        None => world,
    })
}

/// The next part of the input, of at most `most` bytes.
fn part(input: &mut impl Read, most: usize) -> io::Result<Vec<u8>> {
    let mut length = [0; 4];
    input.read_exact(&mut length)?;
    let length = u32::from_le_bytes(length) as usize;
    if length > most {
        return Err(io::ErrorKind::InvalidData.into());
    }
    let mut bytes = vec![0; length];
    input.read_exact(&mut bytes)?;
    Ok(bytes)
}
