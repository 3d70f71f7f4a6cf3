//! `Duration` to the contract's nanoseconds and back, and to the microseconds
//! of work types' parameters.

use std::time::Duration;

/// Nanoseconds, at most `u64::MAX` (584 years).
///
/// ```
/// use std::time::Duration;
/// assert_eq!(proscenium_sdk::time::to_nanos(Duration::from_millis(3)), 3_000_000);
/// assert_eq!(proscenium_sdk::time::to_nanos(Duration::MAX), u64::MAX);
/// ```
#[must_use]
pub fn to_nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

/// The `Duration` of so many nanoseconds.
///
/// ```
/// use std::time::Duration;
/// assert_eq!(proscenium_sdk::time::from_nanos(1_500), Duration::from_nanos(1_500));
/// ```
#[must_use]
pub const fn from_nanos(nanos: u64) -> Duration {
    Duration::from_nanos(nanos)
}

/// Whole microseconds, rounded down, at most `u64::MAX`.
///
/// ```
/// use std::time::Duration;
/// assert_eq!(proscenium_sdk::time::to_micros(Duration::from_nanos(1_999)), 1);
/// ```
#[must_use]
pub fn to_micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}
