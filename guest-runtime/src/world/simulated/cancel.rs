//! What cuts a simulated run short: a point of virtual time, or somebody
//! outside. Looked at in every wait, which is all that a cancellation can end.

use std::fmt;
use std::time::Duration;

use super::Simulated;

/// Asked in every wait; says why the run is to end, if it is.
type Interrupt = Box<dyn FnMut() -> Option<String>>;

/// See the module.
#[derive(Default)]
pub(super) struct Cancel {
    at: Option<(Duration, String)>,
    interrupt: Option<Interrupt>,
}

impl fmt::Debug for Cancel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cancel")
            .field("at", &self.at)
            .finish_non_exhaustive()
    }
}

impl Cancel {
    /// Whether a wait from `now` to `until` is cut short: when, and why.
    pub(super) fn within(&mut self, now: Duration, until: Duration) -> Option<(Duration, String)> {
        if let Some(reason) = self.interrupt.as_mut().and_then(|ask| ask()) {
            return Some((now, reason));
        }
        self.at.clone().filter(|(at, _)| *at <= until)
    }
}

impl Simulated {
    /// Cancels the run at a point of virtual time.
    #[must_use]
    pub fn cancelled_at(mut self, at: Duration, reason: &str) -> Self {
        self.cancel.at = Some((at, reason.to_owned()));
        self
    }

    /// Asks `interrupt` in every wait, and cancels the run once it gives a
    /// reason. Waits take no time here, so virtual time alone does not bound
    /// how long a run of many short ones keeps its caller.
    #[must_use]
    pub fn interrupted_by(mut self, interrupt: impl FnMut() -> Option<String> + 'static) -> Self {
        self.cancel.interrupt = Some(Box::new(interrupt));
        self
    }
}
