//! Schedulers: names that are none, a component that tries to go on without
//! the one that died, and one that does not even begin.

use proscenium_guest_runtime::world::simulated::{Death, Effect, Loading, SchedulerScript};
use proscenium_wire::{DetailKind, Event, Job, Outcome, SchedulerSpec};
use std::time::Duration;

use crate::support::{Ended, hostile, job, run, world};

fn fair() -> SchedulerSpec {
    SchedulerSpec {
        name: "fair".to_owned(),
        program: "/schedulers/fair/loader".to_owned(),
        folder: "/schedulers/fair".to_owned(),
        args: vec![],
        environment: vec![],
        ops: None,
        ready_ms: 1_000,
    }
}

/// One attack with one scheduler declared that follows this script.
fn attack(name: &str, script: SchedulerScript, attached: bool) -> Ended {
    let job = Job {
        parameters: vec![("attack".to_owned(), name.to_owned())],
        schedulers: vec![fair()],
        scheduler: attached.then(|| "fair".to_owned()),
        ..job()
    };
    run(&hostile(), &job, world().with_scheduler("fair", script))
}

fn started(ended: &Ended) -> usize {
    let started = |effect: &&Effect| matches!(effect, Effect::StartScheduler { .. });
    ended.effects.iter().filter(started).count()
}

#[test]
fn names_of_schedulers_and_maps_that_are_none_start_nothing() {
    let ended = attack("schedulers", SchedulerScript::default(), false);
    ended.ends_as("schedulers");
    assert_eq!(ended.was_answered(), "47 refused");
    assert_eq!(started(&ended), 0);
}

#[test]
fn a_component_that_passes_on_a_death_is_not_to_blame_and_the_run_fails() {
    let dies = SchedulerScript {
        dies: Some((Duration::from_millis(100), Death::Stalls)),
        ..SchedulerScript::default()
    };
    let ended = attack("outlive", dies, true);
    ended.ends_as("outlive");
    ended.failed_with(DetailKind::SchedulerCrashed, "runnable task stall");
    assert_eq!(started(&ended), 1);
}

#[test]
fn s_143_a_component_does_not_begin_before_its_scheduler_is_enabled() {
    let hangs = |loading| SchedulerScript {
        loading,
        prints: "verifier: no\n".to_owned(),
        ..SchedulerScript::default()
    };
    for (loading, why) in [(Loading::Hangs, "1000 ms"), (Loading::Refuses(1), "code 1")] {
        let ended = attack("none", hangs(loading), true);
        assert_eq!(ended.verdict.outcome, Outcome::Fail);
        let (kind, message) = ended.only_reason();
        assert_eq!(kind, DetailKind::Other);
        for word in ["\"fair\" did not get ready", why, "verifier: no"] {
            assert!(message.contains(word), "{word}: {message}");
        }
        let began = |event: &Event| matches!(event, Event::ScenarioStart);
        assert!(
            !ended.events.iter().any(began),
            "the scenario did not begin"
        );
    }
}

#[test]
fn a_job_that_names_a_scheduler_on_a_kernel_without_could_not_run() {
    let job = Job {
        schedulers: vec![fair()],
        scheduler: Some("fair".to_owned()),
        ..job()
    };
    let ended = run(&hostile(), &job, world().without_sched_ext());
    assert_eq!(ended.verdict.outcome, Outcome::Inconclusive);
    assert_eq!(ended.only_reason().0, DetailKind::Environment);
}
