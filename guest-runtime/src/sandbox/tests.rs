//! The runtime's side against a process that says what it likes.

use std::io::Write;
use std::os::unix::net::UnixStream;
use std::thread;

use proscenium_wire::{DetailKind, Job, Outcome, Permissions, Verdict};

use super::broker::Broker;
use super::channel::Channel;
use super::protocol::{End, Said, Start};
use crate::audit::Function;
use crate::bindings::scenario::{Context, Outcome as PluginOutcome, Verdict as PluginVerdict};
use crate::bindings::types::ErrorCode;
use crate::capability::Capability;
use crate::interface::Failure;
use crate::machine::Machine;
use crate::scenario::run_component;
use crate::world::simulated::Simulated;

fn job() -> Job {
    Job::new("apart", Permissions::all())
}

/// What comes of a run whose component's process does this.
fn run(component: impl FnOnce(Channel, UnixStream) + Send + 'static) -> Verdict {
    let (ours, theirs) = UnixStream::pair().unwrap();
    let process = thread::spawn(move || {
        let raw = theirs.try_clone().unwrap();
        component(Channel::new(theirs), raw);
    });
    let world = Simulated::new(Machine::uniform(1, 1, 2, 1));
    let mut broker = Broker::new(Channel::new(ours), vec![Capability::Cgroups], false);
    let verdict = run_component(&mut broker, &job(), Box::new(world), Box::new(Vec::new()));
    process.join().unwrap();
    verdict
}

/// The same once it has come as far as its scenario.
fn run_from_scenario(component: impl FnOnce(Channel, UnixStream) + Send + 'static) -> Verdict {
    run(|mut channel, raw| {
        channel.receive::<Start>().unwrap();
        channel.send(&Said::Works(Ok(vec![]))).unwrap();
        channel.receive::<Context>().unwrap();
        component(channel, raw);
    })
}

/// A call whose one argument is a handle.
fn said(function: Function, handle: u32) -> Said {
    Said::Call(function.number(), postcard::to_stdvec(&(handle,)).unwrap())
}

fn pass() -> Said {
    Said::Ended(Ok(Ok(PluginOutcome {
        verdict: PluginVerdict::Pass,
        reason: Some("it said so".to_owned()),
    })))
}

fn reasons(verdict: &Verdict) -> Vec<(DetailKind, &str)> {
    let details = verdict.details.iter();
    details
        .map(|detail| (detail.kind, detail.message.as_str()))
        .collect()
}

#[test]
fn a_component_elsewhere_passes_as_one_in_here_does() {
    let verdict = run_from_scenario(|mut channel, _| channel.send(&pass()).unwrap());
    assert_eq!(verdict.outcome, Outcome::Pass, "{verdict:?}");
}

#[test]
fn a_process_that_ends_without_a_word_fails_the_run() {
    for early in [true, false] {
        let verdict = if early {
            run(|_, _| {})
        } else {
            run_from_scenario(|_, _| {})
        };
        assert_eq!(verdict.outcome, Outcome::Fail);
        let [(DetailKind::PluginTrap, message)] = reasons(&verdict)[..] else {
            panic!("{verdict:?}");
        };
        assert!(message.contains("its process was ended"), "{message}");
    }
}

#[test]
fn bytes_that_are_no_message_end_the_component() {
    let garbage = [
        u32::MAX.to_le_bytes().to_vec(),
        vec![3, 0, 0, 0, 0xff, 0xff, 0xff],
        vec![0, 0, 0, 0],
    ];
    for bytes in garbage {
        let verdict = run_from_scenario(move |_, mut raw| raw.write_all(&bytes).unwrap());
        let [(DetailKind::PluginTrap, message)] = reasons(&verdict)[..] else {
            panic!("{verdict:?}");
        };
        assert!(message.contains("no component can say"), "{message}");
    }
}

#[test]
fn a_word_out_of_turn_ends_the_component() {
    let verdict = run_from_scenario(|mut channel, _| {
        channel.send(&Said::Works(Ok(vec![]))).unwrap();
    });
    assert_eq!(verdict.outcome, Outcome::Fail);
    let verdict = run(|mut channel, _| channel.send(&pass()).unwrap());
    assert_eq!(verdict.outcome, Outcome::Fail, "{verdict:?}");
}

#[test]
fn a_handle_that_was_never_given_reaches_nothing() {
    let verdict = run_from_scenario(|mut channel, _| {
        channel.send(&said(Function::CgroupTasks, 77)).unwrap();
        let answer: Result<Vec<u32>, Failure> = channel.receive().unwrap();
        let Err(Failure::Refused(error)) = answer else {
            panic!("{answer:?}");
        };
        assert_eq!(error.code, ErrorCode::NotFound);

        channel.send(&said(Function::CgroupDrop, 77)).unwrap();
        let answer: Result<(), Failure> = channel.receive().unwrap();
        assert!(matches!(answer, Err(Failure::Trap(_))), "{answer:?}");
        channel.send(&pass()).unwrap();
    });
    assert_eq!(verdict.outcome, Outcome::Pass, "{verdict:?}");
}

#[test]
fn functions_and_arguments_that_there_are_not_end_the_component() {
    let calls = [
        Said::Call(u16::MAX, vec![]),
        Said::Call(Function::CgroupTasks.number(), vec![]),
        Said::Call(Function::CgroupCreate.number(), vec![0xff; 64]),
        // Not imported, whatever the process says.
        Said::Call(Function::ClockElapsed.number(), vec![]),
    ];
    for call in calls {
        let verdict = run_from_scenario(move |mut channel, _| channel.send(&call).unwrap());
        let [(DetailKind::PluginTrap, message)] = reasons(&verdict)[..] else {
            panic!("{verdict:?}");
        };
        assert!(message.contains("no component can say"), "{message}");
    }
}

#[test]
fn a_reason_from_there_is_cleaned_and_bounded() {
    let verdict = run_from_scenario(|mut channel, _| {
        let reason = format!("\x1b[2J{}", "x".repeat(1 << 20));
        channel
            .send(&Said::Ended(Err(End::Trapped(reason))))
            .unwrap();
    });
    let [(DetailKind::PluginTrap, message)] = reasons(&verdict)[..] else {
        panic!("{verdict:?}");
    };
    assert!(!message.contains('\x1b') && message.len() < 8_192);
}

#[test]
fn loops_with_names_out_of_bounds_are_refused() {
    let verdict = run(|mut channel, _| {
        channel.receive::<Start>().unwrap();
        let names = vec!["../../etc".to_owned()];
        channel.send(&Said::Works(Ok(names))).unwrap();
    });
    let [(DetailKind::Plugin, _)] = reasons(&verdict)[..] else {
        panic!("{verdict:?}");
    };
}
