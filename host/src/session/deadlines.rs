//! How long each stage of a run may take. They bound, they do not measure:
//! emulation is slow and a loaded machine slower. Arms nothing itself.

use std::time::Duration;

use proscenium_wire::SchedulerSpec;

/// What taking a scheduler out may take: 10 s until its process is killed, and
/// as long until the kernel's own is back.
const TAKEN_OUT: Duration = Duration::from_secs(20);

/// How long each stage may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Deadlines {
    /// From the start of the VM to the guest's hello.
    pub boot: Duration,
    /// From the hello to the scenario's start.
    pub greet: Duration,
    /// From the scenario's start to the end frame: duration and teardown.
    pub scenario: Duration,
    /// From the end frame to the end of the VM.
    pub drain: Duration,
    /// From Ctrl-C to the end frame.
    pub cancel: Duration,
    /// From the kill to the end of the VM.
    pub kill: Duration,
}

impl Deadlines {
    /// Boot 60 s (measured: 2 to 6 s), greeting 30 s, teardown 30 s and a tenth
    /// of the duration, power-off 10 s, cancelling 5 s, dying 5 s.
    #[must_use]
    fn for_duration(duration: Duration) -> Self {
        let teardown = Duration::from_secs(30).saturating_add(duration / 10);
        Self {
            boot: Duration::from_secs(60),
            greet: Duration::from_secs(30),
            scenario: duration.saturating_add(teardown),
            drain: Duration::from_secs(10),
            cancel: Duration::from_secs(5),
            kill: Duration::from_secs(5),
        }
    }

    /// The deadlines for a scenario with this time budget. A scheduler that is
    /// attached before it starts has its time for that; one that is attached
    /// while it runs may be getting ready when the time is over. Each may have
    /// to be taken out again.
    #[must_use]
    pub fn with_schedulers(
        duration: Duration,
        schedulers: &[SchedulerSpec],
        attached: Option<&str>,
    ) -> Self {
        let mut all = Self::for_duration(duration);
        let within = |spec: &SchedulerSpec| {
            Duration::from_millis(spec.ready_ms.into()).saturating_add(TAKEN_OUT)
        };
        let is_attached = |spec: &&SchedulerSpec| Some(spec.name.as_str()) == attached;
        if let Some(spec) = schedulers.iter().find(is_attached) {
            all.greet = all.greet.saturating_add(within(spec));
        }
        let longest = schedulers.iter().map(within).max();
        all.scenario = all.scenario.saturating_add(longest.unwrap_or_default());
        all
    }

    /// The length of one of them.
    #[must_use]
    pub fn of(&self, stage: Stage) -> Duration {
        match stage {
            Stage::Boot => self.boot,
            Stage::Greet => self.greet,
            Stage::Scenario => self.scenario,
            Stage::Drain => self.drain,
            Stage::Cancel => self.cancel,
            Stage::Kill => self.kill,
        }
    }
}

/// Which deadline is armed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Stage {
    /// Until the guest's hello.
    Boot,
    /// Until the scenario's start.
    Greet,
    /// Until the end frame.
    Scenario,
    /// Until the VM has ended by itself.
    Drain,
    /// Until the end frame after a cancellation.
    Cancel,
    /// Until the VM is dead.
    Kill,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seconds(schedulers: &[(&str, u32)], attached: Option<&str>) -> (u64, u64) {
        let spec = |(name, ready_ms): &(&str, u32)| SchedulerSpec {
            name: (*name).to_owned(),
            program: String::new(),
            folder: String::new(),
            args: vec![],
            environment: vec![],
            ops: None,
            ready_ms: *ready_ms,
        };
        let schedulers: Vec<_> = schedulers.iter().map(spec).collect();
        let ten = Duration::from_secs(10);
        let all = Deadlines::with_schedulers(ten, &schedulers, attached);
        (all.greet.as_secs(), all.scenario.as_secs())
    }

    #[test]
    fn a_scheduler_that_takes_long_to_load_is_waited_for() {
        assert_eq!(seconds(&[], None), (30, 41));
        let two = [("a", 100_000), ("b", 200_000)];
        assert_eq!(seconds(&two, None), (30, 41 + 220));
        assert_eq!(seconds(&two, Some("a")), (30 + 120, 41 + 220));
    }
}
