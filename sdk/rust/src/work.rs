//! What a worker does: the built-in work types, with their parameters by name.
//!
//! Owns names and units only. A parameter that is left open has the runtime's
//! default; `proscenium inspect --work-types` lists both. A type that is newer
//! than this SDK is [`builtin`] with [`with`](BuiltinWork::with).

mod sequence;

use std::time::Duration;

pub use self::sequence::Sequence;
use crate::time::to_micros;
pub use crate::types::{BuiltinWork, Work};

/// A built-in work type by its name, all parameters open.
///
/// ```
/// let work = proscenium_sdk::work::builtin("wake-chain").with("depth", 8);
/// assert_eq!(work.parameters, [("depth".to_owned(), 8)]);
/// ```
#[must_use]
pub fn builtin(name: impl Into<String>) -> BuiltinWork {
    BuiltinWork {
        name: name.into(),
        parameters: Vec::new(),
    }
}

/// The loop `name` that this component exports, run in the worker process; see
/// [`Worker`](crate::Worker).
///
/// ```
/// use proscenium_sdk::work::{Work, exported};
/// assert_eq!(exported("churn"), Work::Exported("churn".into()));
/// ```
#[must_use]
pub fn exported(name: impl Into<String>) -> Work {
    Work::Exported(name.into())
}

impl BuiltinWork {
    /// Sets a parameter. The last value for a name counts.
    #[must_use]
    pub fn with(mut self, name: &str, value: u64) -> Self {
        match self.parameters.iter_mut().find(|(known, _)| known == name) {
            Some((_, old)) => *old = value,
            None => self.parameters.push((name.to_owned(), value)),
        }
        self
    }
}

impl From<BuiltinWork> for Work {
    fn from(work: BuiltinWork) -> Self {
        Self::Builtin(work)
    }
}

/// A figure that a parameter takes: a number, or a time in whole microseconds.
trait Figure {
    fn figure(self) -> u64;
}

impl Figure for u64 {
    fn figure(self) -> u64 {
        self
    }
}

impl Figure for Duration {
    fn figure(self) -> u64 {
        to_micros(self)
    }
}

/// Declares work types: a struct each, with one setter for each parameter.
macro_rules! work_types {
    ($(
        $(#[$doc:meta])*
        $kind:ident = $name:literal { $( $(#[$setter_doc:meta])* $setter:ident($figure:ty) = $parameter:literal; )* }
    )*) => {$(
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq)]
        pub struct $kind(BuiltinWork);

        impl $kind {
            /// With every parameter at the runtime's default.
            #[must_use]
            pub fn new() -> Self {
                Self(builtin($name))
            }
            $(
                $(#[$setter_doc])*
                #[must_use]
                pub fn $setter(self, value: $figure) -> Self {
                    Self(self.0.with($parameter, value.figure()))
                }
            )*
        }

        impl Default for $kind {
            fn default() -> Self {
                Self::new()
            }
        }

        impl From<$kind> for Work {
            fn from(work: $kind) -> Self {
                work.0.into()
            }
        }
    )*};
}

work_types! {
    /// Spins without a pause: a worker that always wants a CPU.
    ///
    /// ```
    /// use proscenium_sdk::prelude::*;
    /// let def = CgroupDef::new("hog").workers(2).work(SpinWait::new().spins(4096));
    /// ```
    SpinWait = "spin-wait" {
        /// Turns of the loop in one iteration; 1 to 10,000,000.
        spins(u64) = "spins";
    }
    /// Yields the CPU in every iteration.
    YieldHeavy = "yield-heavy" {}
    /// Spins, then yields.
    Mixed = "mixed" {
        /// Turns of the loop before each yield; 1 to 10,000,000.
        spins(u64) = "spins";
    }
    /// Works for a while, sleeps for a while.
    ///
    /// ```
    /// use proscenium_sdk::prelude::*;
    /// let tenth = Bursty::new().work(Duration::from_millis(1)).sleep(Duration::from_millis(9));
    /// ```
    Bursty = "bursty" {
        /// Wall time of the busy part; 1 µs to 10 s, in whole microseconds.
        work(Duration) = "work-us";
        /// Length of the sleep; 1 µs to 10 s, in whole microseconds.
        sleep(Duration) = "sleep-us";
    }
    /// Writes an unnamed file from its start and flushes it to the device.
    IoSyncWrite = "io-sync-write" {
        /// Writes before each flush; 1 to 256.
        writes(u64) = "writes";
        /// Size of one write in KiB; 1 to 64.
        size_kib(u64) = "size-kib";
    }
    /// Two workers pass a byte to and fro over two pipes. In pairs.
    PipeIo = "pipe-io" {
        /// Turns of the loop before the byte is passed on; 0 to 10,000,000.
        spins(u64) = "spins";
    }
    /// Two workers wake each other by futex. In pairs.
    FutexPingPong = "futex-ping-pong" {
        /// Turns of the loop before the partner is woken; 0 to 10,000,000.
        spins(u64) = "spins";
    }
    /// Reads, changes and writes a buffer in strides.
    CachePressure = "cache-pressure" {
        /// Size of the buffer in KiB; 4 to 262,144.
        size_kib(u64) = "size-kib";
        /// Distance of two accesses in bytes; 8 to 4096.
        stride(u64) = "stride";
    }
    /// Forks a child that exits at once, and waits for it.
    ForkExit = "fork-exit" {}
}
