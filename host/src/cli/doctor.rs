//! `proscenium doctor`: what this machine can do, and the command that fixes the rest.

use std::path::PathBuf;

use serde::Serialize;

use super::Context;
use crate::doctor::{DoctorInput, Finding, Status, examine};
use crate::exit_code;
use crate::kernel::cache::Cache;
use crate::local::Base;

/// Say what this machine can do, what is missing, and the command that fixes it.
///
/// Exits with 4 if something is missing without which a scenario cannot run in a VM.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// As JSON.
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Line<'a> {
    what: &'a str,
    status: &'static str,
    detail: &'a str,
    fix: Option<&'a str>,
}

pub(super) fn run(args: &Args, context: &mut Context<'_>) -> anyhow::Result<u8> {
    let findings = examine(&DoctorInput {
        cache: Cache::at(context.layout.cache()?),
        search_path: context.layout.environment().search_path.clone(),
        guest_directories: context.layout.guest_folders(),
        kvm_device: PathBuf::from("/dev/kvm"),
        etc_apt: PathBuf::from("/etc/apt"),
        runs: context.layout.state()?,
        local: Base::prospects().map_err(|error| error.to_string()),
    });
    if args.json {
        let lines: Vec<Line<'_>> = findings.iter().map(line).collect();
        super::json(context, &lines)?;
    } else {
        for finding in &findings {
            let Line {
                what,
                status,
                detail,
                fix,
            } = line(finding);
            writeln!(context.out, "{status:<8} {what}: {detail}")?;
            if let Some(fix) = fix {
                writeln!(context.out, "         fix: {fix}")?;
            }
        }
    }
    let missing = findings
        .iter()
        .any(|finding| finding.status == Status::Missing);
    Ok(if missing {
        exit_code::COULD_NOT_RUN
    } else {
        exit_code::PASSED
    })
}

fn line(finding: &Finding) -> Line<'_> {
    Line {
        what: finding.what,
        status: match finding.status {
            Status::Ok => "ok",
            Status::Limited => "limited",
            Status::Missing => "missing",
        },
        detail: &finding.detail,
        fix: finding.fix.as_deref(),
    }
}
