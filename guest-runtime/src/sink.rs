//! Where the executor's events go.
//!
//! In the guest that is a port to the host, in `check` the reporter in the same
//! process, in tests a list. A sink blocks under backpressure and drops nothing.

use std::cell::RefCell;
use std::fmt::Debug;
use std::rc::Rc;

use proscenium_wire::Event;

/// Takes events in the order in which they happen.
///
/// Infallible for its callers: a sink whose other side is gone remembers that,
/// and whoever owns it asks when the scenario is over.
pub trait Sink: Debug {
    /// Passes one event on.
    fn emit(&mut self, event: Event);

    /// Frames (or events) passed on so far.
    fn frames(&self) -> u64;

    /// Sees to it that what was emitted is on its way; called before waits.
    fn flush(&mut self);
}

/// Keeps every event; for tests and for callers that look afterwards.
impl Sink for Vec<Event> {
    fn emit(&mut self, event: Event) {
        self.push(event);
    }

    fn frames(&self) -> u64 {
        self.len() as u64
    }

    fn flush(&mut self) {}
}

/// One handle goes to the executor, the other stays with whoever looks.
impl<S: Sink> Sink for Rc<RefCell<S>> {
    fn emit(&mut self, event: Event) {
        self.borrow_mut().emit(event);
    }

    fn frames(&self) -> u64 {
        self.borrow().frames()
    }

    fn flush(&mut self) {
        self.borrow_mut().flush();
    }
}
