//! The program `proscenium`; everything is in the library.

use std::process::ExitCode;

fn main() -> ExitCode {
    proscenium::cli::main(std::env::args_os())
}
