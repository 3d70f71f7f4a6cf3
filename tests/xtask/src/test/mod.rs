//! `cargo xtask test`: every test, cheapest first, and an honest count.
//!
//! Owns the order of the tiers and the closing line. A tier that could not run
//! is counted as skipped, with the reason; it is never counted as passed.

mod deny;
mod doc;
mod lint;
mod runner;
mod suites;
mod summary;
mod tally;
mod vm;

use std::process::ExitCode;
use std::time::{Duration, Instant};

use clap::ValueEnum;

use crate::build;
use crate::console::{Console, Seconds};
use crate::setup::{self, Extent};
use crate::workspace::Workspace;
use tally::{Report, Tally};

/// Which tests.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Only this tier; repeat for several
    #[arg(long, value_enum)]
    tier: Vec<Tier>,
    /// Only tests whose name contains this; tiers without named tests are left out
    filter: Option<String>,
}

/// A kind of test, in the order in which they run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Tier {
    /// Formatting and clippy, warnings are errors
    Lint,
    /// Each package's own tests
    Unit,
    /// Suites that need no VM: the simulated world, hostile plugins, the repository's shape
    Sim,
    /// Documentation builds without warnings, its examples pass
    Doc,
    /// Suites that boot VMs
    Vm,
    /// Licences, sources and advisories of what we depend on
    Deny,
}

impl Tier {
    fn name(self) -> &'static str {
        match self {
            Self::Lint => "lint",
            Self::Unit => "unit",
            Self::Sim => "sim",
            Self::Doc => "doc",
            Self::Vm => "vm",
            Self::Deny => "deny",
        }
    }

    fn has_named_tests(self) -> bool {
        matches!(self, Self::Unit | Self::Sim | Self::Vm)
    }
}

/// What every tier is given.
#[derive(Clone, Copy, Debug)]
struct Context<'a> {
    console: &'a Console,
    workspace: &'a Workspace,
    filter: Option<&'a str>,
}

/// Runs the tiers and says how they went.
pub(crate) fn run(
    console: &Console,
    workspace: &Workspace,
    args: &Args,
) -> anyhow::Result<ExitCode> {
    let context = Context {
        console,
        workspace,
        filter: args.filter.as_deref(),
    };
    let chosen = |tier: &Tier| args.tier.is_empty() || args.tier.contains(tier);
    let tiers: Vec<Tier> = Tier::value_variants()
        .iter()
        .copied()
        .filter(chosen)
        .filter(|tier| args.filter.is_none() || tier.has_named_tests())
        .collect();
    let mut report = Report::default();
    prepare(context, &tiers, &mut report);
    for tier in tiers {
        let started = Instant::now();
        let tally = tier_tally(context, tier);
        report.add(tier.name(), started.elapsed(), tally);
    }
    if args.filter.is_some() && report.total().is_empty() {
        report.add(
            "all",
            Duration::ZERO,
            Tally::failure("no test has a name like that"),
        );
    }
    report.print(console);
    let code = if report.total().has_failures() {
        ExitCode::FAILURE
    } else {
        ExitCode::SUCCESS
    };
    Ok(code)
}

/// What several tiers need. A failure is counted, and the tiers run all the
/// same: most of what they say does not depend on it.
fn prepare(context: Context<'_>, tiers: &[Tier], report: &mut Report) {
    let Context {
        console, workspace, ..
    } = context;
    let started = Instant::now();
    let done = setup::toolchain(console, Extent::Test).and_then(|()| {
        let runs_programs = tiers.iter().any(|tier| tier.has_named_tests());
        if runs_programs {
            build::all(console, workspace)
        } else {
            Ok(())
        }
    });
    if let Err(error) = done {
        let error = format!("{error:#}");
        console.error(&error);
        report.add("setup", started.elapsed(), Tally::failure(&error));
    } else {
        console.progress(&format!("ready after {}", Seconds(started.elapsed())));
    }
}

fn tier_tally(context: Context<'_>, tier: Tier) -> Tally {
    match tier {
        Tier::Lint => lint::run(context),
        Tier::Unit => suites::unit(context),
        Tier::Sim => suites::sim(context),
        Tier::Doc => doc::run(context),
        Tier::Vm => vm::run(context),
        Tier::Deny => deny::run(context),
    }
}
