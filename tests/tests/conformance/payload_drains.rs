//! D. Payloads: how they end when nobody waits for them.

use nix::errno::Errno;
use proscenium_guest_runtime::contract::ops::Op;
use proscenium_guest_runtime::contract::stage::Backdrop;
use proscenium_guest_runtime::contract::types::{CgroupDef, HoldSpec};
use proscenium_guest_runtime::world::simulated::{Effect, Script};
use proscenium_tests::declared;
use proscenium_wire::{Event, LogLevel, Outcome, PayloadExit};

use crate::support::{Ended, Rig, backdrop, def, endless, ms, nothing, run, start, step};

/// Three payloads that run until they are killed.
fn three() -> Rig {
    let names = ["p", "q", "r"];
    Rig::payloads(
        names.map(declared::payload).to_vec(),
        &names.map(|name| (name, endless())),
    )
}

fn killed(rig: &Rig) -> Vec<String> {
    ends(&rig.log.effects())
}

fn ends(effects: &[Effect]) -> Vec<String> {
    let end = |effect: &Effect| match effect {
        Effect::EndPayload { payload } => Some(payload.clone()),
        _ => None,
    };
    effects.iter().filter_map(end).collect()
}

fn refused_later(ended: &Ended, text: &str) -> bool {
    ended
        .messages()
        .iter()
        .any(|message| message.contains(text))
}

#[test]
fn s_049_a_composite_key_finds_the_steps_payload_before_the_backdrops() {
    let persistent = Backdrop {
        payloads: vec![start("p", None, &[])],
        ..backdrop(vec![def("a")], vec![])
    };
    let ops = vec![
        run("p", Some("a")),
        Op::KillPayload(crate::support::one("p", Some("a"))),
    ];
    let ended = three().execute(persistent, vec![step(vec![], ops, ms(1))]);
    let places: Vec<_> = ended
        .records()
        .iter()
        .map(|record| &*record.cgroup)
        .collect();
    assert_eq!(places, ["a", ""], "the step's own was killed first");
    assert_eq!(ended.verdict.outcome, Outcome::Pass);
}

#[test]
fn s_029_and_030_removing_and_stopping_a_cgroup_kill_its_payloads() {
    for end in [Op::RemoveCgroup("a".into()), Op::StopCgroup("a".into())] {
        let ops = vec![Op::AddCgroup("a".into()), run("p", Some("a")), end];
        let ended = three().execute(nothing(), vec![step(vec![], ops, ms(1))]);
        assert_eq!(
            ended.verdict.outcome,
            Outcome::Pass,
            "{:?}",
            ended.messages()
        );
        assert!(ended.position("end payload \"p\"") < ended.position("remove \"a\""));
        assert_eq!(ended.records().len(), 1);
    }
}

#[test]
fn s_065_a_cgroups_payloads_end_last_first_and_the_others_keep_their_order() {
    let mut rig = three();
    let id = rig.stage.begin(None).unwrap();
    let ops = [
        Op::AddCgroup("a".into()),
        Op::AddCgroup("b".into()),
        run("p", Some("a")),
        run("p", Some("b")),
        run("q", Some("a")),
        run("q", Some("b")),
        run("r", Some("a")),
        Op::StopCgroup("a".into()),
    ];
    rig.stage.apply(id, &ops).unwrap();
    assert_eq!(killed(&rig), ["r", "q", "p"]);
    rig.stage.finish(id).unwrap();
    assert_eq!(
        killed(&rig)[3..],
        ["q", "p"],
        "survivors still end last first"
    );
}

#[test]
fn s_066_at_a_steps_end_payloads_end_last_first() {
    let ops = vec![run("p", None), run("q", None), run("r", None)];
    let ended = three().execute(nothing(), vec![step(vec![], ops, ms(1))]);
    assert_eq!(ends(&ended.log.effects()), ["r", "q", "p"]);
    let order: Vec<_> = ended.records().iter().map(|record| record.index).collect();
    assert_eq!(order, [0, 1, 2]);
}

#[test]
fn s_067_every_way_out_leaves_one_record_a_payload() {
    let broken = vec![Op::FreezeCgroup("gone".into())];
    let ops = |more: &[Op]| [vec![run("p", None), run("q", None)], more.to_vec()].concat();
    // The end of a step, an error in the middle, an abandoned step, and the end of all.
    let mut count = Vec::new();
    let ended = three().execute(nothing(), vec![step(vec![], ops(&[]), ms(1))]);
    count.push(ended.records().len());

    let mut rig = three();
    let id = rig.stage.begin(None).unwrap();
    rig.stage.apply(id, &ops(&broken)).unwrap_err();
    rig.stage.abandon(id);
    count.push(rig.close().records().len());

    let mut rig = three();
    let id = rig.stage.begin(None).unwrap();
    rig.stage.apply(id, &ops(&[])).unwrap();
    count.push(rig.close().records().len());
    assert_eq!(count, [2, 2, 2]);
}

#[test]
fn s_068_a_kill_that_fails_is_said_and_changes_no_verdict() {
    let rig = three();
    rig.fail(Errno::EPERM, |effect| {
        matches!(effect, Effect::EndPayload { .. })
    });
    let ended = rig.execute(nothing(), vec![step(vec![], vec![run("p", None)], ms(1))]);
    assert_eq!(ended.verdict.outcome, Outcome::Pass);
    assert_eq!(ended.records()[0].exit, PayloadExit::Unknown);
    let warned = ended.events.iter().any(|event| {
        matches!(event, Event::Log { level: LogLevel::Warn, message, .. } if message.contains("end payload \"p\""))
    });
    assert!(warned, "{:?}", ended.events);
}

#[test]
fn s_085_a_backdrop_that_fails_still_has_its_payloads_records() {
    let rig = three();
    rig.fail(
        Errno::EPERM,
        |effect| matches!(effect, Effect::StartPayload { payload, .. } if payload == "q"),
    );
    let bad = Backdrop {
        payloads: vec![start("p", None, &[]), start("q", None, &[])],
        ..backdrop(vec![def("a")], vec![])
    };
    let ended = rig.execute(bad, vec![step(vec![], vec![], ms(1))]);
    assert_eq!(ended.verdict.outcome, Outcome::Fail);
    assert!(refused_later(&ended, "backdrop setup failed"));
    assert_eq!(ended.records().len(), 1);
    let records = ended.position("end payload \"p\"");
    assert!(
        records < ended.position("collect"),
        "the workers were collected all the same"
    );
}

#[test]
fn s_084_the_backdrops_payloads_come_after_its_definitions_and_ops() {
    let placed = Backdrop {
        payloads: vec![start("p", Some("b"), &[])],
        ..backdrop(vec![def("a")], vec![Op::AddCgroup("b".into())])
    };
    let ended = three().execute(placed, vec![step(vec![], vec![], ms(1))]);
    assert!(ended.position("create \"a\"") < ended.position("create \"b\""));
    assert!(ended.position("create \"b\"") < ended.position("start payload \"p\" in \"b\""));
}

#[test]
fn s_091_a_failing_step_ends_all_payloads_before_anything_else() {
    let persistent = Backdrop {
        payloads: vec![start("p", None, &[])],
        ..backdrop(vec![def("a")], vec![])
    };
    let rig = three();
    rig.fail(
        Errno::EPERM,
        |effect| matches!(effect, Effect::StartPayload { payload, .. } if payload == "r"),
    );
    let ops = vec![run("q", None), run("r", None)];
    let ended = rig.execute(persistent, vec![step(vec![], ops, ms(1))]);
    assert_eq!(ends(&ended.log.effects()), ["q", "p"]);
    assert!(ended.position("end payload \"p\"") < ended.position("collect"));
    assert_eq!(ended.records().len(), 2);
    assert!(refused_later(&ended, "step 0 failed"));
}

#[test]
fn s_122_payloads_end_before_workers_are_collected_and_no_removal_is_busy() {
    let with = CgroupDef {
        payload: Some(start("p", None, &[])),
        ..def("a")
    };
    let ended = three().execute(nothing(), vec![step(vec![with], vec![], ms(1))]);
    assert!(ended.position("end payload") < ended.position("collect"));
    assert!(ended.position("collect") < ended.position("remove \"a\""));
    let busy =
        |event: &&Event| matches!(event, Event::Log { message, .. } if message.contains("remove"));
    assert_eq!(ended.events.iter().find(busy), None);
}

#[test]
fn what_a_payload_leaves_behind_ends_with_its_cgroup() {
    let daemon = Script {
        leaves_a_daemon: true,
        ..Script::default()
    };
    let rig = Rig::payloads(vec![declared::payload("p")], &[("p", daemon)]);
    let with = CgroupDef {
        payload: Some(start("p", None, &[])),
        ..def("a")
    };
    let ended = rig.execute(
        nothing(),
        vec![step(vec![with], vec![], HoldSpec::Fraction(1.0))],
    );
    assert!(ended.position("\"1\" to cgroup.kill") < ended.position("remove \"a\""));
    let warned = ended
        .events
        .iter()
        .any(|event| matches!(event, Event::Log { .. }));
    assert!(!warned, "nothing was busy: {:?}", ended.events);
}
