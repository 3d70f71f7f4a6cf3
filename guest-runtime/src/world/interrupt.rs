//! How an interrupt is named.

use std::fmt;

use crate::name::quote;

/// One interrupt of the machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Interrupt {
    /// As the kernel numbers it.
    Number(u32),
    /// The last word of its line in `/proc/interrupts`; the first that has it.
    Label(String),
}

impl fmt::Display for Interrupt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(number) => write!(f, "interrupt {number}"),
            Self::Label(label) => write!(f, "interrupt {}", quote(label)),
        }
    }
}
