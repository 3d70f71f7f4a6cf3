//! `stage` — build and load cgroups in steps. Whatever a plugin does with its
//! step handles, a step's things never outlive the step.

use proscenium_wire::Budget;
use wasmtime::component::Resource;

use crate::bindings::ops::Op;
use crate::bindings::stage::{Backdrop, HoldOutcome, Host, HostStep, StepPlan};
use crate::bindings::types::{CgroupDef, HoldSpec};
use crate::executor::{Error, Result, StepId};
use crate::plugin::State;

/// A plugin's handle to one step.
#[derive(Debug)]
pub struct Handle(StepId);

impl State {
    fn step(&self, handle: &Resource<Handle>) -> Result<StepId> {
        self.table
            .get(handle)
            .map(|handle| handle.0)
            .map_err(|_| Error::not_found("no such handle"))
    }
}

impl Host for State {
    fn set_backdrop(&mut self, backdrop: Backdrop) -> Result<()> {
        self.blocking(|stage| stage.set_backdrop(&backdrop))
    }

    fn execute(&mut self, backdrop: Backdrop, steps: Vec<StepPlan>) -> Result<()> {
        self.blocking(|stage| stage.execute(&backdrop, &steps))
    }
}

impl HostStep for State {
    fn begin(&mut self, label: Option<String>) -> Result<Resource<Handle>> {
        let step = self.stage.begin(label.as_deref())?;
        self.table.push(Handle(step)).map_err(|_| {
            self.stage.abandon(step);
            Error::limit(Budget::Handles, "no more handles: drop some")
        })
    }

    fn apply(&mut self, this: Resource<Handle>, ops: Vec<Op>) -> Result<()> {
        let step = self.step(&this)?;
        self.blocking(|stage| stage.apply(step, &ops))
    }

    fn setup(&mut self, this: Resource<Handle>, defs: Vec<CgroupDef>) -> Result<()> {
        let step = self.step(&this)?;
        self.blocking(|stage| stage.setup(step, &defs))
    }

    fn hold(&mut self, this: Resource<Handle>, spec: HoldSpec) -> Result<HoldOutcome> {
        let step = self.step(&this)?;
        self.blocking(|stage| stage.hold(step, &spec))
    }

    fn iterations(&mut self, _this: Resource<Handle>) -> wasmtime::Result<u64> {
        Ok(self.stage.iterations())
    }

    fn finish(&mut self, this: Resource<Handle>) -> Result<()> {
        let step = self.step(&this)?;
        let _ = self.table.delete(this);
        self.blocking(|stage| stage.finish(step))
    }

    fn drop(&mut self, this: Resource<Handle>) -> wasmtime::Result<()> {
        let Handle(step) = self.table.delete(this)?;
        self.blocking(|stage| {
            stage.abandon(step);
            Ok(())
        })?;
        Ok(())
    }
}
