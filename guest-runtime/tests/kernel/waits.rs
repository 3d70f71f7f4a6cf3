//! Waits, and what the host says meanwhile.

use std::io::Write;
use std::os::unix::net::UnixStream;
use std::time::Duration;

use proscenium_guest_runtime::link::Control;
use proscenium_guest_runtime::world::kernel::Kernel;
use proscenium_guest_runtime::world::{GroupId, Wake, World};
use proscenium_wire::{Command, encode};

use crate::rig::{MOMENT, PATIENCE, started, world_at};
use crate::support::collect;
use crate::support::place::Place;

/// A world and the host's end of its control port.
fn with_a_host(place: &Place) -> (Kernel, UnixStream) {
    let (guest, host) = UnixStream::pair().unwrap();
    let control = Control::new(guest.into()).unwrap();
    (Kernel::new(place.parts(Some(control))).unwrap(), host)
}

fn cancel(host: &mut UnixStream) {
    let reason = "enough".into();
    let mut bytes = Vec::new();
    encode(&Command::Cancel { reason }, &mut bytes).unwrap();
    host.write_all(&bytes).unwrap();
}

#[test]
fn waits_last_as_long_as_asked_and_one_in_the_past_returns_at_once() {
    let Some(place) = Place::find("wait") else {
        return;
    };
    let mut world = world_at(&place);
    let begun = world.now();
    assert_eq!(world.wait(begun + MOMENT).unwrap(), Wake::Elapsed);
    let took = world.now() - begun;
    assert!(took >= MOMENT && took < MOMENT * 10, "{took:?}");
    assert_eq!(world.wait(Duration::ZERO).unwrap(), Wake::Elapsed);
}

#[test]
fn a_cancellation_ends_a_wait_and_a_host_that_hangs_up_does_not() {
    let Some(place) = Place::find("cancel") else {
        return;
    };
    let (mut world, mut host) = with_a_host(&place);
    cancel(&mut host);
    let until = world.now() + PATIENCE;
    assert_eq!(world.wait(until).unwrap(), Wake::Cancelled("enough".into()));
    drop(host);
    let until = world.now() + MOMENT;
    assert_eq!(world.wait(until).unwrap(), Wake::Elapsed);
}

#[test]
fn a_cancellation_during_a_collection_is_not_lost() {
    let Some(place) = Place::find("late-cancel") else {
        return;
    };
    let (mut world, mut host) = with_a_host(&place);
    let crew = started(&mut world, Some(GroupId::ROOT), 1);
    cancel(&mut host);
    assert!(collect(&mut world, crew, PATIENCE)[0].completed);
    let until = world.now() + PATIENCE;
    assert_eq!(world.wait(until).unwrap(), Wake::Cancelled("enough".into()));
}
