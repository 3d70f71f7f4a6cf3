//! Too much of everything: lists, texts, steps, cgroups, lines, marks, waits.

use std::mem::ManuallyDrop;

use proscenium_sdk::bindings::proscenium::scenario::stimulus as raw;
use proscenium_sdk::log;
use proscenium_sdk::prelude::*;

use crate::{expect, loaded_step};

/// Two mebibytes of operations in one call.
pub(crate) fn long_list() -> Result<Outcome, Error> {
    let step = loaded_step()?;
    let ops = (0..10_000).map(|at| ops::add_cgroup(format!("{at:0200}")));
    expect(step.apply(ops), ErrorCode::LimitExceeded)
}

/// Two mebibytes of text in one call.
pub(crate) fn long_string() -> Result<Outcome, Error> {
    let _step = loaded_step()?;
    checks::note("x".repeat(2 << 20));
    Ok(Outcome::fail("it was allowed"))
}

/// A list of a thousand texts that share one mebibyte, less a little so that a
/// single one may pass.
pub(crate) fn alias_strings() -> Result<Outcome, Error> {
    let _step = loaded_step()?;
    let mut text = String::from_utf8(vec![b'x'; 1_000_000]).unwrap_or_default();
    let (at, bytes) = (text.as_mut_ptr(), text.len());
    let figure = || {
        #[expect(unsafe_code, reason = "the attack")]
        // SAFETY: only read, and never dropped.
        let alias = unsafe { String::from_raw_parts(at, bytes, bytes) };
        (alias, 1.0)
    };
    let figures = ManuallyDrop::new(Vec::from_iter((0..1_000).map(|_| figure())));
    raw::mark("m", &figures)?;
    Ok(Outcome::fail("it was allowed"))
}

/// A thousand ops a call, a thousand times.
pub(crate) fn million_ops() -> Result<Outcome, Error> {
    let step = loaded_step()?;
    let refused = (0..1_000).find_map(|_| {
        let ops = (0..1_000).map(|_| ops::clear_cpuset("victim"));
        step.apply(ops).err()
    });
    expect(refused.map_or(Ok(()), Err), ErrorCode::LimitExceeded)
}

/// Asks for the time, for ever.
#[expect(clippy::infinite_loop, reason = "the attack")]
pub(crate) fn calls() -> Result<Outcome, Error> {
    let _step = loaded_step()?;
    loop {
        let _ = clock::elapsed();
    }
}

/// Says something to the host, for ever, whatever the answer.
#[expect(clippy::infinite_loop, reason = "the attack")]
pub(crate) fn frames() -> Result<Outcome, Error> {
    let _step = loaded_step()?;
    loop {
        let _ = stimulus::mark("m", []);
    }
}

/// Values whose refusal would quote half a mebibyte of them.
pub(crate) fn long_error() -> Result<Outcome, Error> {
    let step = loaded_step()?;
    let cpus = exact((0..60_000).map(|cpu| cpu + 1_000));
    let longest = [
        topology::resolve(&cpus).map(drop),
        step.setup([CgroupDef::new("a").cpuset(cpus.clone())]),
        step.setup([CgroupDef::new("b").cpuset_mems(1_000..60_000)]),
        step.apply([ops::remove_cgroup("x".repeat(500_000))]),
        step.apply([ops::spawn(
            "victim",
            WorkSpec::new(proscenium_sdk::work::builtin("x".repeat(500_000))),
        )]),
    ]
    .into_iter()
    .map(|answer| answer.err().map_or(usize::MAX, |error| error.message.len()))
    .max();
    Ok(match longest {
        Some(bytes) if bytes <= 4_096 => Outcome::pass_because(format!("{bytes} bytes at most")),
        other => Outcome::fail(format!("a message of {other:?} bytes")),
    })
}

pub(crate) fn many_steps() -> Result<Outcome, Error> {
    let refused = loop {
        match live::Step::begin("one more") {
            Ok(step) => step.finish()?,
            Err(error) => break error,
        }
    };
    expect::<()>(Err(refused), ErrorCode::LimitExceeded)
}

pub(crate) fn many_cgroups() -> Result<Outcome, Error> {
    let step = loaded_step()?;
    let refused = (0_u32..)
        .find_map(|at| step.apply([ops::add_cgroup(format!("c{at}"))]).err())
        .map_or(Ok(()), Err);
    expect(refused, ErrorCode::LimitExceeded)
}

/// Worker counts that no machine has room for.
pub(crate) fn many_workers() -> Result<Outcome, Error> {
    let step = loaded_step()?;
    let counts = [
        WorkSpec::default().workers(u32::MAX),
        WorkSpec::default().workers_per_cpu(1e300),
        WorkSpec::default().workers_per_cpu(1e9),
    ];
    for spec in counts {
        let outcome = expect(
            step.apply([ops::spawn("victim", spec)]),
            ErrorCode::LimitExceeded,
        )?;
        if outcome.verdict != Verdict::Pass {
            return Ok(outcome);
        }
    }
    // As a limit of a cgroup it is as good as any.
    step.setup([CgroupDef::new("other").pids_max(u64::MAX)])?;
    Ok(Outcome::pass_because("refused"))
}

pub(crate) fn log() -> Result<Outcome, Error> {
    let line = "y".repeat(1_000);
    for _ in 0..20_000 {
        log::line(log::Level::Error, &line);
    }
    Ok(Outcome::pass_because("logged"))
}

pub(crate) fn note() -> Result<Outcome, Error> {
    for _ in 0..50_000 {
        checks::note("");
    }
    Ok(Outcome::pass_because("noted"))
}

pub(crate) fn fail() -> Result<Outcome, Error> {
    let line = "z".repeat(5_000);
    for _ in 0..20_000 {
        checks::fail(&line);
    }
    Ok(Outcome::pass_because("says that it passed"))
}

pub(crate) fn mark() -> Result<Outcome, Error> {
    let refused = loop {
        if let Err(error) = stimulus::mark("m", [("value", f64::NAN)]) {
            break error;
        }
    };
    expect::<()>(Err(refused), ErrorCode::LimitExceeded)
}

/// Waits for nothing, for ever, whatever the answer.
#[expect(clippy::infinite_loop, reason = "the attack")]
pub(crate) fn hold() -> Result<Outcome, Error> {
    let step = loaded_step()?;
    loop {
        let _ = step.hold(Duration::ZERO);
    }
}

/// A plan that repeats at the shortest interval there is.
pub(crate) fn repeat() -> Result<Outcome, Error> {
    Plan::new()
        .step(
            Step::new("again and again")
                .cgroup(CgroupDef::new("victim"))
                .op(ops::freeze_cgroup("victim"))
                .repeat(Duration::from_nanos(1)),
        )
        .execute()?;
    Ok(Outcome::pass_because("it ended"))
}
