//! What is refused about schedulers, before anything is done where that can be
//! known, and what becomes of a scheduler that does not get ready.

use proscenium_guest_runtime::contract::ops::Op;
use proscenium_guest_runtime::contract::stage::{Backdrop, StepPlan};
use proscenium_guest_runtime::contract::types::{ErrorCode, HoldSpec};
use proscenium_guest_runtime::machine::Machine;
use proscenium_guest_runtime::world::ExtState;
use proscenium_guest_runtime::world::simulated::{
    Death, Effect, Loading, SchedulerScript, Simulated,
};
use proscenium_wire::{Outcome, SchedulerChange};

use super::support::{attach, attached, behaves, declared, loading, millis, pin, replace, rig};
use crate::support::{Ended, MS, Rig, def, ms, nothing, step};

/// One step with these ops, which is refused before anything is done.
fn refused(rig: Rig, ops: Vec<Op>) -> String {
    let (backdrop, steps): (Backdrop, Vec<StepPlan>) = (nothing(), vec![step(vec![], ops, ms(10))]);
    let mut rig = rig;
    let before = rig.lines();
    let error = rig
        .stage
        .execute(&backdrop, &steps)
        .unwrap_err()
        .to_string();
    assert_eq!(rig.lines(), before, "nothing was done");
    assert!(error.contains("step 0"), "{error}");
    error
}

fn two() -> Rig {
    rig(&[("a", behaves()), ("b", behaves())]).0
}

#[test]
fn a_name_that_is_not_declared_lists_those_that_are() {
    for op in [attach("c"), replace("c")] {
        let error = refused(attached(behaves()).0, vec![Op::DetachScheduler, op]);
        for word in ["\"c\"", "there are a", "--scheduler NAME=PATH"] {
            assert!(error.contains(word), "{word}: {error}");
        }
    }
    let mut bare = Rig::new();
    let error = bare.stage.attach_scheduler("c").unwrap_err();
    assert_eq!(error.code(), Some(ErrorCode::NotFound));
    assert!(error.to_string().contains("none is"), "{error}");
    let long = "x".repeat(1 << 16);
    let error = bare.stage.replace_scheduler(&long).unwrap_err().to_string();
    assert!(error.len() < 512, "{error}");
}

#[test]
fn c_11_attach_beside_another_and_changes_of_none_are_refused() {
    let table = [
        (vec![attach("a"), attach("b")], "detach that one first"),
        (vec![Op::DetachScheduler], "no scheduler is attached"),
        (vec![Op::RestartScheduler], "no scheduler is attached"),
        (vec![replace("a")], "no scheduler is attached"),
        (
            vec![attach("a"), Op::DetachScheduler, Op::DetachScheduler],
            "no scheduler is attached",
        ),
        (vec![pin("no/name")], "not the name of a BPF map"),
    ];
    for (ops, text) in table {
        let error = refused(two(), ops);
        assert!(error.contains(text), "{text}: {error}");
    }
    // One that is attached before the scenario counts as well.
    let error = refused(attached(behaves()).0, vec![attach("a")]);
    assert!(error.contains("\"a\" is"), "{error}");
    // And what works once need not work again.
    let mut rig = two();
    let plan = step(vec![], vec![attach("a")], HoldSpec::Repeat(100 * MS));
    let error = rig.stage.execute(&nothing(), &[plan]).unwrap_err();
    assert!(error.to_string().contains("second time"), "{error}");
}

#[test]
fn c_11_by_hand_it_is_the_same() {
    let mut rig = two();
    let invalid = Some(ErrorCode::Invalid);
    assert_eq!(rig.stage.detach_scheduler().unwrap_err().code(), invalid);
    assert_eq!(rig.stage.restart_scheduler().unwrap_err().code(), invalid);
    assert_eq!(
        rig.stage.replace_scheduler("a").unwrap_err().code(),
        invalid
    );
    rig.stage.attach_scheduler("a").unwrap();
    assert_eq!(rig.stage.attach_scheduler("b").unwrap_err().code(), invalid);
    assert_eq!(rig.stage.scheduler(), Some("a"));
    // An unknown successor is refused while the old one still runs.
    rig.stage.replace_scheduler("c").unwrap_err();
    assert_eq!(rig.stage.scheduler(), Some("a"));
    rig.stage.replace_scheduler("b").unwrap();
    assert_eq!(rig.stage.scheduler(), Some("b"));
    rig.stage.detach_scheduler().unwrap();
    assert_eq!(rig.stage.scheduler(), None);
    let ended = rig.close();
    assert_eq!(ended.verdict.outcome, Outcome::Pass);
}

#[test]
fn a_kernel_without_sched_ext_is_told_apart() {
    let without = || {
        let world = Simulated::new(Machine::uniform(1, 1, 2, 1)).without_sched_ext();
        Rig::with(world, |settings| settings.schedulers = vec![declared("a")])
    };
    let error = refused(without(), vec![attach("a")]);
    assert!(error.contains("no sched_ext"), "{error}");
    assert!(error.contains("proscenium kernel fetch"), "{error}");
    let mut rig = without();
    assert_eq!(rig.stage.sched_ext().state, ExtState::Absent);
    let error = rig.stage.boot_scheduler("a").unwrap_err();
    assert_eq!(error.code(), Some(ErrorCode::Unavailable));
}

#[test]
fn one_that_somebody_else_enabled_is_not_replaced() {
    let (mut rig, fate) = rig(&[("a", behaves())]);
    fate.force(ExtState::Enabled);
    let error = rig.stage.attach_scheduler("a").unwrap_err();
    assert_eq!(error.code(), Some(ErrorCode::Invalid));
    assert!(error.to_string().contains("did not attach"), "{error}");
}

/// A step that replaces `a` by `b`, then holds.
fn replaced(a: SchedulerScript, b: SchedulerScript) -> Ended {
    let (mut rig, _) = rig(&[("a", a), ("b", b)]);
    rig.stage.boot_scheduler("a").unwrap();
    rig.execute(
        nothing(),
        vec![step(vec![def("load")], vec![replace("b")], ms(100))],
    )
}

/// That a step failed, with these words, and without a scheduler left.
fn failed(ended: &Ended, words: &[&str]) {
    assert_eq!(ended.verdict.outcome, Outcome::Fail);
    assert!(ended.deaths().is_empty(), "{:?}", ended.deaths());
    let message = ended.messages()[0];
    for word in ["step 0 failed", "op 0"].iter().chain(words) {
        assert!(message.contains(word), "{word}: {message}");
    }
    let lines = ended.scheduler_lines();
    let count = |what: &str| lines.iter().filter(|line| line.starts_with(what)).count();
    assert_eq!(count("start"), count("stop"), "{lines:?}");
    assert_eq!(ended.markers(), ["start", "pause"], "no end frame");
}

#[test]
fn s_045_one_that_does_not_get_ready_in_time_fails_the_step() {
    let hangs = SchedulerScript {
        prints: "loading…\n".into(),
        ..loading(Loading::Hangs)
    };
    let ended = replaced(behaves(), hangs);
    failed(&ended, &["\"b\"", "500 ms", "it last said: loading…"]);
    assert_eq!(
        ended.changes(),
        ["0 a attached", "0 a detached", "1 b refused"]
    );
    assert_eq!(ended.printed(1), "loading…\n");
}

#[test]
fn s_043_a_kernel_that_does_not_settle_is_an_error_in_bounded_time() {
    let sticky = SchedulerScript {
        never_settles: true,
        ignores_sigterm: true,
        ..behaves()
    };
    let ended = replaced(sticky, behaves());
    failed(&ended, &["the kernel's own is not back"]);
    assert_eq!(ended.changes(), ["0 a attached", "0 a detached"]);
    assert!(
        ended.world.now() < millis(11_000),
        "{:?}",
        ended.world.now()
    );
}

#[test]
fn a_loader_that_ends_before_is_told_with_its_last_words() {
    let rejected = SchedulerScript {
        prints: "-- BEGIN PROG LOAD LOG --\nR1 invalid mem access 'scalar'\n\u{1b}[31mbye\n".into(),
        ..loading(Loading::Refuses(1))
    };
    let ended = replaced(behaves(), rejected);
    failed(
        &ended,
        &["\"b\"", "code 1", "R1 invalid mem access 'scalar' |", "bye"],
    );
    assert!(!ended.messages()[0].contains('\u{1b}'));
    let SchedulerChange::Refused { reason } = &ended.news()[2].change else {
        panic!("{:?}", ended.news());
    };
    assert!(reason.contains("invalid mem access"), "{reason}");
}

#[test]
fn one_that_loads_the_wrong_thing_is_stopped() {
    let world = Simulated::new(Machine::uniform(1, 1, 2, 1));
    let mut rig = Rig::with(world, |settings| {
        let mut spec = declared("a");
        spec.ops = Some("fair".into());
        settings.schedulers = vec![spec];
    });
    let error = rig.stage.boot_scheduler("a").unwrap_err().to_string();
    for word in ["\"a\"", "\"fair\"", "expected"] {
        assert!(error.contains(word), "{word}: {error}");
    }
    assert_eq!(rig.stage.sched_ext().state, ExtState::Disabled);
    assert_eq!(
        rig.close().scheduler_lines().len(),
        3,
        "start, unwatch, stop"
    );
}

#[test]
fn a_loader_that_cannot_be_started_is_the_kernels_answer() {
    let (mut rig, _) = rig(&[("a", behaves())]);
    rig.fail(nix::errno::Errno::ENOENT, |effect| {
        matches!(effect, Effect::StartScheduler { .. })
    });
    let error = rig.stage.attach_scheduler("a").unwrap_err();
    assert_eq!(error.code(), Some(ErrorCode::Kernel));
    assert!(error.to_string().contains("No such file"), "{error}");
    assert_eq!(rig.close().changes(), ["0 a refused"]);
}

#[test]
fn two_loaders_at_once_cannot_be_and_the_second_says_busy() {
    // Somebody else's is enabled between our look and our attach.
    let (mut rig, fate) = rig(&[("a", behaves()), ("b", behaves())]);
    rig.stage.boot_scheduler("a").unwrap();
    fate.strike(Death::Replaced("other".into()));
    let error = rig.stage.replace_scheduler("b").unwrap_err();
    assert_eq!(error.code(), Some(ErrorCode::SchedulerDied), "{error}");
    let ended = rig.close();
    assert!(
        ended.deaths()[0]
            .message
            .contains("\"other\" is enabled in its place")
    );
}

#[test]
fn a_cancelled_wait_for_a_scheduler_ends_it() {
    let world = Simulated::new(Machine::uniform(1, 1, 2, 1))
        .with_scheduler("a", loading(Loading::Hangs))
        .cancelled_at(millis(100), "interrupted by the user");
    let mut rig = Rig::with(world, |settings| settings.schedulers = vec![declared("a")]);
    let error = rig.stage.attach_scheduler("a").unwrap_err();
    assert_eq!(error.code(), Some(ErrorCode::Cancelled));
    let ended = rig.close();
    assert_eq!(ended.verdict.outcome, Outcome::Inconclusive);
    ended.position("stop scheduler \"a\"");
}
