//! Work with packets over the loopback interface.

use std::time::Duration;

work_types! {
    /// Sends itself UDP packets over loopback.
    NetTraffic = "net-traffic" {
        /// Sleep between packets; 0 to 10000000 µs, in whole microseconds (by default 0).
        interval(Duration) = "interval-us";
        /// Size of a packet as on Ethernet, 42 bytes of headers included; 60 to 1514 bytes
        /// (by default 60).
        bytes(u64) = "bytes";
    }
    /// A sender sends UDP packets over loopback at an interval, a receiver waits for each.
    ///
    /// In groups of 2.
    ///
    /// ```
    /// use proscenium_sdk::prelude::*;
    /// let def = CgroupDef::new("net").workers(2).work(IrqWake::new().interval(Duration::from_millis(2)));
    /// ```
    IrqWake = "irq-wake" {
        /// Sleep between packets; 1 to 10000000 µs, in whole microseconds (by default 1000).
        interval(Duration) = "interval-us";
        /// Size of a packet as on Ethernet, 42 bytes of headers included; 60 to 1514 bytes
        /// (by default 60).
        bytes(u64) = "bytes";
    }
}
