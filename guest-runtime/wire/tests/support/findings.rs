//! Findings: samples of them, and any that the vocabulary can express.

use proptest::option::of;
use proptest::prelude::*;
use proptest::sample::select;
use proscenium_wire::*;

use super::messages::text;

/// One of each severity; the last with nothing that may be missing.
pub(crate) fn findings() -> impl Iterator<Item = Event> {
    Severity::ALL.into_iter().map(|severity| {
        let full = severity != Severity::Note;
        Event::Finding(Finding {
            severity,
            kind: "not-found".into(),
            step: full.then_some(1),
            label: full.then(|| "shrunk".into()),
            op: full.then(|| OpPlace {
                index: 300,
                name: "set-cpuset".into(),
            }),
            message: "no cgroup \"laod\": there are load".into(),
            remedy: full.then(|| "correct the name".into()),
        })
    })
}

/// Any finding.
pub(super) fn finding() -> impl Strategy<Value = Finding> {
    let op = (any::<u32>(), text()).prop_map(|(index, name)| OpPlace { index, name });
    let place = (any::<Option<u32>>(), of(text()), of(op));
    let severity = select(&Severity::ALL[..]);
    (severity, text(), place, text(), of(text())).prop_map(
        |(severity, kind, (step, label, op), message, remedy)| Finding {
            severity,
            kind,
            step,
            label,
            op,
            message,
            remedy,
        },
    )
}
