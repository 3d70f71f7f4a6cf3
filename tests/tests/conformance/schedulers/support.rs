//! A stage with declared schedulers, and what can be seen of them outside.

use std::time::Duration;

use proscenium_guest_runtime::contract::ops::Op;
use proscenium_guest_runtime::machine::Machine;
use proscenium_guest_runtime::world::simulated::{
    Death, Effect, Fate, Loading, SchedulerScript, Simulated,
};
use proscenium_wire::{
    Detail, DetailKind, Event, Obituary, SchedulerChange, SchedulerNews, SchedulerSpec,
};

use crate::support::{Ended, Rig, backdrop, def, ms, step};

pub(crate) const KINDS: [DetailKind; 3] = [
    DetailKind::SchedulerCrashed,
    DetailKind::SchedulerExitedCleanly,
    DetailKind::SchedulerDiedUnknownReason,
];

pub(crate) fn millis(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

/// A declaration with half a second to get ready.
pub(crate) fn declared(name: &str) -> SchedulerSpec {
    SchedulerSpec {
        name: name.to_owned(),
        program: format!("/schedulers/{name}/loader"),
        folder: format!("/schedulers/{name}"),
        args: vec!["--quiet".to_owned()],
        environment: vec![],
        ops: None,
        ready_ms: 500,
    }
}

/// With these schedulers declared, on a machine of four CPUs; and the hand
/// that decides on them.
pub(crate) fn rig(scripts: &[(&str, SchedulerScript)]) -> (Rig, Fate) {
    let fate = Fate::default();
    let mut world = Simulated::new(Machine::uniform(2, 2, 2, 1)).with_fate(fate.clone());
    for (name, script) in scripts {
        world = world.with_scheduler(name, script.clone());
    }
    let specs = scripts.iter().map(|(name, _)| declared(name)).collect();
    let rig = Rig::with(world, |settings| settings.schedulers = specs);
    (rig, fate)
}

/// As [`rig`] with one scheduler `a`, attached before the scenario.
pub(crate) fn attached(script: SchedulerScript) -> (Rig, Fate) {
    let (mut rig, fate) = rig(&[("a", script)]);
    rig.stage.boot_scheduler("a").unwrap();
    (rig, fate)
}

/// Attaches at once, so that times are the scenario's own.
pub(crate) fn behaves() -> SchedulerScript {
    SchedulerScript {
        loads_in: Duration::ZERO,
        ..SchedulerScript::default()
    }
}

pub(crate) fn dies_after(ms: u64, death: Death) -> SchedulerScript {
    SchedulerScript {
        dies: Some((millis(ms), death)),
        ..behaves()
    }
}

pub(crate) fn loading(loading: Loading) -> SchedulerScript {
    SchedulerScript {
        loading,
        ..behaves()
    }
}

pub(crate) fn removes(name: &'static str) -> impl Fn(&Effect) -> bool + 'static {
    move |effect| matches!(effect, Effect::Remove { group } if group == name)
}

pub(crate) fn attach(name: &str) -> Op {
    Op::AttachScheduler(name.to_owned())
}

pub(crate) fn replace(name: &str) -> Op {
    Op::ReplaceScheduler(name.to_owned())
}

pub(crate) fn pin(name: &str) -> Op {
    Op::PinBpfMap(name.to_owned())
}

impl Ended {
    /// News of schedulers, in order.
    pub(crate) fn news(&self) -> Vec<&SchedulerNews> {
        let mut all = Vec::new();
        for event in &self.events {
            if let Event::Scheduler(news) = event {
                all.push(news);
            }
        }
        all
    }

    /// News in words: `0 a attached`.
    pub(crate) fn changes(&self) -> Vec<String> {
        let words = |news: &&SchedulerNews| {
            let what = match news.change {
                SchedulerChange::Attached { .. } => "attached",
                SchedulerChange::Refused { .. } => "refused",
                SchedulerChange::Detached { .. } => "detached",
                SchedulerChange::Died(_) => "died",
            };
            format!("{} {} {what}", news.start, news.name)
        };
        self.news().iter().map(words).collect()
    }

    /// What the verdict has on the end of a scheduler.
    pub(crate) fn deaths(&self) -> Vec<&Detail> {
        let details = self.verdict.details.iter();
        details
            .filter(|detail| KINDS.contains(&detail.kind))
            .collect()
    }

    /// Lines of the log that are about schedulers.
    pub(crate) fn scheduler_lines(&self) -> Vec<String> {
        let lines = self.log.lines().into_iter();
        lines.filter(|line| line.contains("scheduler")).collect()
    }

    /// What one start printed, as far as it was passed on.
    pub(crate) fn printed(&self, of: u32) -> String {
        let mut all = Vec::new();
        for event in &self.events {
            if let Event::SchedulerLog { start, bytes, .. } = event
                && *start == of
            {
                all.extend(bytes);
            }
        }
        String::from_utf8(all).unwrap()
    }
}

/// One step that holds for all of the second.
pub(crate) fn one_hold(rig: Rig) -> Ended {
    let plan = backdrop(vec![def("base")], vec![]);
    rig.execute(plan, vec![step(vec![def("load")], vec![], ms(1_000))])
}

/// What is known about the one that died.
pub(crate) fn obituary(ended: &Ended) -> &Obituary {
    let died = |change: &'_ SchedulerChange| matches!(change, SchedulerChange::Died(_));
    let news = ended.news();
    let news = news.into_iter().find(|news| died(&news.change)).unwrap();
    match &news.change {
        SchedulerChange::Died(obituary) => obituary,
        other => panic!("{other:?}"),
    }
}
