//! A component's own code: traps, loops, memory, the stack.

use std::time::{Duration, Instant};

use proscenium_guest_runtime::plugin::{Foreign, Plugin};
use proscenium_wire::{DetailKind, Event, Limits, Outcome};

use crate::fixture::Core;
use crate::support::{self, SHORT, attack, attack_under};

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

/// Runs a hand-made component under small limits.
fn run(core: &Core) -> support::Ended {
    let plugin = Plugin::compile(&core.component(), Foreign::Refuse).unwrap();
    let mut job = support::job();
    job.limits.compute_ms = SHORT;
    support::run(&plugin, &job, support::world())
}

#[test]
fn the_smallest_component_passes() {
    let ended = run(&Core::default());
    assert_eq!(ended.verdict.outcome, Outcome::Pass);
}

#[test]
fn a_start_function_is_bounded_as_run_is() {
    let table = [
        ("unreachable", DetailKind::PluginTrap, "unreachable"),
        (
            "loop $l br $l end",
            DetailKind::PluginTimeout,
            "computing time",
        ),
        ("call $start", DetailKind::PluginLimit, "call stack"),
        (
            "i32.const 2000 memory.grow drop",
            DetailKind::MemoryLimit,
            "growing memory",
        ),
        (
            "ref.null func i32.const 200000 table.grow drop",
            DetailKind::TableLimit,
            "growing table",
        ),
    ];
    for (start, kind, text) in table {
        let core = Core {
            start: start.to_owned(),
            more: "(table 1 funcref)".to_owned(),
            ..Core::default()
        };
        run(&core).failed_with(kind, text);
    }
}

#[test]
fn what_a_component_declares_is_bounded_before_it_gets_it() {
    let table = [
        (
            Core {
                pages: 2_000,
                ..Core::default()
            },
            "growing memory to 131072000 bytes",
        ),
        (
            Core {
                more: "(table 200000 funcref)".to_owned(),
                ..Core::default()
            },
            "growing table to 200000 elements",
        ),
    ];
    for (core, text) in table {
        let kind = if text.contains("memory") {
            DetailKind::MemoryLimit
        } else {
            DetailKind::TableLimit
        };
        run(&core).failed_with(kind, text);
    }
}

#[test]
fn the_number_of_tables_is_bounded() {
    let core = Core {
        more: "(table 1 funcref)".repeat(65),
        ..Core::default()
    };
    run(&core).failed_with(DetailKind::InstanceLimit, "resource limit exceeded");
}
