//! Times as the contract and the wire have them.

use std::time::Duration;

/// Nanoseconds; saturates after 584 years.
pub(crate) fn nanos(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}
