//! Where workers were put and moved, as lines of a log that people search.
//!
//! Owns the form of a line; never decides what is a placement.

use proscenium_wire::{Tasks, TasksReason};

/// File in a run's directory in which the placements stand. It is only ever
/// appended to.
pub const PLACEMENT_LOG: &str = "placement.log";

/// The line of one placement; none for what was only looked at.
pub(super) fn line(tasks: &Tasks) -> Option<String> {
    let Tasks {
        at_ns,
        phase,
        cgroup,
        pids,
        why,
    } = tasks;
    let how = match why {
        TasksReason::Placed { work } => format!("{work} started"),
        TasksReason::Moved { from } => format!("moved from {from:?}"),
        TasksReason::Captured { .. } => return None,
    };
    Some(format!(
        "{at_ns} phase {phase} {how} in {cgroup:?}: {pids:?}\n"
    ))
}

#[cfg(test)]
mod tests {
    use std::fs::read_to_string;

    use super::*;
    use crate::event::{Record, RunEvent};
    use crate::run_dir::RunDir;

    fn tasks(cgroup: &str, why: TasksReason) -> Record {
        let event = RunEvent::Tasks(Tasks {
            at_ns: 7,
            phase: 1,
            cgroup: cgroup.into(),
            pids: vec![101, 102],
            why,
        });
        Record {
            seq: 0,
            at_ns: 0,
            guest_ms: None,
            event,
        }
    }

    #[test]
    fn s_019_a_placement_is_one_line_and_earlier_ones_stay() {
        let base = tempfile::tempdir().unwrap();
        let mut dir = RunDir::create(base.path(), "x", 0).unwrap();
        let log = dir.path().join(PLACEMENT_LOG);
        let work = || "spin-wait".to_owned();
        dir.record(&tasks("a", TasksReason::Placed { work: work() }));
        let first = read_to_string(&log).unwrap();
        assert_eq!(first, "7 phase 1 spin-wait started in \"a\": [101, 102]\n");
        dir.record(&tasks("b", TasksReason::Moved { from: "a".into() }));
        dir.record(&tasks("b", TasksReason::Captured { tag: work() }));
        let all = read_to_string(&log).unwrap();
        assert_eq!(
            all.strip_prefix(&first).unwrap(),
            "7 phase 1 moved from \"a\" in \"b\": [101, 102]\n"
        );
    }
}
