//! PID 1 of the guest: make ready, greet the host, run the job, power off.
//! Started by that PID 1 it is a worker whose loop the component exports: one
//! program, because each of two would bring the whole of wasmtime.

use std::io::{self, Write};
use std::process::ExitCode;
use std::{env, process};

use proscenium_guest_runtime::{exported, guest, init};

fn main() -> ExitCode {
    if process::id() != 1 && env::args_os().len() > 1 {
        return exported::run();
    }
    if process::id() != 1 {
        let text = "this is PID 1 of Proscenium's guests and does nothing elsewhere: \
                    to run a scenario, use `proscenium run`";
        let _ = writeln!(io::stderr(), "{text}");
        return ExitCode::from(2);
    }
    init::watch_warnings();
    // Without ports there is only the console to say it on.
    if let Err(error) = init::start().map_err(Into::into).and_then(guest::serve) {
        init::say(error);
    }
    init::power_off()
}
