//! Options that `run` and `check` share.

use std::path::PathBuf;
use std::time::Duration;

use clap::builder::RangedU64ValueParser;
use proscenium_guest_runtime::plugin::{Foreign, Manifest};
use proscenium_wire::{SwapWork, Thresholds};

use super::admission::{Admitted, GrantArgs};
use super::programs::ProgramArgs;
use super::{checks, swap, values};
use crate::error::ExpectedError;
use crate::plugin::Loaded;

/// What is run, and how.
#[derive(Debug, clap::Args)]
pub(super) struct ScenarioArgs {
    /// A component (.wasm), or the folder of a cargo project, which is built; several run one
    /// after another.
    #[arg(required = true, value_name = "PLUGIN")]
    pub(super) plugins: Vec<PathBuf>,

    /// How long the scenario lasts, 1ms to 24h [default: the scenario's own].
    #[arg(long, short, value_name = "DURATION", value_parser = values::duration)]
    pub(super) duration: Option<Duration>,

    /// Set a parameter of the scenario; `inspect` lists them. May be repeated.
    #[arg(long, short, value_name = "NAME=VALUE", value_parser = values::parameter)]
    pub(super) param: Vec<(String, String)>,

    /// For whatever the scenario randomises.
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub(super) seed: u64,

    /// Workers per cgroup where the scenario leaves it open, 1 to 1024.
    #[arg(long, value_name = "N", default_value = "1",
          value_parser = RangedU64ValueParser::<u32>::new().range(1..=1024))]
    pub(super) workers: u32,

    /// Work for all cgroups that the scenario lets do another, in place of their own; `inspect
    /// --work-types` lists the types and their parameters.
    #[arg(long, value_name = "TYPE[,NAME=VALUE...]", value_parser = swap::parse)]
    pub(super) swap_work: Option<SwapWork>,

    /// Checks to turn on, separated by commas.
    #[arg(long, value_name = "CHECK", value_delimiter = ',', value_parser = checks::parse,
          long_help = format!("Checks to turn on, separated by commas: {}", checks::HELP))]
    pub(super) check: Vec<Thresholds>,

    #[command(flatten)]
    pub(super) programs: ProgramArgs,

    #[command(flatten)]
    pub(super) grants: GrantArgs,

    /// Write the events as JSON lines to standard output, and nothing else.
    #[arg(long)]
    pub(super) json: bool,

    /// Write a JUnit report.
    #[arg(long, value_name = "FILE")]
    pub(super) junit: Option<PathBuf>,

    /// Link imports that are not ours, such as WASI, as traps instead of refusing the plugin.
    #[arg(long)]
    pub(super) trap_foreign_imports: bool,
}

impl ScenarioArgs {
    /// How long the scenario is to last, in nanoseconds.
    pub(super) fn duration_ns(&self, manifest: &Manifest) -> u64 {
        self.duration
            .map_or(manifest.default_duration, values::nanoseconds)
    }

    /// What is in force for a plugin, if it may run at all.
    pub(super) fn admit(&self, loaded: &Loaded) -> Result<Admitted, ExpectedError> {
        let duration_ns = self.duration_ns(&loaded.manifest);
        self.grants.admit(loaded, duration_ns)
    }

    /// What becomes of imports that are not ours.
    pub(super) fn foreign(&self) -> Foreign {
        Foreign::trapping(self.trap_foreign_imports)
    }
}
