//! From a work specification to a crew that a world can start. Pure.

use proscenium_wire::{Budget, SwapValue, SwapWork};
use proscenium_worker::work::{Directory, Value};
use proscenium_worker::{Setup, Work, WorkError};

use crate::bindings::types::{self, ParameterValue, WorkSpec, WorkerCount};
use crate::cpuset::CpuSet;
use crate::executor::permits::Permits;
use crate::executor::{Error, Result, policy, resolve};
use crate::machine::Machine;
use crate::name::quote;
use crate::world::CrewPlan;

/// Where a crew will run, as far as its plan depends on it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place<'a> {
    /// Name of the cgroup; `None` beside the runtime.
    pub(super) group: Option<&'a str>,
    pub(super) cpuset: Option<&'a CpuSet>,
    pub(super) mems: Option<&'a CpuSet>,
    pub(super) machine: &'a Machine,
    /// Workers where the specification leaves it open.
    pub(super) default_workers: u32,
    /// What the operator wants done instead, where the definition allows it.
    pub(super) swap: Option<&'a SwapWork>,
    /// What the component brings itself.
    pub(super) own: OwnWork<'a>,
    pub(super) permits: &'a Permits,
}

/// The loops that the component exports, and their bound.
#[derive(Clone, Copy, Debug)]
pub(super) struct OwnWork<'a> {
    pub(super) names: &'a [String],
    /// Most linear memory of one worker's instance, in bytes.
    pub(super) memory_bytes: u64,
}

impl Place<'_> {
    fn describe(&self) -> String {
        self.group.map_or_else(
            || "beside the runtime".to_owned(),
            |name| format!("in cgroup {}", quote(name)),
        )
    }
}

/// What one specification stands for in `place`.
///
/// # Errors
/// `invalid` for everything that sections 2.5 to 2.9 of the semantics reject,
/// naming the place, the value and its range; `limit-exceeded` beyond `most`
/// workers, before anything of that size is built; `denied` for what is right
/// and not granted.
pub(super) fn plan(
    spec: &WorkSpec,
    place: Place<'_>,
    most: u32,
    epoch: u32,
    random: &mut fastrand::Rng,
) -> Result<CrewPlan> {
    let locate = |error: Error| error.context(format!("work {}", place.describe()));
    let work = work(&spec.work, place.own).map_err(locate)?;
    let workers = count(&spec.workers, place).map_err(locate)?;
    if workers > most {
        let message = format!(
            "{workers} workers {}: this run may start {most} more",
            place.describe()
        );
        return Err(Error::limit(Budget::Workers, message));
    }
    let work = swapped(work, spec, place.swap, workers).map_err(locate)?;
    let group_size = work.group_size();
    if workers == 0 || workers % group_size != 0 {
        return Err(Error::invalid(format!(
            "{} needs a positive multiple of {group_size} workers {}, not {workers}",
            work.name(),
            place.describe()
        ))
        .remedy(format!("start a multiple of {group_size}")));
    }
    let name = |name: Option<&str>, which| name.map(|name| comm(which, name)).transpose();
    let thread = name(spec.comm.as_deref(), "comm");
    name(spec.pcomm.as_deref(), "pcomm").map_err(locate)?;
    let mut setup = Setup {
        policy: policy::scheduling(&spec.policy).map_err(locate)?,
        mem_policy: policy::memory(spec, place).map_err(locate)?,
        nice: nice(spec.nice).map_err(locate)?,
        comm: thread.map_err(locate)?,
        gid: identity("group", spec.gid).map_err(locate)?,
        uid: identity("user", spec.uid).map_err(locate)?,
        affinity: None,
    };
    let permitted = place.permits.work(&work, setup.policy, setup.nice);
    permitted.map_err(locate)?;
    if place.group.is_none() {
        place.permits.beside_runtime("workers")?;
    }
    let pool = place.cpuset.unwrap_or(&place.machine.cpus);
    let setups = (0..workers)
        .map(|_| {
            let cpus = resolve::affinity(&spec.affinity, pool, place.machine, random)?;
            let cpus = match spec.numa_node {
                Some(node) => {
                    let wider = cpus.as_ref().unwrap_or(pool);
                    Some(resolve::on_node(node, wider, place.machine)?)
                }
                None => cpus,
            };
            setup.affinity = cpus.map(|cpus| cpus.iter().collect());
            Ok(setup.clone())
        })
        .collect::<Result<_>>()
        .map_err(locate)?;
    existing(work.nodes(), place.machine).map_err(locate)?;
    Ok(CrewPlan {
        work,
        setups,
        directories: Vec::new(),
        epoch,
    })
}

/// Whether such workers are granted, wherever they would be. What else may be
/// wrong with them is said where they are planned.
///
/// # Errors
/// `denied`.
pub(super) fn granted(spec: &WorkSpec, own: OwnWork<'_>, permits: &Permits) -> Result<()> {
    let asked = work(&spec.work, own).and_then(|work| {
        let policy = policy::scheduling(&spec.policy)?;
        permits.work(&work, policy, nice(spec.nice)?)
    });
    match asked {
        Err(error) if error.code() == Some(types::ErrorCode::Denied) => Err(error),
        _ => Ok(()),
    }
}

/// The work that an operator wants done instead.
///
/// # Errors
/// As [`Work::parse`].
pub fn swap_work(swap: &SwapWork) -> Result<Work, WorkError> {
    let value = |value: &SwapValue| match value {
        SwapValue::Number(number) => Value::Number(*number),
        SwapValue::Text(text) => Value::Text(text.clone()),
    };
    let given = swap.parameters.iter();
    let parameters: Vec<_> = given
        .map(|(name, given)| (name.clone(), value(given)))
        .collect();
    Work::parse(&swap.name, &parameters)
}

/// What is done instead of `work`, if so many workers can do it where these are.
fn swapped(work: Work, spec: &WorkSpec, swap: Option<&SwapWork>, workers: u32) -> Result<Work> {
    let Some(swap) = swap else {
        return Ok(work);
    };
    let other =
        swap_work(swap).map_err(|error| Error::invalid(format!("the work to swap in: {error}")))?;
    let fits = workers.is_multiple_of(other.group_size());
    let placed = spec.pcomm.is_none() || !other.needs_own_process();
    Ok(if fits && placed { other } else { work })
}

fn existing(nodes: &[u32], machine: &Machine) -> Result<()> {
    match nodes.iter().find(|node| !machine.nodes.contains(node)) {
        None => Ok(()),
        Some(missing) => Err(Error::invalid(format!(
            "node {missing} does not exist: the machine has {:?}",
            machine.nodes
        ))),
    }
}

/// Looks up the cgroups into which the workers of `work` reach, in the order
/// in which they expect their directories.
///
/// # Errors
/// `invalid` for work that changes its cgroup beside the runtime, which has
/// none of the scenario's; whatever `find` says of a name.
pub(super) fn directories<T>(
    work: &Work,
    own: Option<&str>,
    find: impl Fn(&str) -> Result<T>,
) -> Result<Vec<T>> {
    let look = |directory| match (directory, own) {
        (Directory::Named(name), _) | (Directory::Own, Some(name)) => find(name),
        (Directory::Own, None) => Err(Error::invalid(format!(
            "{} needs a cgroup of the scenario to be in: it cannot run beside the runtime",
            work.name()
        ))),
    };
    work.directories().into_iter().map(look).collect()
}

/// The load of a definition that names none.
pub(super) fn default_spec() -> WorkSpec {
    WorkSpec {
        work: types::Work::Builtin(types::BuiltinWork {
            name: "spin-wait".to_owned(),
            parameters: Vec::new(),
        }),
        workers: WorkerCount::Default,
        policy: types::SchedPolicy::Normal,
        affinity: types::Affinity::Inherit,
        mem_policy: types::MemPolicy::Default,
        mem_policy_flags: types::MemPolicyFlags::empty(),
        nice: None,
        comm: None,
        pcomm: None,
        gid: None,
        uid: None,
        numa_node: None,
    }
}

fn work(work: &types::Work, own: OwnWork<'_>) -> Result<Work> {
    match work {
        types::Work::Builtin(builtin) => {
            let value = |value: &ParameterValue| match value {
                ParameterValue::Number(number) => Value::Number(*number),
                ParameterValue::Text(text) => Value::Text(text.clone()),
            };
            let parameters: Vec<_> = builtin
                .parameters
                .iter()
                .map(|(name, given)| (name.clone(), value(given)))
                .collect();
            Work::parse(&builtin.name, &parameters)
                .map_err(|error| Error::invalid(error.to_string()))
        }
        types::Work::Exported(name) if own.names.contains(name) => Ok(Work::Exported {
            name: name.clone(),
            memory_bytes: own.memory_bytes,
        }),
        types::Work::Exported(name) if own.names.is_empty() => Err(Error::not_found(format!(
            "exported work {}: this component exports no work: build it against the world `plugin-with-work`, or name a built-in type",
            quote(name)
        ))),
        types::Work::Exported(name) => Err(Error::not_found(format!(
            "exported work {} is not among those of this component: {}",
            quote(name),
            own.names.join(", ")
        ))),
    }
}

fn count(count: &WorkerCount, place: Place<'_>) -> Result<u32> {
    match count {
        WorkerCount::Default => Ok(place.default_workers),
        WorkerCount::Exactly(0) => Err(Error::invalid(
            "0 workers would pass vacuously: at least 1, or leave the work out",
        )),
        WorkerCount::Exactly(count) => Ok(*count),
        WorkerCount::FractionOfCpuset(fraction) => {
            if place.group.is_none() {
                return Err(Error::invalid(
                    "a fraction of the cpuset has no meaning beside the runtime: give a number",
                ));
            }
            if !fraction.is_finite() || *fraction <= 0.0 {
                return Err(Error::invalid(format!(
                    "fraction-of-cpuset({fraction}) is out of range: finite and above 0"
                )));
            }
            let cpus = place
                .cpuset
                .map_or_else(|| place.machine.usable().len(), CpuSet::len);
            if cpus == 0 {
                return Err(Error::invalid(format!(
                    "fraction-of-cpuset({fraction}) of 0 CPUs is 0 workers"
                )));
            }
            Ok(rounded_up(cpus, *fraction))
        }
    }
}

/// `cpus · fraction`, rounded up; saturates.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_precision_loss,
    reason = "float casts saturate, and a crew of that size is refused"
)]
fn rounded_up(cpus: usize, fraction: f64) -> u32 {
    (cpus as f64 * fraction).ceil() as u32
}

fn nice(nice: Option<i32>) -> Result<Option<i32>> {
    match nice {
        Some(value) if !(-20..=19).contains(&value) => Err(Error::invalid(format!(
            "nice {value} is out of range: -20 to 19"
        ))),
        _ => Ok(nice),
    }
}

/// The highest number is how system calls say "leave it".
fn identity(what: &str, id: Option<u32>) -> Result<Option<u32>> {
    match id {
        Some(u32::MAX) => Err(Error::invalid(format!(
            "{what} id {} is out of range: at most {}",
            u32::MAX,
            u32::MAX - 1
        ))),
        _ => Ok(id),
    }
}

fn comm(which: &str, name: &str) -> Result<String> {
    if name.is_empty() || name.len() > 15 || name.contains('\0') {
        return Err(Error::invalid(format!(
            "{which} {} is not a process name: 1 to 15 bytes without NUL",
            quote(name)
        )));
    }
    Ok(name.to_owned())
}
