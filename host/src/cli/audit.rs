//! `proscenium audit`: what a plugin did in a run that is over.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};

use serde::Serialize;

use super::{Context, chain, json};
use crate::audit::{Audit, Call, Row, Total};
use crate::error::ExpectedError;
use crate::event::{Record, RunEvent, RunStarted, clean};
use crate::exit_code;
use crate::layout::Layout;
use crate::report::text::{count, defused, plural, time};

/// Version of the JSON; raised when a field goes away or changes its meaning.
const FORMAT_VERSION: u32 = 1;
/// Longest first record of a run that is read, in bytes.
const MAX_RECORD: u64 = 1 << 20;

/// Show what a plugin asked for in a run: every call that was mediated, and what was decided.
///
/// Calls are counted by function. A function that was denied is not covered by the grant; one that
/// was refused got a wrong value, reached a limit, or was told no by the kernel. Of a run with very
/// many calls the first 65536 are on record one by one, the others in the counts.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  proscenium audit
  proscenium audit 20261124T002358Z-cpuset-shrink-x7Kq2a --calls
  proscenium audit ./evidence/runs/latest --json | jq '.functions[] | select(.denied > 0)'")]
pub(super) struct Args {
    /// Directory of a run, or its name among those in ~/.local/state/proscenium/runs.
    #[arg(value_name = "RUN", default_value = "latest")]
    run: PathBuf,
    /// List the calls, in order.
    #[arg(long)]
    calls: bool,
    /// As JSON; with --calls the calls as well.
    #[arg(long)]
    json: bool,
}

pub(super) fn run(args: &Args, context: &mut Context<'_>) -> anyhow::Result<u8> {
    let dir = find(&args.run, &context.layout)?;
    let audit = Audit::read(&dir).map_err(|error| ExpectedError::refused(chain(&error)))?;
    let started = first_record(&dir);
    if args.json {
        json(context, &Report::of(&audit, started.as_ref(), args.calls))?;
    } else if args.calls {
        write_calls(&audit, context.out)?;
    } else {
        write_table(&audit, started.as_ref(), context.out)?;
    }
    Ok(exit_code::PASSED)
}

/// The directory that is meant.
fn find(named: &Path, layout: &Layout) -> Result<PathBuf, ExpectedError> {
    if named.is_dir() {
        return Ok(named.to_owned());
    }
    let runs = layout.state()?.join("runs");
    let dir = runs.join(named);
    if dir.is_dir() {
        return Ok(dir);
    }
    Err(
        ExpectedError::refused(format!("there is no run {}", named.display()))
            .because(format!("neither here nor in {}", runs.display()))
            .remedy("name the directory that the run's report names"),
    )
}

/// What the run says of itself first, if that is still there.
fn first_record(dir: &Path) -> Option<RunStarted> {
    let file = File::open(dir.join("events.jsonl")).ok()?;
    let mut line = String::new();
    BufReader::new(file.take(MAX_RECORD))
        .read_line(&mut line)
        .ok()?;
    match serde_json::from_str::<Record>(&line).ok()?.event {
        RunEvent::RunStarted(started) => Some(started),
        _ => None,
    }
}

#[derive(Serialize)]
struct Report<'a> {
    format_version: u32,
    plugin: Option<&'a str>,
    digest: Option<&'a str>,
    /// Whether the runtime's own counts are there.
    complete: bool,
    /// Calls that are counted and have no entry of their own.
    not_recorded: u64,
    functions: Vec<Function>,
    #[serde(skip_serializing_if = "Option::is_none")]
    calls: Option<&'a [Call]>,
}

#[derive(Serialize)]
struct Function {
    #[serde(flatten)]
    total: Total,
    calls: u64,
    p50_ns: Option<u64>,
}

impl<'a> Report<'a> {
    fn of(audit: &'a Audit, started: Option<&'a RunStarted>, calls: bool) -> Self {
        let function = |row: Row| Function {
            calls: row.total.calls(),
            p50_ns: row.p50_ns,
            total: row.total,
        };
        Self {
            format_version: FORMAT_VERSION,
            plugin: started.map(|started| started.plugin.as_str()),
            digest: started.map(|started| started.digest.as_str()),
            complete: audit.totals.is_some(),
            not_recorded: audit.not_recorded(),
            functions: audit.rows().into_iter().map(function).collect(),
            calls: calls.then_some(&audit.calls[..]),
        }
    }
}

fn write_table(audit: &Audit, started: Option<&RunStarted>, out: &mut dyn Write) -> io::Result<()> {
    if let Some(started) = started {
        writeln!(out, "{} {}", word(&started.plugin), word(&started.digest))?;
    }
    let rows = audit.rows();
    let all = rows.iter().map(|row| row.total.calls());
    let calls = plural(all.fold(0, u64::saturating_add), "call");
    writeln!(out, "{calls} of {}", plural(rows.len() as u64, "function"))?;
    if !rows.is_empty() {
        let head = ["calls", "done", "refused", "denied", "p50", "max", "total"];
        write_row(out, "function", &head.map(str::to_owned))?;
    }
    for Row { total, p50_ns } in &rows {
        let figures = [
            count(total.calls()),
            count(total.done),
            count(total.refused),
            count(total.denied),
            p50_ns.map_or_else(|| "–".to_owned(), time),
            time(total.max_ns),
            time(total.total_ns),
        ];
        write_row(out, &word(&total.function), &figures)?;
    }
    for Row { total, .. } in rows.iter().filter(|row| row.total.ended > 0) {
        writeln!(out, "{} ended the plugin", word(&total.function))?;
    }
    remarks(audit, out)
}

fn write_row(out: &mut dyn Write, name: &str, figures: &[String; 7]) -> io::Result<()> {
    write!(out, "  {name:<30}")?;
    for figure in figures {
        write!(out, " {figure:>9}")?;
    }
    writeln!(out)
}

fn write_calls(audit: &Audit, out: &mut dyn Write) -> io::Result<()> {
    for call in &audit.calls {
        let (at, duration) = (time(call.at_ns), time(call.duration_ns));
        let (function, decision) = (word(&call.function), word(&call.decision));
        writeln!(out, "{at:>10} {duration:>10}  {function:<30}  {decision}")?;
    }
    remarks(audit, out)
}

/// What the reader should know about the record itself.
fn remarks(audit: &Audit, out: &mut dyn Write) -> io::Result<()> {
    if audit.not_recorded() > 0 {
        let more = plural(audit.not_recorded(), "more call");
        writeln!(out, "{more} counted, not recorded one by one")?;
    }
    if audit.totals.is_none() {
        writeln!(
            out,
            "the plugin's end is not on record: there may have been more"
        )?;
    }
    if audit.unreadable > 0 {
        let lines = plural(audit.unreadable, "line");
        writeln!(out, "{lines} cannot be read: the record was cut or changed")?;
    }
    Ok(())
}

/// A word of the record, which is only as good as its file.
fn word(text: &str) -> String {
    defused(&clean::line(text, clean::NAME)).into_owned()
}
