//! Audits: samples of them, and any that the vocabulary can express.

use proptest::collection::vec;
use proptest::prelude::*;
use proscenium_wire::*;

/// Every decision, with the first and the last code of a refusal.
const DECISIONS: [Decision; 5] = [
    Decision::Done,
    Decision::Denied,
    Decision::Ended,
    Decision::Refused(0),
    Decision::Refused(239),
];

/// Calls of each decision, none at all, and totals.
pub(crate) fn audits() -> impl Iterator<Item = Event> {
    let calls = DECISIONS.into_iter().zip(1_u16..);
    let calls = calls.map(|(decision, function)| AuditCall {
        at_ns: 0x0807_0605_0403_0201,
        duration_ns: 0x100f_0e0d_0c0b_0a09,
        function,
        decision,
    });
    let total = FunctionTotal {
        function: 300,
        done: 1,
        refused: 2,
        denied: 3,
        ended: 4,
        not_recorded: 5,
        total_ns: 6,
        max_ns: 7,
    };
    [
        Event::AuditCalls(calls.collect()),
        Event::AuditCalls(vec![]),
        Event::AuditTotals(AuditTotals {
            not_recorded: 5,
            functions: vec![total, FunctionTotal::default()],
        }),
    ]
    .into_iter()
}

fn decision() -> impl Strategy<Value = Decision> {
    let refused = (0_u8..240).prop_map(Decision::Refused);
    prop_oneof![
        Just(Decision::Done),
        Just(Decision::Denied),
        Just(Decision::Ended),
        refused
    ]
}

/// Any audit.
pub(super) fn audit() -> impl Strategy<Value = Event> {
    let call = (any::<(u64, u64, u16)>(), decision()).prop_map(
        |((at_ns, duration_ns, function), decision)| AuditCall {
            at_ns,
            duration_ns,
            function,
            decision,
        },
    );
    let total = any::<(u16, [u64; 7])>().prop_map(|(function, figures)| {
        let [done, refused, denied, ended, not_recorded, total_ns, max_ns] = figures;
        FunctionTotal {
            function,
            done,
            refused,
            denied,
            ended,
            not_recorded,
            total_ns,
            max_ns,
        }
    });
    let totals = (any::<u64>(), vec(total, 0..9)).prop_map(|(not_recorded, functions)| {
        Event::AuditTotals(AuditTotals {
            not_recorded,
            functions,
        })
    });
    prop_oneof![vec(call, 0..20).prop_map(Event::AuditCalls), totals]
}
