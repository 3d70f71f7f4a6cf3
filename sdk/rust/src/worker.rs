//! Loops of a scenario's own, which its workers run in place of a built-in
//! type of work. [`export!`](crate::export) makes exports of them.
//!
//! A loop runs in a worker process, in an instance of the component that is
//! this worker's alone: nothing of the scenario is in there, every host
//! function traps, and statics are the worker's own.

use std::sync::{Mutex, MutexGuard, PoisonError};

pub use crate::bindings::own_work::exports::proscenium::scenario::work::{Guest, Seat};

/// A loop, as the state that it works on.
///
/// ```
/// use proscenium_sdk::prelude::*;
///
/// /// Counts, in a way that no compiler folds.
/// struct Count(u64);
///
/// impl Worker for Count {
///     fn prepare(seat: &Seat) -> Result<Self, String> {
///         Ok(Self(seat.worker.into()))
///     }
///     fn unit(&mut self) {
///         self.0 = std::hint::black_box(self.0.wrapping_mul(6364136223846793005).wrapping_add(1));
///     }
/// }
/// ```
pub trait Worker: Sized + Send + 'static {
    /// Makes it ready: the place to allocate, for nothing of it is counted.
    ///
    /// # Errors
    ///
    /// With an error this worker has no loop, and the run fails.
    fn prepare(seat: &Seat) -> Result<Self, String>;

    /// One unit of work: what the report counts as one iteration. Anything from
    /// nanoseconds to milliseconds; a second without a return ends the loop.
    fn unit(&mut self);

    /// At most `budget` units, which take about a millisecond; says how many.
    /// Only for loops that are better written whole.
    fn batch(&mut self, budget: u32) -> u32 {
        for _ in 0..budget {
            self.unit();
        }
        budget
    }
}

/// A prepared loop: takes a budget, says how many units it did.
pub type Batch = Box<dyn FnMut(u32) -> u32 + Send>;

/// The loop of this worker. Used by [`export!`](crate::export).
#[doc(hidden)]
#[derive(Default)]
pub struct Running(Mutex<Option<Batch>>);

impl std::fmt::Debug for Running {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Running").finish_non_exhaustive()
    }
}

impl Running {
    /// Not prepared yet.
    #[must_use]
    pub const fn new() -> Self {
        Self(Mutex::new(None))
    }

    /// Keeps the loop that the seat's worker runs.
    ///
    /// # Errors
    ///
    /// The loop's own.
    pub fn prepare<W: Worker>(&self, seat: &Seat) -> Result<(), String> {
        let mut worker = W::prepare(seat)?;
        *self.place() = Some(Box::new(move |budget| worker.batch(budget)));
        Ok(())
    }

    /// Runs it. Nothing, if it was not prepared.
    pub fn run_batch(&self, budget: u32) -> u32 {
        self.place().as_mut().map_or(0, |run| run(budget))
    }

    fn place(&self) -> MutexGuard<'_, Option<Batch>> {
        // A panic ends the instance: nobody is left who could see what it left.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Steps(u32);

    impl Worker for Steps {
        fn prepare(seat: &Seat) -> Result<Self, String> {
            if seat.workers > 2 {
                return Err("at most two".to_owned());
            }
            Ok(Self(0))
        }
        fn unit(&mut self) {
            self.0 += 1;
        }
        fn batch(&mut self, budget: u32) -> u32 {
            let units = budget.min(3 - self.0);
            (0..units).for_each(|_| self.unit());
            units
        }
    }

    fn seat(workers: u32) -> Seat {
        Seat {
            name: "steps".to_owned(),
            worker: 0,
            workers,
        }
    }

    #[test]
    fn a_prepared_loop_goes_on_where_it_was() {
        let running = Running::new();
        assert_eq!(running.run_batch(5), 0, "there is none yet");
        running.prepare::<Steps>(&seat(2)).expect("two are fine");
        assert_eq!([2, 2, 2].map(|budget| running.run_batch(budget)), [2, 1, 0]);
    }

    #[test]
    fn a_loop_that_refuses_leaves_none() {
        let running = Running::new();
        assert_eq!(
            running.prepare::<Steps>(&seat(3)),
            Err("at most two".to_owned())
        );
        assert_eq!(running.run_batch(1), 0);
    }
}
