//! Every work type, run natively: it makes iterations, gives exactly the
//! telemetry that its entry says, stops in time, and leaves nothing behind.

mod common;

use std::fs::{self, File};
use std::io::Write;
use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::process;
use std::time::Duration;

use common::{Crew, until};
use proscenium_worker::work::{Directory, Gives, Value, WorkKind};
use proscenium_worker::{ArenaOptions, CrewSpec, Report, Setup, SetupStep, Work};

/// Short cycles and small buffers, so that every type progresses quickly.
fn quick(name: &str) -> Vec<(&'static str, Value)> {
    let numbers: &[(&str, u64)] = match name {
        "bursty" => &[("work-us", 500), ("sleep-us", 500)],
        "sequence" => &[
            ("spin-us", 200),
            ("sleep-us", 200),
            ("yield-us", 200),
            ("io-us", 200),
            ("alu-us", 200),
        ],
        "thundering-herd" => &[("batch", 2), ("pause-us", 200)],
        "producer-consumer-imbalance" => &[("capacity", 1), ("consume-spins", 1_000_000)],
        "cgroup-churn" | "numa-migration-churn" => &[("interval-us", 1_000)],
        "numa-working-set-sweep" => &[("interval-us", 1_000), ("size-kib", 64)],
        "idle-churn" => &[("busy-us", 100), ("idle-us", 200)],
        "mutex-contention" => &[("hold-spins", 100_000)],
        _ => &[],
    };
    let texts: &[(&str, &str)] = match name {
        "cgroup-churn" => &[("cgroups", "other")],
        "cgroup-attach-storm" => &[("cgroup", "other")],
        _ => &[],
    };
    let numbers = numbers.iter().map(|(name, value)| (*name, (*value).into()));
    let texts = texts.iter().map(|(name, text)| (*name, (*text).into()));
    numbers.chain(texts).collect()
}

fn spec(name: &str, parameters: &[(&str, Value)], groups: u32) -> CrewSpec {
    let parameters: Vec<_> = parameters
        .iter()
        .map(|(name, value)| ((*name).to_owned(), value.clone()))
        .collect();
    let work = Work::parse(name, &parameters).expect("the test's work is valid");
    let workers = vec![Setup::default(); (groups * work.group_size()) as usize];
    let io_dir = std::env::temp_dir().display().to_string();
    CrewSpec {
        work,
        workers,
        io_dir,
    }
}

/// Cgroups of a test's own, removed when dropped: the one in which the workers
/// are, and another one.
struct Cgroups(Vec<PathBuf>);

impl Cgroups {
    /// `None`: none can be made here.
    fn make(test: &str) -> Option<Self> {
        let mounts = fs::read_to_string("/proc/self/mounts").ok()?;
        let hierarchy = mounts.lines().find_map(|line| {
            let mut words = line.split(' ').skip(1);
            let target = words.next()?;
            (words.next()? == "cgroup2").then(|| PathBuf::from(target))
        })?;
        let mut made = Self(Vec::new());
        for name in ["own", "other"] {
            let path = hierarchy.join(format!("proscenium-{test}-{}-{name}", process::id()));
            fs::create_dir(&path).ok()?;
            made.0.push(path);
        }
        Some(made)
    }

    /// As many as the work wants.
    fn directories(&self, work: &Work) -> Vec<OwnedFd> {
        let open = |directory: Directory<'_>| {
            let path = &self.0[usize::from(directory != Directory::Own)];
            File::open(path).expect("a directory").into()
        };
        work.directories().into_iter().map(open).collect()
    }

    /// Puts the workers into the one that is theirs.
    fn take(&self, crew: &Crew) {
        for child in &crew.children {
            let procs = self.0[0].join("cgroup.procs");
            fs::write(procs, child.id().to_string()).expect("it can be moved");
        }
    }

    fn members(&self, index: usize) -> String {
        fs::read_to_string(self.0[index].join("cgroup.procs")).expect("it is readable")
    }
}

impl Drop for Cgroups {
    fn drop(&mut self) {
        for path in &self.0 {
            let left = fs::remove_dir(path);
            assert!(std::thread::panicking() || left.is_ok(), "{left:?}");
        }
    }
}

/// Starts one or more groups, or says why it cannot.
fn start(spec: &CrewSpec, cgroups: Option<&Cgroups>) -> Option<Crew> {
    let directories = match (spec.work.directories().is_empty(), cgroups) {
        (true, _) => Vec::new(),
        (false, Some(cgroups)) => cgroups.directories(&spec.work),
        (false, None) => {
            let name = spec.work.name();
            let _ = writeln!(std::io::stderr(), "skipped: {name}: no cgroups can be made");
            return None;
        }
    };
    let mut crew = Crew::beside(spec, &ArenaOptions::default(), directories);
    if let Some(cgroups) = cgroups {
        cgroups.take(&crew);
    }
    crew.arena.set_epoch(1);
    crew.go();
    Some(crew)
}

/// Failures that are the machine's, not the worker's: what root may do in a
/// guest others may not, and kernels differ.
fn is_excused(failure: i32) -> bool {
    let missing = [libc::EPERM, libc::EACCES, libc::ENOSYS, libc::ENETUNREACH];
    missing.contains(&failure)
}

/// Children of this test process, zombies included.
fn children() -> usize {
    let path = format!("/proc/self/task/{}/children", process::id());
    fs::read_to_string(path).map_or(0, |list| list.split_whitespace().count())
}

fn totals(reports: &[Report]) -> [u64; 3] {
    let sum = |of: fn(&Report) -> u64| reports.iter().map(of).sum();
    [
        sum(|report| report.wake.total),
        sum(|report| report.cost.total),
        sum(|report| report.timer.total),
    ]
}

fn check(kind: &WorkKind, cgroups: Option<&Cgroups>) {
    let name = kind.name;
    let spec = spec(name, &quick(name), 1);
    let Some(mut crew) = start(&spec, cgroups) else {
        return;
    };
    let is_model = ["schbench", "taobench"].contains(&name);
    let reports = |crew: &Crew| -> Vec<Report> {
        let workers = 0..crew.arena.workers();
        workers.map(|worker| crew.arena.report(worker)).collect()
    };
    if is_model {
        // Its units are seen at checkpoints, and a change of epoch is one.
        let started = |report: &Report| !report.cpus_used.is_empty();
        until(name, || reports(&crew).iter().all(started));
        crew.arena.set_epoch(2);
    }
    until(&format!("{name} progresses"), || {
        let reports = reports(&crew);
        let mut failures = reports.iter().flat_map(|report| &report.failures);
        let failed = failures.find(|failure| !is_excused(failure.errno));
        assert!(failed.is_none(), "{name}: {failed:?}");
        reports.iter().all(|report| match is_model {
            true => report.work_units > 0,
            false => report.iterations >= 3,
        }) && (kind.gives == Gives::Counts || is_model || totals(&reports) != [0; 3])
    });
    let pids: Vec<_> = crew.children.iter().map(std::process::Child::id).collect();
    let (reports, took) = crew.stop();
    assert!(took < Duration::from_secs(1), "{name}: {took:?}");
    for report in &reports {
        assert!(report.completed && report.ready, "{name}: {report:?}");
        assert!(
            report.iterations > 0 && report.work_units > 0 && report.wall_time_ns > 0,
            "{name}: {report:?}"
        );
        if is_model {
            assert_eq!(report.iterations, 1, "{name}: the run is one iteration");
        }
        for failure in &report.failures {
            assert!(
                failure.step == SetupStep::Work && is_excused(failure.errno),
                "{name}: {failure}"
            );
        }
        assert_eq!(!report.numa_pages.is_empty(), kind.numa, "{name}");
        let slices: u64 = report.phase_slices.iter().map(|s| s.work_units).sum();
        assert_eq!(slices, report.work_units, "{name}: all of it is in slices");
    }
    let given = totals(&reports).map(|total| total > 0);
    let expected = match kind.gives {
        Gives::Counts => [false, false, false],
        Gives::Wakes(_) => [true, false, false],
        Gives::Costs(_) => [false, true, false],
        Gives::Lateness(_) => [false, false, true],
    };
    assert_eq!(given, expected, "{name}: wake, cost and timer samples");
    for pid in pids {
        let proc = PathBuf::from(format!("/proc/{pid}"));
        assert!(!proc.exists(), "{name}: {pid} is left");
    }
    assert_eq!(children(), 0, "{name}: no process and no zombie is left");
}

#[test]
fn every_type_gives_what_its_entry_says_stops_within_a_second_and_leaves_nothing() {
    let cgroups = Cgroups::make("catalogue");
    for kind in WorkKind::all() {
        check(kind, cgroups.as_ref());
    }
}

#[test]
fn a_worker_that_moves_itself_is_seen_in_both_cgroups_and_gone_from_both_at_the_end() {
    let Some(cgroups) = Cgroups::make("churn") else {
        let _ = writeln!(std::io::stderr(), "skipped: no cgroups can be made");
        return;
    };
    let spec = spec("cgroup-churn", &quick("cgroup-churn"), 1);
    let mut crew = start(&spec, Some(&cgroups)).expect("there are cgroups");
    let pid = crew.children[0].id().to_string();
    for index in [0, 1, 0] {
        until("it comes by", || {
            cgroups.members(index).lines().any(|line| line == pid)
        });
    }
    let (reports, _) = crew.stop();
    assert!(reports[0].failures.is_empty(), "{:?}", reports[0].failures);
    assert_eq!((cgroups.members(0), cgroups.members(1)), Default::default());
}

#[test]
fn children_of_an_attach_storm_are_reaped_by_the_kernel_too() {
    let cgroups = Cgroups::make("storm");
    let mut parameters = quick("cgroup-attach-storm");
    parameters.push(("ignore-sigchld", 1.into()));
    let spec = spec("cgroup-attach-storm", &parameters, 1);
    let Some(mut crew) = start(&spec, cgroups.as_ref()) else {
        return;
    };
    crew.progress(20);
    let (reports, _) = crew.stop();
    assert!(reports[0].failures.is_empty(), "{:?}", reports[0].failures);
    assert!(reports[0].wake.total >= 20);
}

#[test]
fn blocked_members_of_a_group_end_when_the_crew_stops_though_one_was_killed() {
    for kind in WorkKind::all() {
        let spec = spec(kind.name, &quick(kind.name), 1);
        if spec.workers.len() < 2 {
            continue;
        }
        // The first is in most types the one for whom the others wait, the
        // last is the one that is waited for.
        for victim in [0, spec.workers.len() - 1] {
            let mut crew = start(&spec, None).expect("no group wants cgroups");
            until("all run", || {
                (0..crew.arena.workers()).all(|worker| crew.arena.report(worker).ready)
            });
            crew.kill(victim);
            let mut dead = crew.children.remove(victim);
            dead.wait().expect("it was killed");
            let (_, took) = crew.stop();
            assert!(took < Duration::from_secs(1), "{}: {took:?}", kind.name);
            for worker in (0..crew.arena.workers()).filter(|worker| *worker != victim) {
                let report = crew.arena.report(worker);
                assert!(report.completed, "{}: {report:?}", kind.name);
            }
        }
    }
}

#[test]
fn groups_of_one_crew_do_not_mix() {
    for name in ["wake-chain", "futex-fan-out", "thundering-herd"] {
        let spec = spec(name, &quick(name), 2);
        let half = spec.workers.len() / 2;
        let mut crew = start(&spec, None).expect("no cgroups");
        crew.progress(3);
        for worker in 0..half {
            crew.kill(worker);
        }
        let goals: Vec<_> = (half..2 * half)
            .map(|worker| crew.arena.iterations(worker) + 3)
            .collect();
        until("the other group goes on", || {
            (half..2 * half)
                .zip(&goals)
                .all(|(worker, goal)| crew.arena.iterations(worker) >= *goal)
        });
    }
}

#[test]
fn an_arena_wants_as_many_directories_as_the_work() {
    let spec = spec("cgroup-attach-storm", &quick("cgroup-attach-storm"), 1);
    let error = proscenium_worker::Arena::create(&spec, &ArenaOptions::default())
        .expect_err("there is none");
    assert_eq!(
        error.to_string(),
        "0 directories of cgroups are not what cgroup-attach-storm needs"
    );
}
