//! Section 5: how a death is noticed, wherever the scenario is.

use proscenium_guest_runtime::contract::ops::Op;
use proscenium_guest_runtime::contract::stage::{HoldOutcome, SchedulerExit};
use proscenium_guest_runtime::contract::types::{ErrorCode, HoldSpec};
use proscenium_guest_runtime::machine::Machine;
use proscenium_guest_runtime::world::ExtState;
use proscenium_guest_runtime::world::simulated::{Death, Effect, Simulated};
use proscenium_tests::declared;
use proscenium_wire::{Outcome, PayloadExit};

use super::support::{attach, attached, behaves, dies_after, millis, obituary, one_hold, rig};
use crate::support::{MS, Rig, def, endless, ms, nothing, one, run, step};

#[test]
fn s_104_an_exit_ends_the_hold_in_that_moment() {
    let (mut rig, _) = attached(dies_after(300, Death::Exits(0)));
    let id = rig.stage.begin(None).unwrap();
    rig.stage.setup(id, &[def("load")]).unwrap();
    let held = rig.stage.hold(id, &ms(900)).unwrap();
    assert_eq!(
        held,
        HoldOutcome::SchedulerDied(SchedulerExit::ExitedCleanly)
    );
    assert_eq!(rig.stage.elapsed(), millis(300));
    let waits = rig
        .lines()
        .into_iter()
        .filter(|line| line.starts_with("wait until 9"));
    assert_eq!(waits.count(), 1, "one wait, no polling");
    // Figures can still be read, nothing can be begun.
    assert!(rig.stage.iterations() > 0);
    let again = rig.stage.hold(id, &ms(1)).unwrap();
    assert_eq!(again, held, "it says so each time");
    let refused = [
        rig.stage
            .apply(id, &[Op::AddCgroup("x".into())])
            .unwrap_err(),
        rig.stage.setup(id, &[def("x")]).unwrap_err(),
        rig.stage.attach_scheduler("a").unwrap_err(),
        rig.stage.create_cgroup("x").unwrap_err(),
    ];
    for error in refused {
        assert_eq!(error.code(), Some(ErrorCode::SchedulerDied), "{error}");
    }
    rig.stage.finish(id).unwrap();
    rig.stage.begin(None).unwrap_err();
    let ended = rig.close();
    assert_eq!(ended.verdict.outcome, Outcome::Fail);
    assert_eq!(ended.markers(), ["start", "step-start", "resume", "pause"]);
}

#[test]
fn s_105_and_147_a_state_of_being_disabled_ends_it_while_the_process_lingers() {
    for state in [ExtState::Disabling, ExtState::Disabled] {
        let (rig, fate) = attached(behaves());
        fate.force_at(millis(300), state);
        let ended = one_hold(rig);
        assert_eq!(ended.deaths().len(), 1, "{state:?}");
        assert!(ended.deaths()[0].message.contains("0.3 s"));
        assert_eq!(obituary(&ended).process, PayloadExit::Unknown);
    }
}

#[test]
fn s_116_and_147_no_other_state_is_down() {
    for state in [ExtState::Enabling, ExtState::Enabled, ExtState::Absent] {
        let (rig, fate) = attached(behaves());
        fate.force_at(millis(300), state);
        let ended = one_hold(rig);
        assert!(ended.deaths().is_empty(), "{state:?}");
    }
}

#[test]
fn s_106_one_that_is_gone_when_the_watch_begins_is_dead() {
    let (mut rig, fate) = rig(&[("a", behaves())]);
    fate.strike_upon(Death::Killed(9), |effect| {
        matches!(effect, Effect::WatchScheduler { .. })
    });
    let error = rig.stage.attach_scheduler("a").unwrap_err();
    assert_eq!(error.code(), Some(ErrorCode::SchedulerDied));
    assert_eq!(rig.stage.elapsed(), millis(0), "without waiting");
    let ended = rig.close();
    assert_eq!(ended.changes(), ["0 a attached", "0 a died"]);
}

#[test]
fn s_103_and_110_everything_is_looked_at_at_the_end_of_a_hold() {
    // A hold of no time looks once.
    let (mut rig, fate) = attached(behaves());
    let id = rig.stage.begin(None).unwrap();
    assert_eq!(rig.stage.hold(id, &ms(0)).unwrap(), HoldOutcome::Elapsed(0));
    fate.strike(Death::Exits(3));
    let held = rig.stage.hold(id, &ms(0)).unwrap();
    assert_eq!(held, HoldOutcome::SchedulerDied(SchedulerExit::Crashed));
    // What happens in the last instant counts.
    let (rig, fate) = attached(behaves());
    fate.force_at(millis(1_000), ExtState::Disabling);
    let ended = one_hold(rig);
    assert_eq!(ended.deaths()[0].phase.as_deref(), Some("Step[0]"));
}

#[test]
fn s_109_what_ends_a_hold_ends_the_wait_for_a_payload() {
    let world = Simulated::new(Machine::uniform(1, 1, 2, 1))
        .with_payload("bench", endless())
        .with_scheduler("a", dies_after(300, Death::Exits(1)));
    let mut rig = Rig::with(world, |settings| {
        settings.payloads = vec![declared::payload("bench")];
        settings.schedulers = vec![super::support::declared("a")];
    });
    rig.stage.boot_scheduler("a").unwrap();
    let wait = Op::WaitPayload(one("bench", None));
    let ended = rig.execute(
        nothing(),
        vec![step(vec![], vec![run("bench", None), wait], ms(10))],
    );
    assert!(
        ended.deaths()[0]
            .message
            .contains("during the workload of step 0, 0.3 s")
    );
    assert_eq!(ended.records().len(), 1, "its record is there");
}

#[test]
fn a_death_in_a_repeat_ends_it() {
    let (rig, _) = rig(&[("a", dies_after(350, Death::Stalls))]);
    let churn = vec![Op::AddCgroup("t".into()), Op::RemoveCgroup("t".into())];
    let steps = vec![
        step(vec![], vec![attach("a")], ms(50)),
        step(vec![def("load")], churn, HoldSpec::Repeat(100 * MS)),
    ];
    let ended = rig.execute(nothing(), steps);
    let message = &ended.deaths()[0].message;
    assert!(message.contains("step 1, 0.3 s"), "{message}");
    let made = ended
        .log
        .lines()
        .into_iter()
        .filter(|line| line == "create \"t\"");
    assert_eq!(made.count(), 3, "at 50, 150 and 250 ms");
}
