//! PID 1 of the guest: make ready, greet the host, run the job, power off.

use std::error::Error;
use std::fs;
use std::io::{self, Write};
use std::process::{self, ExitCode};

use proscenium_guest_runtime::init::{self, Guest};
use proscenium_guest_runtime::link::{self, Control, PortSink};
use proscenium_guest_runtime::plugin::{Foreign, Plugin};
use proscenium_guest_runtime::scenario;
use proscenium_guest_runtime::sink::Sink;
use proscenium_guest_runtime::world::kernel::{Kernel, Parts};
use proscenium_wire::{Event, JOB_PATH, LogLevel, LogSource, PLUGIN_PATH, decode_job};

fn main() -> ExitCode {
    if process::id() != 1 {
        let text = "this is PID 1 of Proscenium's guests and does nothing elsewhere: \
                    to run a scenario, use `proscenium run`";
        let _ = writeln!(io::stderr(), "{text}");
        return ExitCode::from(2);
    }
    // Without ports there is only the console to say it on.
    if let Err(error) = init::start().map_err(Into::into).and_then(serve) {
        init::say(error);
    }
    init::power_off()
}

/// Talks to the host from hello to end. What fails is a fault frame too.
fn serve(guest: Guest) -> Result<(), Box<dyn Error>> {
    init::arm_panic(guest.events.try_clone()?);
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
        system,
        worker,
        children,
    } = guest;
    let mut control = Control::new(control)?;
    link::greet(sink, &mut control, init::hello(), link::HELLO_PATIENCE)?;
    let job = decode_job(&fs::read(JOB_PATH)?)?;
    let foreign = if job.trap_foreign_imports {
        Foreign::Trap
    } else {
        Foreign::Refuse
    };
    // SAFETY: the host made this image for this runtime and put into it what
    // `Plugin::precompiled` gave.
    let plugin = unsafe { Plugin::load_precompiled(&fs::read(PLUGIN_PATH)?, foreign) }?;
    let root_name = "scenario".into();
    let (control, children) = (Some(control), Some(children));
    let world = Kernel::new(Parts {
        cgroup,
        root_name,
        worker,
        system,
        control,
        children,
    })?;
    for message in world.warnings().iter().cloned() {
        sink.emit(Event::Log {
            source: LogSource::Runtime,
            level: LogLevel::Warn,
            message,
        });
    }
    sink.flush();
    scenario::run(
        &plugin,
        &job,
        Box::new(world),
        Box::new(PortSink::new(events)),
    );
    Ok(())
}
