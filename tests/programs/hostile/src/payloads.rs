//! Programs: names and flags that the operator did not declare, and one that is
//! an attacker itself.

use proscenium_sdk::payloads::{self, Payload};
use proscenium_sdk::prelude::*;

use crate::loaded_step;

/// What a path, a shell or a format might act on.
const NAMES: [&str; 12] = [
    "",
    "sh",
    "/bin/sh",
    "../bench",
    "./bench",
    "bench ",
    "bench\0",
    "bench;reboot",
    "bench\n",
    "$(reboot)",
    "b\u{435}nch",
    "*",
];

/// Counts what was not refused as it should.
struct Watch {
    asked: usize,
    wrong: Vec<String>,
}

impl Watch {
    fn new() -> Self {
        let (asked, wrong) = (0, vec![]);
        Self { asked, wrong }
    }

    fn look(&mut self, what: &str, answer: Result<(), Error>, codes: &[ErrorCode]) {
        self.asked += 1;
        match answer {
            Err(error) if codes.contains(&error.code) && error.message.len() < 2_048 => {}
            answer => {
                let what: String = what.chars().take(40).collect();
                self.wrong.push(format!("{what:?}: {answer:?}"));
            }
        }
    }

    fn outcome(self) -> Outcome {
        if self.wrong.is_empty() {
            Outcome::pass_because(format!("{} refused", self.asked))
        } else {
            Outcome::fail(self.wrong.join("; "))
        }
    }
}

fn start(name: &str, args: &[String], cgroup: &str) -> Result<(), Error> {
    Payload::run(name, args.iter().cloned(), Some(cgroup)).map(drop)
}

/// Starts what nobody declared, by call, op and definition, and what somebody
/// did in cgroups that are none.
pub(crate) fn names() -> Result<Outcome, Error> {
    let step = loaded_step()?;
    let mut watch = Watch::new();
    let unknown = [ErrorCode::NotFound, ErrorCode::Invalid];
    let long = "x".repeat(10_000);
    for (at, name) in NAMES.into_iter().chain([long.as_str()]).enumerate() {
        watch.look(name, start(name, &[], "victim"), &unknown);
        let op = ops::run_payload(name, [""; 0], Some("victim"));
        watch.look(name, step.apply([op]), &unknown);
        let def = CgroupDef::new(format!("c{at}")).payload(name, [""; 0]);
        watch.look(name, step.setup([def]), &unknown);
        watch.look(name, Payload::open(name, None).map(drop), &unknown);
        for op in [
            ops::wait_payload(name, None),
            ops::kill_payload(name, Some("victim")),
        ] {
            watch.look(name, step.apply([op]), &unknown);
        }
    }
    for cgroup in [
        "",
        "/",
        "..",
        "../runtime",
        "victim/..",
        "victim\0",
        "no-such",
    ] {
        watch.look(cgroup, start("bench", &[], cgroup), &unknown);
    }
    Ok(watch.outcome())
}

/// Flags that the operator, who allows `--runtime`, did not think of.
pub(crate) fn flags() -> Result<Outcome, Error> {
    let step = loaded_step()?;
    let mut watch = Watch::new();
    let mut smuggled: Vec<Vec<String>> = [
        &["--exec=/bin/sh"][..],
        &["--runtime=1", "--config", "/etc/shadow"],
        &["--runtime-dir=/"],
        &["--Runtime"],
        &["--runtime\0"],
        &["a\0b"],
        // After the end of flags there may be flags all the same.
        &["--", "--exec"],
    ]
    .iter()
    .map(|words| words.iter().map(|word| (*word).to_owned()).collect())
    .collect();
    smuggled.push(vec![String::new(); 129]);
    smuggled.push(vec!["x".repeat(17 << 10)]);
    for (at, args) in smuggled.into_iter().enumerate() {
        let what = args.join(" ");
        let op = ops::run_payload("bench", args.clone(), Some("victim"));
        watch.look(
            &what,
            start("bench", &args, "victim"),
            &[ErrorCode::Invalid],
        );
        watch.look(&what, step.apply([op]), &[ErrorCode::Invalid]);
        let def = CgroupDef::new(format!("c{at}")).payload("bench", args);
        watch.look(&what, step.setup([def]), &[ErrorCode::Invalid]);
    }
    Ok(watch.outcome())
}

/// Runs each of the operator's programs beside workers, and a step after them.
/// What the programs do is no affair of this one.
pub(crate) fn beside() -> Result<Outcome, Error> {
    let step = loaded_step()?;
    live::Cgroup::create("bench")?;
    let names = payloads::declared();
    let running: Vec<Payload> = names
        .iter()
        .map(|name| Payload::run(name, [""; 0], Some("bench")))
        .collect::<Result<_, _>>()?;
    let mut ends = Vec::new();
    for (name, payload) in names.iter().zip(&running) {
        // Emulated machines are slow, and this one is known not to end.
        let patience = if name == "stays" { 5 } else { 90 };
        ends.push(match payload.wait(Some(Duration::from_secs(patience))) {
            Ok(report) => format!("{name} ended: {:?}", report.exit),
            Err(error) => format!("{name} did not end: {}", error.message),
        });
    }
    step.finish()?;
    let after = loaded_step()?;
    // The next step has what the first had.
    live::Cgroup::create("bench")?;
    after.finish()?;
    Ok(Outcome::pass_because(ends.join("; ")))
}
