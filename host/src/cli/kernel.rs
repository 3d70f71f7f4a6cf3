//! `proscenium kernel`: kernels for guests.

use std::io::{Write, stderr};
use std::path::Path;

use super::Context;
use crate::error::ExpectedError;
use crate::exit_code;
use crate::kernel::cache::Cache;
use crate::kernel::fetch::{FetchEvent, fetch};
use crate::kernel::spec::FetchSpec;
use crate::kernel::store;

/// Fetch, list and remove kernels for guests.
#[derive(Debug, clap::Subcommand)]
#[command(after_help = "\
A run boots, in this order: --kernel, PROSCENIUM_KERNEL, the newest fetched kernel with sched_ext,
the newest fetched one.")]
pub(super) enum Command {
    /// Fetch a Debian kernel with this machine's apt sources; the system is not changed.
    #[command(after_help = "\
Examples:
  proscenium kernel fetch                          the newest with sched_ext
  proscenium kernel fetch bookworm                 a suite's generic kernel
  proscenium kernel fetch trixie-backports/cloud   a suite and a flavour (generic, cloud, rt)")]
    Fetch {
        /// `sched-ext`, SUITE or SUITE/FLAVOUR.
        #[arg(value_name = "SPEC", default_value = "sched-ext")]
        spec: FetchSpec,
    },
    /// List the fetched kernels, one a line: release, what was asked for, sched_ext or not.
    List,
    /// Remove a fetched kernel.
    Remove {
        /// As `list` shows it.
        release: String,
    },
}

pub(super) fn run(command: Command, context: &mut Context<'_>) -> anyhow::Result<u8> {
    let cache = Cache::at(context.layout.cache()?);
    match command {
        Command::Fetch { spec } => fetch_one(&cache, &spec, context)?,
        Command::List => {
            let kernels =
                store::list(&cache).map_err(|error| failed("list the kernels", &error))?;
            for kernel in kernels {
                let sched_ext = if kernel.sched_ext {
                    "sched_ext"
                } else {
                    "no sched_ext"
                };
                writeln!(
                    context.out,
                    "{}\t{}\t{sched_ext}",
                    kernel.release, kernel.spec
                )?;
            }
        }
        Command::Remove { release } => {
            store::remove(&cache, &release).map_err(|error| match error {
                store::StoreError::Unknown { known, .. } => {
                    ExpectedError::refused(format!("cannot remove kernel {release:?}"))
                        .because("it is not among the fetched ones")
                        .remedy(if known.is_empty() {
                            "there are none".into()
                        } else {
                            format!("there are {known}")
                        })
                }
                other => failed("remove the kernel", &other),
            })?;
        }
    }
    Ok(exit_code::PASSED)
}

fn fetch_one(cache: &Cache, spec: &FetchSpec, context: &mut Context<'_>) -> anyhow::Result<()> {
    let bar = if context.terminal {
        indicatif::ProgressBar::new(100)
    } else {
        indicatif::ProgressBar::hidden()
    };
    let terminal = context.terminal;
    let fetched = fetch(
        cache,
        Path::new("/etc/apt"),
        spec,
        &mut |event| match event {
            FetchEvent::Stage(stage) if terminal => bar.set_message(stage.to_owned()),
            // Progress on standard error is told while it can be told.
            FetchEvent::Stage(stage) => drop(writeln!(stderr(), "{stage}")),
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "clamped to 0 to 100"
            )]
            FetchEvent::Percent(percent) => bar.set_position(percent.clamp(0.0, 100.0) as u64),
            FetchEvent::Line(_) => {}
        },
    );
    bar.finish_and_clear();
    let fetched = fetched.map_err(|error| failed("fetch a kernel", &error))?;
    let state = if fetched.already {
        "at hand already"
    } else {
        "fetched"
    };
    writeln!(context.out, "{} {state}", fetched.meta.release)?;
    Ok(())
}

fn failed(what: &str, error: &dyn std::error::Error) -> ExpectedError {
    ExpectedError::could_not_run(format!("cannot {what}")).because(super::chain(error))
}
