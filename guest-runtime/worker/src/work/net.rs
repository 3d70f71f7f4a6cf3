//! Work with packets over the loopback interface.
//!
//! Datagrams go through the whole of the kernel's UDP and are delivered in the
//! network softirq: that is what these types load, and no device. A wake sample
//! of `irq-wake` is the time from just before the partner sends until the
//! receiver, which that softirq wakes, runs. `net-traffic` gives none.
//! Where the loopback interface is down, sending fails and is on record.

use std::time::Duration;

use super::family::family;
use super::kind::{Gives, Parameter, WorkKind, number, time};
use super::nominal;

const BYTES: Parameter = number(
    "bytes",
    "bytes",
    60,
    (60, 1514),
    "size of a packet as on Ethernet, 42 bytes of headers included",
);

family! {
    /// Packets.
    Net "net" {
        /// Sends packets to itself.
        Traffic "net-traffic" = WorkKind::new(
            "sends itself UDP packets over loopback", "one packet sent and received", "one packet",
        ) => {
            interval: Duration = time("interval-us", 0, 0, "sleep between packets"),
            bytes: u64 = BYTES,
        }
        /// One sends at an interval, the other is woken by each packet.
        IrqWake "irq-wake" = WorkKind::new(
            "a sender sends UDP packets over loopback at an interval, a receiver waits for each",
            "one packet", "one packet",
        ).group(2, &[]).gives(Gives::Wakes("on the receiver: from just before the packet is sent until the receiver runs")) => {
            interval: Duration = time("interval-us", 1000, 1, "sleep between packets"),
            bytes: u64 = BYTES,
        }
    }
}

impl Net {
    pub(super) fn demand(&self) -> (f64, u64) {
        let (Self::Traffic { interval, .. } | Self::IrqWake { interval, .. }) = self;
        (
            nominal::share_ns(nominal::PACKET_NS, nominal::nanos(*interval)),
            nominal::PACKET_NS,
        )
    }
}
