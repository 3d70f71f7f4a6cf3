//! How much memory of this machine attacks cost: the peak of a process in which
//! nothing else happens.

use std::fs;
use std::process::Command;

use proscenium_wire::Limits;

use crate::support::{SHORT, asked, hostile, run, world};

/// Linear memory, 64 MiB by default, may be there twice while it grows; what
/// the runtime keeps beside it is bounded by the other limits.
const MOST_KIB: u64 = 128 << 10;
/// What one of the million handles that a grant can allow may cost, in bytes:
/// its places in two tables, each of which is there twice while it grows.
const HANDLE: u64 = 256;
const HANDLES: u32 = 1_000_000;

/// A field of `/proc/self/status`, in KiB.
fn status(field: &str) -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with(field)).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

/// Has the peak begin anew, at what is in use now.
fn forget_peak() {
    fs::write("/proc/self/clear_refs", "5").unwrap();
}

/// The bounds under which an attack is measured: those that it gets without
/// asking, but for floods that would only take longer, and for handles.
fn bounds(attack: &str) -> Limits {
    let usual = Limits::default();
    match attack {
        "loop" | "loop-in-step" => Limits {
            compute_ms: SHORT,
            ..usual
        },
        // The log of effects holds no more.
        "hold-flood" => Limits {
            compute_ms: 20,
            ..usual
        },
        "call-flood" | "frame-flood" => Limits {
            host_calls: 1_000_000,
            frames: 10_000,
            ..usual
        },
        // It asks as fast as the machine lets it, and is to use up its handles.
        "million-handles" => Limits {
            handles: HANDLES,
            compute_ms: 120_000,
            calls_per_second: u32::MAX,
            ..usual
        },
        _ => usual,
    }
}

#[test]
#[ignore = "run by the test below, alone in its process"]
#[expect(clippy::print_stdout, reason = "the other process reads it there")]
fn alone() {
    let plugin = hostile();
    let manifest = plugin.describe(&Limits::default()).unwrap();
    let attacks = manifest.parameters[0].help.split(' ');
    for attack in attacks.chain(["million-handles"]) {
        let mut job = asked(if attack == "million-handles" {
            "many-handles"
        } else {
            attack
        });
        job.limits = bounds(attack);
        forget_peak();
        let before = status("VmRSS");
        let mut waits = 0;
        let world = world().interrupted_by(move || {
            waits += 1;
            (waits > 10_000).then(|| "out of patience".to_owned())
        });
        let ended = run(&plugin, &job, world);
        let cost = status("VmHWM").saturating_sub(before);
        if attack == "million-handles" {
            ended.ends_as("million-handles");
            assert!(ended.was_answered().contains("no more handles"));
        }
        println!("{attack} cost {cost} KiB");
    }
}

#[test]
fn no_attack_costs_more_memory_than_its_limits_say() {
    let output = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "memory::alone", "--ignored", "--nocapture"])
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    let complaint = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{text}\n{complaint}");
    let cost = |line: &str| {
        let (attack, cost) = line.split_once(" cost ")?;
        let cost: u64 = cost.strip_suffix(" KiB")?.parse().ok()?;
        Some((attack.to_owned(), cost))
    };
    let costs: Vec<_> = text.lines().filter_map(cost).collect();
    assert!(costs.len() > 40, "{text}");
    for (attack, cost) in costs {
        let most = match attack.as_str() {
            "million-handles" => (HANDLE * u64::from(HANDLES)) >> 10,
            _ => MOST_KIB,
        };
        assert!(cost < most, "{attack} cost {cost} KiB of {most}");
    }
}
