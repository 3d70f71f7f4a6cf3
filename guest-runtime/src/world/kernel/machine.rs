//! What the machine looks like, from sysfs.
//!
//! Reads below one directory handle (`/sys/devices/system`), bounded. Every
//! file may be missing; each has a fallback, and what had to be guessed is
//! said in a warning.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Read;
use std::str::FromStr;

use cap_std::fs::Dir;
use nix::sched::sched_getaffinity;
use nix::unistd::Pid;

use crate::cpuset::{CpuSet, MAX_CPU};
use crate::machine::{Core, Llc, Machine};

/// Most bytes of one file that are read (64 KiB).
const READ_LIMIT: u64 = 64 << 10;
/// Cache indices that are looked at per CPU.
const MAX_CACHES: u32 = 16;

/// A machine, and what had to be guessed about it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Discovery {
    /// The machine.
    pub machine: Machine,
    /// One line for each guess.
    pub warnings: Vec<String>,
}

/// Discovers the machine below `system` (`/sys/devices/system`), as far as the
/// process may run on it.
#[must_use]
pub fn discover(system: &Dir, allowed: &CpuSet) -> Discovery {
    let mut warnings = Vec::new();
    let cpus = usable_cpus(system, allowed, &mut warnings);
    let (nodes, node_of) = nodes(system, &mut warnings);

    let mut caches: BTreeMap<(u32, u32), CpuSet> = BTreeMap::new();
    let mut cache_of: BTreeMap<u32, (u32, u32)> = BTreeMap::new();
    let mut guessed = CpuSet::new();
    for cpu in cpus.iter() {
        let key = last_level_cache(system, cpu).unwrap_or_else(|| {
            guessed.insert(cpu);
            (0, 0)
        });
        caches.entry(key).or_default().insert(cpu);
        cache_of.insert(cpu, key);
    }
    if !guessed.is_empty() {
        warnings.push(format!(
            "no cache is described for CPUs {guessed}: they count as one"
        ));
    }
    let mut caches: Vec<_> = caches.into_iter().collect();
    caches.sort_by_key(|(_, cpus)| cpus.first());
    let llcs: Vec<Llc> = caches
        .iter()
        .map(|((_, id), cpus)| Llc {
            id: *id,
            cpus: cpus.clone(),
            node: cpus
                .first()
                .and_then(|cpu| node_of.get(&cpu).copied())
                .unwrap_or(0),
        })
        .collect();
    let cores = cores(system, &cpus, &mut warnings)
        .into_iter()
        .map(|cpus| Core {
            llc: cpus
                .first()
                .and_then(|cpu| cache_of.get(&cpu))
                .and_then(|key| caches.iter().position(|(other, _)| other == key))
                .unwrap_or(0),
            cpus,
        })
        .collect();
    Discovery {
        machine: Machine {
            cpus,
            llcs,
            cores,
            nodes,
        },
        warnings,
    }
}

/// Online and allowed; where they have nothing in common, online.
fn usable_cpus(system: &Dir, allowed: &CpuSet, warnings: &mut Vec<String>) -> CpuSet {
    let online = parsed::<CpuSet>(system, "cpu/online").unwrap_or_else(|| {
        warnings.push(format!(
            "cpu/online cannot be read: taking the CPUs allowed, {allowed}"
        ));
        allowed.clone()
    });
    let usable = online.intersection(allowed);
    if !usable.is_empty() {
        return usable;
    }
    warnings.push(format!(
        "none of the CPUs allowed ({allowed}) is online ({online}): taking those online"
    ));
    if online.is_empty() {
        CpuSet::from([0].as_slice())
    } else {
        online
    }
}

/// Node ids, and the node of each CPU.
fn nodes(system: &Dir, warnings: &mut Vec<String>) -> (BTreeSet<u32>, BTreeMap<u32, u32>) {
    let mut node_of = BTreeMap::new();
    let mut nodes: BTreeSet<u32> = system
        .read_dir("node")
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|entry| {
            entry
                .file_name()
                .to_str()?
                .strip_prefix("node")?
                .parse()
                .ok()
        })
        .filter(|node| *node <= MAX_CPU)
        .collect();
    for node in &nodes {
        match parsed::<CpuSet>(system, &format!("node/node{node}/cpulist")) {
            Some(cpus) => node_of.extend(cpus.iter().map(|cpu| (cpu, *node))),
            None => warnings.push(format!(
                "node/node{node}/cpulist cannot be read: no CPUs in it"
            )),
        }
    }
    if nodes.is_empty() {
        // A kernel without NUMA has no such directory; that is not a guess.
        nodes.insert(0);
    }
    (nodes, node_of)
}

/// Level and id of the highest-level cache that serves data.
fn last_level_cache(system: &Dir, cpu: u32) -> Option<(u32, u32)> {
    (0..MAX_CACHES)
        .filter_map(|index| {
            let file = |name| format!("cpu/cpu{cpu}/cache/index{index}/{name}");
            let level: u32 = parsed(system, &file("level"))?;
            if text(system, &file("type")).is_some_and(|kind| kind == "Instruction") {
                return None;
            }
            let lowest = || parsed::<CpuSet>(system, &file("shared_cpu_list"))?.first();
            let id = parsed(system, &file("id")).or_else(lowest).unwrap_or(0);
            Some((level, id))
        })
        .max_by_key(|(level, _)| *level)
}

/// Hardware threads by core.
fn cores(system: &Dir, cpus: &CpuSet, warnings: &mut Vec<String>) -> Vec<CpuSet> {
    let mut seen = CpuSet::new();
    let mut guessed = CpuSet::new();
    let mut cores = Vec::new();
    for cpu in cpus.iter() {
        if seen.contains(cpu) {
            continue;
        }
        let file = |name| format!("cpu/cpu{cpu}/topology/{name}");
        let siblings = parsed::<CpuSet>(system, &file("core_cpus_list"))
            .or_else(|| parsed(system, &file("thread_siblings_list")))
            .map(|all| all.intersection(cpus).difference(&seen))
            .filter(|threads| threads.contains(cpu))
            .unwrap_or_else(|| {
                guessed.insert(cpu);
                CpuSet::from([cpu].as_slice())
            });
        seen.extend(&siblings);
        cores.push(siblings);
    }
    if !guessed.is_empty() {
        warnings.push(format!(
            "no core is described for CPUs {guessed}: each counts as one"
        ));
    }
    cores
}

fn text(system: &Dir, path: &str) -> Option<String> {
    let mut text = String::new();
    system
        .open(path)
        .ok()?
        .take(READ_LIMIT)
        .read_to_string(&mut text)
        .ok()?;
    Some(text.trim().to_owned())
}

fn parsed<T: FromStr>(system: &Dir, path: &str) -> Option<T> {
    text(system, path)?.parse().ok()
}

/// What this process may use of the machine that `system`
/// (`/sys/devices/system`) describes.
#[must_use]
pub fn survey(system: &Dir) -> Discovery {
    discover(system, &allowed_cpus())
}

/// CPUs that this process may run on.
fn allowed_cpus() -> CpuSet {
    let Ok(set) = sched_getaffinity(Pid::from_raw(0)) else {
        return CpuSet::new();
    };
    let count = u32::try_from(nix::sched::CpuSet::count()).unwrap_or(0);
    (0..count)
        .filter(|cpu| set.is_set(*cpu as usize).unwrap_or(false))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use cap_std::ambient_authority;
    use std::fs;

    /// A sysfs of these files, in a directory that goes with it.
    fn sysfs(files: &[(&str, &str)]) -> (tempfile::TempDir, Dir) {
        let folder = tempfile::tempdir().unwrap();
        for (path, content) in files {
            let path = folder.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, content).unwrap();
        }
        let dir = Dir::open_ambient_dir(folder.path(), ambient_authority()).unwrap();
        (folder, dir)
    }

    fn set(text: &str) -> CpuSet {
        text.parse().unwrap()
    }

    #[test]
    fn caches_cores_and_nodes_come_from_their_files() {
        let mut files = vec![
            ("cpu/online".to_owned(), "0-3\n"),
            ("node/node0/cpulist".to_owned(), "0-1\n"),
            ("node/node1/cpulist".to_owned(), "2-3\n"),
            ("node/node2/cpulist".to_owned(), "\n"),
        ];
        for (cpu, id, siblings) in [
            (0, "7", "0-1"),
            (1, "7", "0-1"),
            (2, "9", "2-3"),
            (3, "9", "2-3"),
        ] {
            let base = format!("cpu/cpu{cpu}");
            files.push((format!("{base}/cache/index0/level"), "1\n"));
            files.push((format!("{base}/cache/index0/id"), "0\n"));
            files.push((format!("{base}/cache/index3/level"), "3\n"));
            files.push((format!("{base}/cache/index3/id"), id));
            files.push((format!("{base}/topology/thread_siblings_list"), siblings));
        }
        let files: Vec<_> = files
            .iter()
            .map(|(path, text)| (path.as_str(), *text))
            .collect();
        let (_folder, dir) = sysfs(&files);
        let Discovery { machine, warnings } = discover(&dir, &set("0-63"));
        assert_eq!(warnings, Vec::<String>::new());
        assert_eq!(machine.nodes, [0, 1, 2].into());
        let caches: Vec<_> = machine
            .llcs
            .iter()
            .map(|llc| (llc.id, llc.cpus.to_string(), llc.node))
            .collect();
        assert_eq!(caches, [(7, "0-1".into(), 0), (9, "2-3".into(), 1)]);
        let cores: Vec<_> = machine
            .cores
            .iter()
            .map(|core| (core.cpus.to_string(), core.llc))
            .collect();
        assert_eq!(cores, [("0-1".into(), 0), ("2-3".into(), 1)]);
    }

    #[test]
    fn a_cache_without_id_is_named_after_its_lowest_cpu() {
        let (_folder, dir) = sysfs(&[
            ("cpu/online", "0-1"),
            ("cpu/cpu0/cache/index2/level", "2"),
            ("cpu/cpu0/cache/index2/shared_cpu_list", "0"),
            ("cpu/cpu1/cache/index2/level", "2"),
            ("cpu/cpu1/cache/index2/shared_cpu_list", "1"),
        ]);
        let machine = discover(&dir, &set("0-1")).machine;
        assert_eq!(
            machine.llcs.iter().map(|llc| llc.id).collect::<Vec<_>>(),
            [0, 1]
        );
    }

    #[test]
    fn a_machine_without_any_file_is_the_cpus_allowed_with_one_cache_and_warnings() {
        let (_folder, dir) = sysfs(&[]);
        let Discovery { machine, warnings } = discover(&dir, &set("0-1"));
        assert_eq!(machine.cpus, set("0-1"));
        assert_eq!(machine.llcs.len(), 1);
        assert_eq!(machine.cores.len(), 2);
        assert_eq!(machine.nodes, [0].into());
        assert_eq!(warnings.len(), 3, "{warnings:?}");
    }

    #[test]
    fn cpus_that_are_not_allowed_are_left_out() {
        let (_folder, dir) = sysfs(&[("cpu/online", "0-7")]);
        assert_eq!(discover(&dir, &set("2-3")).machine.cpus, set("2-3"));
    }

    #[test]
    fn an_affinity_that_is_offline_is_a_warning_and_what_is_online_counts() {
        let (_folder, dir) = sysfs(&[("cpu/online", "0-1")]);
        let Discovery { machine, warnings } = discover(&dir, &set("5"));
        assert_eq!(machine.cpus, set("0-1"));
        assert!(
            warnings
                .iter()
                .any(|line| line.contains("none of the CPUs")),
            "{warnings:?}"
        );
    }

    #[test]
    fn nonsense_in_a_file_counts_as_no_file() {
        let (_folder, dir) = sysfs(&[
            ("cpu/online", "0-99999999999"),
            ("cpu/cpu0/cache/index3/level", "three"),
            ("node/node99999999999/cpulist", "0"),
        ]);
        let machine = discover(&dir, &set("0")).machine;
        assert_eq!(
            (machine.cpus, machine.llcs.len(), machine.nodes),
            (set("0"), 1, [0].into())
        );
    }
}
