//! What is put on record of a plugin, whatever it does: bounded, complete in
//! its counts, and named as the contract names it.

use std::collections::BTreeSet;

use proscenium_guest_runtime::audit::{Function, RECORDED};
use proscenium_guest_runtime::capability::Capability;
use proscenium_guest_runtime::plugin::{Foreign, Plugin};
use proscenium_wire::{AuditCall, AuditTotals, Decision, Event};
use wit_parser::{FunctionKind, Resolve, TypeDefKind};

use crate::fixture::{Core, contract};
use crate::support::{Ended, attack, job, run, world};

fn calls(ended: &Ended) -> Vec<AuditCall> {
    let calls = ended.events.iter().filter_map(|event| match event {
        Event::AuditCalls(calls) => Some(calls.clone()),
        _ => None,
    });
    calls.flatten().collect()
}

fn totals(ended: &Ended) -> &AuditTotals {
    let mut totals = ended.events.iter().filter_map(|event| match event {
        Event::AuditTotals(totals) => Some(totals),
        _ => None,
    });
    let first = totals.next().unwrap();
    assert!(totals.next().is_none(), "one word on all of it");
    first
}

/// Asks for the time, this often.
fn asks(times: usize) -> Ended {
    let core = Core {
        imports: r#"(import "proscenium:scenario/clock@0.1.0" "elapsed"
            (func $elapsed (result i64)))"#
            .to_owned(),
        more: format!("(global $left (mut i32) (i32.const {times}))"),
        run: "loop $again call $elapsed drop
            global.get $left i32.const 1 i32.sub global.set $left
            global.get $left br_if $again end"
            .to_owned(),
        ..Core::default()
    };
    let plugin = Plugin::compile(&core.component(), Foreign::Refuse).unwrap();
    run(&plugin, &job(), world())
}

#[test]
fn each_call_is_on_record_in_its_order() {
    let ended = asks(1_000);
    let calls = calls(&ended);
    assert_eq!(calls.len(), 1_000);
    for call in &calls {
        assert_eq!(call.function, Function::ClockElapsed.number());
        assert_eq!(call.decision, Decision::Done);
        assert!(call.duration_ns > 0);
    }
    assert!(calls.is_sorted_by_key(|call| call.at_ns));
    let [total] = &totals(&ended).functions[..] else {
        panic!("{:?}", totals(&ended));
    };
    assert_eq!((total.done, total.not_recorded), (1_000, 0));
    assert!(total.max_ns * 1_000 >= total.total_ns);
}

#[test]
fn a_flood_of_calls_is_counted_to_the_last_and_recorded_up_to_the_limit() {
    let times = 200_000;
    let ended = asks(times);
    assert_eq!(calls(&ended).len(), RECORDED);
    let totals = totals(&ended);
    let rest = (times - RECORDED) as u64;
    assert_eq!((totals.not_recorded, totals.functions.len()), (rest, 1));
    assert_eq!(totals.functions[0].done, times as u64);
    assert_eq!(totals.functions[0].not_recorded, rest);
}

#[test]
fn what_was_refused_is_on_record_as_refused_and_a_trap_hides_nothing() {
    let ended = attack("trap-in-step");
    let functions: Vec<_> = calls(&ended)
        .iter()
        .filter_map(|call| Function::of_number(call.function))
        .collect();
    assert!(functions.contains(&Function::StepBegin), "{functions:?}");
    assert!(totals(&ended).not_recorded == 0);

    let ended = attack("names");
    let refused = |call: &&AuditCall| matches!(call.decision, Decision::Refused(_));
    let refused = calls(&ended).iter().filter(refused).count() as u64;
    assert!(refused > 0);
    let counted: u64 = totals(&ended).functions.iter().map(|f| f.refused).sum();
    assert_eq!(refused, counted);
}

/// Interface, resource and function, as the contract has them.
fn contract_functions() -> BTreeSet<String> {
    let mut resolve = Resolve::default();
    let (package, _) = resolve.push_dir(contract()).unwrap();
    let mut names = BTreeSet::new();
    for (interface, &id) in &resolve.packages[package].interfaces {
        if Capability::of_interface(interface).is_none() {
            continue;
        }
        for function in resolve.interfaces[id].functions.values() {
            let resource = match function.kind {
                FunctionKind::Method(id) | FunctionKind::Static(id) => {
                    resolve.types[id].name.clone()
                }
                _ => None,
            };
            let resource = resource.map(|name| format!("{name}.")).unwrap_or_default();
            names.insert(format!("{interface}.{resource}{}", function.item_name()));
        }
        for (name, &id) in &resolve.interfaces[id].types {
            if matches!(resolve.types[id].kind, TypeDefKind::Resource) {
                names.insert(format!("{interface}.{name}.drop"));
            }
        }
    }
    names
}

#[test]
fn every_function_of_the_contract_has_a_number_and_its_own_name() {
    let named: BTreeSet<String> = Function::ALL
        .iter()
        .map(|function| function.name().to_owned())
        .collect();
    let expected = contract_functions();
    assert!(expected.len() > 30, "{expected:?}");
    assert_eq!(named, expected);
}
