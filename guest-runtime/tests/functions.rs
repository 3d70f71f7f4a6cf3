//! Every host function, called by a real component, on a real kernel: denied
//! without its grant, carried out with it, and held to its limit. The same is
//! asked of the simulated world by the suite `hostile`.

#![expect(clippy::unwrap_used, reason = "a suite's helpers fail the test")]

#[path = "support/place.rs"]
mod place;
#[path = "support/proofs.rs"]
mod proofs;

use std::cell::RefCell;
use std::env;
use std::fs;
use std::path::Path;
use std::rc::Rc;
use std::thread;

use place::{Place, skip};
use proofs::{Declared, Seen, prove};
use proscenium_guest_runtime::audit::Function;
use proscenium_guest_runtime::capability::Capability;
use proscenium_guest_runtime::plugin::{Foreign, Plugin};
use proscenium_guest_runtime::scenario;
use proscenium_guest_runtime::world::kernel::Kernel;
use proscenium_guest_runtime::world::{ExtState, World};
use proscenium_wire::{PLUGIN_PATH, PayloadKind, PayloadOutput, PayloadSpec, SchedulerSpec};

/// The fixture scheduler, which whoever boots the guest puts there.
const FIXTURE: &str = "/job/fixture";

/// This program as a payload.
fn payload(name: &str, args: &[&str]) -> PayloadSpec {
    PayloadSpec {
        name: name.to_owned(),
        kind: PayloadKind::Binary,
        program: env::current_exe().unwrap().display().to_string(),
        folder: "/".to_owned(),
        args: args.iter().map(|&word| word.to_owned()).collect(),
        environment: vec![],
        known_flags: None,
        output: PayloadOutput::ExitCode,
        hints: vec![],
        checks: vec![],
    }
}

fn declared() -> Declared {
    let fixture = SchedulerSpec {
        name: "fixture".to_owned(),
        program: FIXTURE.to_owned(),
        folder: "/tmp".to_owned(),
        args: vec![],
        environment: vec![],
        ops: None,
        ready_ms: 20_000,
    };
    Declared {
        payloads: vec![
            payload("ends", &["--list"]),
            payload("stays", &["--exact", "stays", "--ignored"]),
        ],
        schedulers: vec![fixture],
    }
}

#[test]
#[ignore = "a payload of the test below"]
fn stays() {
    loop {
        thread::park();
    }
}

#[test]
fn every_host_function_is_denied_granted_and_limited() {
    let name = "every_host_function_is_denied_granted_and_limited";
    let Some(place) = Place::find("functions") else {
        return;
    };
    let code = fs::read(PLUGIN_PATH).unwrap_or_default();
    if code.is_empty() {
        return skip(
            name,
            "the guest has no component: `cargo xtask build` makes it",
        );
    }
    #[expect(unsafe_code, reason = "deserializing machine code has no safe form")]
    // SAFETY: whoever made this image put in what `Plugin::precompiled` gave.
    let plugin = unsafe { Plugin::load_precompiled(&code, Foreign::Refuse) }.unwrap();
    let world = || Kernel::new(place.parts(None)).unwrap();
    // Without sched_ext, what is granted has nothing to work on.
    let schedulers = Path::new(FIXTURE).is_file() && world().sched_ext().state != ExtState::Absent;
    let declared = declared();
    for &function in Function::ALL {
        if !schedulers && function.capability() == Some(Capability::Scheduler) {
            continue;
        }
        prove(function, &declared, |job| {
            let events = Rc::new(RefCell::new(Vec::new()));
            let sink = Box::new(Rc::clone(&events));
            let verdict = scenario::run(&plugin, job, Box::new(world()), sink);
            let events = events.take();
            Seen { verdict, events }
        });
    }
    if !schedulers {
        skip(
            name,
            "no sched_ext or no fixture: the functions of `scheduler` were left out",
        );
    }
}
