//! What a call costs a component that has a process of its own, as on `run
//! --local`: the time for the cheapest call there is, `clock.elapsed`, beside
//! that for a few bytes over a socket to another process and back. Target: below
//! 5 µs where both have a CPU.

#![expect(clippy::print_stdout, reason = "a bench reports there")]

use std::env;
use std::io::{Read, Write};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::process::{Command, Stdio};
use std::time::Instant;

use anyhow::{Context, Result, ensure};
use proscenium::local::Base;
use proscenium_tests::figures::Figures;
use proscenium_tests::layout;
use serde_json::Value;
use tempfile::TempDir;

const ROUNDS: usize = 21;
const CALLS: u32 = 2_000;
/// As many bytes as a call and its answer have.
const MESSAGE: usize = 16;
/// First argument of the other process.
const ECHO: &str = "echo";

fn main() -> Result<()> {
    if env::args().nth(1).as_deref() == Some(ECHO) {
        return echo();
    }
    let base = match Base::choose(None) {
        Ok(base) => base,
        Err(error) => {
            println!("SKIP local call: {error}");
            return Ok(());
        }
    };
    let calls = mediated(&base)?;
    let trips = raw()?;
    println!("mediated call: {:.2} µs", Figures::new(calls.clone()));
    println!(
        "round trip over a socket: {:.2} µs",
        Figures::new(trips.clone())
    );
    println!("call / round trip: {}", Figures::ratios(&calls, &trips));
    Ok(())
}

/// Microseconds of one call, by round.
fn mediated(base: &Base) -> Result<Vec<f64>> {
    let state = TempDir::new()?;
    let output = Command::new(layout::cli())
        .args(["run", "--local", "--json", "--cgroup"])
        .arg(&base.path)
        .arg(layout::program("yardstick"))
        .args(["--param", "call=clock", "--duration", "60s"])
        .args(["--param", &format!("rounds={ROUNDS}")])
        .args(["--param", &format!("writes={CALLS}")])
        .env("PROSCENIUM_STATE", state.path())
        .output()?;
    ensure!(output.status.success(), "{output:?}");
    let mut rounds = Vec::new();
    for line in String::from_utf8(output.stdout)?.lines() {
        let event: Value = serde_json::from_str(line)?;
        let event = &event["event"];
        if event["type"] == "mark" {
            let time = event["fields"][0][1]
                .as_f64()
                .context("a mark has a figure")?;
            rounds.push(time / f64::from(CALLS) / 1e3);
        }
    }
    ensure!(rounds.len() == ROUNDS, "{} rounds", rounds.len());
    Ok(rounds)
}

/// Microseconds of one round trip, by round.
fn raw() -> Result<Vec<f64>> {
    let (mut ours, theirs) = UnixStream::pair()?;
    let mut other = Command::new(env::current_exe()?)
        .arg(ECHO)
        .stdin(Stdio::from(OwnedFd::from(theirs)))
        .spawn()?;
    let mut message = [0; MESSAGE];
    let mut rounds = Vec::new();
    for _ in 0..ROUNDS {
        let start = Instant::now();
        for _ in 0..CALLS {
            ours.write_all(&message)?;
            ours.read_exact(&mut message)?;
        }
        rounds.push(start.elapsed().as_secs_f64() * 1e6 / f64::from(CALLS));
    }
    drop(ours);
    ensure!(other.wait()?.success(), "the other process failed");
    Ok(rounds)
}

/// The other process: sends back what comes over its standard input.
fn echo() -> Result<()> {
    let mut socket = UnixStream::from(nix::unistd::dup(std::io::stdin())?);
    let mut message = [0; MESSAGE];
    while socket.read_exact(&mut message).is_ok() {
        socket.write_all(&message)?;
    }
    Ok(())
}
