//! The functions of the contract, numbered for the record.

use crate::capability::Capability;

/// Declares the functions. A number that was ever released is never given to
/// another function; they are dense, so that a table of them is an array.
macro_rules! functions {
    ($($name:ident = $number:literal $text:literal,)*) => {
        /// One host function.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[repr(u16)]
        pub enum Function {
            $(#[doc = concat!("`", $text, "`.")] $name = $number,)*
        }

        impl Function {
            /// All of them, in the order of their numbers, which begin at 0.
            pub const ALL: &[Self] = &[$(Self::$name,)*];

            /// Interface, resource if there is one, and function, as the
            /// contract spells them: `stage.step.hold`.
            #[must_use]
            pub fn name(self) -> &'static str {
                match self {
                    $(Self::$name => $text,)*
                }
            }
        }
    };
}

functions! {
    TopologyDiscover = 0 "topology.discover",
    TopologyResolve = 1 "topology.resolve",
    CgroupCreate = 2 "cgroups.cgroup.create",
    CgroupOpen = 3 "cgroups.cgroup.open",
    CgroupName = 4 "cgroups.cgroup.name",
    CgroupSetCpuset = 5 "cgroups.cgroup.set-cpuset",
    CgroupClearCpuset = 6 "cgroups.cgroup.clear-cpuset",
    CgroupSetCpu = 7 "cgroups.cgroup.set-cpu",
    CgroupSetMemory = 8 "cgroups.cgroup.set-memory",
    CgroupSetIoWeight = 9 "cgroups.cgroup.set-io-weight",
    CgroupSetPidsMax = 10 "cgroups.cgroup.set-pids-max",
    CgroupFreeze = 11 "cgroups.cgroup.freeze",
    CgroupThaw = 12 "cgroups.cgroup.thaw",
    CgroupMoveAllTasks = 13 "cgroups.cgroup.move-all-tasks",
    CgroupTasks = 14 "cgroups.cgroup.tasks",
    CgroupCpuStat = 15 "cgroups.cgroup.cpu-stat",
    CgroupMemoryCurrent = 16 "cgroups.cgroup.memory-current",
    CgroupPressure = 17 "cgroups.cgroup.pressure",
    CgroupRemove = 18 "cgroups.cgroup.remove",
    CgroupDrop = 19 "cgroups.cgroup.drop",
    StageSetBackdrop = 20 "stage.set-backdrop",
    StageExecute = 21 "stage.execute",
    StepBegin = 22 "stage.step.begin",
    StepApply = 23 "stage.step.apply",
    StepSetup = 24 "stage.step.setup",
    StepHold = 25 "stage.step.hold",
    StepIterations = 26 "stage.step.iterations",
    StepFinish = 27 "stage.step.finish",
    StepDrop = 28 "stage.step.drop",
    PayloadsDeclared = 29 "payloads.declared",
    PayloadRun = 30 "payloads.payload.run",
    PayloadOpen = 31 "payloads.payload.open",
    PayloadWait = 32 "payloads.payload.wait",
    PayloadKill = 33 "payloads.payload.kill",
    PayloadDrop = 34 "payloads.payload.drop",
    ChecksSet = 35 "checks.set",
    ChecksCollected = 36 "checks.collected",
    ChecksFail = 37 "checks.fail",
    ChecksNote = 38 "checks.note",
    StimulusMark = 39 "stimulus.mark",
    Log = 40 "log.log",
    ClockElapsed = 41 "clock.elapsed",
    ClockRemaining = 42 "clock.remaining",
    SchedulerKernelState = 43 "scheduler.kernel-state",
    SchedulerCurrent = 44 "scheduler.current",
    SchedulerDeclared = 45 "scheduler.declared",
    SchedulerAttach = 46 "scheduler.attach",
    SchedulerDetach = 47 "scheduler.detach",
    SchedulerRestart = 48 "scheduler.restart",
    SchedulerReplace = 49 "scheduler.replace",
    SchedulerPinMap = 50 "scheduler.pin-map",
}

impl Function {
    /// Its number on the wire.
    #[must_use]
    pub fn number(self) -> u16 {
        self as u16
    }

    /// The function with this number, if this version has one.
    #[must_use]
    pub fn of_number(number: u16) -> Option<Self> {
        Self::ALL.get(usize::from(number)).copied()
    }

    /// The capability that it belongs to.
    #[must_use]
    pub fn capability(self) -> Option<Capability> {
        let (interface, _) = self.name().split_once('.')?;
        Capability::of_interface(interface)
    }

    /// Whether it may wait, or start what goes on for long.
    pub(super) fn waits(self) -> bool {
        matches!(
            self,
            Self::StageSetBackdrop
                | Self::StageExecute
                | Self::StepApply
                | Self::StepSetup
                | Self::StepHold
                | Self::StepFinish
                | Self::StepDrop
                | Self::PayloadRun
                | Self::PayloadWait
                | Self::PayloadKill
                | Self::SchedulerAttach
                | Self::SchedulerDetach
                | Self::SchedulerRestart
                | Self::SchedulerReplace
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_places_and_names_lead_to_capabilities() {
        for (place, &function) in Function::ALL.iter().enumerate() {
            assert_eq!(usize::from(function.number()), place, "{function:?}");
            assert_eq!(Function::of_number(function.number()), Some(function));
            assert!(function.capability().is_some(), "{function:?}");
        }
        assert_eq!(Function::of_number(u16::MAX), None);
    }
}
