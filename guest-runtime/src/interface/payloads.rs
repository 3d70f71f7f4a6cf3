//! `payloads` — start programs that the operator declared, by name. Never
//! names a path; whatever a plugin does with its handles, a payload ends with
//! the step that it was started in.

use std::time::Duration;

use proscenium_wire::{Budget, PayloadExit, PayloadKind, PayloadRecord};
use wasmtime::component::Resource;

use crate::bindings::payloads::{CheckResult, Exit, Host, HostPayload, Metric, Report};
use crate::bindings::types::{PayloadRef, PayloadRun};
use crate::executor::{Error, Result};
use crate::plugin::State;
use crate::world::PayloadId;

/// A plugin's handle to one payload. It may outlive the payload.
#[derive(Debug)]
pub struct Handle(PayloadId);

impl State {
    fn open_payload(&mut self, payload: PayloadId) -> Result<Resource<Handle>> {
        self.table
            .push(Handle(payload))
            .map_err(|_| Error::limit(Budget::Handles, "no more handles: drop some"))
    }

    fn payload(&self, handle: &Resource<Handle>) -> Result<PayloadId> {
        self.table
            .get(handle)
            .map(|handle| handle.0)
            .map_err(|_| Error::not_found("no such handle"))
    }
}

impl Host for State {
    fn declared(&mut self) -> wasmtime::Result<Vec<String>> {
        let declared = self.stage.declared_payloads().iter();
        Ok(declared
            .filter(|spec| spec.kind == PayloadKind::Binary)
            .map(|spec| spec.name.clone())
            .collect())
    }
}

impl HostPayload for State {
    fn run(&mut self, what: PayloadRun) -> Result<Resource<Handle>> {
        let payload = self.blocking(|stage| stage.start_payload(&what))?;
        self.open_payload(payload)
    }

    fn open(&mut self, which: PayloadRef) -> Result<Resource<Handle>> {
        let payload = self.stage.find_payload(&which)?;
        self.open_payload(payload)
    }

    fn wait(&mut self, this: Resource<Handle>, timeout: Option<u64>) -> Result<Report> {
        let payload = self.payload(&this)?;
        let timeout = timeout.map(Duration::from_nanos);
        self.blocking(|stage| stage.wait_payload(payload, timeout))
            .map(Report::from)
    }

    fn kill(&mut self, this: Resource<Handle>) -> Result<Report> {
        let payload = self.payload(&this)?;
        self.blocking(|stage| stage.kill_payload(payload))
            .map(Report::from)
    }

    fn drop(&mut self, this: Resource<Handle>) -> wasmtime::Result<()> {
        self.table.delete(this)?;
        Ok(())
    }
}

impl From<PayloadRecord> for Report {
    fn from(record: PayloadRecord) -> Self {
        Self {
            exit: match record.exit {
                PayloadExit::Code(code) => Exit::Code(code),
                PayloadExit::Signal(signal) => Exit::Signal(signal),
                PayloadExit::Unknown => Exit::Unknown,
            },
            killed: record.killed,
            elapsed: record.elapsed_ns,
            metrics: record
                .metrics
                .into_iter()
                .map(|metric| Metric {
                    name: metric.name,
                    value: metric.value,
                    unit: metric.unit,
                })
                .collect(),
            checks: record
                .checks
                .into_iter()
                .map(|check| CheckResult {
                    passed: check.passed,
                    message: check.message,
                })
                .collect(),
        }
    }
}
