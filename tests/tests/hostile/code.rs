//! A component's own code: traps, loops, memory, the stack.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use proscenium_guest_runtime::plugin::{Foreign, Plugin};
use proscenium_wire::{DetailKind, Event, Limits, Outcome};

use crate::cli::Place;
use crate::components::changed;
use crate::fixture::Core;
use crate::support::{SHORT, attack, attack_under, job, run, run_core, world};

#[test]
fn the_control_behaves_and_is_torn_down() {
    assert_eq!(attack("none").was_answered(), "behaved");
}

#[test]
fn a_trap_fails_the_scenario_and_its_cause_comes_before_its_place() {
    let ended = attack("trap");
    ended.failed_with(
        DetailKind::PluginTrap,
        "trapped: wasm trap: wasm `unreachable`",
    );
    assert!(ended.only_reason().1.contains("called by"), "{ended:#?}");
}

#[test]
fn a_trap_inside_a_step_tears_the_step_down_without_an_end_frame() {
    let ended = attack("trap-in-step");
    ended.failed_with(DetailKind::PluginTrap, "unreachable");
    let ends = |event: &Event| matches!(event, Event::StepEnd(_) | Event::ScenarioEnd { .. });
    assert!(!ended.events.iter().any(ends), "{:#?}", ended.events);
    assert_eq!(
        ended.verdict.cgroups.len(),
        1,
        "what its workers did is reported all the same"
    );
}

#[test]
fn an_endless_loop_ends_with_its_computing_time() {
    let begun = Instant::now();
    let short = |limits: &mut Limits| limits.compute_ms = SHORT;
    for ended in [
        attack_under("loop", short),
        attack_under("loop-in-step", short),
    ] {
        ended.failed_with(DetailKind::PluginTimeout, "computing time of 200ms");
    }
    assert!(begun.elapsed() >= Duration::from_millis(2 * SHORT));
}

#[test]
fn memory_beyond_the_limit_is_not_given() {
    attack("grow").failed_with(DetailKind::MemoryLimit, "forcing trap when growing memory");
}

#[test]
fn endless_recursion_ends_with_the_stack() {
    attack("recurse").failed_with(DetailKind::PluginLimit, "call stack exhausted");
}

#[test]
fn an_error_that_a_plugin_returns_fails_it() {
    attack("error").failed_with(DetailKind::Plugin, "gave up on purpose");
}

#[test]
fn the_smallest_component_passes() {
    let ended = run_core(&Core::default());
    assert_eq!(ended.verdict.outcome, Outcome::Pass);
}

#[test]
fn a_start_function_is_bounded_as_run_is() {
    let table = [
        ("start-trap", "unreachable", "unreachable"),
        ("start-loop", "loop $l br $l end", "computing time"),
        ("start-recursion", "call $start", "call stack"),
        (
            "start-memory",
            "i32.const 2000 memory.grow drop",
            "growing memory",
        ),
        (
            "start-table",
            "ref.null func i32.const 200000 table.grow drop",
            "growing table",
        ),
    ];
    for (attack, start, text) in table {
        let core = Core {
            start: start.to_owned(),
            more: "(table 1 funcref)".to_owned(),
            ..Core::default()
        };
        let ended = run_core(&core);
        ended.ends_as(attack);
        assert!(ended.only_reason().1.contains(text), "{ended:#?}");
    }
}

#[test]
fn an_allocator_is_bounded_as_run_is() {
    let elapsed = r#"(import "proscenium:scenario/clock@0.1.0" "elapsed"
        (func $elapsed (result i64)))"#;
    for (attack, realloc, text) in [
        ("realloc-loop", "loop $l br $l end", "computing time"),
        ("realloc-trap", "unreachable", "unreachable"),
        (
            "realloc-memory",
            "i32.const 2000 memory.grow drop",
            "growing memory",
        ),
        (
            "realloc-wild",
            "i32.const -16 return",
            "beyond end of memory",
        ),
        ("realloc-calls", "call $elapsed drop", "cannot leave"),
    ] {
        let ended = run_core(&Core {
            imports: elapsed.to_owned(),
            realloc: realloc.to_owned(),
            ..Core::default()
        });
        ended.ends_as(attack);
        assert!(ended.only_reason().1.contains(text), "{ended:#?}");
    }
}

#[test]
fn what_cleans_up_after_run_is_bounded_as_run_is() {
    let ended = run_core(&Core {
        more: r#"(func (export "cabi_post_proscenium:scenario/scenario@0.1.0#run")
            (param i32) loop $l br $l end)"#
            .to_owned(),
        ..Core::default()
    });
    ended.ends_as("post-return-loop");
}

/// A component that exports a resource of its own beside the scenario, and in
/// `run` makes one and drops it.
fn with_destructor(destructor: &str) -> Core {
    let own = "proscenium:scenario/things@0.1.0";
    Core {
        imports: format!(
            r#"(import "[export]{own}" "[resource-new]thing" (func $new (param i32) (result i32)))
            (import "[export]{own}" "[resource-drop]thing" (func $drop (param i32)))"#
        ),
        more: format!(
            r#"(func (export "{own}#[dtor]thing") (param i32) {destructor})
            (func (export "{own}#[constructor]thing") (result i32) i32.const 1 call $new)"#
        ),
        run: "i32.const 1 call $new call $drop".to_owned(),
        ..Core::default()
    }
}

/// The contract, and a world whose components have a resource of their own.
fn with_things(place: &Place) -> PathBuf {
    let contract = changed(place, str::to_owned);
    let own = "package proscenium:scenario@0.1.0;
        interface things { resource thing { constructor(); } }
        world with-things { include plugin; export things; }";
    std::fs::write(contract.join("things.wit"), own).unwrap();
    contract
}

#[test]
fn a_destructor_of_a_component_is_bounded_as_run_is() {
    let place = Place::new();
    let contract = with_things(&place);
    for (attack, destructor) in [
        ("destructor-loop", "loop $l br $l end"),
        ("destructor-trap", "unreachable"),
    ] {
        let core = with_destructor(destructor);
        let bytes = core.component_of(&contract, "0.1.0", "with-things");
        let plugin = Plugin::compile(&bytes, Foreign::Refuse).unwrap();
        let mut job = job();
        job.limits.compute_ms = SHORT;
        run(&plugin, &job, world()).ends_as(attack);
    }
}

#[test]
fn handles_of_a_components_own_are_counted_with_the_others() {
    let place = Place::new();
    let contract = with_things(&place);
    let core = Core {
        run: "loop $l i32.const 1 call $new drop br $l end".to_owned(),
        ..with_destructor("")
    };
    let bytes = core.component_of(&contract, "0.1.0", "with-things");
    let plugin = Plugin::compile(&bytes, Foreign::Refuse).unwrap();
    let ended = run(&plugin, &job(), world());
    ended.ends_as("own-handles");
    ended.failed_with(DetailKind::HandleLimit, "store handle limit exceeded");
}

#[test]
fn what_a_component_declares_is_bounded_before_it_gets_it() {
    let table = [
        (
            "declared-memory",
            Core {
                pages: 2_000,
                ..Core::default()
            },
            "growing memory to 131072000 bytes",
        ),
        (
            "declared-table",
            Core {
                more: "(table 200000 funcref)".to_owned(),
                ..Core::default()
            },
            "growing table to 200000 elements",
        ),
    ];
    for (attack, core, text) in table {
        let ended = run_core(&core);
        ended.ends_as(attack);
        assert!(ended.only_reason().1.contains(text), "{ended:#?}");
    }
}

#[test]
fn the_number_of_tables_is_bounded() {
    let core = Core {
        more: "(table 1 funcref)".repeat(65),
        ..Core::default()
    };
    let ended = run_core(&core);
    ended.ends_as("many-tables");
    ended.failed_with(DetailKind::InstanceLimit, "resource limit exceeded");
}
