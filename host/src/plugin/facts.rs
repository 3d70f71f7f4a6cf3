//! What a plugin says of itself, as it is kept and passed on between processes.
//!
//! Owns the form in JSON: a mirror of the contract's manifest that takes no
//! field which it does not know, as the generated types would. An entry of an
//! older form does not parse, and counts as none.

use proscenium_guest_runtime::plugin::{
    Controllers, KernelAccess, Manifest, Needs, Parameter, Request,
};
use serde::{Deserialize, Serialize};

/// The answers of `describe` and `works`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Facts {
    /// What the plugin is.
    #[serde(with = "ManifestForm")]
    pub manifest: Manifest,
    /// Loops that it exports for its workers.
    pub works: Vec<String>,
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "Manifest", deny_unknown_fields)]
struct ManifestForm {
    name: String,
    version: String,
    summary: String,
    #[serde(with = "parameters")]
    parameters: Vec<Parameter>,
    #[serde(with = "NeedsForm")]
    needs: Needs,
    default_duration: u64,
    #[serde(with = "RequestForm")]
    request: Request,
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "Parameter", deny_unknown_fields)]
struct ParameterForm {
    name: String,
    default: Option<String>,
    help: String,
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "Needs", deny_unknown_fields)]
struct NeedsForm {
    min_cpus: u32,
    min_llcs: u32,
    min_nodes: u32,
    smt: bool,
    scheduler: bool,
    min_kernel: Option<String>,
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "Request", deny_unknown_fields)]
struct RequestForm {
    #[serde(with = "controllers")]
    controllers: Option<Controllers>,
    cgroups: Option<u32>,
    workers: Option<u32>,
    marks: Option<u32>,
    work_types: Option<Vec<String>>,
    real_time: Option<u32>,
    deadline: bool,
    nice: Option<i32>,
    runner: bool,
    payloads: Option<Vec<String>>,
    schedulers: Option<Vec<String>>,
    #[serde(with = "kernel")]
    kernel: Option<KernelAccess>,
    interrupts: bool,
}

/// A set of controllers as one flag each, in the contract's order.
mod controllers {
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    use super::Controllers;

    const ALL: [Controllers; 5] = [
        Controllers::CPU,
        Controllers::CPUSET,
        Controllers::MEMORY,
        Controllers::IO,
        Controllers::PIDS,
    ];

    pub(super) fn serialize<S: Serializer>(
        set: &Option<Controllers>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        set.map(|set| ALL.map(|one| set.contains(one)))
            .serialize(serializer)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<Controllers>, D::Error> {
        let flags = Option::<[bool; 5]>::deserialize(deserializer)?;
        Ok(flags.map(|flags| {
            let set = flags.into_iter().zip(ALL).filter(|(flag, _)| *flag);
            set.fold(Controllers::empty(), |all, (_, one)| all | one)
        }))
    }
}

/// Access to kernel memory as whether it writes.
mod kernel {
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    use super::KernelAccess;

    pub(super) fn serialize<S: Serializer>(
        access: &Option<KernelAccess>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        access
            .map(|access| access == KernelAccess::Write)
            .serialize(serializer)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<KernelAccess>, D::Error> {
        Ok(Option::<bool>::deserialize(deserializer)?.map(|writes| {
            if writes {
                KernelAccess::Write
            } else {
                KernelAccess::Read
            }
        }))
    }
}

/// serde has mirrors of types, and none of lists of them.
mod parameters {
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    use super::{Parameter, ParameterForm};

    #[derive(Serialize)]
    struct Given<'a>(#[serde(with = "ParameterForm")] &'a Parameter);

    #[derive(Deserialize)]
    struct Taken(#[serde(with = "ParameterForm")] Parameter);

    pub(super) fn serialize<S: Serializer>(
        list: &[Parameter],
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(list.iter().map(Given))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Vec<Parameter>, D::Error> {
        let list = Vec::<Taken>::deserialize(deserializer)?;
        Ok(list.into_iter().map(|Taken(parameter)| parameter).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn facts_come_back_as_they_were_and_others_do_not() {
        let facts = Facts {
            manifest: Manifest {
                name: "a".to_owned(),
                version: "1".to_owned(),
                summary: "\u{1b}[31m größer".to_owned(),
                parameters: vec![Parameter {
                    name: "p".to_owned(),
                    default: None,
                    help: String::new(),
                }],
                needs: Needs {
                    min_cpus: 1,
                    min_llcs: 2,
                    min_nodes: 3,
                    smt: true,
                    scheduler: false,
                    min_kernel: Some("6.12".to_owned()),
                },
                default_duration: 1,
                request: Request {
                    controllers: Some(Controllers::MEMORY | Controllers::PIDS),
                    cgroups: Some(7),
                    workers: None,
                    marks: Some(0),
                    work_types: Some(vec!["bursty".to_owned()]),
                    real_time: Some(5),
                    deadline: true,
                    nice: Some(-3),
                    runner: false,
                    payloads: None,
                    schedulers: Some(vec![]),
                    kernel: Some(KernelAccess::Read),
                    interrupts: true,
                },
            },
            works: vec!["hash".to_owned()],
        };
        let text = serde_json::to_string(&facts).unwrap();
        assert_eq!(serde_json::from_str::<Facts>(&text).unwrap(), facts);
        let older = text.replace("\"smt\":true,", "");
        assert!(serde_json::from_str::<Facts>(&older).is_err(), "{older}");
    }
}
