//! `proscenium completions`: a script for a shell.

use clap::CommandFactory;
use clap_complete::{Shell, generate};

use super::Context;
use crate::exit_code;

/// Print a completion script for your shell.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  proscenium completions bash > ~/.local/share/bash-completion/completions/proscenium
  proscenium completions zsh > ~/.zfunc/_proscenium
  proscenium completions fish > ~/.config/fish/completions/proscenium.fish")]
pub(super) struct Args {
    /// The shell.
    shell: ShellName,
}

/// The shells that we test.
#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum ShellName {
    Bash,
    Zsh,
    Fish,
}

pub(super) fn run<C: CommandFactory>(args: &Args, context: &mut Context<'_>) -> anyhow::Result<u8> {
    let shell = match args.shell {
        ShellName::Bash => Shell::Bash,
        ShellName::Zsh => Shell::Zsh,
        ShellName::Fish => Shell::Fish,
    };
    // The generator panics when its writer fails, so it gets one that does not.
    let mut script = Vec::new();
    generate(shell, &mut C::command(), "proscenium", &mut script);
    context.out.write_all(&script)?;
    Ok(exit_code::PASSED)
}
