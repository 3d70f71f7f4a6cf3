//! H. Collection and teardown.

use nix::errno::Errno;
use proscenium_guest_runtime::contract::ops::Op;
use proscenium_guest_runtime::world::Knob;
use proscenium_guest_runtime::world::simulated::Effect;
use proscenium_wire::Outcome;

use crate::support::{Rig, backdrop, def, ms};

fn frozen_step() -> Rig {
    let mut rig = Rig::new();
    let id = rig.stage.begin(None).unwrap();
    rig.stage.setup(id, &[def("a")]).unwrap();
    rig.stage.hold(id, &ms(100)).unwrap();
    rig.stage
        .apply(id, &[Op::FreezeCgroup("a".into())])
        .unwrap();
    rig
}

#[test]
fn s_120_what_is_frozen_is_thawed_before_it_is_stopped() {
    let ended = frozen_step().close();
    let stats = &ended.verdict.cgroups[0];
    assert_eq!(
        (stats.completed, stats.workers),
        (1, 1),
        "a real report, not what a kill leaves"
    );
    let lines = ended.log.lines();
    let thaw = lines
        .iter()
        .position(|line| line.contains("\"0\" to cgroup.freeze"))
        .unwrap();
    assert!(thaw < ended.position("collect"));
}

#[test]
fn s_121_a_thaw_that_fails_is_a_warning() {
    let rig = frozen_step();
    rig.fail(
        Errno::EIO,
        |effect| matches!(effect, Effect::Write { knob: Knob::Freeze, value, .. } if value == "0"),
    );
    let ended = rig.close();
    ended.position("remove \"a\"");
    assert_eq!(
        ended.verdict.outcome,
        Outcome::Inconclusive,
        "its worker could not end well, and that is said"
    );
}

#[test]
fn s_124_figures_go_to_the_step_that_collected_them() {
    let mut rig = Rig::new();
    for name in ["a", "b"] {
        let id = rig.stage.begin(Some(name)).unwrap();
        rig.stage.setup(id, &[def(name)]).unwrap();
        rig.stage.hold(id, &ms(10)).unwrap();
        rig.stage.finish(id).unwrap();
    }
    let ended = rig.close();
    let phases: Vec<_> = ended
        .verdict
        .cgroups
        .iter()
        .map(|s| (s.phase, s.cgroup.as_str()))
        .collect();
    assert_eq!(phases, [(1, "a"), (2, "b")]);
    let labels: Vec<_> = ended
        .verdict
        .phases
        .iter()
        .map(|p| p.label.as_deref())
        .collect();
    assert_eq!(labels, [Some("a"), Some("b")]);
}

#[test]
fn s_124_stopping_backdrop_workers_leaves_earlier_steps_their_figures() {
    let mut rig = Rig::new();
    rig.stage
        .set_backdrop(&backdrop(vec![def("base")], vec![]))
        .unwrap();
    for time in [100, 200] {
        let id = rig.stage.begin(None).unwrap();
        rig.stage.hold(id, &ms(time)).unwrap();
        if time == 200 {
            let stop = [Op::StopCgroup("base".into())];
            rig.stage.apply(id, &stop).unwrap();
        }
        rig.stage.finish(id).unwrap();
    }
    let ended = rig.close();
    let figures: Vec<_> = ended
        .verdict
        .cgroups
        .iter()
        .map(|stats| (stats.phase, stats.wall_time_ns / 1_000_000))
        .collect();
    assert_eq!(figures, [(1, 100), (2, 200)]);
}

#[test]
fn s_146_cgroups_of_definitions_and_ops_are_removed_alike() {
    let mut rig = Rig::new();
    let id = rig.stage.begin(None).unwrap();
    rig.stage.setup(id, &[def("by-def")]).unwrap();
    rig.stage
        .apply(id, &[Op::AddCgroup("by-op".into())])
        .unwrap();
    rig.stage.create_cgroup("by-handle").unwrap();
    rig.stage.abandon(id);
    for name in ["by-def", "by-op", "by-handle"] {
        rig.position(&format!("remove {name:?}"));
    }
}

#[test]
fn s_144_every_effect_goes_through_the_one_gateway() {
    let ended = frozen_step().close();
    let expected = [
        "create \"a\"",
        "confine the root to 32768 processes and 1125899906842624 bytes",
        "start 1 spin-wait workers in \"a\"",
        "open the gate of crew 0",
        "wait until 100ms",
        "write \"1\" to cgroup.freeze of \"a\"",
        "write \"0\" to cgroup.freeze of \"a\"",
        "collect 1 crews",
        "remove \"a\"",
    ];
    assert_eq!(ended.log.lines(), expected);
}
