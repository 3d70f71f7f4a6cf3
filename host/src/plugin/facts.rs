//! What a plugin says of itself, as it is kept and passed on between processes.
//!
//! Owns the form in JSON: a mirror of the contract's manifest, so that the
//! contract needs no serialization of its own. An entry of an older form does
//! not parse, and counts as none.

use proscenium_guest_runtime::plugin::{Manifest, Needs, Parameter};
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
            },
            works: vec!["hash".to_owned()],
        };
        let text = serde_json::to_string(&facts).unwrap();
        assert_eq!(serde_json::from_str::<Facts>(&text).unwrap(), facts);
        let older = text.replace("\"smt\":true,", "");
        assert!(serde_json::from_str::<Facts>(&older).is_err(), "{older}");
    }
}
