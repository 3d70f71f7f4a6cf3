//! What a worker does: the built-in work types, with their parameters by name.
//!
//! Owns names and units only. A parameter that is left open has the runtime's
//! default; `proscenium inspect --work-types` lists both. A type that is newer
//! than this SDK is [`builtin`] with [`with`](BuiltinWork::with).

#[macro_use]
mod declare;
mod cache;
mod churn;
mod compute;
mod groups;
mod io;
mod models;
mod net;
mod numa;
mod pairs;
mod sequence;
mod timers;

use std::time::Duration;

pub use self::cache::{CachePressure, CacheYield, PageFaultChurn};
pub use self::churn::{
    AffinityChurn, CgroupAttachStorm, CgroupChurn, CrossAffinityChurn, ForkExit, NiceSweep,
    PolicyChurn,
};
pub use self::compute::{AluHot, IpcVariance, Mixed, SmtSiblingSpin, SpinWait, Width, YieldHeavy};
pub use self::groups::{
    EpollStorm, FanOutCompute, FutexFanOut, Lock, MutexContention, PreemptStorm, PriorityInversion,
    ProducerConsumerImbalance, RtStarvation, Through, ThunderingHerd, WakeChain,
};
pub use self::io::{IoConvoy, IoRandRead, IoSyncWrite};
pub use self::models::{Schbench, Taobench};
pub use self::net::{IrqWake, NetTraffic};
pub use self::numa::{NumaMigrationChurn, NumaWorkingSetSweep};
pub use self::pairs::{AsymmetricWaker, CachePipe, Class, FutexPingPong, PipeIo, SignalStorm};
pub use self::sequence::Sequence;
pub use self::timers::{Bursty, IdleChurn, TimerLatency};
use crate::time::to_micros;
pub use crate::types::{BuiltinWork, ParameterValue, Work};

/// A built-in work type by its name, all parameters open.
///
/// ```
/// use proscenium_sdk::work::{ParameterValue, builtin};
/// let work = builtin("wake-chain").with("depth", 8).with("through", "futex");
/// assert_eq!(work.parameters[0], ("depth".to_owned(), ParameterValue::Number(8)));
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
    pub fn with(mut self, name: &str, value: impl Into<ParameterValue>) -> Self {
        let value = value.into();
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

/// Whole microseconds, which all parameters that are times take.
impl From<Duration> for ParameterValue {
    fn from(time: Duration) -> Self {
        Self::Number(to_micros(time))
    }
}

impl From<u64> for ParameterValue {
    fn from(number: u64) -> Self {
        Self::Number(number)
    }
}

/// 0 or 1.
impl From<bool> for ParameterValue {
    fn from(yes: bool) -> Self {
        Self::Number(yes.into())
    }
}

impl From<&str> for ParameterValue {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}
