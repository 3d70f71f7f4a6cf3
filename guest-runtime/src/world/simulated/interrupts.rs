//! The simulated machine's interrupts: those of a small guest.

use nix::errno::Errno;

use crate::world::{Interrupt, WorldError};

/// Numbers and labels as a guest with a console has them.
const TABLE: [(u32, &str); 6] = [
    (1, "i8042"),
    (4, "ttyS0"),
    (8, "rtc0"),
    (9, "acpi"),
    (24, "virtio0-config"),
    (25, "virtio0-virtqueues"),
];

/// Number of the interrupt that is meant.
///
/// # Errors
/// `ENOENT`.
pub(super) fn number(irq: &Interrupt) -> Result<u32, WorldError> {
    let wanted = |(number, label): &&(u32, &str)| match irq {
        Interrupt::Number(one) => one == number,
        Interrupt::Label(one) => one == label,
    };
    let found = TABLE.iter().find(wanted).map(|(number, _)| *number);
    found.ok_or_else(|| WorldError::Kernel {
        what: format!("steer {irq}"),
        errno: Errno::ENOENT,
    })
}
