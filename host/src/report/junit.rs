//! JUnit XML for CI systems: one suite for the run, one case for the scenario.
//!
//! | outcome | in JUnit |
//! |---|---|
//! | passed | a case without more |
//! | skipped | `skipped` |
//! | failed | `failure` |
//! | inconclusive | `failure` of type `inconclusive`: JUnit has no word for it, and CI must not take it for a pass |
//! | refused, could not run, interrupted | `error` |
//!
//! Figures are properties of the suite. `fail-fast` readers see a whole file or
//! none: it is written at the end, in one step.

use std::borrow::Cow;
use std::io;
use std::path::PathBuf;
use std::time::Duration;

use chrono::DateTime;
use proscenium_wire::PayloadRecord;
use quick_junit::{
    NonSuccessKind, Property, Report, SerializeError, TestCase, TestCaseStatus, TestSuite,
};

use super::schedulers::{self, SchedulerRow, ending_word};
use super::text::{cpus, defused};
use super::{Reporter, Summary};
use crate::event::{Reason, Record, RunEnded, RunEvent, RunOutcome};
use crate::run_dir::write_atomically;

/// Steps, cgroups and payloads that become properties, and figures of a payload, each.
const PROPERTIES: usize = 500;

/// Writes a JUnit file when the run has ended.
#[derive(Debug)]
pub struct Junit {
    paths: Vec<PathBuf>,
}

impl Junit {
    /// Writes to each of `paths`: what the operator asked for, and `junit.xml`
    /// in the run directory.
    #[must_use]
    pub fn new(paths: Vec<PathBuf>) -> Self {
        Self { paths }
    }
}

impl Reporter for Junit {
    fn tell(&mut self, record: &Record, summary: &Summary) -> io::Result<()> {
        let RunEvent::RunEnded(ended) = &record.event else {
            return Ok(());
        };
        let xml = render(summary, ended).map_err(io::Error::other)?;
        for path in &self.paths {
            write_atomically(path, xml.as_bytes()).map_err(|source| {
                let what = format!("JUnit report not written to {}: {source}", path.display());
                io::Error::new(source.kind(), what)
            })?;
        }
        Ok(())
    }
}

/// The document.
///
/// # Errors
///
/// When the XML writer gives up.
pub fn render(summary: &Summary, ended: &RunEnded) -> Result<String, SerializeError> {
    let name = summary
        .started
        .as_ref()
        .map_or("unknown", |started| started.plugin.as_str());
    let total = Duration::from_nanos(ended.timings.total_ns);
    let mut case = TestCase::new(defused(name), status(ended));
    case.set_classname("proscenium").set_time(total);
    let out = system_out(summary);
    if !out.is_empty() {
        case.set_system_out(out.join("\n"));
    }
    let mut suite = TestSuite::new(defused(name));
    suite
        .set_time(total)
        .add_properties(properties(summary, ended))
        .add_test_case(case);
    let mut report = Report::new("proscenium");
    report.set_time(total);
    let begun = summary.started.as_ref().and_then(|started| {
        DateTime::from_timestamp_millis(i64::try_from(started.started_unix_ms).ok()?)
    });
    if let Some(begun) = begun {
        report.set_timestamp(begun);
        suite.set_timestamp(begun);
    }
    report.add_test_suite(suite);
    report.to_string()
}

/// The last words of schedulers that came to a bad end, and of the console.
fn system_out(summary: &Summary) -> Vec<Cow<'_, str>> {
    let mut lines = Vec::new();
    for (title, words) in schedulers::spoken(&summary.schedulers, false) {
        lines.push(Cow::Owned(defused(&title).into_owned()));
        lines.extend(words.iter().map(|line| defused(line)));
    }
    lines.extend(summary.console.iter().map(|line| defused(line)));
    lines
}

fn status(ended: &RunEnded) -> TestCaseStatus {
    let mut status = match ended.outcome {
        RunOutcome::Passed => return TestCaseStatus::success(),
        RunOutcome::Skipped => TestCaseStatus::skipped(),
        RunOutcome::Failed | RunOutcome::Inconclusive => {
            TestCaseStatus::non_success(NonSuccessKind::Failure)
        }
        RunOutcome::Refused | RunOutcome::CouldNotRun | RunOutcome::Interrupted => {
            TestCaseStatus::non_success(NonSuccessKind::Error)
        }
    };
    let kind = match ended.outcome {
        RunOutcome::Failed => ended
            .reasons
            .first()
            .map_or("failed", |reason| &reason.kind),
        other => other.words(),
    };
    status.set_type(kind);
    if let Some(first) = ended.reasons.first() {
        status.set_message(defused(&first.message));
    }
    let all: Vec<String> = ended.reasons.iter().map(line).collect();
    if all.len() > 1 {
        status.set_description(all.join("\n"));
    }
    status
}

fn line(reason: &Reason) -> String {
    let phase = reason
        .phase
        .as_ref()
        .map(|phase| format!("{phase}: "))
        .unwrap_or_default();
    let line = format!("{phase}{}", reason.message);
    defused(&line).into_owned()
}

fn properties(summary: &Summary, ended: &RunEnded) -> Vec<Property> {
    let mut list = Vec::new();
    let mut add = |name: &str, value: String| list.push(Property::new(name, defused(&value)));
    add("outcome", ended.outcome.words().to_owned());
    add("exit-code", ended.exit_code.to_string());
    add("asserted", ended.asserted.to_string());
    if let Some(started) = &summary.started {
        add("digest", started.digest.clone());
        add("seed", started.seed.to_string());
        add("duration-ns", started.duration_ns.to_string());
        started
            .topology
            .iter()
            .for_each(|topology| add("topology", topology.clone()));
        started
            .scheduler
            .iter()
            .for_each(|name| add("scheduler", name.clone()));
        started
            .acceleration
            .iter()
            .for_each(|accel| add("acceleration", accel.name.clone()));
        started
            .run_dir
            .iter()
            .for_each(|dir| add("run-dir", dir.clone()));
    }
    if let Some(booted) = &summary.booted {
        add("kernel", booted.kernel_release.clone());
    }
    for step in summary.steps.iter().take(PROPERTIES) {
        let name = step.name();
        step.label
            .iter()
            .for_each(|label| add(&format!("{name}.label"), label.clone()));
        step.iterations
            .iter()
            .for_each(|n| add(&format!("{name}.iterations"), n.to_string()));
        step.rate_per_s
            .iter()
            .for_each(|r| add(&format!("{name}.rate-per-s"), format!("{r:.3}")));
    }
    for stats in summary.cgroups.iter().take(PROPERTIES) {
        let name = format!(
            "{}.{}",
            super::summary::phase_name(stats.phase),
            stats.cgroup
        );
        add(&format!("{name}.iterations"), stats.iterations.to_string());
        add(&format!("{name}.cpus"), cpus(&stats.cpus));
        stats
            .cpu_stat
            .iter()
            .for_each(|stat| add(&format!("{name}.usage-us"), stat.usage_us.to_string()));
    }
    list.extend(payloads(&summary.payloads));
    list.extend(of_schedulers(&summary.schedulers));
    list
}

fn of_schedulers(rows: &[SchedulerRow]) -> Vec<Property> {
    let mut list = Vec::new();
    for row in rows.iter().take(PROPERTIES) {
        let name = format!("scheduler.{}.{}", row.start, row.name);
        let mut add = |what: &str, value: &str| {
            let name = format!("{name}.{what}");
            list.push(Property::new(defused(&name), defused(value)));
        };
        row.ops.iter().for_each(|ops| add("ops", ops));
        row.attached_after_ns
            .iter()
            .for_each(|ns| add("attached-after-ns", &ns.to_string()));
        add("ended", ending_word(row));
    }
    list
}

fn payloads(records: &[PayloadRecord]) -> Vec<Property> {
    let mut list = Vec::new();
    let mut add =
        |name: &str, value: String| list.push(Property::new(defused(name), defused(&value)));
    for record in records.iter().take(PROPERTIES) {
        let name = format!("payload.{}.{}", record.index, record.name);
        add(&format!("{name}.exit-code"), record.exit.code().to_string());
        add(&format!("{name}.killed"), record.killed.to_string());
        for metric in record.metrics.iter().take(PROPERTIES) {
            add(&format!("{name}.{}", metric.name), metric.value.to_string());
        }
        for check in record.checks.iter().filter(|check| !check.passed) {
            add(&format!("{name}.failed"), check.message.clone());
        }
    }
    list
}
