//! Section 8.3: figures that only real workers have.

use proscenium_guest_runtime::contract::types::{CgroupDef, WorkerCount};
use proscenium_wire::{CgroupStats, Event};

use crate::plans::{def_on, work};
use crate::rig::Rig;

#[test]
fn lateness_cost_delay_and_places_of_pages_are_in_the_figures() {
    let one = |name| work(name, WorkerCount::Exactly(1));
    let def = CgroupDef {
        work: vec![
            one("timer-latency"),
            one("alu-hot"),
            one("numa-working-set-sweep"),
        ],
        ..def_on("a", &[0, 1])
    };
    let Some(mut rig) = Rig::new("figures") else {
        return;
    };
    let step = rig.set_up(&def).unwrap();
    for _ in 0..5 {
        rig.hold(step);
    }
    rig.stage.finish(step).unwrap();
    let collected: Vec<CgroupStats> = rig
        .events()
        .into_iter()
        .filter_map(|event| match event {
            Event::Collected(stats) => Some(stats),
            _ => None,
        })
        .collect();
    let [timer, cost, pages] = &collected[..] else {
        panic!("{collected:#?}");
    };
    assert!(timer.timer_p99_ns >= timer.timer_median_ns, "{timer:?}");
    assert!(timer.timer_median_ns.is_some(), "{timer:?}");
    assert!(
        cost.cost_p99_ns.is_some() && cost.timer_p99_ns.is_none(),
        "{cost:?}"
    );
    // One worker is its own mean.
    assert!(cost.run_delay_worst_ns.is_some(), "{cost:?}");
    assert_eq!(cost.run_delay_worst_ns, cost.run_delay_mean_ns);
    assert_eq!(cost.page_locality, None, "it looks at none");
    // All nodes of this guest have CPUs, and the cpuset's is one of them.
    let near = pages.page_locality.unwrap();
    assert!(
        (0.0..=1.0).contains(&near) && !pages.numa_pages.is_empty(),
        "{pages:?}"
    );
    assert_eq!(pages.slow_tier_ratio, Some(0.0));
    assert!(pages.cross_node_ratio.is_some());
    rig.close();
}
