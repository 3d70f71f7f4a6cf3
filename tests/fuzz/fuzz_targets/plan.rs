//! Any plan, carried out on a simulated machine, whole and step by step.
//!
//! Besides not crashing: exactly one verdict, every cgroup that was made is
//! removed, every worker that was started is collected, and virtual time ends.

#![no_main]

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::rc::Rc;
use std::time::Duration;

use libfuzzer_sys::arbitrary::{Result, Unstructured};
use libfuzzer_sys::{Corpus, fuzz_target};
use proscenium_fuzz::plan;
use proscenium_guest_runtime::executor::{Settings, Stage};
use proscenium_guest_runtime::machine::Machine;
use proscenium_guest_runtime::verdict::Ending;
use proscenium_guest_runtime::world::simulated::{Effect, EffectLog, Simulated};
use proscenium_wire::{Event, Limits, Outcome, Permissions};

/// What is done on one machine.
fn run(input: &mut Unstructured<'_>) -> Result<()> {
    let log = EffectLog::recording();
    let events = Rc::new(RefCell::new(Vec::new()));
    let waits = RefCell::new(0_u32);
    let machine = Machine::uniform(1, input.int_in_range(1..=2)?, 2, input.int_in_range(1..=2)?);
    // A repeat of one nanosecond is a plan that never ends here, and is refused
    // a real host's patience in the same way.
    let world = Simulated::new(machine)
        .with_log(log.clone())
        .interrupted_by(move || {
            *waits.borrow_mut() += 1;
            (*waits.borrow() > 2_000).then(|| "too many waits".to_owned())
        });
    let settings = Settings {
        duration: Duration::from_millis(input.int_in_range(1..=5_000)?),
        workers_per_cgroup: input.int_in_range(1..=4)?,
        permissions: Permissions::all(),
        limits: Limits {
            cgroups: 32,
            workers: 64,
            ops_per_step: 64,
            ..Limits::default()
        },
        ..Settings::default()
    };
    let mut stage = Stage::new(Box::new(world), Box::new(Rc::clone(&events)), settings);
    if input.arbitrary()? {
        let (backdrop, steps) = (plan::backdrop(input)?, plan::steps(input)?);
        let _ = stage.execute(&backdrop, &steps);
    } else {
        by_steps(&mut stage, input)?;
    }
    let (verdict, _) = stage.close(Ending::Returned {
        outcome: Outcome::Pass,
        reason: None,
    });
    let verdicts = |event: &&Event| matches!(event, Event::Verdict(_));
    assert_eq!(events.borrow().iter().filter(verdicts).count(), 1);
    assert!(verdict.details.len() < 10_000);
    left_nothing(&log.effects());
    Ok(())
}

fn by_steps(stage: &mut Stage, input: &mut Unstructured<'_>) -> Result<()> {
    let _ = stage.set_backdrop(&plan::backdrop(input)?);
    for step in plan::steps(input)? {
        let Ok(id) = stage.begin(step.label.as_deref()) else {
            continue;
        };
        let _ = stage.setup(id, &step.setup);
        let _ = stage.apply(id, &step.ops);
        let _ = stage.hold(id, &step.hold);
        if input.arbitrary()? {
            let _ = stage.finish(id);
        } else {
            stage.abandon(id);
        }
    }
    Ok(())
}

fn left_nothing(effects: &[Effect]) {
    let mut groups = BTreeSet::new();
    let mut crews = BTreeSet::new();
    let mut started = 0;
    for effect in effects {
        match effect {
            Effect::Create { group } => assert!(groups.insert(group), "{group} twice"),
            Effect::Remove { group } => assert!(groups.remove(group), "{group} was not there"),
            Effect::Spawn { .. } | Effect::SpawnThreads { .. } => {
                crews.insert(started);
                started += 1;
            }
            Effect::Collect { crews: ended } => {
                for crew in ended {
                    assert!(crews.remove(&crew.0), "{crew:?} was not there");
                }
            }
            _ => {}
        }
    }
    assert!(groups.is_empty(), "cgroups are left: {groups:?}");
    assert!(crews.is_empty(), "workers are left: {crews:?}");
}

fuzz_target!(|bytes: &[u8]| -> Corpus {
    match run(&mut Unstructured::new(bytes)) {
        Ok(()) => Corpus::Keep,
        // It ended in the middle of a plan.
        Err(_) => Corpus::Reject,
    }
});
