//! The end of a guest. Nothing is on a disk, so there is nothing to sync.

use std::fs::File;
use std::io::Write;
use std::panic::{PanicHookInfo, set_hook};

use nix::sys::reboot::{RebootMode, reboot};
use nix::unistd::pause;
use proscenium_wire::{Event, encode};

use super::say;

/// Powers the machine off. Never returns, since a PID 1 that ends is a
/// kernel's panic.
pub fn power_off() -> ! {
    // Returns only an error; the compiler knows.
    let Err(errno) = reboot(RebootMode::RB_POWER_OFF);
    say(format_args!(
        "failed to power off: {errno}: the host has to end this machine"
    ));
    loop {
        pause();
    }
}

/// From here on a panic, of whichever thread, is a line on the console, a
/// fault frame on `events`, and then `end`.
pub fn arm_panic(events: File, end: impl Fn() + Send + Sync + 'static) {
    set_hook(Box::new(move |info: &PanicHookInfo<'_>| {
        let message =
            format!("the guest runtime panicked: {info}: this is a bug, please report it");
        say(&message);
        let mut frame = Vec::new();
        if encode(&Event::Fault { message }, &mut frame).is_ok() {
            let _ = (&events).write_all(&frame);
        }
        end();
    }));
}
