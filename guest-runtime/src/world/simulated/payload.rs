//! Simulated payloads: they end when their script says so, print what it says,
//! and use no CPU time.

use std::time::Duration;

use proscenium_wire::PayloadExit;

use super::Simulated;
use crate::world::{Captured, GroupId, PayloadEnd, PayloadId, ProgramPlan, WorldError};

/// How a payload behaves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Script {
    /// When it ends by itself; never: it runs until it is killed.
    pub ends_after: Option<Duration>,
    /// Its exit code then.
    pub code: i32,
    /// What it has printed by its end.
    pub stdout: String,
    /// What it has printed as errors by then.
    pub stderr: String,
    /// It leaves a process behind that left its process group.
    pub leaves_a_daemon: bool,
}

impl Default for Script {
    fn default() -> Self {
        Self {
            ends_after: Some(Duration::from_millis(100)),
            code: 0,
            stdout: String::new(),
            stderr: String::new(),
            leaves_a_daemon: false,
        }
    }
}

/// One that was started.
#[derive(Debug)]
pub(super) struct Payload {
    name: String,
    pub(super) group: Option<GroupId>,
    pid: u32,
    started: Duration,
    script: Script,
    killed: Option<Duration>,
}

impl Payload {
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// When it has ended, or will.
    pub(super) fn ends(&self) -> Option<Duration> {
        let by_itself = self.script.ends_after.map(|after| self.started + after);
        match (self.killed, by_itself) {
            (Some(killed), Some(ends)) => Some(killed.min(ends)),
            (killed, ends) => killed.or(ends),
        }
    }

    fn has_ended(&self, now: Duration) -> bool {
        self.ends().is_some_and(|ends| ends <= now)
    }

    pub(super) fn kill(&mut self, now: Duration) {
        if !self.has_ended(now) {
            self.killed = Some(now);
        }
    }

    /// Its process, where it is alive and in `group`.
    pub(super) fn pids_in(&self, group: GroupId, now: Duration) -> Option<u32> {
        (self.group == Some(group) && !self.has_ended(now)).then_some(self.pid)
    }
}

impl Simulated {
    /// Says how a payload behaves; one of which nothing is said ends well
    /// after 100 ms and prints nothing.
    #[must_use]
    pub fn with_payload(mut self, name: &str, script: Script) -> Self {
        self.scripts.insert(name.to_owned(), script);
        self
    }

    pub(super) fn payload(&self, id: PayloadId) -> Result<&Payload, WorldError> {
        self.payloads.get(&id).ok_or_else(|| gone(id))
    }

    pub(super) fn run_script(
        &mut self,
        group: Option<GroupId>,
        name: &str,
        plan: &ProgramPlan,
    ) -> Result<PayloadId, WorldError> {
        if let Some(group) = group {
            self.admit(group, name, 1, "payload")?;
        }
        let script = self.scripts.get(&plan.name).cloned().unwrap_or_default();
        let id = PayloadId(self.next_payload);
        self.next_payload += 1;
        let payload = Payload {
            name: plan.name.clone(),
            group,
            pid: self.next_pid,
            started: self.now,
            script,
            killed: None,
        };
        self.next_pid += 1;
        if let Some(group) = group.filter(|_| payload.script.leaves_a_daemon) {
            self.strays.push((group, self.next_pid));
            self.next_pid += 1;
        }
        self.payloads.insert(id, payload);
        Ok(id)
    }

    pub(super) fn end_script(&self, payload: Payload) -> PayloadEnd {
        let ended = payload.ends().filter(|ends| *ends <= self.now);
        let by_itself = ended.is_some() && payload.killed.is_none();
        let Script {
            code,
            stdout,
            stderr,
            ..
        } = payload.script;
        PayloadEnd {
            exit: if by_itself {
                PayloadExit::Code(code)
            } else {
                PayloadExit::Signal(libc::SIGKILL)
            },
            killed: ended.is_none(),
            elapsed: ended.unwrap_or(self.now).saturating_sub(payload.started),
            stdout: Captured::from(stdout.as_str()),
            stderr: Captured::from(stderr.as_str()),
        }
    }
}

pub(super) fn gone(id: PayloadId) -> WorldError {
    WorldError::Gone {
        what: format!("payload {}", id.0),
    }
}
