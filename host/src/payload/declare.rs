//! Declarations of payloads: on the command line, and in a TOML file.

use std::path::{Path, PathBuf};

use proscenium_wire::{
    MetricHint, PayloadCheck, PayloadKind, PayloadOutput, PayloadSpec, Polarity,
};
use serde::Deserialize;

use super::Declared;
use crate::program::{
    GUEST_ROOT, ProgramError, Role, beneath, check_names, parse_document, parts, read_text,
    resolve, shortened,
};

/// `NAME=PATH[,ARG…]`.
///
/// # Errors
///
/// What is wrong with it, as a clause.
pub fn from_argument(text: &str) -> Result<Declared, String> {
    let (name, binary, args) = parts(text)?;
    let entry = Entry {
        args,
        ..Entry::new(name, binary)
    };
    entry
        .declare(Path::new(""))
        .map_err(|error| error.to_string())
}

/// All payloads that a file declares. Paths are relative to the file.
///
/// # Errors
///
/// [`ProgramError`], with the place in the file where that is known.
pub fn read_file(path: &Path) -> Result<Vec<Declared>, ProgramError> {
    from_toml(&read_text(path)?, path)
}

/// All payloads that `text` declares, which is that of the file `path`.
///
/// # Errors
///
/// [`ProgramError`], with the place in the file where that is known.
pub fn from_toml(text: &str, path: &Path) -> Result<Vec<Declared>, ProgramError> {
    let document: Document = parse_document(Role::Payload, text, path)?;
    let folder = path.parent().unwrap_or(Path::new(""));
    document
        .payload
        .into_iter()
        .map(|entry| entry.declare(folder))
        .collect()
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    #[serde(default)]
    payload: Vec<Entry>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Entry {
    name: String,
    binary: PathBuf,
    #[serde(default = "binary_kind")]
    kind: PayloadKind,
    #[serde(default)]
    args: Vec<String>,
    #[serde(default)]
    files: Vec<PathBuf>,
    #[serde(default)]
    with: Vec<PathBuf>,
    known_flags: Option<Vec<String>>,
    output: Option<PayloadOutput>,
    #[serde(default)]
    metrics: Vec<Hint>,
    #[serde(default)]
    checks: Vec<Check>,
}

fn binary_kind() -> PayloadKind {
    PayloadKind::Binary
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Hint {
    name: String,
    #[serde(default)]
    polarity: Polarity,
    unit: Option<String>,
}

/// One expectation: on the exit code, or on a figure.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Check {
    exit_code: Option<i32>,
    metric: Option<String>,
    min: Option<f64>,
    max: Option<f64>,
}

impl Entry {
    fn new(name: &str, binary: &str) -> Self {
        Self {
            name: name.to_owned(),
            binary: binary.into(),
            kind: PayloadKind::Binary,
            args: Vec::new(),
            files: Vec::new(),
            with: Vec::new(),
            known_flags: None,
            output: None,
            metrics: Vec::new(),
            checks: Vec::new(),
        }
    }

    /// `folder`: what paths are relative to.
    fn declare(self, folder: &Path) -> Result<Declared, ProgramError> {
        let name = shortened(&self.name);
        let refuse = |why| ProgramError::Declaration {
            role: Role::Payload,
            name: name.clone(),
            why,
        };
        self.check().map_err(refuse)?;
        let checks = self.checks.into_iter().map(Check::understood);
        let checks = checks.collect::<Result<Vec<_>, _>>().map_err(refuse)?;
        let hints = self.metrics.into_iter().map(|hint| MetricHint {
            metric: hint.name,
            polarity: hint.polarity,
            unit: hint.unit,
        });
        let output = self.output.unwrap_or_else(|| preset(&self.binary));
        Ok(Declared {
            binary: resolve(folder, self.binary),
            files: beneath(folder, &self.files),
            with: beneath(folder, &self.with),
            spec: PayloadSpec {
                folder: format!("{GUEST_ROOT}/run/{}", self.name),
                name: self.name,
                kind: PayloadKind::Binary,
                program: String::new(),
                args: self.args,
                environment: Vec::new(),
                known_flags: self.known_flags,
                output,
                hints: hints.collect(),
                checks,
            },
        })
    }

    /// What is wrong with name, program, kind or flags, as a clause.
    fn check(&self) -> Result<(), String> {
        let texts = self.args.iter().chain(self.known_flags.iter().flatten());
        check_names(&self.name, &self.binary, texts)?;
        if self.kind == PayloadKind::Scheduler {
            return Err(format!(
                "a scheduler is no payload: declare it with --scheduler {}=PATH or in a schedulers file",
                self.name
            ));
        }
        let unlike_a_flag = |flag: &&String| !flag.starts_with("--") || flag.contains('=');
        match self.known_flags.iter().flatten().find(unlike_a_flag) {
            Some(flag) => Err(format!(
                "known flag {flag:?}: write it as \"--flag\", without a value"
            )),
            None => Ok(()),
        }
    }
}

/// The format of programs that are known by their name.
fn preset(binary: &Path) -> PayloadOutput {
    match binary.file_name().and_then(|name| name.to_str()) {
        Some("stress-ng") => PayloadOutput::StressNg,
        Some("hackbench") => PayloadOutput::Hackbench,
        _ => PayloadOutput::ExitCode,
    }
}

impl Check {
    fn understood(self) -> Result<PayloadCheck, String> {
        let bounds = [self.min, self.max];
        if bounds.iter().flatten().any(|bound| !bound.is_finite()) {
            return Err("bounds of a check are finite numbers".to_owned());
        }
        match (self.exit_code, self.metric, bounds) {
            (Some(code), None, [None, None]) => Ok(PayloadCheck::ExitCode(code)),
            (None, Some(metric), [None, None]) => Ok(PayloadCheck::Exists(metric)),
            (None, Some(metric), [Some(min), None]) => Ok(PayloadCheck::Min(metric, min)),
            (None, Some(metric), [None, Some(max)]) => Ok(PayloadCheck::Max(metric, max)),
            (None, Some(metric), [Some(min), Some(max)]) if min <= max => {
                Ok(PayloadCheck::Range(metric, min, max))
            }
            (None, Some(metric), _) => Err(format!("check on {metric}: min is above max")),
            _ => Err(
                "a check has either exit-code, or metric with min, max, both or none (it exists)"
                    .to_owned(),
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::program::testing::{declared, said};

    fn read(text: &str) -> Result<Vec<Declared>, ProgramError> {
        declared(text, read_file)
    }

    fn refused(text: &str) -> String {
        said(read(text))
    }

    #[test]
    fn an_argument_is_name_path_and_further_arguments() {
        let declared = from_argument("stress=/usr/bin/stress-ng,--cpu,2").unwrap();
        assert_eq!(declared.spec.name, "stress");
        assert_eq!(declared.binary, Path::new("/usr/bin/stress-ng"));
        assert_eq!(declared.spec.args, ["--cpu", "2"]);
        assert_eq!(declared.spec.output, PayloadOutput::StressNg);
        assert_eq!(declared.spec.known_flags, None);
        for text in ["stress", "=x", "a=", "A=/x", "../a=/x", "a b=/x"] {
            assert!(from_argument(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_file_says_all_of_it_and_its_paths_are_its_own() {
        let all = read(
            r#"
            [[payload]]
            name = "disk"
            binary = "bin/fio"
            args = ["--output-format=json"]
            known-flags = ["--name"]
            output = "json"
            files = ["job.fio"]
            with = ["lib/plugin.so", "/usr/share/fio"]
            metrics = [{ name = "jobs.0.read.iops", polarity = "higher-better", unit = "1/s" }]
            checks = [{ exit-code = 0 }, { metric = "jobs.0.read.iops", min = 10 },
                      { metric = "x", min = 1, max = 2.5 }, { metric = "y", max = 3 }, { metric = "z" }]
            [[payload]]
            name = "bench"
            binary = "hackbench"
            kind = "binary"
            "#,
        )
        .unwrap();
        let [disk, bench] = &all[..] else {
            panic!("{all:?}")
        };
        assert!(disk.binary.is_absolute() && disk.binary.ends_with("bin/fio"));
        assert!(disk.files[0].is_absolute());
        assert!(disk.with[0].is_absolute() && disk.with[0].ends_with("lib/plugin.so"));
        assert_eq!(disk.with[1], Path::new("/usr/share/fio"));
        assert_eq!(disk.spec.hints[0].polarity, Polarity::HigherBetter);
        assert_eq!(
            disk.spec.checks,
            [
                PayloadCheck::ExitCode(0),
                PayloadCheck::Min("jobs.0.read.iops".into(), 10.0),
                PayloadCheck::Range("x".into(), 1.0, 2.5),
                PayloadCheck::Max("y".into(), 3.0),
                PayloadCheck::Exists("z".into()),
            ]
        );
        assert_eq!(bench.binary, Path::new("hackbench"));
        assert_eq!(bench.spec.output, PayloadOutput::Hackbench);
    }

    #[test]
    fn what_is_not_understood_is_refused_and_named() {
        let with = |line: &str| {
            refused(&format!(
                "[[payload]]\nname = \"a\"\nbinary = \"/a\"\n{line}"
            ))
        };
        assert!(with("colour = 1").contains("colour"));
        assert!(with("output = \"xml\"").contains("xml"));
        assert!(
            with("checks = [{ metric = \"m\", min = 2, max = 1 }]").contains("min is above max")
        );
        assert!(with("checks = [{ exit-code = 0, min = 1 }]").contains("either"));
        assert!(with("checks = [{ metric = \"m\", min = nan }]").contains("finite"));
        assert!(with("known-flags = [\"-x\"]").contains("-x"));
        assert!(with("kind = \"scheduler\"").contains("--scheduler a=PATH"));
        assert!(refused("[payload]").contains("payloads file"));
    }
}
