//! PID 1 for one ordinary program, such as a test, in a guest.
//!
//! Readies the guest as the runtime does, runs the program, and powers off.
//! What the program says goes to the events port as it is, so the kernel's
//! messages on the console cannot break its lines; how it ended goes to the
//! control port as one line, `exited CODE` or `killed SIGNAL`. Without that
//! line it did not end. Arguments, the program's own path first, and environment
//! (`NAME=VALUE`) come as files, each entry followed by a NUL. Not installed, and
//! never part of a run.

use std::ffi::OsStr;
use std::fs::File;
use std::io::{self, Write};
use std::os::unix::ffi::OsStrExt;
use std::process::{self, Child, Command, ExitCode, Stdio};

use nix::sys::wait::{WaitStatus, wait};
use nix::unistd::Pid;
use proscenium_guest_runtime::init::{self, Guest, InitError};

const ARGUMENTS: &str = "/job/arguments";
const ENVIRONMENT: &str = "/job/environment";

fn main() -> ExitCode {
    if process::id() != 1 {
        let text = "this is PID 1 of guests that run a test: use `cargo xtask test --tier vm`";
        let _ = writeln!(io::stderr(), "{text}");
        return ExitCode::from(2);
    }
    // Without ports there is only the console to say it on.
    if let Err(error) = run() {
        init::say(error);
    }
    init::power_off()
}

fn run() -> Result<(), InitError> {
    let Guest {
        events, control, ..
    } = init::start()?;
    let failed = |what: &str| {
        let what = what.to_owned();
        move |error| InitError::Other { what, error }
    };
    let errors = events.try_clone().map_err(failed("duplicate the port"))?;
    let arguments = init::read(ARGUMENTS)?;
    let environment = init::read(ENVIRONMENT)?;
    let mut words = entries(&arguments);
    let program = words.next().unwrap_or_default();
    let child = Command::new(program)
        .args(words)
        .envs(entries(&environment).filter_map(variable))
        .stdin(Stdio::null())
        .stdout(events)
        .stderr(errors)
        .spawn()
        .map_err(failed("start the program"))?;
    let status = status(&child).map_err(failed("wait for the program"))?;
    File::from(control)
        .write_all(status.as_bytes())
        .map_err(failed("say how the program ended"))
}

/// Reaps until the program itself has ended: its orphans come here.
fn status(child: &Child) -> io::Result<String> {
    let child = i32::try_from(child.id()).map(Pid::from_raw);
    loop {
        match wait()? {
            WaitStatus::Exited(pid, code) if Ok(pid) == child => {
                return Ok(format!("exited {code}\n"));
            }
            WaitStatus::Signaled(pid, signal, _) if Ok(pid) == child => {
                return Ok(format!("killed {signal}\n"));
            }
            _ => {}
        }
    }
}

fn entries(bytes: &[u8]) -> impl Iterator<Item = &OsStr> {
    let entries = bytes.split_inclusive(|byte| *byte == 0);
    entries
        .filter_map(|entry| entry.strip_suffix(b"\0"))
        .map(OsStr::from_bytes)
}

fn variable(entry: &OsStr) -> Option<(&OsStr, &OsStr)> {
    let bytes = entry.as_bytes();
    let equals = bytes.iter().position(|byte| *byte == b'=')?;
    let part = OsStr::from_bytes;
    Some((part(&bytes[..equals]), part(&bytes[equals + 1..])))
}
