//! `clock` — see the scenario's clock. Never the machine's.

use std::time::Duration;

use crate::bindings::clock::Host;
use crate::plugin::State;

impl Host for State {
    fn elapsed(&mut self) -> wasmtime::Result<u64> {
        Ok(nanos(self.stage.elapsed()))
    }

    fn remaining(&mut self) -> wasmtime::Result<u64> {
        Ok(nanos(self.stage.remaining()))
    }
}

fn nanos(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}
