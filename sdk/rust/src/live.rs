//! Step by step, deciding on what is seen: live handles instead of a plan.
//!
//! * [`Step`] makes and ends phases (capability `stage`),
//! * [`Cgroup`] reads and changes one cgroup (capability `cgroups`).
//!
//! ```no_run
//! use proscenium_sdk::prelude::*;
//! use proscenium_sdk::live;
//!
//! fn used_of_one_cpu(hold: Duration) -> Result<f64, Error> {
//!     let step = live::Step::begin("probe")?;
//!     step.setup([CgroupDef::new("probe").workers(1)])?;
//!     let probe = live::Cgroup::open("probe")?;
//!     let before = probe.cpu_stat()?.usage;
//!     let held = step.hold(hold)?;
//!     let used = probe.cpu_stat()?.usage - before;
//!     step.finish()?;
//!     Ok(used.as_secs_f64() / held.as_secs_f64())
//! }
//! ```

mod cgroup;
mod step;

pub use self::cgroup::{Cgroup, CpuStat, Pressure, PressureResource};
pub use self::step::{Held, Step, set_backdrop};
