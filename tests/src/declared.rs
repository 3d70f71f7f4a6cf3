//! Programs as an operator may have declared them, for the simulated world,
//! where no file has to be behind them.

use proscenium_wire::{PayloadKind, PayloadOutput, PayloadSpec};

/// A program that takes any flag and prints nothing of interest.
#[must_use]
pub fn payload(name: &str) -> PayloadSpec {
    PayloadSpec {
        name: name.to_owned(),
        kind: PayloadKind::Binary,
        program: format!("/payloads/bin/{name}"),
        folder: "/payloads".to_owned(),
        args: vec![],
        environment: vec![],
        known_flags: None,
        output: PayloadOutput::ExitCode,
        hints: vec![],
        checks: vec![],
    }
}
