//! Names and numbers out of every range.

use proscenium_guest_runtime::world::simulated::Effect;

use crate::support::{Ended, attack};

/// Names of the cgroups that were created.
fn created(ended: &Ended) -> Vec<&str> {
    ended
        .effects
        .iter()
        .filter_map(|effect| match effect {
            Effect::Create { group } => Some(group.as_str()),
            _ => None,
        })
        .collect()
}

#[test]
fn names_that_are_more_than_names_are_refused_and_nothing_is_made() {
    let ended = attack("names");
    assert_eq!(ended.was_answered(), "108 refused");
    assert_eq!(created(&ended), [""; 0]);
}

#[test]
fn numbers_out_of_range_and_those_that_are_none_are_refused_and_nothing_is_written() {
    let ended = attack("numbers");
    assert_eq!(ended.was_answered(), "92 refused");
    assert_eq!(created(&ended), ["target"]);
    let written = |effect: &&Effect| matches!(effect, Effect::Write { .. } | Effect::Spawn { .. });
    let written: Vec<_> = ended.effects.iter().filter(written).collect();
    assert!(written.is_empty(), "{written:?}");
}
