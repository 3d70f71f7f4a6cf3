//! Every host function, called by a real component: denied without its grant,
//! carried out with it, and held to its limit.

use std::cell::RefCell;
use std::rc::Rc;

use proscenium_guest_runtime::audit::Function;
use proscenium_guest_runtime::scenario;
use proscenium_guest_runtime::world::simulated::{SchedulerScript, Script, Simulated};
use proscenium_tests::declared::payload;
use proscenium_tests::layout;
use proscenium_wire::{Job, SchedulerSpec};

use crate::support::{compiled, world};

#[path = "../../../guest-runtime/tests/support/proofs.rs"]
mod proofs;

use proofs::{Declared, Seen, prove};

fn declared() -> Declared {
    let fair = SchedulerSpec {
        name: "fair".to_owned(),
        program: "/schedulers/fair".to_owned(),
        folder: "/".to_owned(),
        args: vec![],
        environment: vec![],
        ops: None,
        ready_ms: 1_000,
    };
    Declared {
        payloads: vec![payload("ends"), payload("stays")],
        schedulers: vec![fair],
    }
}

fn stage() -> Simulated {
    let fair = SchedulerScript {
        maps: vec!["proscenium_mark".to_owned()],
        ..SchedulerScript::default()
    };
    let stays = Script {
        ends_after: None,
        ..Script::default()
    };
    world()
        .with_scheduler("fair", fair)
        .with_payload("stays", stays)
}

#[test]
fn every_host_function_is_denied_granted_and_limited() {
    let plugin = compiled(&layout::program("functions"));
    let declared = declared();
    for &function in Function::ALL {
        prove(function, &declared, |job: &Job| {
            let events = Rc::new(RefCell::new(Vec::new()));
            let sink = Box::new(Rc::clone(&events));
            let verdict = scenario::run(&plugin, job, Box::new(stage()), sink);
            let events = events.take();
            Seen { verdict, events }
        });
    }
}
