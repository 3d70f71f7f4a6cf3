//! What a component tries that its grant does not cover, from its own code. The
//! suite in `grants` has each thing that can be granted.

use proscenium::grant::Profile;
use proscenium_guest_runtime::world::simulated::Effect;
use proscenium_wire::DetailKind;

use crate::cli::Place;
use crate::fixture::{Core, Manifest};
use crate::support::{attack_with, world};

#[test]
fn policies_priorities_and_places_that_were_not_granted_are_denied_before_any_effect() {
    let granted = Profile::Load.grant().permissions;
    let ended = attack_with(
        "real-time",
        |job| {
            let capabilities = job.permissions.capabilities.clone();
            job.permissions = granted;
            job.permissions.capabilities = capabilities;
        },
        world(),
    );
    let denied = |kind| kind == DetailKind::Denied;
    let details = &ended.verdict.details;
    assert!(
        details.iter().all(|detail| denied(detail.kind)),
        "{details:#?}"
    );
    assert!(ended.verdict.notes.iter().any(|note| note == "16 denied"));
    // The load that was granted, and no other.
    let spawned = |effect: &&Effect| matches!(effect, Effect::Spawn { .. });
    assert_eq!(ended.effects.iter().filter(spawned).count(), 1);
}

#[test]
fn a_request_beyond_the_grant_is_refused_before_anything_is_prepared() {
    let place = Place::new();
    // Asks for the runner's place: the word after priorities and nice values.
    let core = Core {
        imports: r#"(import "proscenium:scenario/scheduler@0.1.0" "detach"
            (func $detach (param i32)))"#
            .to_owned(),
        manifest: Manifest::default(),
        ..Core::default()
    };
    let file = place.file("greedy.wasm", core.component());
    for command in ["check", "run"] {
        let said = place.run(&[command, &file]);
        said.is_refused_as("beyond-the-grant");
        assert!(said.err.contains("capabilities = ["), "{}", said.err);
    }
    assert!(!place.path().join("state").exists(), "nothing was prepared");
    let said = place.run(&["check", &file, "--profile", "scheduler-control"]);
    assert_eq!(said.code, 0, "{said:?}");
}
