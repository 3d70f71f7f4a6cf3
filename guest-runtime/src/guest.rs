//! One runtime's conversation with its host, from hello to end.
//!
//! Owns the order: greet, read the job, load the plugin, run, say farewell.
//! Everything that happens in between is someone else's.

use std::error::Error;
use std::os::fd::OwnedFd;

use proscenium_wire::{Event, Job, LogLevel, LogSource, decode_job};

use crate::exported;
use crate::init::{self, Guest};
use crate::link::{self, Control, PortSink};
use crate::plugin::{Foreign, LoadError, Plugin};
use crate::scenario;
use crate::sink::Sink;
use crate::world::kernel::{ExportedWork, Kernel, Parts};

/// Name of the scenario's root cgroup.
const ROOT_NAME: &str = "scenario";

/// Runs the job at hand. What fails is a fault frame too; the last frame
/// is the end in any case.
///
/// # Errors
/// Whatever kept the scenario from running, for the console.
pub fn serve(guest: Guest) -> Result<(), Box<dyn Error>> {
    let mut sink = PortSink::new(guest.events.try_clone()?);
    let mut farewell = Control::new(guest.control.try_clone()?)?;
    let ended = run(guest, &mut sink);
    if let Err(error) = &ended {
        sink.emit(Event::Fault {
            message: error.to_string(),
        });
    }
    sink.emit(Event::End);
    link::farewell(&mut sink, &mut farewell, link::FAREWELL_PATIENCE)?;
    ended
}

fn run(guest: Guest, sink: &mut PortSink) -> Result<(), Box<dyn Error>> {
    let Guest {
        events,
        control,
        cgroup,
        absent,
        system,
        proc,
        tasks,
        sched_ext,
        worker,
        program,
        job,
        plugin,
        component,
        children,
    } = guest;
    let mut control = Control::new(control)?;
    link::greet(sink, &mut control, init::hello(), link::HELLO_PATIENCE)?;
    let job = decode_job(&init::read_open(&job, "the job")?)?;
    let code = init::read_open(&plugin, "the plugin")?;
    let plugin = load(&code, &job)?;
    let root_name = ROOT_NAME.into();
    let (control, children) = (Some(control), Some(children));
    let watched = component.as_ref().map(|ends| ends.socket.try_clone());
    let watched = watched.transpose()?;
    let mut world = Kernel::new(Parts {
        cgroup,
        root_name,
        worker,
        system,
        proc,
        tasks,
        sched_ext,
        component: watched.map(OwnedFd::from),
        control,
        children,
    })?;
    if plugin.exports_work() {
        let component = exported::seal(&code)?;
        world = world.with_exported_work(ExportedWork { program, component });
    }
    // The plugin has its own copy, and a JavaScript one has megabytes.
    drop(code);
    if let Some(absent) = absent {
        world = world.explaining_absence(absent);
    }
    for message in world.warnings().iter().cloned() {
        sink.emit(Event::Log {
            source: LogSource::Runtime,
            level: LogLevel::Warn,
            message,
        });
    }
    sink.flush();
    let (world, sink) = (Box::new(world), Box::new(PortSink::new(events)));
    match component {
        None => scenario::run(&plugin, &job, world, sink),
        Some(component) => scenario::run_apart(&plugin, component, &job, world, sink)?,
    };
    Ok(())
}

fn load(code: &[u8], job: &Job) -> Result<Plugin, LoadError> {
    let foreign = Foreign::trapping(job.trap_foreign_imports);
    #[expect(unsafe_code, reason = "deserializing machine code has no safe form")]
    // SAFETY: the host starts this runtime with what `Plugin::precompiled` gave:
    // in the image that it made, or in a descriptor that it handed over.
    let plugin = unsafe { Plugin::load_precompiled(code, foreign) };
    plugin
}
