//! What it costs a loop to be a component's: units per CPU second of the loop
//! `hash` of the example `own-load`, in the guest's program and counted as a
//! worker counts, against the same code compiled natively and counted by
//! nobody. Target: at least 0.7.

#![expect(clippy::print_stdout, reason = "a bench reports there")]

use std::fs;
use std::hint::black_box;
use std::os::fd::{AsFd, AsRawFd};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::mpsc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use nix::fcntl::{FcntlArg, FdFlag, fcntl};
use nix::time::{ClockId, clock_gettime};
use proscenium::plugin::read;
use proscenium_guest_runtime::exported;
use proscenium_guest_runtime::plugin::{Foreign, Plugin};
use proscenium_tests::figures::Figures;
use proscenium_tests::layout;
use proscenium_wire::Limits;
use proscenium_worker::{Arena, ArenaOptions, CrewSpec, Setup, Work};

#[path = "../../plugins/own-load/src/hash.rs"]
mod hash;

const ROUNDS: usize = 9;
const ROUND: Duration = Duration::from_millis(400);

fn main() -> Result<()> {
    let code = precompiled()?;
    let (mut ours, mut natives, mut starts) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        let (units, start) = exported(&code)?;
        ours.push(units);
        starts.push(start * 1e3);
        natives.push(native()?);
    }
    println!(
        "native: {:.0} units per CPU second",
        Figures::new(natives.clone())
    );
    println!(
        "exported: {:.0} units per CPU second",
        Figures::new(ours.clone())
    );
    println!("start of a worker: {:.1} ms", Figures::new(starts));
    println!("exported / native: {}", Figures::ratios(&ours, &natives));
    Ok(())
}

/// The example's machine code, as a guest gets it.
fn precompiled() -> Result<Vec<u8>> {
    let plugin = Path::new(env!("CARGO_MANIFEST_DIR")).join("../plugins/own-load");
    let output = Command::new(layout::cli())
        .args(["inspect", "--json"])
        .arg(plugin)
        .output()?;
    let said: serde_json::Value = serde_json::from_slice(&output.stdout)?;
    let file: PathBuf = said["file"].as_str().context("no file in the JSON")?.into();
    let component = read::to_component(&file, fs::read(&file)?)?;
    Ok(Plugin::compile(&component, Foreign::Refuse)?.precompiled()?)
}

/// Units per CPU second of a worker process, and the seconds from its start to
/// the gate.
fn exported(code: &[u8]) -> Result<(f64, f64)> {
    let spec = CrewSpec {
        work: Work::Exported {
            name: "hash".to_owned(),
            memory_bytes: Limits::default().memory_bytes,
        },
        workers: vec![Setup::default()],
        io_dir: String::new(),
    };
    let mut arena = Arena::create(&spec, &ArenaOptions::default())?;
    let component = exported::seal(code)?;
    // This process has one thread and starts nothing else.
    for inherited in [arena.fd(), component.as_fd()] {
        fcntl(inherited, FcntlArg::F_SETFD(FdFlag::empty()))?;
    }
    let begun = Instant::now();
    let mut worker = Command::new(layout::root().join("libexec/proscenium/proscenium-init"))
        .arg(arena.fd().as_raw_fd().to_string())
        .arg("0")
        .arg(component.as_raw_fd().to_string())
        .spawn()?;
    ensure!(
        arena.wait_ready(Duration::from_secs(10))?,
        "it is not ready"
    );
    let start = begun.elapsed().as_secs_f64();
    arena.open_gate();
    let (_running, timer) = mpsc::channel::<()>();
    let _ = timer.recv_timeout(ROUND);
    arena.request_stop();
    worker.wait()?;
    let report = arena.report(0);
    ensure!(report.completed && report.breakdown.is_none(), "{report:?}");
    let time = Duration::from_nanos(report.cpu_time_ns);
    Ok((per_second(report.iterations, time)?, start))
}

/// Units per CPU second of the loop alone.
fn native() -> Result<f64> {
    let cpu = || clock_gettime(ClockId::CLOCK_THREAD_CPUTIME_ID).map(Duration::from);
    let (start, before) = (Instant::now(), cpu()?);
    let (mut state, mut units) = (1, 0);
    while start.elapsed() < ROUND {
        for _ in 0..1_000 {
            state = black_box(hash::round(state));
        }
        units += 1_000;
    }
    per_second(units, cpu()? - before)
}

#[expect(clippy::cast_precision_loss, reason = "counts far below 2^52")]
fn per_second(units: u64, time: Duration) -> Result<f64> {
    ensure!(!time.is_zero(), "no CPU time was had");
    Ok(units as f64 / time.as_secs_f64())
}
