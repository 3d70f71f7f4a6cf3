//! What a user waits for: `check` and `inspect` of each example, a warm `run`,
//! and what is loaded into a guest. Targets: `check` 0.3 s, 0.5 s
//! for 252 CPUs, `inspect` 0.2 s, a
//! run of 1 s at most 4 s in all, the runtime and the base image 4 MB each.

#![expect(clippy::print_stdout, reason = "a bench reports there")]

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};
use proscenium_tests::figures::{Figures, timed};
use proscenium_tests::layout;
use tempfile::TempDir;

const EXAMPLES: [&str; 3] = ["steady", "cpuset-shrink", "watch-and-react"];
const ROUNDS: usize = 9;
const RUNS: usize = 5;

fn main() -> Result<()> {
    let plugins = Path::new(env!("CARGO_MANIFEST_DIR")).join("../plugins");
    for example in EXAMPLES {
        let plugin = plugins.join(example);
        let cold: Result<Vec<f64>> = (0..3).map(|_| cold_check(&plugin)).collect();
        println!("check {example}, nothing cached: {} s", Figures::new(cold?));
        for verb in ["check", "inspect"] {
            let readings: Result<Vec<f64>> =
                (0..ROUNDS).map(|_| seconds(cli(verb, &plugin))).collect();
            println!("{verb} {example}: {} s", Figures::new(readings?));
        }
    }
    for more in [
        &["--topology", "252cpu-14llc-smt"][..],
        &["--all-topologies"],
    ] {
        let check = || {
            let mut command = cli("check", &plugins.join("cpuset-shrink"));
            command.args(more);
            seconds(command)
        };
        let readings: Result<Vec<f64>> = (0..ROUNDS).map(|_| check()).collect();
        let more = more.join(" ");
        println!("check cpuset-shrink {more}: {} s", Figures::new(readings?));
    }
    runs(&plugins.join("steady"))?;
    for program in ["proscenium-init", "proscenium-worker"] {
        let path = layout::root().join("libexec/proscenium").join(program);
        let length = fs::metadata(&path)
            .with_context(|| format!("failed to look at {}", path.display()))?
            .len();
        println!("{program}: {length} bytes");
    }
    Ok(())
}

fn cli(verb: &str, plugin: &Path) -> Command {
    let mut command = Command::new(layout::cli());
    command.arg(verb).arg(plugin);
    command
}

/// How long a command takes that must succeed.
fn seconds(mut command: Command) -> Result<f64> {
    command.stdin(Stdio::null()).stdout(Stdio::null());
    let (seconds, status) = timed(|| command.stderr(Stdio::null()).status());
    ensure!(status?.success(), "{command:?} failed");
    Ok(seconds)
}

fn cold_check(plugin: &Path) -> Result<f64> {
    let cache = TempDir::new()?;
    let mut command = cli("check", plugin);
    command.env("PROSCENIUM_CACHE", cache.path());
    seconds(command)
}

/// Warm runs of one second, from the command to its end.
fn runs(plugin: &Path) -> Result<()> {
    let state = TempDir::new()?;
    let run = || {
        let mut command = cli("run", plugin);
        command
            .args(["--duration", "1s"])
            .env("PROSCENIUM_STATE", state.path());
        seconds(command)
    };
    run()?;
    let readings: Result<Vec<f64>> = (0..RUNS).map(|_| run()).collect();
    println!(
        "run steady --duration 1s, 2 CPUs: {} s",
        Figures::new(readings?)
    );
    Ok(())
}
