//! A scenario that attacks its runtime: the parameter `attack` says how.
//!
//! Owns what a well-formed component can try from `run`; what needs a malformed
//! one is made by the suite itself. An attack that the runtime answers with an
//! error checks the answer and passes if it is the right one; whether anything
//! was done all the same is seen from outside. The suite `hostile` runs each.

mod code;
mod floods;
mod grants;
mod handles;
mod names;
mod numbers;
mod payloads;
mod plans;
mod schedulers;
mod texts;

use proscenium_sdk::prelude::*;

/// Name and deed of each attack.
const ATTACKS: [(&str, Attack); 43] = [
    ("none", code::none),
    ("trap", code::trap),
    ("trap-in-step", code::trap_in_step),
    ("loop", code::endless),
    ("loop-in-step", code::endless_in_step),
    ("grow", code::grow),
    ("recurse", code::recurse),
    ("error", code::error),
    ("many-handles", handles::many),
    ("forged-handle", handles::forged),
    ("confused-handle", handles::confused),
    ("double-drop", handles::double_drop),
    ("finished-step", handles::finished),
    ("dropped-step", handles::dropped),
    ("two-steps", handles::two_steps),
    ("long-list", floods::long_list),
    ("long-string", floods::long_string),
    ("alias-strings", floods::alias_strings),
    ("long-error", floods::long_error),
    ("many-steps", floods::many_steps),
    ("many-cgroups", floods::many_cgroups),
    ("many-workers", floods::many_workers),
    ("million-ops", floods::million_ops),
    ("call-flood", floods::calls),
    ("frame-flood", floods::frames),
    ("log-flood", floods::log),
    ("note-flood", floods::note),
    ("fail-flood", floods::fail),
    ("mark-flood", floods::mark),
    ("hold-flood", floods::hold),
    ("repeat-flood", floods::repeat),
    ("names", names::attack),
    ("numbers", numbers::attack),
    ("plan-numbers", plans::numbers),
    ("plan-extremes", plans::extremes),
    ("thresholds", plans::thresholds),
    ("payload-names", payloads::names),
    ("payload-flags", payloads::flags),
    ("payload", payloads::beside),
    ("real-time", grants::real_time),
    ("texts", texts::attack),
    ("schedulers", schedulers::attack),
    ("outlive", schedulers::outlive),
];

type Attack = fn() -> Result<Outcome, Error>;

struct Hostile;

impl Scenario for Hostile {
    fn describe() -> Manifest {
        let names: Vec<&str> = ATTACKS.iter().map(|(name, _)| *name).collect();
        Manifest::new("hostile", "0.1.0", "Attacks its runtime")
            .parameter("attack", "none", names.join(" "))
            .payloads(["*"])
    }

    fn run(ctx: Context) -> Result<Outcome, Error> {
        let wanted: String = ctx.param("attack")?;
        let (_, attack) = ATTACKS
            .into_iter()
            .find(|(name, _)| *name == wanted)
            .ok_or_else(|| Error::invalid(format!("there is no attack {wanted}")))?;
        attack()
    }
}

/// An open step with one loaded cgroup, `victim`, that has run for a moment.
fn loaded_step() -> Result<live::Step, Error> {
    let step = live::Step::begin("loaded")?;
    step.setup([CgroupDef::new("victim").workers(2)])?;
    step.hold(Duration::from_millis(10))?;
    Ok(step)
}

/// Passes if `answer` is an error with this code.
fn expect<T>(answer: Result<T, Error>, code: ErrorCode) -> Result<Outcome, Error> {
    Ok(match answer {
        Ok(_) => Outcome::fail("it was allowed"),
        Err(error) if error.code == code => Outcome::pass_because(error.message),
        Err(error) => Outcome::fail(format!("wrong answer: {error:?}")),
    })
}

/// Passes if each of these was refused as invalid.
fn expect_all_invalid(
    answers: impl IntoIterator<Item = (String, Result<(), Error>)>,
) -> Result<Outcome, Error> {
    let mut asked = 0;
    let wrong: Vec<String> = answers
        .into_iter()
        .inspect(|_| asked += 1)
        .filter_map(|(what, answer)| match answer {
            Err(error) if error.code == ErrorCode::Invalid && error.message.len() < 1_024 => None,
            Err(error) => Some(format!(
                "{what}: {:?}, {} bytes",
                error.code,
                error.message.len()
            )),
            Ok(()) => Some(format!("{what}: allowed")),
        })
        .collect();
    Ok(if wrong.is_empty() {
        Outcome::pass_because(format!("{asked} refused"))
    } else {
        Outcome::fail(wrong.join("; "))
    })
}

proscenium_sdk::export!(Hostile);
