//! PID 1 of the guest: make ready, greet the host, run the job, power off.

use std::fs::{self, File};
use std::io::Write;
use std::process::ExitCode;

use proscenium_guest_runtime::init::{self, Guest, arm_panic, power_off, say};
use proscenium_guest_runtime::link::{
    Control, FAREWELL_PATIENCE, HELLO_PATIENCE, PortSink, farewell, greet,
};
use proscenium_guest_runtime::plugin::{Foreign, Plugin};
use proscenium_guest_runtime::scenario;
use proscenium_guest_runtime::sink::Sink;
use proscenium_guest_runtime::world::kernel::{Kernel, Parts};
use proscenium_wire::{Event, JOB_PATH, PLUGIN_PATH, decode_job};

fn main() -> ExitCode {
    if std::process::id() != 1 {
        let text = "proscenium-init is PID 1 of Proscenium's guests and does nothing elsewhere: \
                    to run a scenario, use `proscenium run`\n";
        let _ = std::io::stderr().write_all(text.as_bytes());
        return ExitCode::from(2);
    }
    if let Err(error) = guest() {
        say(error);
    }
    power_off()
}
