//! Programs of this machine that a scenario gets to use: options, and what the
//! job says of them.

use std::ffi::OsStr;
use std::path::PathBuf;

use proscenium_wire::{MAX_PAYLOADS, PayloadSpec, SchedulerSpec};

use super::chain;
use crate::error::ExpectedError;
use crate::payload;
use crate::program::{Files, Linker, ProgramError};
use crate::scheduler;

/// What `--attach` means by nobody.
const NOBODY: &str = "none";

/// Which programs, and which of them is attached.
#[derive(Debug, clap::Args)]
pub(super) struct ProgramArgs {
    /// Let the scenario start a program of this machine under a name. May be repeated; a
    /// payloads file says more.
    #[arg(long, value_name = "NAME=PATH[,ARG...]", value_parser = payload::from_argument)]
    pub(super) payload: Vec<payload::Declared>,

    /// Declare programs in a TOML file: known flags, output, what figures mean, checks, files
    /// that come along.
    #[arg(long, value_name = "FILE")]
    pub(super) payloads: Option<PathBuf>,

    /// Stage a sched_ext scheduler: the program of this machine that loads it, under a name. The
    /// first is attached before the scenario starts, see --attach. May be repeated; a schedulers
    /// file says more.
    #[arg(long, value_name = "NAME=PATH[,ARG...]", value_parser = scheduler::from_argument)]
    pub(super) scheduler: Vec<scheduler::Declared>,

    /// Stage the schedulers of a TOML file: arguments, name in the kernel, time to get ready,
    /// environment, files.
    #[arg(long, value_name = "FILE")]
    pub(super) schedulers: Option<PathBuf>,

    /// Attach this of the staged schedulers before the scenario starts; `none`: the kernel's own
    /// runs until the scenario attaches one [default: the first --scheduler, else the first of
    /// the file].
    #[arg(long, value_name = "NAME")]
    attach: Option<String>,
}

/// Programs as the job has them, and their files.
#[derive(Debug, Default)]
pub(super) struct Programs {
    pub(super) payloads: Vec<PayloadSpec>,
    pub(super) schedulers: Vec<SchedulerSpec>,
    /// The one that is attached before the scenario starts.
    pub(super) attached: Option<String>,
    pub(super) files: Files,
}

impl Programs {
    /// Declarations alone, for a world that starts nothing.
    pub(super) fn on_paper(args: &ProgramArgs) -> Result<Self, ExpectedError> {
        let programs = Self {
            payloads: payload::on_paper(args.payloads()?).map_err(|error| bad(&error))?,
            schedulers: scheduler::on_paper(args.schedulers()?).map_err(|error| bad(&error))?,
            ..Self::default()
        };
        programs.completed(args)
    }

    /// With everything that they need of this machine. `search_path`: `PATH`.
    pub(super) fn packed(
        args: &ProgramArgs,
        search_path: Option<&OsStr>,
    ) -> Result<Self, ExpectedError> {
        let (payloads, schedulers) = (args.payloads()?, args.schedulers()?);
        let mut programs = Self::default();
        if !payloads.is_empty() || !schedulers.is_empty() {
            let linker = Linker::of_this_machine();
            let files = &mut programs.files;
            programs.payloads = payload::pack(payloads, files, &linker, search_path)
                .map_err(|error| bad(&error))?;
            programs.schedulers = scheduler::pack(schedulers, files, &linker, search_path)
                .map_err(|error| bad(&error))?;
        }
        programs.completed(args)
    }

    /// A name means one program, whatever it is used for.
    fn completed(mut self, args: &ProgramArgs) -> Result<Self, ExpectedError> {
        for spec in &self.schedulers {
            let taken = self
                .payloads
                .iter()
                .any(|payload| payload.name == spec.name);
            let refuse = |why: &str, remedy: &str| {
                let what = format!("cannot use scheduler {:?}", spec.name);
                Err(ExpectedError::refused(what).because(why).remedy(remedy))
            };
            if taken {
                return refuse(
                    "a payload is declared under this name too",
                    "give one of them another name",
                );
            }
            if self.payloads.len() >= MAX_PAYLOADS {
                let why = format!("{MAX_PAYLOADS} payloads and schedulers in all is the most");
                return refuse(&why, "leave some out");
            }
            self.payloads.push(scheduler::as_payload(spec));
        }
        self.attached = attached(args.attach.as_deref(), &self.schedulers)?;
        Ok(self)
    }
}

impl ProgramArgs {
    /// Whether a scheduler is spoken of.
    pub(super) fn of_schedulers(&self) -> bool {
        !self.scheduler.is_empty() || self.schedulers.is_some() || self.attach.is_some()
    }

    fn payloads(&self) -> Result<Vec<payload::Declared>, ExpectedError> {
        let mut declared = match &self.payloads {
            Some(file) => payload::read_file(file).map_err(|error| bad(&error))?,
            None => Vec::new(),
        };
        declared.extend(self.payload.iter().cloned());
        Ok(declared)
    }

    /// Those of the command line come first: the first of all is attached.
    fn schedulers(&self) -> Result<Vec<scheduler::Declared>, ExpectedError> {
        let mut declared = self.scheduler.clone();
        if let Some(file) = &self.schedulers {
            declared.extend(scheduler::read_file(file).map_err(|error| bad(&error))?);
        }
        Ok(declared)
    }
}

/// Which one `--attach` means, or means by default.
fn attached(
    asked: Option<&str>,
    schedulers: &[SchedulerSpec],
) -> Result<Option<String>, ExpectedError> {
    let names = || schedulers.iter().map(|spec| spec.name.as_str());
    match asked {
        // A scheduler may be called so as well; then it is meant.
        Some(NOBODY) if !names().any(|name| name == NOBODY) => Ok(None),
        Some(name) if names().any(|one| one == name) => Ok(Some(name.to_owned())),
        Some(name) => {
            let all: Vec<&str> = names().collect();
            let remedy = if all.is_empty() {
                "declare it with --scheduler NAME=PATH".to_owned()
            } else {
                format!("there are {}, and none", all.join(", "))
            };
            let name: String = name.chars().take(64).collect();
            Err(
                ExpectedError::refused(format!("cannot attach scheduler {name:?}"))
                    .because("it is not declared")
                    .remedy(remedy),
            )
        }
        None => Ok(names().next().map(str::to_owned)),
    }
}

/// A program that cannot be had is the operator's input, not the machine's fault.
fn bad(error: &ProgramError) -> ExpectedError {
    ExpectedError::refused(chain(error))
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Debug, Parser)]
    struct Line {
        #[command(flatten)]
        programs: ProgramArgs,
    }

    fn on_paper(words: &[&str]) -> Result<Programs, ExpectedError> {
        let line = Line::try_parse_from([&["x"], words].concat()).unwrap();
        Programs::on_paper(&line.programs)
    }

    fn refused(words: &[&str]) -> String {
        on_paper(words).unwrap_err().to_string()
    }

    const TWO: [&str; 4] = ["--scheduler", "a=/a", "--scheduler", "b=/b"];

    #[test]
    fn the_first_is_attached_unless_another_or_none_is_asked_for() {
        let attached = |more: &[&str]| on_paper(&[&TWO[..], more].concat()).unwrap().attached;
        assert_eq!(attached(&[]).as_deref(), Some("a"));
        assert_eq!(attached(&["--attach", "b"]).as_deref(), Some("b"));
        assert_eq!(attached(&["--attach", "none"]), None);
        assert_eq!(on_paper(&[]).unwrap().attached, None);
    }

    #[test]
    fn only_what_is_declared_can_be_attached() {
        let said = refused(&[&TWO[..], &["--attach", "c"]].concat());
        assert!(
            said.contains("\"c\"") && said.contains("there are a, b"),
            "{said}"
        );
        assert!(refused(&["--attach", "c"]).contains("--scheduler NAME=PATH"));
    }

    #[test]
    fn the_command_line_comes_before_the_file_and_a_name_is_given_once() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("schedulers.toml");
        std::fs::write(&path, "[[scheduler]]\nname = \"file\"\nbinary = \"/f\"\n").unwrap();
        let path = path.display().to_string();
        let programs = on_paper(&["--schedulers", &path, "--scheduler", "line=/l"]).unwrap();
        assert_eq!(programs.attached.as_deref(), Some("line"));
        assert_eq!(programs.schedulers.len(), 2);
        let said = refused(&["--schedulers", &path, "--scheduler", "file=/l"]);
        assert!(said.contains("declared twice"), "{said}");
    }

    #[test]
    fn a_scheduler_is_known_by_name_among_the_payloads_and_shares_none_with_them() {
        let programs = on_paper(&["--payload", "p=/p", "--scheduler", "s=/s"]).unwrap();
        let kinds: Vec<_> = programs.payloads.iter().map(|one| one.kind).collect();
        use proscenium_wire::PayloadKind::{Binary, Scheduler};
        assert_eq!(kinds, [Binary, Scheduler]);
        let said = refused(&["--payload", "s=/p", "--scheduler", "s=/s"]);
        assert!(said.contains("under this name too"), "{said}");
    }
}
