//! What a scenario asks of its operator: part of its [`Manifest`].
//!
//! Whoever says nothing here may have 16 cgroups with the controllers cpu and
//! cpuset, 64 workers of any built-in work type and of the normal policies, and
//! 1000 marks. Asking for more than one needs makes it harder to be allowed to
//! run; using more than one asked for is denied.

pub use crate::bindings::exports::proscenium::scenario::scenario::{
    Controllers, KernelAccess, Request,
};
use crate::manifest::Manifest;

/// Every name, in a list of names.
pub const ANY: &str = "*";

#[expect(
    clippy::derivable_impls,
    reason = "the type is generated, and with it what is derived"
)]
impl Default for Request {
    fn default() -> Self {
        Self {
            controllers: None,
            cgroups: None,
            workers: None,
            marks: None,
            work_types: None,
            real_time: None,
            deadline: false,
            nice: None,
            runner: false,
            payloads: None,
            schedulers: None,
            kernel: None,
            interrupts: false,
        }
    }
}

fn names<S: Into<String>>(names: impl IntoIterator<Item = S>) -> Option<Vec<String>> {
    Some(names.into_iter().map(Into::into).collect())
}

/// What it wants to be allowed.
///
/// ```
/// use proscenium_sdk::Manifest;
/// use proscenium_sdk::request::Controllers;
///
/// let manifest = Manifest::new("steady", "0.1.0", "Two equal loads on two halves")
///     .controllers(Controllers::CPUSET | Controllers::MEMORY)
///     .max_workers(512)
///     .real_time(10);
/// assert_eq!(manifest.request.workers, Some(512));
/// assert_eq!(manifest.request.cgroups, None);
/// ```
impl Manifest {
    /// Cgroup controllers that it uses, instead of cpu and cpuset.
    #[must_use]
    pub fn controllers(mut self, controllers: Controllers) -> Self {
        self.request.controllers = Some(controllers);
        self
    }

    /// Cgroups alive at a time, instead of 16.
    #[must_use]
    pub fn max_cgroups(mut self, count: u32) -> Self {
        self.request.cgroups = Some(count);
        self
    }

    /// Workers alive at a time, instead of 64. Where a parameter says how many
    /// there are, this is the most that it may say.
    #[must_use]
    pub fn max_workers(mut self, count: u32) -> Self {
        self.request.workers = Some(count);
        self
    }

    /// Marks on the timeline in all, instead of 1000.
    #[must_use]
    pub fn max_marks(mut self, count: u32) -> Self {
        self.request.marks = Some(count);
        self
    }

    /// The built-in work types that it uses; an operator may allow only some.
    #[must_use]
    pub fn work_types<S: Into<String>>(mut self, types: impl IntoIterator<Item = S>) -> Self {
        self.request.work_types = names(types);
        self
    }

    /// Real-time policies up to this priority, 1 to 99; also of work that
    /// chooses its class itself, such as `rt-starvation`.
    #[must_use]
    pub fn real_time(mut self, priority: u32) -> Self {
        self.request.real_time = Some(priority);
        self
    }

    /// `SCHED_DEADLINE`.
    #[must_use]
    pub fn deadline_policy(mut self) -> Self {
        self.request.deadline = true;
        self
    }

    /// Nice values from here on, -20 to 0.
    #[must_use]
    pub fn lowest_nice(mut self, nice: i32) -> Self {
        self.request.nice = Some(nice);
        self
    }

    /// Workers or payloads beside the runtime.
    #[must_use]
    pub fn beside_runtime(mut self) -> Self {
        self.request.runner = true;
        self
    }

    /// The payloads that it starts, by the names that its operator declares.
    #[must_use]
    pub fn payloads<S: Into<String>>(mut self, payloads: impl IntoIterator<Item = S>) -> Self {
        self.request.payloads = names(payloads);
        self
    }

    /// The schedulers that it attaches, detaches or replaces, by the names that
    /// its operator declares; [`ANY`] for whichever those are.
    #[must_use]
    pub fn schedulers<S: Into<String>>(mut self, schedulers: impl IntoIterator<Item = S>) -> Self {
        self.request.schedulers = names(schedulers);
        self
    }

    /// The guest kernel's memory.
    #[must_use]
    pub fn kernel_memory(mut self, access: KernelAccess) -> Self {
        self.request.kernel = Some(access);
        self
    }

    /// Steering interrupts.
    #[must_use]
    pub fn steers_interrupts(mut self) -> Self {
        self.request.interrupts = true;
        self
    }
}
