//! Samples of a scheduler's declaration and news.

use proscenium_wire::*;

pub(crate) fn scheduler_spec() -> SchedulerSpec {
    SchedulerSpec {
        name: "fifo".into(),
        program: "/schedulers/0/scx_fifo".into(),
        folder: "/schedulers/0".into(),
        args: vec!["--slice-us".into(), "20000".into()],
        environment: vec![("LC_ALL".into(), "C".into())],
        ops: Some("fifo".into()),
        ready_ms: 30_000,
    }
}

/// One of each change, and a piece of a log.
pub(crate) fn scheduler_news() -> Vec<Event> {
    let changes = [
        SchedulerChange::Attached {
            ops: "fifo".into(),
            took_ns: 150_000_000,
        },
        SchedulerChange::Refused {
            reason: "it ended with code 1".into(),
        },
        SchedulerChange::Detached {
            exit: PayloadExit::Code(0),
            killed: false,
            took_ns: 60_000_000,
        },
        SchedulerChange::Died(Obituary {
            kind: SchedulerExit::Crashed,
            process: PayloadExit::Unknown,
            reason: Some("runnable task stall".into()),
            message: Some("worker[7] failed to run for 5.001s".into()),
            dump: "sched_ext: fifo: worker[7]\n".into(),
        }),
    ];
    changes
        .into_iter()
        .map(|change| {
            Event::Scheduler(SchedulerNews {
                start: 1,
                name: "fifo".into(),
                at_ns: 1_000_000,
                phase: 2,
                change,
            })
        })
        .chain([Event::SchedulerLog {
            start: 1,
            bytes: b"attached\n".to_vec(),
            dropped: 0,
        }])
        .collect()
}
