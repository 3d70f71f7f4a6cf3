//! What a grant does not cover is denied, whichever way a scenario is driven:
//! a plan handed over, a step driven by hand. What it covers works, and no more.
//! Each row of `rows` is one thing that can be granted.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use proscenium_guest_runtime::contract::ops::Op;
use proscenium_guest_runtime::contract::types::{CgroupDef, ErrorCode};
use proscenium_guest_runtime::executor::{Error, Settings, Stage};
use proscenium_guest_runtime::verdict::Ending;
use proscenium_guest_runtime::world::simulated::EffectLog;
use proscenium_tests::declared;
use proscenium_wire::{
    DetailKind, Event, Limits, OnDenied, Outcome, Permissions, SchedulerSpec, Verdict,
};

use crate::support::world;

mod limits;
#[path = "../../../../guest-runtime/tests/support/plans.rs"]
mod plans;
mod rows;

use plans::{backdrop, ms, nothing, step};
use rows::{Deed, Row, rows};

/// A stage on which a scenario of one second has begun nothing yet.
struct Rig {
    stage: Stage,
    log: EffectLog,
}

fn rig(permissions: Permissions, limits: Limits) -> Rig {
    let log = EffectLog::recording();
    let settings = Settings {
        duration: Duration::from_secs(1),
        permissions,
        limits,
        payloads: vec![declared::payload("bench")],
        schedulers: vec![fair()],
        ..Settings::default()
    };
    let world = Box::new(world().with_schedulers(&[fair()]).with_log(log.clone()));
    let events: Rc<RefCell<Vec<Event>>> = Rc::default();
    let stage = Stage::new(world, Box::new(events), settings).with_works(vec!["own".to_owned()]);
    Rig { stage, log }
}

fn fair() -> SchedulerSpec {
    SchedulerSpec {
        name: "s".to_owned(),
        program: "/schedulers/s".to_owned(),
        folder: "/".to_owned(),
        args: vec![],
        environment: vec![],
        ops: None,
        ready_ms: 1_000,
    }
}

fn closed(stage: Stage) -> Verdict {
    let ending = Ending::Returned {
        outcome: Outcome::Pass,
        reason: None,
    };
    stage.close(ending).0
}

impl Row {
    /// Drives it in a plan, with `a` in the backdrop.
    fn planned(&self, stage: &mut Stage) -> Result<(), Error> {
        let (setup, ops) = match &self.deed {
            Deed::Def(def) => (vec![CgroupDef::clone(def)], vec![]),
            Deed::Op(op) => (vec![], vec![op.clone()]),
        };
        let base = match &self.deed {
            Deed::Def(_) => nothing(),
            Deed::Op(_) => backdrop(vec![], vec![Op::AddCgroup("a".to_owned())]),
        };
        stage.execute(&base, &[step(setup, ops, ms(10))])
    }

    /// Drives it by hand, in a step that has `a`.
    fn driven(&self, stage: &mut Stage) -> Result<(), Error> {
        let step = stage.begin(None)?;
        stage.apply(step, &[Op::AddCgroup("a".to_owned())])?;
        match &self.deed {
            Deed::Def(def) => stage.setup(step, std::slice::from_ref(def)),
            Deed::Op(op) => stage.apply(step, std::slice::from_ref(op)),
        }
    }

    /// It is denied, with the line, and nothing is done but what was allowed.
    fn is_denied(&self, answer: Result<(), Error>, rig: Rig, done: &[&str], on: OnDenied) {
        let error = answer.unwrap_err();
        assert_eq!(error.code(), Some(ErrorCode::Denied), "{error}");
        let text = error.to_string();
        assert!(text.contains(self.line), "{}: {text}", self.line);
        assert_eq!(rig.log.lines(), done, "{text}");
        let Rig { mut stage, .. } = rig;
        stage.answered(&error);
        stage.answered(&error);
        let verdict = closed(stage);
        let [detail] = &verdict.details[..] else {
            panic!("not one detail: {verdict:#?}");
        };
        assert_eq!(detail.kind, DetailKind::Denied);
        assert!(detail.message.contains(self.line), "{}", detail.message);
        let outcome = match on {
            OnDenied::Fail => Outcome::Fail,
            OnDenied::Count => Outcome::Pass,
        };
        assert_eq!(verdict.outcome, outcome);
    }
}

#[test]
fn what_is_not_granted_is_denied_before_any_effect_and_fails_the_run() {
    let rows = rows();
    let ways = rows
        .iter()
        .flat_map(|row| [(row, OnDenied::Fail), (row, OnDenied::Count)]);
    for (row, on) in ways {
        let mut permissions = Permissions {
            denied: on,
            ..Permissions::all()
        };
        (row.without)(&mut permissions);
        let mut by_plan = rig(permissions.clone(), Limits::default());
        let answer = row.planned(&mut by_plan.stage);
        row.is_denied(answer, by_plan, &[], on);

        let mut by_hand = rig(permissions, Limits::default());
        let answer = row.driven(&mut by_hand.stage);
        row.is_denied(answer, by_hand, &["create \"a\""], on);
    }
}

#[test]
fn what_is_granted_works() {
    for row in rows() {
        for (way, drive) in [
            (
                "planned",
                Row::planned as fn(&Row, &mut Stage) -> Result<(), Error>,
            ),
            ("driven", Row::driven),
        ] {
            let mut rig = rig(Permissions::all(), Limits::default());
            let answer = drive(&row, &mut rig.stage);
            let code = answer.as_ref().err().and_then(Error::code);
            assert_eq!(code, row.then, "{way} {}: {answer:?}", row.line);
        }
    }
}
