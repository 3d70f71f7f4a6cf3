//! How much of everything: one more than is allowed is answered, and told once.

use proscenium_guest_runtime::contract::ops::Op;
use proscenium_guest_runtime::contract::types::{ErrorCode, PayloadRun};
use proscenium_guest_runtime::executor::{Error, Stage};
use proscenium_wire::{Budget, DetailKind, Limits, Outcome, Permissions};

use super::plans::{def, spins};
use super::{Rig, closed, rig};

type Deed = fn(&mut Stage) -> Result<(), Error>;

/// What uses one more than a limit allows, and the limit.
#[test]
#[expect(clippy::too_many_lines, reason = "a table")]
fn limits_are_answered_and_each_is_a_detail_of_its_own() {
    let one_more: [(Budget, Deed); 6] = [
        (Budget::Cgroups, |stage| {
            let step = stage.begin(None)?;
            stage.apply(
                step,
                &[Op::AddCgroup("a".into()), Op::AddCgroup("b".into())],
            )
        }),
        (Budget::Workers, |stage| {
            let step = stage.begin(None)?;
            let mut two = def("a");
            two.work = vec![spins(2)];
            stage.setup(step, &[two])
        }),
        (Budget::Payloads, |stage| {
            let step = stage.begin(None)?;
            stage.apply(step, &[Op::AddCgroup("a".into())])?;
            let run = |cgroup: Option<&str>| {
                Op::RunPayload(PayloadRun {
                    payload: "bench".into(),
                    args: vec![],
                    cgroup: cgroup.map(str::to_owned),
                })
            };
            stage.apply(step, &[run(None), run(Some("a"))])
        }),
        (Budget::Steps, |stage| {
            let step = stage.begin(None)?;
            stage.finish(step)?;
            stage.begin(None).map(drop)
        }),
        (Budget::Ops, |stage| {
            let step = stage.begin(None)?;
            stage.apply(
                step,
                &[Op::AddCgroup("a".into()), Op::AddCgroup("b".into())],
            )
        }),
        // Those of a step count, and not those of a call.
        (Budget::Ops, |stage| {
            let step = stage.begin(None)?;
            stage.apply(step, &[Op::AddCgroup("a".into())])?;
            stage.apply(step, &[Op::AddCgroup("b".into())])
        }),
    ];
    for (budget, deed) in one_more {
        let mut limits = Limits::default();
        limits.set(budget, 1);
        let Rig { mut stage, .. } = rig(Permissions::all(), limits);
        let error = deed(&mut stage).unwrap_err();
        assert_eq!(
            error.code(),
            Some(ErrorCode::LimitExceeded),
            "{budget:?}: {error}"
        );
        assert!(
            error
                .to_string()
                .contains(&format!("limits.{}", budget.key())),
            "{error}"
        );
        stage.answered(&error);
        stage.answered(&error);
        let verdict = closed(stage);
        let kinds: Vec<_> = verdict.details.iter().map(|detail| detail.kind).collect();
        assert_eq!(kinds, [budget.kind()], "told once");
        assert_eq!(
            verdict.outcome,
            Outcome::Pass,
            "it was answered, and that is all"
        );
        // Under the usual limits it works.
        let Rig { mut stage, .. } = rig(Permissions::all(), Limits::default());
        deed(&mut stage).unwrap();
    }
    let mut limits = Limits::default();
    limits.set(Budget::Processes, 1);
    let Rig { mut stage, log } = rig(Permissions::all(), limits);
    let step = stage.begin(None).unwrap();
    let mut two = def("a");
    two.work = vec![spins(2)];
    let error = stage.setup(step, &[two]).unwrap_err();
    assert_eq!(
        error.code(),
        Some(ErrorCode::Kernel),
        "as a kernel says it: {error}"
    );
    assert!(
        log.lines()
            .iter()
            .any(|line| line.starts_with("confine the root to 1 process"))
    );
    let verdict = closed(stage);
    assert_eq!(verdict.details[0].kind, DetailKind::ProcessLimit);
    assert_eq!(verdict.outcome, Outcome::Fail);
}
