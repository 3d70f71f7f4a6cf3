//! Strategies for what is told of schedulers.

use proptest::option::of;
use proptest::prelude::*;
use proptest::sample::select;

use proscenium_wire::*;

use super::messages::text;

pub(crate) fn process_exit() -> impl Strategy<Value = PayloadExit> {
    prop_oneof![
        any::<i32>().prop_map(PayloadExit::Code),
        any::<i32>().prop_map(PayloadExit::Signal),
        Just(PayloadExit::Unknown),
    ]
}

pub(crate) fn scheduler_news() -> impl Strategy<Value = SchedulerNews> {
    let kind = select(vec![
        SchedulerExit::Crashed,
        SchedulerExit::ExitedCleanly,
        SchedulerExit::Unknown,
    ]);
    let words = (of(text()), of(text()), text());
    let died = (kind, process_exit(), words).prop_map(|(kind, process, words)| {
        let (reason, message, dump) = words;
        SchedulerChange::Died(Obituary {
            kind,
            process,
            reason,
            message,
            dump,
        })
    });
    let change = prop_oneof![
        (text(), any::<u64>())
            .prop_map(|(ops, took_ns)| SchedulerChange::Attached { ops, took_ns }),
        text().prop_map(|reason| SchedulerChange::Refused { reason }),
        (process_exit(), any::<bool>(), any::<u64>()).prop_map(|(exit, killed, took_ns)| {
            SchedulerChange::Detached {
                exit,
                killed,
                took_ns,
            }
        }),
        died,
    ];
    let who = (any::<u32>(), text(), any::<u64>(), any::<u16>());
    (who, change).prop_map(|((start, name, at_ns, phase), change)| SchedulerNews {
        start,
        name,
        at_ns,
        phase,
        change,
    })
}
