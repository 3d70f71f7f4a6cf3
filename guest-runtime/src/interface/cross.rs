//! What arguments and results of host functions are between two processes.
//! Handles travel as numbers, which the runtime looks up in its own table;
//! everything else travels as it is.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use wasmtime::component::Resource;

use crate::bindings::cgroups::{CpuStat, Pressure, PressureResource};
use crate::bindings::checks::{Thresholds, WorkerStats};
use crate::bindings::log::Level;
use crate::bindings::ops::Op;
use crate::bindings::payloads::Report;
use crate::bindings::scheduler::State as KernelState;
use crate::bindings::stage::{Backdrop, HoldOutcome, StepPlan};
use crate::bindings::topology::Machine;
use crate::bindings::types::{
    self, CgroupDef, CountLimit, CpuLimits, CpusetSpec, HoldSpec, MemoryLimits, PayloadRef,
    PayloadRun,
};
use crate::executor::{Error, Refusal, Result};
use crate::world::WorldError;

/// Something that crosses.
pub(crate) trait Cross: Sized {
    /// As what it does.
    type Form: Serialize + DeserializeOwned;

    fn form(self) -> Self::Form;
    fn of(form: Self::Form) -> Self;
}

impl<T: 'static> Cross for Resource<T> {
    type Form = u32;

    fn form(self) -> u32 {
        self.rep()
    }

    // Lent or given away makes no difference to the table that it is looked up in.
    fn of(form: u32) -> Self {
        Self::new_own(form)
    }
}

macro_rules! as_they_are {
    ($($type:ty),* $(,)?) => {$(
        impl Cross for $type {
            type Form = Self;

            fn form(self) -> Self {
                self
            }

            fn of(form: Self) -> Self {
                form
            }
        }
    )*};
}

as_they_are! {
    (), u32, u64, String, Option<u64>, Option<String>, Vec<u32>, Vec<String>, Vec<(String, f64)>,
    CpuStat, Pressure, PressureResource, Thresholds, Vec<WorkerStats>, Level, Vec<Op>, Report,
    KernelState, Backdrop, HoldOutcome, Vec<StepPlan>, Machine, Vec<CgroupDef>, CountLimit,
    CpuLimits, CpusetSpec, HoldSpec, MemoryLimits, PayloadRef, PayloadRun,
}

/// Why a call has no result.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum Failure {
    /// The plugin is told.
    Refused(types::Error),
    /// The component ends here.
    Trap(String),
}

/// What a host function returns.
pub(crate) trait Reply: Sized {
    /// What crosses if it went well.
    type Form: Serialize + DeserializeOwned;

    /// What crosses. `told`: what a plugin is told of an error.
    ///
    /// # Errors
    /// Those that end the whole run.
    fn answer(
        self,
        told: impl FnOnce(Error) -> wasmtime::Result<types::Error>,
    ) -> wasmtime::Result<std::result::Result<Self::Form, Failure>>;

    /// The other way round.
    fn of(answer: std::result::Result<Self::Form, Failure>) -> Self;

    /// There is nobody to answer.
    fn unheard(what: WorldError) -> Self;
}

impl<T: Cross> Reply for Result<T> {
    type Form = T::Form;

    fn answer(
        self,
        told: impl FnOnce(Error) -> wasmtime::Result<types::Error>,
    ) -> wasmtime::Result<std::result::Result<T::Form, Failure>> {
        Ok(match self {
            Ok(value) => Ok(value.form()),
            Err(error) => Err(Failure::Refused(told(error)?)),
        })
    }

    fn of(answer: std::result::Result<T::Form, Failure>) -> Self {
        match answer {
            Ok(form) => Ok(T::of(form)),
            Err(Failure::Refused(error)) => Err(Error::Refused(Refusal::from(error))),
            // Nothing that may be refused is answered with a trap.
            Err(Failure::Trap(reason)) => Err(Error::invalid(reason)),
        }
    }

    fn unheard(what: WorldError) -> Self {
        Err(Error::Fault(what))
    }
}

impl<T: Cross> Reply for wasmtime::Result<T> {
    type Form = T::Form;

    fn answer(
        self,
        _: impl FnOnce(Error) -> wasmtime::Result<types::Error>,
    ) -> wasmtime::Result<std::result::Result<T::Form, Failure>> {
        Ok(match self {
            Ok(value) => Ok(value.form()),
            Err(error) => Err(Failure::Trap(error.to_string())),
        })
    }

    fn of(answer: std::result::Result<T::Form, Failure>) -> Self {
        match answer {
            Ok(form) => Ok(T::of(form)),
            Err(Failure::Refused(error)) => Err(wasmtime::Error::msg(error.message)),
            Err(Failure::Trap(reason)) => Err(wasmtime::Error::msg(reason)),
        }
    }

    fn unheard(what: WorldError) -> Self {
        Err(wasmtime::Error::new(what))
    }
}
