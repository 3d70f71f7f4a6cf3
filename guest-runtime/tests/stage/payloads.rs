//! D. Payloads on a kernel: real processes, as cgroupfs and /proc show them.
//!
//! What runs is this suite's own program: nothing else is sure to be there.

use std::env;
use std::fs;
use std::thread;

use proscenium_guest_runtime::contract::ops::Op;
use proscenium_guest_runtime::contract::types::{ErrorCode, PayloadRef, PayloadRun};
use proscenium_guest_runtime::executor::StepId;
use proscenium_wire::{Event, PayloadExit, PayloadKind, PayloadOutput, PayloadRecord, PayloadSpec};

use crate::rig::{Rig, exists};

/// The one test below that the payload `stays` runs.
const STAYS: &str = "payloads::a_program_that_stays";

#[test]
#[ignore = "it is what other tests run as a payload, and never ends"]
fn a_program_that_stays() {
    loop {
        thread::park();
    }
}

fn declared(name: &str, args: &[&str]) -> PayloadSpec {
    PayloadSpec {
        name: name.to_owned(),
        kind: PayloadKind::Binary,
        program: env::current_exe().unwrap().to_str().unwrap().to_owned(),
        folder: "/".to_owned(),
        args: args.iter().map(|arg| (*arg).to_owned()).collect(),
        environment: vec![],
        known_flags: None,
        output: PayloadOutput::ExitCode,
        hints: vec![],
        checks: vec![],
    }
}

/// A payload that stays, one that ends by itself, a scheduler, and an open step
/// with the cgroup `a`.
fn rig(name: &str) -> Option<(Rig, StepId)> {
    let scheduler = PayloadSpec {
        kind: PayloadKind::Scheduler,
        ..declared("scheduler", &[])
    };
    let payloads = vec![
        declared("stays", &["--ignored", "--exact", STAYS]),
        declared("lists", &["--list"]),
        scheduler,
    ];
    let mut rig = Rig::with(name, payloads)?;
    let step = rig.stage.begin(None).unwrap();
    rig.apply(step, Op::AddCgroup("a".into()));
    Some((rig, step))
}

fn run(payload: &str, cgroup: Option<&str>) -> Op {
    Op::RunPayload(PayloadRun {
        payload: payload.to_owned(),
        args: vec![],
        cgroup: cgroup.map(str::to_owned),
    })
}

fn one(payload: &str) -> PayloadRef {
    PayloadRef {
        payload: payload.to_owned(),
        cgroup: None,
    }
}

fn records(rig: &Rig) -> Vec<PayloadRecord> {
    let events = rig.events().into_iter();
    let record = |event| match event {
        Event::Payload(record) => Some(record),
        _ => None,
    };
    events.filter_map(record).collect()
}

fn arguments(pid: u32) -> String {
    fs::read_to_string(format!("/proc/{pid}/cmdline")).unwrap()
}

#[test]
fn s_033_a_payload_runs_in_the_cgroup_it_was_given_and_a_scheduler_does_not() {
    let Some((mut rig, step)) = rig("s_033") else {
        return;
    };
    rig.apply(step, run("stays", Some("a")));
    let [pid] = rig.procs("a")[..] else {
        panic!("{:?}", rig.procs("a"));
    };
    rig.hold(step);
    rig.hold(step);
    assert!(arguments(pid).contains(STAYS), "{}", arguments(pid));
    let refused = rig.stage.apply(step, &[run("scheduler", Some("a"))]);
    let refused = refused.unwrap_err();
    assert_eq!(refused.code(), Some(ErrorCode::Invalid), "{refused}");
    assert!(refused.to_string().contains("scheduler"), "{refused}");
    assert_eq!(rig.procs("a"), [pid]);
    rig.stage.finish(step).unwrap();
    assert!(!exists(pid), "it ends with its step");
    rig.close();
}

#[test]
fn s_034_waiting_and_killing_end_one_process_put_it_on_record_and_forget_it() {
    for (payload, killed, exit) in [
        ("lists", false, PayloadExit::Code(0)),
        ("stays", true, PayloadExit::Signal(libc::SIGKILL)),
    ] {
        let Some((mut rig, step)) = rig("s_034") else {
            return;
        };
        rig.apply(step, run(payload, Some("a")));
        let pid = rig.procs("a").first().copied();
        let end = || {
            if killed {
                Op::KillPayload(one(payload))
            } else {
                Op::WaitPayload(one(payload))
            }
        };
        rig.apply(step, end());
        assert_eq!(rig.procs("a"), [0; 0]);
        // One that ends by itself may have ended before it was looked for.
        assert!(killed <= pid.is_some() && !pid.is_some_and(exists));
        let [record] = &records(&rig)[..] else {
            panic!("{:?}", records(&rig));
        };
        assert_eq!(
            (record.name.as_str(), record.cgroup.as_str()),
            (payload, "a")
        );
        assert_eq!((record.killed, record.exit), (killed, exit));
        let again = rig.stage.apply(step, &[end()]).unwrap_err();
        assert_eq!(again.code(), Some(ErrorCode::NotFound), "{again}");
        rig.stage.finish(step).unwrap();
        assert_eq!(records(&rig).len(), 1);
        rig.close();
    }
}
