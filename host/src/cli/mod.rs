//! The command line: one file per subcommand.
//!
//! Owns what is parsed and printed, and the way from any result to an exit
//! code. It decides nothing about plugins, kernels, machines or verdicts.
//!
//! Results go to standard output, everything else to standard error.

mod admission;
mod audit;
mod check;
mod checks;
mod cleanup;
mod completions;
mod doctor;
mod grant;
mod inspect;
mod job;
mod kernel;
mod local;
mod machine;
mod needs;
mod new;
mod programs;
mod record;
mod run;
mod scenario;
mod simulated;
mod swap;
mod sweep;
mod values;
mod work_types;

use std::ffi::OsString;
use std::io::{self, ErrorKind, IsTerminal, Write};
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use serde::Serialize;

use crate::error::{Class, ExpectedError};
use crate::exit_code;
use crate::layout::{Environment, Layout};
use crate::shield;

/// Printed below the general help.
const AFTER_HELP: &str = "\
Exit codes:
  0    passed, or does not apply here
  1    failed
  2    inconclusive
  3    refused: wrong usage or input; nothing was run
  4    could not run: the machine, the guest or the runtime failed
  70   a bug in proscenium
  130  interrupted before there was a verdict

Environment:
  PROSCENIUM_KERNEL   kernel to boot where --kernel does not say
  PROSCENIUM_CACHE    kernels and compiled plugins [default: ~/.cache/proscenium]
  PROSCENIUM_STATE    runs [default: ~/.local/state/proscenium]
  PROSCENIUM_LIBEXEC  the guest's programs [default: found beside proscenium]
  PROSCENIUM_SHARE    SDK and template [default: found beside proscenium]

First steps:
  proscenium doctor                what this machine can do, and what is missing
  proscenium new my-scenario       a plugin that builds and passes
  proscenium check my-scenario     without a VM, in a second
  proscenium run my-scenario       in a VM, with a real kernel";

/// Runs scheduler scenarios that are WebAssembly plugins in a VM with a real kernel.
#[derive(Debug, Parser)]
#[command(name = "proscenium", version, after_help = AFTER_HELP, max_term_width = 100)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Run(run::Args),
    Check(check::Args),
    Inspect(inspect::Args),
    Audit(audit::Args),
    #[command(subcommand)]
    Grant(grant::Command),
    New(new::Args),
    #[command(subcommand)]
    Kernel(kernel::Command),
    Doctor(doctor::Args),
    Cleanup(cleanup::Args),
    Completions(completions::Args),
}

/// What every subcommand gets.
struct Context<'a> {
    layout: Layout,
    out: &'a mut dyn Write,
    /// Standard error is a terminal.
    terminal: bool,
}

/// Runs the command line `args`, the program's name first, and says how it went.
pub fn main(args: impl IntoIterator<Item = OsString>) -> ExitCode {
    let mut args = args.into_iter().peekable();
    if args.peek().is_some_and(|name| name == shield::CHILD) {
        return shield::main(args.skip(1));
    }
    let cli = match Cli::try_parse_from(args) {
        Ok(cli) => cli,
        Err(error) => {
            // Nothing is left to be done if not even this can be said.
            let _ = error.print();
            return ExitCode::from(if error.use_stderr() {
                exit_code::REFUSED
            } else {
                exit_code::PASSED
            });
        }
    };
    let mut out = io::BufWriter::new(io::stdout().lock());
    let mut context = Context {
        layout: Layout::new(Environment::capture()),
        out: &mut out,
        terminal: io::stderr().is_terminal(),
    };
    let code = dispatch(cli.command, &mut context)
        .and_then(|code| Ok(out.flush().map(|()| code)?))
        .unwrap_or_else(|error| explain(&error));
    ExitCode::from(code)
}

fn dispatch(command: Command, context: &mut Context<'_>) -> anyhow::Result<u8> {
    match command {
        Command::Run(args) => run::run(&args, context),
        Command::Check(args) => check::run(&args, context),
        Command::Inspect(args) => inspect::run(&args, context),
        Command::Audit(args) => audit::run(&args, context),
        Command::Grant(command) => grant::run(command, context),
        Command::New(args) => new::run(&args, context),
        Command::Kernel(command) => kernel::run(command, context),
        Command::Doctor(args) => doctor::run(&args, context),
        Command::Cleanup(args) => cleanup::run(&args, context),
        Command::Completions(args) => completions::run::<Cli>(&args, context),
    }
}

/// Says on standard error what went wrong, and what to exit with.
fn explain(error: &anyhow::Error) -> u8 {
    // Input and output of commands are expected errors; what is left is
    // standard output itself.
    if let Some(error) = error.downcast_ref::<io::Error>() {
        if error.kind() == ErrorKind::BrokenPipe {
            // Whoever read it has seen enough, as in `proscenium inspect x | head -1`.
            return exit_code::PASSED;
        }
        say(&format!("error: cannot write to standard output: {error}"));
        return exit_code::COULD_NOT_RUN;
    }
    if let Some(expected) = error.downcast_ref::<ExpectedError>() {
        say(&format!("error: {expected}"));
        return code_of(expected);
    }
    say(&format!(
        "bug: {error:#}: this should not happen: please report it, with the command line and the plugin"
    ));
    exit_code::INTERNAL
}

fn code_of(error: &ExpectedError) -> u8 {
    match error.class() {
        Class::Refused => exit_code::REFUSED,
        Class::CouldNotRun => exit_code::COULD_NOT_RUN,
    }
}

/// A value as indented JSON on standard output.
fn json(context: &mut Context<'_>, value: &impl Serialize) -> anyhow::Result<()> {
    let mut text = serde_json::to_vec_pretty(value)?;
    text.push(b'\n');
    Ok(context.out.write_all(&text)?)
}

/// An error and its sources on one line.
fn chain(error: &dyn std::error::Error) -> String {
    std::iter::successors(Some(error), |error| error.source())
        .map(ToString::to_string)
        .collect::<Vec<_>>()
        .join(": ")
}

/// A line on standard error; there is no other place to say that it failed.
fn say(line: &str) {
    let _ = writeln!(io::stderr().lock(), "{line}");
}

/// The worse of two exit codes, when several plugins run one after another: a
/// verdict that failed weighs more than none, an error more than a verdict.
fn worse(a: u8, b: u8) -> u8 {
    let weight = |code| match code {
        exit_code::PASSED => 0,
        exit_code::INCONCLUSIVE => 1,
        exit_code::FAILED => 2,
        exit_code::REFUSED => 3,
        exit_code::COULD_NOT_RUN => 4,
        exit_code::INTERRUPTED => 5,
        _ => 6,
    };
    if weight(b) > weight(a) { b } else { a }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn of_several_runs_the_worst_decides() {
        assert_eq!(
            worse(exit_code::INCONCLUSIVE, exit_code::FAILED),
            exit_code::FAILED
        );
        assert_eq!(
            worse(exit_code::FAILED, exit_code::PASSED),
            exit_code::FAILED
        );
        assert_eq!(
            worse(exit_code::REFUSED, exit_code::FAILED),
            exit_code::REFUSED
        );
    }
}
