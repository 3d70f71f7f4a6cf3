//! Calls of everything that makes neither cgroups nor steps. Of the payloads
//! `ends` and `stays`, the one ends by itself.

use proscenium_sdk::log;
use proscenium_sdk::payloads::{self, Payload};
use proscenium_sdk::prelude::*;

use crate::Call;

pub(crate) const CALLS: [(&str, Call); 16] = [
    ("topology.discover", || {
        let machine = topology::discover();
        check(!machine.cpus.is_empty(), || "no CPU".to_owned());
        Ok(())
    }),
    ("topology.resolve", || {
        topology::resolve(&disjoint(0, 1)).map(drop)
    }),
    ("payloads.declared", || {
        let names = payloads::declared();
        check(names == ["ends", "stays"], || {
            format!("{names:?} is declared")
        });
        Ok(())
    }),
    ("payloads.payload.run", || running("stays", |_| Ok(()))),
    ("payloads.payload.open", || {
        running("stays", |_| Payload::open("stays", Some("bench")).map(drop))
    }),
    ("payloads.payload.wait", || {
        running("ends", |payload| payload.wait(None).map(drop))
    }),
    ("payloads.payload.kill", || {
        running("stays", |payload| payload.kill().map(drop))
    }),
    ("payloads.payload.drop", || running("stays", |_| Ok(()))),
    ("checks.set", || {
        checks::set(Thresholds::default().max_gap(Duration::from_secs(3_600)));
        Ok(())
    }),
    ("checks.collected", || {
        drop(checks::collected());
        Ok(())
    }),
    ("checks.fail", || {
        checks::fail("as it was told to");
        Ok(())
    }),
    ("checks.note", || {
        checks::note("noted");
        Ok(())
    }),
    ("stimulus.mark", || stimulus::mark("marked", [("at", 1.0)])),
    ("log.log", || {
        log::line(log::Level::Info, "logged");
        Ok(())
    }),
    ("clock.elapsed", || {
        let _ = clock::elapsed();
        Ok(())
    }),
    ("clock.remaining", || {
        let left = clock::remaining();
        check(left > Duration::ZERO, || "nothing is left".to_owned());
        Ok(())
    }),
];

/// Starts a payload in a step of its own, does something with it, and drops both.
fn running(name: &str, call: impl FnOnce(&Payload) -> Result<(), Error>) -> Result<(), Error> {
    let step = live::Step::begin("running")?;
    step.apply([ops::add_cgroup("bench")])?;
    call(&Payload::run(name, [""; 0], Some("bench"))?)
}
