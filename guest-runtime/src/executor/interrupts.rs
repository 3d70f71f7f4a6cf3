//! Which CPU takes an interrupt: the one thing outside of cgroups that a
//! scenario changes about the machine. It stays until it is changed again.

use nix::errno::Errno;

use super::stage::Stage;
use super::{Error, Result};
use crate::bindings::ops::{Irq, SteerIrq};
use crate::machine::Machine;
use crate::name::quote;
use crate::world::Interrupt;

/// Longest label of an interrupt, in bytes.
const MAX_LABEL: usize = 128;

impl Stage {
    /// `steer-irq`.
    pub(super) fn steer_irq(&mut self, steer: &SteerIrq) -> Result<()> {
        check(steer, self.machine())?;
        self.mediation.writes += 1;
        let irq = match &steer.irq {
            Irq::Number(number) => Interrupt::Number(*number),
            Irq::Label(label) => Interrupt::Label(label.clone()),
        };
        self.world
            .steer_irq(&irq, steer.cpu)
            .map_err(|error| match error.errno() {
                Some(Errno::ENOENT) => Error::not_found(format!(
                    "{error}: /proc/interrupts of this machine does not have it"
                )),
                Some(Errno::EOPNOTSUPP) => Error::unavailable(format!(
                    "{error}: the interrupts of this machine are not the scenario's: run it in a VM"
                )),
                _ => error.into(),
            })
    }
}

/// What can be known beforehand.
///
/// # Errors
/// `invalid` for a CPU that is not online and a label that cannot be one.
pub(super) fn check(steer: &SteerIrq, machine: &Machine) -> Result<()> {
    if let Irq::Label(label) = &steer.irq
        && (label.is_empty() || label.len() > MAX_LABEL || label.contains(char::is_whitespace))
    {
        return Err(Error::invalid(format!(
            "steer-irq: {} is not a label: the last word of a line in /proc/interrupts, 1 to {MAX_LABEL} bytes",
            quote(label)
        )));
    }
    if !machine.cpus.contains(steer.cpu) {
        return Err(Error::invalid(format!(
            "steer-irq: CPU {} is not online: the machine has {}",
            steer.cpu, machine.cpus
        )));
    }
    Ok(())
}
