//! `clock` — see the scenario's clock. Never the machine's.

use crate::bindings::clock::Host;
use crate::plugin::State;
use crate::time::nanos;

impl Host for State {
    fn elapsed(&mut self) -> wasmtime::Result<u64> {
        Ok(nanos(self.stage.elapsed()))
    }

    fn remaining(&mut self) -> wasmtime::Result<u64> {
        Ok(nanos(self.stage.remaining()))
    }
}
