//! PID 1 of the guest: make ready, greet the host, run the job, power off.
//! Started otherwise it is the runtime of `proscenium run --local`, or the
//! process of that one's component, or, by any, a worker whose loop the
//! component exports: one program, because each of several would bring the
//! whole of wasmtime.

use std::error::Error;
use std::io::{self, Write};
use std::process::ExitCode;
use std::{env, process};

use proscenium_guest_runtime::allocator::Allocator;
use proscenium_guest_runtime::init::{self, Guest};
use proscenium_guest_runtime::local::Handover;
use proscenium_guest_runtime::{exported, guest, local, sandbox};

/// A host call allocates once, which takes musl's allocator as long as all the
/// rest of the call.
#[global_allocator]
static ALLOCATOR: Allocator = Allocator::new();

fn main() -> ExitCode {
    if process::id() != 1 {
        return on_this_machine();
    }
    init::watch_warnings();
    // Without ports there is only the console to say it on.
    if let Err(error) = init::start()
        .map_err(Into::into)
        .and_then(|guest| serve(guest, || init::power_off()))
    {
        init::say(error);
    }
    init::power_off()
}

/// Only with what the host hands over: nothing here may power a machine off.
fn on_this_machine() -> ExitCode {
    if let Some(ended) = sandbox::run(env::args_os().skip(1)) {
        return ended;
    }
    let Some(handover) = Handover::from_arguments(env::args_os().skip(1)) else {
        if env::args_os().len() > 1 {
            return exported::run();
        }
        let text = "this is PID 1 of Proscenium's guests, and the runtime that `proscenium run --local` \
                    starts: to run a scenario, use `proscenium run`";
        let _ = writeln!(io::stderr(), "{text}");
        return ExitCode::from(2);
    };
    init::watch_warnings();
    let ended = local::adopt(handover)
        .map_err(Into::into)
        .and_then(|guest| serve(guest, || process::abort()));
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            init::say(error);
            ExitCode::FAILURE
        }
    }
}

fn serve(guest: Guest, panicked: impl Fn() + Send + Sync + 'static) -> Result<(), Box<dyn Error>> {
    init::arm_panic(guest.events.try_clone()?, panicked);
    guest::serve(guest)
}
