//! Runs a component in the simulated world and looks at it from outside: the
//! verdict, the log of effects, the frames.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::path::Path;
use std::rc::Rc;

use proscenium::plugin::read;
use proscenium_guest_runtime::machine::Machine;
use proscenium_guest_runtime::plugin::{Foreign, Plugin};
use proscenium_guest_runtime::scenario;
use proscenium_guest_runtime::world::simulated::{Effect, EffectLog, Simulated};
use proscenium_tests::attacks::named;
use proscenium_tests::layout;
use proscenium_wire::{DetailKind, Event, Job, Limits, Outcome, Permissions, Verdict};

use crate::fixture::Core;

/// Computing time that is enough for what behaves, in milliseconds.
pub(crate) const SHORT: u64 = 200;

/// What is left of a scenario.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) verdict: Verdict,
    pub(crate) effects: Vec<Effect>,
    pub(crate) events: Vec<Event>,
}

impl Ended {
    /// The one reason for the verdict.
    pub(crate) fn only_reason(&self) -> (DetailKind, &str) {
        let [detail] = &self.verdict.details[..] else {
            panic!("not one reason: {:#?}", self.verdict);
        };
        (detail.kind, &detail.message)
    }

    /// Fails unless it failed, for one reason of this kind that says `text`.
    pub(crate) fn failed_with(&self, kind: DetailKind, text: &str) {
        assert_eq!(self.verdict.outcome, Outcome::Fail, "{:#?}", self.verdict);
        let (found, message) = self.only_reason();
        assert_eq!(found, kind, "{message}");
        assert!(message.contains(text), "{message}");
    }

    /// Fails unless the attacker itself is content with the answers it got.
    pub(crate) fn was_answered(&self) -> &str {
        assert_eq!(self.verdict.outcome, Outcome::Pass, "{:#?}", self.verdict);
        &self.verdict.notes[0]
    }

    /// Fails unless it ended as the list says that `attack` ends.
    pub(crate) fn ends_as(&self, attack: &str) {
        assert_eq!(
            self.result(),
            listed(attack),
            "{attack}: {:#?}",
            self.verdict
        );
    }

    /// Outcome and kinds of details, as in the list.
    fn result(&self) -> String {
        let kinds = self.verdict.details.iter().map(|detail| {
            let kind = serde_json::to_value(detail.kind).unwrap();
            kind.as_str().unwrap().to_owned()
        });
        let kinds: BTreeSet<String> = kinds.collect();
        let outcome = self.verdict.outcome.as_str().to_owned();
        kinds
            .into_iter()
            .fold(outcome, |all, kind| all + " " + &kind)
    }

    /// Fails unless every cgroup was removed and every worker collected.
    pub(crate) fn left_nothing(&self) {
        assert!(self.effects.len() < 200_000, "the log is full");
        let mut groups = BTreeSet::new();
        let mut crews = BTreeSet::new();
        let mut started = 0;
        for effect in &self.effects {
            match effect {
                Effect::Create { group } => assert!(groups.insert(group), "{group} twice"),
                Effect::Remove { group } => assert!(groups.remove(group), "{group} was not there"),
                Effect::Spawn { .. } => {
                    crews.insert(started);
                    started += 1;
                }
                Effect::Collect { crews: ended } => {
                    for crew in ended {
                        assert!(crews.remove(&crew.0), "{crew:?} was not there");
                    }
                }
                _ => {}
            }
        }
        assert!(groups.is_empty(), "cgroups are left: {groups:?}");
        assert!(crews.is_empty(), "workers are left: {crews:?}");
    }
}

/// How the list says that an attack ends.
pub(crate) fn listed(attack: &str) -> &'static str {
    let attack = named(attack).unwrap_or_else(|| panic!("{attack} is not in the list of attacks"));
    attack.result
}

/// A scenario of half a second with nothing set.
pub(crate) fn job() -> Job {
    Job {
        duration_ns: 500_000_000,
        ..Job::new("hostile", Permissions::all())
    }
}

/// The component of `tests/programs/hostile`.
pub(crate) fn hostile() -> Plugin {
    compiled(&layout::program("hostile"))
}

/// The component that a core module of `tests/programs` makes.
pub(crate) fn compiled(file: &Path) -> Plugin {
    let module = std::fs::read(file)
        .unwrap_or_else(|error| panic!("{}: {error}: run `cargo xtask build`", file.display()));
    let component = read::to_component(file, module).unwrap();
    Plugin::compile(&component, Foreign::Refuse).unwrap()
}

pub(crate) fn world() -> Simulated {
    Simulated::new(Machine::uniform(1, 2, 2, 1))
}

/// Runs `plugin` to its end, whatever that is, and looks at what it left.
pub(crate) fn run(plugin: &Plugin, job: &Job, world: Simulated) -> Ended {
    let log = EffectLog::recording();
    let events = Rc::new(RefCell::new(Vec::new()));
    let world = Box::new(world.with_log(log.clone()));
    let verdict = scenario::run(plugin, job, world, Box::new(Rc::clone(&events)));
    let ended = Ended {
        verdict,
        effects: log.effects(),
        events: events.take(),
    };
    ended.left_nothing();
    ended
}

/// Runs a hand-made component with little computing time and one parameter, so
/// that its allocator is called.
pub(crate) fn run_core(core: &Core) -> Ended {
    let plugin = Plugin::compile(&core.component(), Foreign::Refuse).unwrap();
    let mut job = asked("none");
    job.limits.compute_ms = SHORT;
    run(&plugin, &job, world())
}

/// As [`attack_with`], under the limits that an operator gets without asking.
pub(crate) fn attack(name: &str) -> Ended {
    attack_with(name, |_| {}, world())
}

pub(crate) fn attack_under(name: &str, change: impl FnOnce(&mut Limits)) -> Ended {
    attack_with(name, |job| change(&mut job.limits), world())
}

/// Runs one attack of the program `hostile`, which ends as the list says.
/// Afterwards the same component, asked to behave, passes: nothing of the
/// attack has stayed.
pub(crate) fn attack_with(name: &str, change: impl FnOnce(&mut Job), attacked: Simulated) -> Ended {
    let plugin = hostile();
    let mut job = asked(name);
    change(&mut job);
    let ended = run(&plugin, &job, attacked);
    ended.ends_as(name);
    let after = run(&plugin, &asked("none"), world());
    assert_eq!(after.was_answered(), "behaved");
    ended
}

/// A scenario of the program `hostile`.
pub(crate) fn asked(attack: &str) -> Job {
    Job {
        parameters: vec![("attack".to_owned(), attack.to_owned())],
        ..job()
    }
}
