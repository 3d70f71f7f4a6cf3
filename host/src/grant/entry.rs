//! One table of a grant file: which keys it has, what each takes, and what a
//! grant becomes with them.
//!
//! Owns the form of a table. It never reads a file, and never decides which
//! table is a plugin's.

use std::collections::BTreeMap;
use std::ops::{Range, RangeInclusive};

use proscenium_guest_runtime::capability::Capability;
use proscenium_guest_runtime::contract::WorkKind;
use proscenium_wire::{ANY, Budget, KernelAccess, MAX_NAME, Names, OnDenied, is_name};
use serde::Deserialize;
use toml::Spanned;

use super::number::{self, Amount};
use super::{Grant, Profile};

/// Most names in one list.
const MAX_NAMES: usize = 256;
/// The kernel's names of the controllers that there are.
const CONTROLLERS: [&str; 5] = ["cpu", "cpuset", "memory", "io", "pids"];

type List = Option<Spanned<Vec<String>>>;

/// The file, or the section of one plugin, which has no sections itself.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub(super) struct Entry {
    profile: Option<Spanned<String>>,
    capabilities: List,
    controllers: List,
    work_types: List,
    own_work: Option<bool>,
    runner: Option<bool>,
    real_time: Option<Spanned<i64>>,
    deadline: Option<bool>,
    nice: Option<Spanned<i64>>,
    payloads: List,
    schedulers: List,
    kernel: Option<KernelAccess>,
    interrupts: Option<bool>,
    denied: Option<OnDenied>,
    limits: BTreeMap<Spanned<String>, Spanned<Amount>>,
    pub(super) plugin: BTreeMap<Spanned<String>, Entry>,
}

/// What is wrong, and where in the text.
#[derive(Debug)]
pub(super) struct Fault {
    pub(super) at: Range<usize>,
    pub(super) why: String,
}

impl Fault {
    pub(super) fn at<T>(place: &Spanned<T>, why: impl Into<String>) -> Self {
        Self {
            at: place.span(),
            why: why.into(),
        }
    }
}

impl Entry {
    /// The grant that this table makes of `base`, or of the profile that it
    /// names.
    pub(super) fn resolve(&self, base: &Grant) -> Result<Grant, Fault> {
        let mut grant = match &self.profile {
            None => base.clone(),
            Some(name) => {
                let profile: Result<Profile, String> = name.get_ref().parse();
                profile.map_err(|why| Fault::at(name, why))?.grant()
            }
        };
        let to = &mut grant.permissions;
        let capability = |name: &str| Capability::of_interface(name).is_some();
        let capabilities = Capability::ALL.map(Capability::interface);
        set(
            &mut to.capabilities,
            &self.capabilities,
            capability,
            &capabilities,
        )?;
        let controller = |name: &str| CONTROLLERS.contains(&name);
        set(
            &mut to.controllers,
            &self.controllers,
            controller,
            &CONTROLLERS,
        )?;
        let work_type = |name: &str| WorkKind::all().any(|kind| kind.name == name);
        let listed = ["those that `proscenium inspect --work-types` lists"];
        set(&mut to.work_types, &self.work_types, work_type, &listed)?;
        let form = ["names of lower-case letters, digits, dashes, dots and underscores"];
        set(&mut to.payloads, &self.payloads, is_name, &form)?;
        set(&mut to.schedulers, &self.schedulers, is_name, &form)?;
        if let Some(priority) = &self.real_time {
            to.real_time = ranged(
                priority,
                0..=99,
                "real-time is a priority from 1 to 99, or 0",
            )?;
        }
        if let Some(nice) = &self.nice {
            to.nice = ranged(nice, -20..=0, "nice is from -20 to 0")?;
        }
        to.own_work = self.own_work.unwrap_or(to.own_work);
        to.runner = self.runner.unwrap_or(to.runner);
        to.deadline = self.deadline.unwrap_or(to.deadline);
        to.interrupts = self.interrupts.unwrap_or(to.interrupts);
        to.kernel = self.kernel.unwrap_or(to.kernel);
        to.denied = self.denied.unwrap_or(to.denied);
        for (key, amount) in &self.limits {
            let budget = Budget::of_key(key.get_ref()).ok_or_else(|| {
                let keys = Budget::ALL.map(Budget::key).join(", ");
                Fault::at(key, format!("there is no such limit: there are {keys}"))
            })?;
            let value = number::read(budget, amount.get_ref());
            let value = value.map_err(|why| Fault::at(amount, why))?;
            grant.limits.set(budget, value);
        }
        Ok(grant)
    }
}

/// Replaces a list; each name has to be one that there is, or can be.
fn set(
    to: &mut Names,
    given: &List,
    known: impl Fn(&str) -> bool,
    there_are: &[&str],
) -> Result<(), Fault> {
    let Some(given) = given else {
        return Ok(());
    };
    let names = given.get_ref();
    if names.len() > MAX_NAMES {
        return Err(Fault::at(given, format!("{MAX_NAMES} names are the most")));
    }
    if let Some(unknown) = names.iter().find(|name| *name != ANY && !known(name)) {
        let shown: String = unknown.chars().take(MAX_NAME).collect();
        let why = format!(
            "{shown:?} is none of them: there are {}, or \"*\" for all",
            there_are.join(", ")
        );
        return Err(Fault::at(given, why));
    }
    *to = Names::default().with(names.iter().map(String::as_str));
    Ok(())
}

fn ranged<T: TryFrom<i64>>(
    given: &Spanned<i64>,
    range: RangeInclusive<i64>,
    why: &str,
) -> Result<T, Fault> {
    let number = *given.get_ref();
    let fits = T::try_from(number).ok();
    fits.filter(|_| range.contains(&number))
        .ok_or_else(|| Fault::at(given, why))
}
