//! The fixture: a sched_ext scheduler that tests of schedulers run in a guest.
//!
//! Owns the life of it: start, attach, the one thing that it does wrong, the
//! end. It behaves unless told otherwise. Needs /proc, /sys and nothing else.
//!
//! ```text
//! start --delay--> attach --after--> then…
//!   |                 '--> SIGTERM: detach, exit 0; disabled by the kernel: exit 0 or 1
//!   '--> instead…
//! ```

mod maps;
mod options;
mod others;
mod scheduler;
mod victim;
mod waiting;

use std::io::{Write, stderr, stdout};
use std::mem::MaybeUninit;
use std::process::ExitCode;
use std::time::Instant;

use clap::Parser;
use nix::sys::signal::{Signal, raise};

use crate::options::{Instead, Options, Then};
use crate::others::Key;
use crate::scheduler::Scheduler;
use crate::victim::Victim;
use crate::waiting::{Event, Waiter};

fn main() -> ExitCode {
    let options = Options::parse();
    match run(&options) {
        Ok(code) => code,
        Err(error) => {
            let _ = writeln!(stderr(), "fixture: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(options: &Options) -> anyhow::Result<ExitCode> {
    if let Some(name) = &options.read_map {
        maps::show(name)?;
        return Ok(ExitCode::SUCCESS);
    }
    let waiter = Waiter::new(options.ignore_sigterm)?;
    if !waiter.pause(options.delay())? {
        return Ok(ExitCode::SUCCESS);
    }
    if let Some(how) = options.against {
        others::end(how)?;
        return Ok(ExitCode::SUCCESS);
    }
    match options.instead {
        Some(Instead::Exit) => return Ok(options.exit_code.into()),
        Some(Instead::Hang) => {
            say("in no hurry")?;
            waiter.stop()?;
            return Ok(ExitCode::SUCCESS);
        }
        Some(Instead::Refused) | None => {}
    }
    let victim = Victim::start()?;
    let mut place = MaybeUninit::uninit();
    let mut scheduler = Scheduler::load(options, &mut place)?;
    if options.take_over {
        others::disable()?;
    }
    scheduler.attach()?;
    say(&format!("attached {}", options.ops))?;
    live(options, &waiter, &mut scheduler, &victim)
}

/// From attaching to the end.
fn live(
    options: &Options,
    waiter: &Waiter,
    scheduler: &mut Scheduler<'_>,
    victim: &Victim,
) -> anyhow::Result<ExitCode> {
    let mut due = options
        .then
        .filter(|_| !options.on_signal)
        .map(|_| Instant::now() + options.after());
    loop {
        match waiter.wait(due, Some(scheduler.bell()))? {
            Event::Stop => {
                scheduler.detach();
                tell_ending(scheduler)?;
                return Ok(ExitCode::SUCCESS);
            }
            Event::Rang => {
                let failed = tell_ending(scheduler)?;
                if options.linger {
                    waiter.stop()?;
                }
                // The link would keep what is left of it.
                scheduler.detach();
                return Ok(u8::from(failed).into());
            }
            Event::Due => {
                due = None;
                if let Some(code) = misbehave(options, waiter, scheduler, victim)? {
                    return Ok(code);
                }
            }
        }
    }
}

/// Does what `--then` says; the exit code if that ends it.
fn misbehave(
    options: &Options,
    waiter: &Waiter,
    scheduler: &mut Scheduler<'_>,
    victim: &Victim,
) -> anyhow::Result<Option<ExitCode>> {
    match options.then {
        Some(Then::Exit) => {
            scheduler.detach();
            tell_ending(scheduler)?;
            return Ok(Some(options.exit_code.into()));
        }
        Some(Then::Detach) => {
            scheduler.detach();
            tell_ending(scheduler)?;
            waiter.stop()?;
            return Ok(Some(ExitCode::SUCCESS));
        }
        Some(Then::Die) => raise(Signal::SIGABRT)?,
        Some(Then::Error) => scheduler.fail()?,
        Some(Then::Stall) => {
            scheduler.stall(victim.thread())?;
            victim.wake();
        }
        Some(Then::Disable) => others::press(Key::Disable)?,
        Some(Then::Panic) => others::press(Key::Panic)?,
        None => {}
    }
    Ok(None)
}

/// Says how it ended; whether the kernel calls that an error.
fn tell_ending(scheduler: &Scheduler<'_>) -> anyhow::Result<bool> {
    let Some(ending) = scheduler.ending()? else {
        return Ok(false);
    };
    say(&format!("disabled: {ending}"))?;
    Ok(ending.is_error())
}

fn say(line: &str) -> anyhow::Result<()> {
    writeln!(stdout(), "{line}")?;
    Ok(())
}
