//! D. Payloads: identity, flags, what a start, a wait and a kill do.

use std::time::Duration;

use proscenium_guest_runtime::contract::ops::Op;
use proscenium_guest_runtime::contract::stage::Backdrop;
use proscenium_guest_runtime::contract::types::{CgroupDef, ErrorCode, HoldSpec};
use proscenium_guest_runtime::world::simulated::Script;
use proscenium_tests::declared;
use proscenium_wire::{
    DetailKind, MetricHint, Outcome, PayloadCheck, PayloadExit, PayloadKind, PayloadOutput,
    PayloadSpec, Polarity,
};

use crate::support::{Rig, backdrop, def, endless, ms, nothing, one, run, start, step};

fn scheduler(name: &str) -> PayloadSpec {
    PayloadSpec {
        kind: PayloadKind::Scheduler,
        ..declared::payload(name)
    }
}

fn with_payload(name: &str, payload: &str) -> CgroupDef {
    CgroupDef {
        payload: Some(start(payload, None, &[])),
        ..def(name)
    }
}

/// A rig with two payloads that run until they are killed.
fn two() -> Rig {
    Rig::payloads(
        vec![declared::payload("p"), declared::payload("q")],
        &[("p", endless()), ("q", endless())],
    )
}

#[test]
fn s_020_a_definitions_payload_starts_last_and_inside_the_cgroup() {
    let ended = two().execute(
        nothing(),
        vec![step(vec![with_payload("a", "p")], vec![], ms(10))],
    );
    assert!(ended.position("open the gate") < ended.position("start payload \"p\" in \"a\""));
    assert_eq!(ended.records()[0].cgroup, "a");
}

#[test]
fn s_033_a_payload_starts_where_it_is_told_and_a_scheduler_never() {
    let ops = vec![
        Op::AddCgroup("a".into()),
        Op::RunPayload(start("p", Some("a"), &["--x", "1"])),
        run("q", None),
    ];
    let ended = two().execute(nothing(), vec![step(vec![], ops, ms(10))]);
    ended.position("start payload \"p\" in \"a\" with [\"--x\", \"1\"]");
    ended.position("start payload \"q\" in \"\"");

    let rig = Rig::payloads(vec![scheduler("scx")], &[]);
    let error = rig.refused(nothing(), vec![step(vec![], vec![run("scx", None)], ms(1))]);
    assert!(
        error.contains("\"scx\"") && error.contains("scheduler"),
        "{error}"
    );
}

#[test]
fn s_034_waiting_and_killing_consume_and_a_second_time_is_not_found() {
    for wait in [true, false] {
        let mut rig = Rig::payloads(vec![declared::payload("p")], &[]);
        let id = rig.stage.begin(None).unwrap();
        rig.stage.apply(id, &[run("p", None)]).unwrap();
        let end = |op| {
            if wait {
                Op::WaitPayload(op)
            } else {
                Op::KillPayload(op)
            }
        };
        rig.stage.apply(id, &[end(one("p", None))]).unwrap();
        let again = rig.stage.apply(id, &[end(one("p", None))]).unwrap_err();
        assert_eq!(again.code(), Some(ErrorCode::NotFound));
        rig.stage.finish(id).unwrap();
        let ended = rig.close();
        assert_eq!(ended.records().len(), 1);
        assert_eq!(ended.records()[0].killed, !wait);
        let exit = if wait {
            PayloadExit::Code(0)
        } else {
            PayloadExit::Signal(9)
        };
        assert_eq!(ended.records()[0].exit, exit);
    }
}

#[test]
fn a_wait_has_a_deadline_and_leaves_the_payload_running() {
    let mut rig = two();
    let id = rig.stage.begin(None).unwrap();
    let payload = rig.stage.start_payload(&start("p", None, &[])).unwrap();
    let short = Some(Duration::from_millis(30));
    let error = rig.stage.wait_payload(payload, short).unwrap_err();
    assert_eq!(error.code(), Some(ErrorCode::TimedOut));
    assert_eq!(rig.stage.elapsed(), Duration::from_millis(30));
    // Without one given, it is the scenario's end.
    let error = rig.stage.wait_payload(payload, None).unwrap_err();
    assert_eq!(error.code(), Some(ErrorCode::TimedOut));
    assert_eq!(rig.stage.elapsed(), Duration::from_secs(1));
    assert!(rig.stage.kill_payload(payload).unwrap().killed);
    rig.stage.finish(id).unwrap();
}

#[test]
fn a_payload_that_ends_by_itself_during_a_hold_keeps_its_exit_and_time() {
    let script = Script {
        ends_after: Some(Duration::from_millis(30)),
        code: 3,
        stderr: "no luck\n".into(),
        ..Script::default()
    };
    let rig = Rig::payloads(vec![declared::payload("p")], &[("p", script)]);
    let ended = rig.execute(nothing(), vec![step(vec![], vec![run("p", None)], ms(100))]);
    let record = ended.records()[0];
    assert_eq!((record.exit, record.killed), (PayloadExit::Code(3), false));
    assert_eq!(record.elapsed_ns, 30_000_000);
    assert_eq!(record.phase.as_deref(), Some("Step[0]"));
    assert_eq!(
        ended.verdict.outcome,
        Outcome::Pass,
        "an exit code alone judges nothing"
    );
    assert!(
        ended.verdict.notes[0].contains("code 3: no luck"),
        "{:?}",
        ended.verdict.notes
    );
}

#[test]
fn s_059_one_payload_may_run_in_two_cgroups() {
    let defs = vec![with_payload("a", "p"), with_payload("b", "p")];
    let ended = two().execute(nothing(), vec![step(defs, vec![], ms(10))]);
    let places: Vec<_> = ended
        .records()
        .iter()
        .map(|record| &*record.cgroup)
        .collect();
    assert_eq!(places, ["b", "a"]);
    assert_eq!(ended.verdict.outcome, Outcome::Pass);
}

#[test]
fn s_060_a_taken_identity_names_where_the_first_came_from() {
    let by_definition = Op::AddCgroupDef(with_payload("a", "p"));
    let by_op = run("p", Some("a"));
    let plans = [
        (vec![by_definition, by_op.clone()], "cgroup-def.payload"),
        (
            vec![Op::AddCgroup("a".into()), by_op.clone(), by_op],
            "run-payload",
        ),
    ];
    for (ops, first) in plans {
        let error = two().refused(nothing(), vec![step(vec![], ops.clone(), ms(1))]);
        assert!(
            error.contains(first) && error.contains("\"p\"") && error.contains("\"a\""),
            "{error}"
        );
        // The stage itself says the same, step by step.
        let mut rig = two();
        let id = rig.stage.begin(None).unwrap();
        let live = rig.stage.apply(id, &ops).unwrap_err();
        assert_eq!(live.code(), Some(ErrorCode::AlreadyExists));
        assert!(live.to_string().contains(first), "{live}");
    }
}

#[test]
fn s_061_a_name_that_runs_twice_needs_its_cgroup_and_none_is_consumed() {
    let mut rig = two();
    let id = rig.stage.begin(None).unwrap();
    rig.stage
        .setup(id, &[with_payload("a", "p"), with_payload("b", "p")])
        .unwrap();
    let error = rig
        .stage
        .apply(id, &[Op::KillPayload(one("p", None))])
        .unwrap_err();
    assert_eq!(error.code(), Some(ErrorCode::Ambiguous));
    let text = error.to_string();
    assert!(text.contains("\"a\"") && text.contains("\"b\""), "{text}");
    for cgroup in ["a", "b"] {
        let kill = Op::KillPayload(one("p", Some(cgroup)));
        rig.stage.apply(id, &[kill]).unwrap();
    }
}

#[test]
fn s_062_a_step_waits_for_a_payload_of_the_backdrop() {
    let rig = Rig::payloads(vec![declared::payload("p")], &[]);
    let persistent = Backdrop {
        payloads: vec![start("p", None, &[])],
        ..nothing()
    };
    let wait = step(vec![], vec![Op::WaitPayload(one("p", None))], ms(1));
    let ended = rig.execute(persistent, vec![wait]);
    assert_eq!(
        ended.verdict.outcome,
        Outcome::Pass,
        "{:?}",
        ended.messages()
    );
    assert_eq!(ended.records().len(), 1);
}

#[test]
fn s_063_and_064_what_does_not_run_is_named_and_no_cgroup_has_a_name_too() {
    let mut rig = two();
    let id = rig.stage.begin(None).unwrap();
    let missing = |rig: &mut Rig, cgroup| {
        let error = rig
            .stage
            .apply(id, &[Op::WaitPayload(one("p", cgroup))])
            .unwrap_err();
        assert_eq!(error.code(), Some(ErrorCode::NotFound));
        error.to_string()
    };
    assert!(missing(&mut rig, None).contains("\"p\""));
    rig.stage.apply(id, &[run("p", None)]).unwrap();
    assert!(missing(&mut rig, Some("elsewhere")).contains("\"elsewhere\""));
    let twice = rig
        .stage
        .apply(id, &[run("p", None)])
        .unwrap_err()
        .to_string();
    assert!(
        twice.contains("(no cgroup)") && !twice.contains("\"\""),
        "{twice}"
    );
}

fn with_flags(flags: Option<&[&str]>, args: &[&str]) -> Result<(), String> {
    let spec = PayloadSpec {
        known_flags: flags.map(|all| all.iter().map(|flag| (*flag).to_owned()).collect()),
        ..declared::payload("p")
    };
    let mut rig = Rig::payloads(vec![spec], &[]);
    let started = rig.stage.start_payload(&start("p", None, args));
    started.map(drop).map_err(|error| error.to_string())
}

#[test]
fn s_069_without_a_list_every_flag_passes() {
    assert_eq!(with_flags(None, &["--anything", "--x=1"]), Ok(()));
}

#[test]
fn s_070_a_flag_that_is_not_listed_is_refused_with_payload_flag_and_list() {
    for bad in ["--bad", "--bad=1"] {
        let error = with_flags(Some(&["--ok"]), &[bad]).unwrap_err();
        for word in ["\"p\"", "\"--bad\"", "--ok"] {
            assert!(error.contains(word), "{word}: {error}");
        }
    }
    assert_eq!(with_flags(Some(&["--ok"]), &["--ok=1"]), Ok(()));
}

#[test]
fn s_071_two_dashes_short_flags_and_positionals_pass_any_list() {
    assert_eq!(with_flags(Some(&[]), &["--", "-x", "file"]), Ok(()));
}

#[test]
fn arguments_are_bounded_and_have_no_nul() {
    let long = "x".repeat(20_000);
    let many = ["y"; 200];
    for args in [&["a\0b"][..], &[long.as_str()], &many] {
        assert!(
            with_flags(None, args)
                .unwrap_err()
                .contains("arguments of payload")
        );
    }
}

#[test]
fn a_name_that_is_not_declared_is_refused_before_anything_is_done() {
    let error = two().refused(nothing(), vec![step(vec![], vec![run("r", None)], ms(1))]);
    for word in ["\"r\"", "p, q", "--payload", "step 0", "op 0"] {
        assert!(error.contains(word), "{word}: {error}");
    }
}

#[test]
fn s_076_a_scheduler_among_the_backdrops_payloads_is_refused_up_front() {
    let bad = Backdrop {
        payloads: vec![start("scx", None, &[])],
        ..backdrop(vec![def("a")], vec![])
    };
    let rig = Rig::payloads(vec![scheduler("scx")], &[]);
    let error = rig.refused(bad, vec![step(vec![], vec![], ms(1))]);
    assert!(
        error.contains("\"scx\"") && error.contains("backdrop.payloads"),
        "{error}"
    );
}

#[test]
fn s_077_a_scheduler_in_a_backdrop_op_is_refused_with_a_message_of_its_own() {
    let bad = backdrop(
        vec![],
        vec![Op::AddCgroup("a".into()), run("scx", Some("a"))],
    );
    let rig = Rig::payloads(vec![scheduler("scx")], &[]);
    let error = rig.refused(bad, vec![step(vec![], vec![], ms(1))]);
    assert!(
        error.contains("\"scx\"") && error.contains("run-payload"),
        "{error}"
    );
    assert!(!error.contains("backdrop.payloads"), "{error}");
}

#[test]
fn figures_are_found_and_checks_fail_the_verdict_but_no_step() {
    let spec = PayloadSpec {
        output: PayloadOutput::Json,
        hints: vec![MetricHint {
            metric: "iops".into(),
            polarity: Polarity::HigherBetter,
            unit: Some("1/s".into()),
        }],
        checks: vec![
            PayloadCheck::ExitCode(0),
            PayloadCheck::Min("iops".into(), 100.0),
        ],
        ..declared::payload("p")
    };
    let script = Script {
        stdout: "starting\n{\"iops\": 42, \"lat\": {\"p99\": 7.5}}\n".into(),
        ..Script::default()
    };
    let rig = Rig::payloads(vec![spec], &[("p", script)]);
    let ops = vec![run("p", None), Op::WaitPayload(one("p", None))];
    let steps = vec![
        step(vec![], ops, ms(1)),
        step(vec![def("a")], vec![], HoldSpec::Fixed(0)),
    ];
    let ended = rig.execute(nothing(), steps);
    let record = ended.records()[0];
    let figures: Vec<_> = record.metrics.iter().map(|m| (&*m.name, m.value)).collect();
    assert_eq!(figures, [("iops", 42.0), ("lat.p99", 7.5)]);
    assert_eq!(record.metrics[0].polarity, Polarity::HigherBetter);
    let passed: Vec<_> = record.checks.iter().map(|check| check.passed).collect();
    assert_eq!(passed, [true, false]);
    assert_eq!(ended.verdict.phases.len(), 2, "the step after it ran");
    assert_eq!(ended.verdict.outcome, Outcome::Fail);
    assert!(ended.verdict.asserted);
    let detail = &ended.verdict.details[0];
    assert_eq!(detail.kind, DetailKind::Benchmark);
    assert!(detail.message.contains("iops is 42"), "{}", detail.message);
}
