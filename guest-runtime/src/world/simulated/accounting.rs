//! Who used how much of a simulated cgroup: CPU time, bandwidth, pressure.

use std::fmt::Write;
use std::time::Duration;

use super::tree::{Node, Tree};
use crate::world::{GroupId, Knob};

impl Tree {
    pub(super) fn weight(&self, group: GroupId) -> f64 {
        let written = self
            .nodes
            .get(&group)
            .and_then(|node| node.files.get(&Knob::CpuWeight));
        written.and_then(|text| text.parse().ok()).unwrap_or(100.0)
    }

    /// Cgroups with a `cpu.max`, in CPUs.
    pub(super) fn bandwidth_caps(&self) -> Vec<(GroupId, f64)> {
        let cap = |node: &Node| {
            let (quota, period) = node.files.get(&Knob::CpuMax)?.split_once(' ')?;
            Some(quota.parse::<f64>().ok()? / period.parse::<f64>().ok()?)
        };
        self.nodes
            .iter()
            .filter_map(|(id, node)| Some((*id, cap(node)?)))
            .collect()
    }

    /// A worker of `group` wanted and got this much of a span.
    pub(super) fn account(&mut self, group: GroupId, span: Duration, gets: f64, wants: f64) {
        let chain: Vec<_> = self.ancestors(group).collect();
        for id in chain {
            if let Some(node) = self.nodes.get_mut(&id) {
                node.usage += span.mul_f64(gets.clamp(0.0, 1.0));
                node.gets += gets;
                node.wants += wants;
            }
        }
    }

    pub(super) fn account_bandwidth(&mut self, group: GroupId, span: Duration, throttled: bool) {
        if let Some(node) = self.nodes.get_mut(&group) {
            let period = node
                .files
                .get(&Knob::CpuMax)
                .and_then(|text| text.split_once(' ')?.1.parse().ok());
            let periods = span.as_micros() / u128::from(period.unwrap_or(100_000_u64).max(1));
            let periods = u64::try_from(periods).unwrap_or(u64::MAX);
            node.periods = node.periods.saturating_add(periods);
            if throttled {
                node.throttled = node.throttled.saturating_add(periods);
                node.throttled_time += span;
            }
        }
    }

    /// Closes a span: pressure from what was wanted and not had.
    pub(super) fn settle(&mut self, span: Duration) {
        for node in self.nodes.values_mut() {
            let lacking = if node.wants > 0.0 {
                (1.0 - node.gets / node.wants).clamp(0.0, 1.0)
            } else {
                0.0
            };
            // A running average over ten seconds, as the kernel's document has it.
            let fresh = 1.0 - (-span.as_secs_f64() / 10.0).exp();
            node.avg10 += (lacking * 100.0 - node.avg10) * fresh;
            if lacking > 0.01 {
                node.stalled += span;
            }
            (node.gets, node.wants) = (0.0, 0.0);
        }
    }

    pub(super) fn cpu_stat(&self, node: &Node) -> String {
        let usage = node.usage.as_micros();
        let mut text = format!("usage_usec {usage}\nuser_usec {usage}\nsystem_usec 0\n");
        if self.exists(node, Knob::CpuMax) {
            // Writing to a string cannot fail.
            let _ = write!(
                text,
                "nr_periods {}\nnr_throttled {}\nthrottled_usec {}\n",
                node.periods,
                node.throttled,
                node.throttled_time.as_micros()
            );
        }
        text
    }
}
