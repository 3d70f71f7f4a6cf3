//! What `/proc` says of one process, bounded and cleaned.
//!
//! Reads below one directory handle. A process chooses its own name and may
//! end at any time, so nothing here trusts a text or fails: what cannot be
//! read is missing.

use std::io::Read;
use std::time::Duration;

use cap_std::fs::Dir;

use crate::name::clean_line;
use crate::world::{CounterSource, RunCounters, StallReport};

/// Most bytes of one file that are read (16 KiB).
const READ_LIMIT: u64 = 16 << 10;
/// Longest text of one field, in bytes.
const MAX_FIELD: usize = 64;
/// Longest path of a cgroup, in bytes.
const MAX_CGROUP: usize = 512;
/// Most functions of a kernel stack.
const MAX_FRAMES: usize = 16;

/// The counters of a process, and where they come from.
pub(super) fn counters(proc: &Dir, pid: u32) -> Option<(RunCounters, CounterSource)> {
    let file = |name| text(proc, &format!("{pid}/{name}"));
    let sched = || parse_sched(&file("sched")?);
    let schedstat = || parse_schedstat(&file("schedstat")?);
    sched()
        .map(|counters| (counters, CounterSource::Sched))
        .or_else(|| schedstat().map(|counters| (counters, CounterSource::Schedstat)))
}

/// What explains that a process does not run; its counters are left at zero.
pub(super) fn describe(proc: &Dir, pid: u32) -> StallReport {
    let file = |name: &str| text(proc, &format!("{pid}/{name}")).unwrap_or_default();
    let stat = file("stat");
    let (comm, state) = comm_and_state(&stat).unwrap_or_default();
    let cgroup = file("cgroup");
    let cgroup = cgroup.lines().find_map(|line| line.strip_prefix("0::"));
    let load = text(proc, "loadavg").unwrap_or_default();
    let load: Vec<&str> = load.split_whitespace().take(3).collect();
    let none = RunCounters {
        switches: 0,
        run_time: Duration::ZERO,
    };
    StallReport {
        pid,
        comm: clean_line(comm, MAX_FIELD),
        first: none,
        last: none,
        source: CounterSource::Sched,
        samples: 0,
        state: clean_line(state, MAX_FIELD),
        wait_channel: first_word(&file("wchan")),
        // Its arguments are addresses, which say nothing to a reader.
        syscall: first_word(&file("syscall")),
        cgroup: clean_line(cgroup.unwrap_or_default(), MAX_CGROUP),
        load: clean_line(&load.join(" "), MAX_FIELD),
        stack: frames(&file("stack")),
    }
}

/// `nr_switches` and `se.sum_exec_runtime`, which is in milliseconds with six
/// decimals.
fn parse_sched(text: &str) -> Option<RunCounters> {
    let field = |name: &str| {
        text.lines().find_map(|line| {
            let (key, value) = line.split_once(':')?;
            (key.trim() == name).then(|| value.trim())
        })
    };
    let (whole, fraction) = field("se.sum_exec_runtime")?.split_once('.')?;
    let nanos: u64 = (fraction.len() == 6).then(|| fraction.parse().ok())??;
    let whole = whole.parse::<u64>().ok()?.checked_mul(1_000_000)?;
    Some(RunCounters {
        switches: field("nr_switches")?.parse().ok()?,
        run_time: Duration::from_nanos(whole.checked_add(nanos)?),
    })
}

/// Nanoseconds of run time, nanoseconds of waiting, time slices. All are zero
/// where the kernel does not keep them, and a worker that reached its gate has
/// run: that is no sample.
fn parse_schedstat(text: &str) -> Option<RunCounters> {
    let mut words = text.split_whitespace();
    let run_time: u64 = words.next()?.parse().ok()?;
    let switches = words.nth(1)?.parse().ok()?;
    (run_time > 0).then_some(RunCounters {
        switches,
        run_time: Duration::from_nanos(run_time),
    })
}

/// Second and third field of `stat`. A name may have any character in it,
/// parentheses included; what follows it has none.
fn comm_and_state(stat: &str) -> Option<(&str, &str)> {
    let (head, rest) = stat.rsplit_once(')')?;
    let (_, comm) = head.split_once('(')?;
    Some((comm, rest.split_whitespace().next()?))
}

/// Names of the functions in `[<0>] name+0x1/0x2` lines.
fn frames(stack: &str) -> Vec<String> {
    let name = |line: &str| {
        let word = line.split_whitespace().nth(1)?;
        let name = word.split_once('+').map_or(word, |(name, _)| name);
        Some(clean_line(name, MAX_FIELD))
    };
    stack.lines().filter_map(name).take(MAX_FRAMES).collect()
}

fn first_word(text: &str) -> String {
    clean_line(
        text.split_whitespace().next().unwrap_or_default(),
        MAX_FIELD,
    )
}

fn text(proc: &Dir, path: &str) -> Option<String> {
    let mut bytes = Vec::new();
    let file = proc.open(path).ok()?;
    file.take(READ_LIMIT).read_to_end(&mut bytes).ok()?;
    Some(String::from_utf8_lossy(&bytes).into_owned())
}

#[cfg(test)]
mod tests {
    use std::fs;

    use cap_std::ambient_authority;

    use super::*;

    const SCHED: &str = "proscenium-work (42, #threads: 1)
-------------------------------------------------------------------
se.exec_start                                :       7366099.487273
se.sum_exec_runtime                          :          1001.290469
se.nr_migrations                             :                    1
nr_switches                                  :                   12
nr_voluntary_switches                        :                    2
";

    /// A `/proc` in which process 42 has these files.
    fn proc(files: &[(&str, &str)]) -> (tempfile::TempDir, Dir) {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("42")).unwrap();
        fs::write(folder.path().join("loadavg"), "0.50 1.25 2.00 3/99 7\n").unwrap();
        for (name, content) in files {
            fs::write(folder.path().join("42").join(name), content).unwrap();
        }
        let dir = Dir::open_ambient_dir(folder.path(), ambient_authority()).unwrap();
        (folder, dir)
    }

    fn counted(switches: u64, nanos: u64) -> RunCounters {
        RunCounters {
            switches,
            run_time: Duration::from_nanos(nanos),
        }
    }

    #[test]
    fn counters_come_from_sched_where_the_kernel_has_it() {
        let (_folder, proc) = proc(&[("sched", SCHED), ("schedstat", "5 6 7\n")]);
        let expected = (counted(12, 1_001_290_469), CounterSource::Sched);
        assert_eq!(counters(&proc, 42), Some(expected));
        assert_eq!(counters(&proc, 43), None, "it is gone");
    }

    #[test]
    fn counters_come_from_schedstat_elsewhere() {
        let (_folder, proc) = proc(&[("schedstat", "1290469 2842052 2\n")]);
        let expected = (counted(2, 1_290_469), CounterSource::Schedstat);
        assert_eq!(counters(&proc, 42), Some(expected));
    }

    #[test]
    fn counters_that_the_kernel_does_not_keep_or_nobody_understands_are_none() {
        for (name, content) in [
            ("schedstat", "0 0 0\n"),
            ("schedstat", "1 2"),
            ("sched", "nr_switches : 1\nse.sum_exec_runtime : 5.1\n"),
            ("sched", "se.sum_exec_runtime : 5.000001\n"),
            (
                "sched",
                "nr_switches : 1\nse.sum_exec_runtime : 99999999999999999999.000001\n",
            ),
        ] {
            let (_folder, proc) = proc(&[(name, content)]);
            assert_eq!(counters(&proc, 42), None, "{content:?}");
        }
    }

    #[test]
    fn a_name_cannot_pretend_to_be_the_fields_after_it() {
        let (_folder, proc) = proc(&[("stat", "42 (a) R \x1b[m(b) T 1 42 42\n")]);
        let report = describe(&proc, 42);
        assert_eq!(report.comm, "a) R  [m(b");
        assert_eq!(report.state, "T");
    }

    #[test]
    fn what_explains_a_stall_is_read_and_bounded() {
        let stack = "[<0>] do_signal_stop+0x1f/0x2b0\n".repeat(100);
        let long = format!("0::/{}\n", "x".repeat(4_000));
        let (_folder, proc) = proc(&[
            ("stat", "42 (spin) T 1 42 42\n"),
            ("wchan", "do_signal_stop"),
            ("syscall", "230 0x0 0x7ffd\n"),
            ("cgroup", &format!("5:cpu:/v1\n{long}")),
            ("stack", &stack),
        ]);
        let report = describe(&proc, 42);
        assert_eq!(report.wait_channel, "do_signal_stop");
        assert_eq!(report.syscall, "230");
        assert_eq!(report.load, "0.50 1.25 2.00");
        assert_eq!(report.cgroup.len(), MAX_CGROUP);
        assert_eq!(report.stack, vec!["do_signal_stop"; MAX_FRAMES]);
    }
}
