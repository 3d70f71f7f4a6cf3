//! The scenario's clock. Capability: `clock`. Virtual in `proscenium check`.

use std::time::Duration;

use crate::bindings::proscenium::scenario::clock;
use crate::time::from_nanos;

/// Since the scenario began: its first effect, or the first look here.
#[must_use]
pub fn elapsed() -> Duration {
    from_nanos(clock::elapsed())
}

/// Until its duration is over; zero afterwards.
#[must_use]
pub fn remaining() -> Duration {
    from_nanos(clock::remaining())
}
