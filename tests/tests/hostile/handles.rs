//! Handles: too many, made up, of another kind, of what is over.

use proscenium_wire::DetailKind;

use crate::support::{attack, attack_under};

#[test]
fn handles_are_counted_and_a_dropped_one_makes_room() {
    assert!(
        attack("many-handles")
            .was_answered()
            .contains("no more handles")
    );
    let few = attack_under("many-handles", |limits| limits.handles = 10);
    assert!(few.was_answered().contains("no more handles"));
}

#[test]
fn a_handle_that_was_never_given_traps() {
    attack("forged-handle").failed_with(DetailKind::PluginTrap, "unknown handle index");
}

#[test]
fn a_handle_of_another_kind_traps() {
    attack("confused-handle").failed_with(DetailKind::PluginTrap, "used with the wrong type");
}

#[test]
fn a_handle_that_was_given_back_traps() {
    attack("double-drop").failed_with(DetailKind::PluginTrap, "unknown handle index");
    attack("finished-step").failed_with(DetailKind::PluginTrap, "unknown handle index");
}

#[test]
fn the_cgroups_of_a_dropped_step_cannot_be_reached_nor_be_mistaken_for_new_ones() {
    assert!(attack("dropped-step").was_answered().contains("gone"));
}

#[test]
fn one_step_is_open_at_a_time() {
    assert!(attack("two-steps").was_answered().contains("still open"));
}
