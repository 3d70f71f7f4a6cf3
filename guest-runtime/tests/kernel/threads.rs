//! Workers that are threads of one process.

use std::fs;
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use proscenium_guest_runtime::cpuset::CpuSet;
use proscenium_guest_runtime::world::kernel::Kernel;
use proscenium_guest_runtime::world::{Controllers, CrewId, CrewPlan, GroupId, Knob, Moved, World};
use proscenium_worker::{ExitInfo, Policy, Report, Setup};

use crate::rig::{MOMENT, PATIENCE, alive, members, with_controllers, world_at};
use crate::support::place::Place;
use crate::support::{collect, crew, pass};

fn named(work: &str, count: usize, comm: &str) -> CrewPlan {
    let mut plan = crew(work, count);
    for setup in &mut plan.setups {
        setup.comm = Some(comm.to_owned());
    }
    plan
}

/// A process `server` of two workers that spin and two that pass a byte.
fn server() -> Vec<CrewPlan> {
    vec![
        named("spin-wait", 2, "spinner"),
        named("pipe-io", 2, "passer"),
    ]
}

fn started(world: &mut Kernel, group: GroupId, plans: &[CrewPlan]) -> CrewId {
    let crew = world.spawn_threads(group, "server", plans).unwrap();
    world.open_gates(&[crew]).unwrap();
    crew
}

/// Thread ids of a process, ascending: its first has its own number.
fn tids(pid: u32) -> Vec<u32> {
    let tasks = fs::read_dir(format!("/proc/{pid}/task")).unwrap();
    let tid = |name: &str| name.parse().unwrap();
    let mut tids: Vec<u32> = tasks
        .map(|task| tid(task.unwrap().file_name().to_str().unwrap()))
        .collect();
    tids.sort_unstable();
    tids
}

/// A file of one thread, without the newline at its end.
fn of(pid: u32, tid: u32, file: &str) -> String {
    let text = fs::read_to_string(format!("/proc/{pid}/task/{tid}/{file}")).unwrap();
    text.trim_end().to_owned()
}

/// Names of all threads of a process, in alphabetical order.
fn names(pid: u32) -> Vec<String> {
    let mut names: Vec<_> = tids(pid).iter().map(|tid| of(pid, *tid, "comm")).collect();
    names.sort_unstable();
    names
}

fn all_well(reports: &[Report]) {
    for report in reports {
        assert!(report.completed && report.iterations > 0, "{report:?}");
        assert_eq!(report.exit, Some(ExitInfo::Exited(0)));
        assert_eq!(report.failures, []);
    }
}

#[test]
fn workers_of_one_process_are_threads_with_names_of_their_own() {
    let Some(place) = Place::find("threads") else {
        return;
    };
    let mut world = world_at(&place);
    let group = world.create(GroupId::ROOT, "a").unwrap();
    let crew = world.spawn_threads(group, "server", &server()).unwrap();
    let [pid] = *world.pids(crew) else {
        panic!("{:?}", world.pids(crew));
    };
    assert_eq!(members(&mut world, group).unwrap(), [pid]);
    pass(&mut world, MOMENT);
    assert_eq!(world.iterations(crew), 0, "the gate is shut");
    world.open_gates(&[crew]).unwrap();
    assert_eq!(of(pid, pid, "comm"), "server");
    let expected = ["passer", "passer", "server", "spinner", "spinner"];
    assert_eq!(names(pid), expected);
    pass(&mut world, MOMENT);
    assert!(world.iterations(crew) > 0);

    let threads = tids(pid);
    let reports = collect(&mut world, crew, PATIENCE);
    all_well(&reports);
    let mut workers: Vec<u32> = reports.iter().map(|report| report.tid).collect();
    assert!(
        reports[0].wake.total == 0 && reports[3].wake.total > 0,
        "in order"
    );
    workers.push(pid);
    workers.sort_unstable();
    assert_eq!(workers, threads);
    assert!(!alive(pid));
    world.remove(group).unwrap();
}

#[test]
fn threads_have_policies_affinities_and_identities_of_their_own() {
    let Some(place) = Place::find("thread-setup") else {
        return;
    };
    let mut world = world_at(&place);
    let first = world.machine().cpus.first().unwrap();
    let last = world.machine().cpus.last().unwrap();
    let setup = |policy, cpu: u32| Setup {
        policy,
        affinity: Some(vec![cpu]),
        uid: Some(1234),
        gid: Some(4321),
        ..Setup::default()
    };
    let mut plan = crew("bursty", 2);
    plan.setups = vec![setup(Policy::Fifo(7), last), setup(Policy::Batch, first)];
    let crew = started(&mut world, GroupId::ROOT, &[plan]);
    let pid = world.pids(crew)[0];
    pass(&mut world, MOMENT);
    let seen = |tid: u32| {
        let stat = of(pid, tid, "stat");
        let fields: Vec<&str> = stat.rsplit_once(')').unwrap().1.split(' ').collect();
        let status = of(pid, tid, "status");
        let line = |name: &str| {
            let lines = status.lines().filter_map(|line| line.split_once(":\t"));
            let mut values = lines.filter(|(found, _)| *found == name);
            values.next().unwrap().1.to_owned()
        };
        // Policy: field 41 of proc(5), the name is the second.
        let policy: u32 = fields[39].parse().unwrap();
        let id = |name: &str| line(name).split('\t').next().unwrap().to_owned();
        (policy, line("Cpus_allowed_list"), id("Uid"), id("Gid"))
    };
    let ids = || ("1234".to_owned(), "4321".to_owned());
    let expect = |policy, cpu: u32| (policy, cpu.to_string(), ids().0, ids().1);
    let [leader, one, other] = *tids(pid) else {
        panic!("{:?}", tids(pid));
    };
    let mut workers = [seen(one), seen(other)];
    workers.sort_unstable();
    assert_eq!(workers, [expect(1, last), expect(3, first)]);
    // The first thread is nobody's worker, and no more privileged than they are.
    let leader = seen(leader);
    assert_eq!((leader.0, leader.2, leader.3), (0, ids().0, ids().1));
    let reports = collect(&mut world, crew, PATIENCE);
    all_well(&reports);
    assert_eq!(reports[0].cpus_used, [last]);
    assert_eq!(reports[1].cpus_used, [first]);
}

#[test]
fn a_thread_can_be_pinned_and_its_siblings_stay_where_they_are() {
    let Some(place) = Place::find("thread-affinity") else {
        return;
    };
    let mut world = world_at(&place);
    let last = world.machine().cpus.last().unwrap();
    let plans = [crew("spin-wait", 1), crew("spin-wait", 2)];
    let crew = world
        .spawn_threads(GroupId::ROOT, "server", &plans)
        .unwrap();
    let pinned = CpuSet::from([last].as_slice());
    world.set_affinity(crew, 2, &pinned).unwrap();
    let pid = world.pids(crew)[0];
    let on_one = |tid: &&u32| of(pid, **tid, "status").contains(&format!("_list:\t{last}\n"));
    let threads = tids(pid);
    assert_eq!(threads.iter().filter(on_one).count(), 1);
    world.open_gates(&[crew]).unwrap();
    pass(&mut world, MOMENT);
    let reports = collect(&mut world, crew, PATIENCE);
    all_well(&reports);
    assert_eq!(reports[2].cpus_used, [last]);
}

#[test]
fn a_process_moves_and_freezes_with_all_its_threads() {
    let Some(place) = Place::find("thread-move") else {
        return;
    };
    let mut world = world_at(&place);
    let from = world.create(GroupId::ROOT, "from").unwrap();
    let to = world.create(GroupId::ROOT, "to").unwrap();
    let crew = started(&mut world, from, &server());
    let pid = world.pids(crew)[0];
    assert_eq!(
        world.migrate(crew, to).unwrap(),
        Moved { moved: 4, gone: 0 }
    );
    assert_eq!(members(&mut world, to).unwrap(), [pid]);
    for tid in tids(pid) {
        assert!(of(pid, tid, "cgroup").ends_with("/to"));
    }
    world.write(to, Knob::Freeze, "1").unwrap();
    pass(&mut world, MOMENT);
    let then = world.iterations(crew);
    pass(&mut world, MOMENT);
    assert_eq!(world.iterations(crew), then);
    world.write(to, Knob::Freeze, "0").unwrap();
    pass(&mut world, MOMENT);
    assert!(world.iterations(crew) > then);
    all_well(&collect(&mut world, crew, PATIENCE));
}

#[test]
fn every_thread_hears_the_stop_whatever_it_waits_for() {
    let Some(place) = Place::find("thread-stop") else {
        return;
    };
    let mut world = world_at(&place);
    // A sleep, a pipe, a futex, an epoll instance, a lock, a signal.
    let works = [
        ("bursty", 2),
        ("pipe-io", 4),
        ("futex-fan-out", 5),
        ("epoll-storm", 3),
        ("priority-inversion", 3),
        ("signal-storm", 2),
    ];
    let plans: Vec<CrewPlan> = works
        .iter()
        .map(|(work, count)| crew(work, *count))
        .collect();
    let workers: usize = works.iter().map(|(_, count)| count).sum();
    let crew = started(&mut world, GroupId::ROOT, &plans);
    pass(&mut world, MOMENT * 3);
    let begun = Instant::now();
    let reports = collect(&mut world, crew, PATIENCE);
    assert!(
        begun.elapsed() < Duration::from_secs(2),
        "{:?}",
        begun.elapsed()
    );
    assert_eq!(reports.len(), workers);
    for report in &reports {
        assert!(report.completed, "{report:?}");
        assert_eq!(report.failures, [], "{report:?}");
    }
    // At the gate too.
    let crew = world
        .spawn_threads(GroupId::ROOT, "server", &plans)
        .unwrap();
    for report in collect(&mut world, crew, PATIENCE) {
        assert!(report.completed && report.iterations == 0, "{report:?}");
    }
}

#[test]
fn a_process_that_is_killed_takes_its_workers_along_and_their_counts_stay() {
    let Some(place) = Place::find("thread-kill") else {
        return;
    };
    let mut world = world_at(&place);
    let crew = started(&mut world, GroupId::ROOT, &server());
    pass(&mut world, MOMENT);
    let pid = world.pids(crew)[0];
    kill(Pid::from_raw(pid.cast_signed()), Signal::SIGKILL).unwrap();
    pass(&mut world, MOMENT);
    let error = world.set_affinity(crew, 0, &CpuSet::from([0].as_slice()));
    assert_eq!(error.unwrap_err().errno(), Some(Errno::ESRCH));
    for report in collect(&mut world, crew, PATIENCE) {
        assert!(!report.completed && report.iterations > 0, "{report:?}");
        assert_eq!(report.exit, Some(ExitInfo::Signaled(libc::SIGKILL)));
    }
}

#[test]
fn s_014_pids_max_counts_threads_and_one_too_many_starts_none() {
    let Some(place) = Place::find("thread-pids") else {
        return;
    };
    let Some(mut world) = with_controllers(&place, Controllers::PIDS) else {
        return;
    };
    let group = world.create(GroupId::ROOT, "a").unwrap();
    world.write(group, Knob::PidsMax, "4").unwrap();
    let error = world.spawn_threads(group, "server", &server()).unwrap_err();
    assert_eq!(error.errno(), Some(Errno::EAGAIN));
    let text = error.to_string();
    assert!(
        text.contains("start 4 workers as threads of process \"server\" in cgroup \"a\""),
        "{text}"
    );
    assert_eq!(members(&mut world, group).unwrap(), [0; 0]);
    world.write(group, Knob::PidsMax, "5").unwrap();
    let crew = started(&mut world, group, &server());
    assert_eq!(collect(&mut world, crew, PATIENCE).len(), 4);
    world.remove(group).unwrap();
}
