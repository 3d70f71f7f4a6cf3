//! The evidence of one run, on disk while it happens.
//!
//! ```text
//!   <base>/runs/20261124T002358Z-cpuset-shrink-x7Kq2a/
//!     events.jsonl   every Record, one write per line, in order
//!     audit.jsonl    what the plugin asked for, one call a line, up to 32 MiB
//!     placement.log  where workers were put and moved, one write per placement
//!     frames.bin     the guest's frames as they came, up to 256 MiB
//!     console.log    the guest's console as it came, up to 16 MiB
//!     schedulers/    000-NAME.log, .dump: what the loader of each start printed and what
//!                    the kernel dumped about it, up to 4 MiB a start and 64 MiB in all
//!     qemu.log       the emulator's standard error, up to 1 MiB
//!     job.json       what the guest was asked to do
//!     grant.toml     what the plugin was allowed to do, as a grant file
//!     report.json    the whole run; there only when it has ended
//!     junit.xml      if asked for
//!   <base>/runs/latest -> the run that was begun last
//! ```
//!
//! Nothing is buffered in this process, so what was written survives its
//! `kill -9`; nothing is forced to the medium, so it may not survive a power
//! cut. A directory without `report.json` is that of a run that is still going
//! or whose host has died. Directories are private to the user (0700) and never
//! shared: two runs at once get two. `console.log`, `frames.bin` and logs of
//! schedulers are the guest's own bytes: do not `cat` them to a terminal.
//!
//! A full disk does not end a run. The first failure is kept, the file that
//! failed is not written any more, and [`RunDir::lost`] says so.

mod placement;
mod schedulers;
mod sink;

use std::fs::{Permissions, create_dir_all};
use std::io::{self, Write as _};
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};

use chrono::DateTime;
use proscenium_wire::Event;
use serde::Serialize;
use thiserror::Error;

use crate::audit::{AUDIT_LIMIT, AUDIT_LOG};
use crate::event::{Record, RunEvent};

pub use placement::PLACEMENT_LOG;
pub use schedulers::scheduler_file;

use schedulers::Schedulers;
use sink::Sink;

/// Most that is kept of the guest's frames, in bytes.
const FRAMES_LIMIT: u64 = 256 << 20;
/// Most that is kept of the guest's console, in bytes.
const CONSOLE_LIMIT: u64 = 16 << 20;
/// Most that is kept of the emulator's complaints, in bytes.
const QEMU_LIMIT: u64 = 1 << 20;
/// Longest name of a scenario in a directory's name.
const SLUG: usize = 60;

/// Why evidence could not be kept.
#[derive(Debug, Error)]
pub enum RunDirError {
    /// The directory could not be made.
    #[error("run directory not made in {}: {source}: free or choose another state directory", base.display())]
    Create {
        /// Where it was to be.
        base: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A file could not be written.
    #[error("evidence not written to {}: {source}: free space or choose another state directory", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

/// The directory of one run.
#[derive(Debug)]
pub struct RunDir {
    path: PathBuf,
    events: Sink,
    placement: Sink,
    audit: Sink,
    frames: Sink,
    console: Sink,
    qemu: Sink,
    schedulers: Option<Schedulers>,
    lost: Option<RunDirError>,
}

impl RunDir {
    /// Makes a new directory in `<base>/runs` for a run of `name` that began
    /// at `started_unix_ms`, and points `latest` at it.
    ///
    /// # Errors
    ///
    /// [`RunDirError`] if it cannot be made, as on a full disk.
    pub fn create(base: &Path, name: &str, started_unix_ms: u64) -> Result<Self, RunDirError> {
        let runs = base.join("runs");
        let create = |source| RunDirError::Create {
            base: runs.clone(),
            source,
        };
        create_dir_all(&runs).map_err(create)?;
        let prefix = format!("{}-{}-", stamp(started_unix_ms), slug(name));
        // Tries another suffix as long as somebody else has the one it tried.
        let path = tempfile::Builder::new()
            .prefix(&prefix)
            .rand_bytes(6)
            .permissions(Permissions::from_mode(0o700))
            .tempdir_in(&runs)
            .map_err(create)?
            .keep();
        let sink = |file: &str, limit| Sink::create(path.join(file), limit);
        let run_dir = Self {
            events: sink("events.jsonl", u64::MAX)?,
            placement: sink(PLACEMENT_LOG, u64::MAX)?,
            audit: sink(AUDIT_LOG, AUDIT_LIMIT)?,
            frames: sink("frames.bin", FRAMES_LIMIT)?,
            console: sink("console.log", CONSOLE_LIMIT)?,
            qemu: sink("qemu.log", QEMU_LIMIT)?,
            schedulers: Some(Schedulers::in_run(&path)),
            lost: None,
            path,
        };
        point_latest(&runs, &run_dir.path).map_err(create)?;
        Ok(run_dir)
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The first failure to write, if there was one: evidence is missing.
    #[must_use]
    pub fn lost(&self) -> Option<&RunDirError> {
        self.lost.as_ref()
    }

    /// Appends a record to `events.jsonl`, and a placement to its own log.
    pub fn record(&mut self, record: &Record) {
        let written = serde_json::to_vec(record)
            .map_err(io::Error::from)
            .and_then(|mut line| {
                line.push(b'\n');
                self.events.write(&line)
            });
        self.keep_first(written, "events.jsonl");
        if let RunEvent::Tasks(tasks) = &record.event
            && let Some(line) = placement::line(tasks)
        {
            let written = self.placement.write(line.as_bytes());
            self.keep_first(written, PLACEMENT_LOG);
        }
    }

    /// Keeps what `event` brings of a scheduler: what its loader printed, what
    /// the kernel dumped.
    pub fn of_schedulers(&mut self, event: &Event) {
        let kept = self.schedulers.as_mut().map(|all| all.keep(event));
        if let Some(Err(error)) = kept {
            self.schedulers = None;
            self.keep_first(Err(error), "schedulers");
        }
    }

    /// Appends lines to the audit.
    pub fn audit(&mut self, lines: &[u8]) {
        let written = self.audit.write(lines);
        self.keep_first(written, AUDIT_LOG);
    }

    /// Appends what came through the events port.
    pub fn frames(&mut self, bytes: &[u8]) {
        let written = self.frames.write(bytes);
        self.keep_first(written, "frames.bin");
    }

    /// Appends what the guest's console printed.
    pub fn console(&mut self, bytes: &[u8]) {
        let written = self.console.write(bytes);
        self.keep_first(written, "console.log");
    }

    /// Appends what the emulator printed.
    pub fn qemu(&mut self, bytes: &[u8]) {
        let written = self.qemu.write(bytes);
        self.keep_first(written, "qemu.log");
    }

    /// Writes a whole file, such as `job.json`, so that it is there completely or not at all.
    ///
    /// # Errors
    ///
    /// [`RunDirError::Write`].
    pub fn document(&self, file: &str, content: &impl Serialize) -> Result<(), RunDirError> {
        let bytes = serde_json::to_vec_pretty(content).map_err(io::Error::from);
        let path = self.path.join(file);
        bytes
            .and_then(|bytes| write_atomically(&path, &bytes))
            .map_err(|source| RunDirError::Write { path, source })
    }

    fn keep_first(&mut self, written: io::Result<()>, file: &str) {
        if let Err(source) = written
            && self.lost.is_none()
        {
            self.lost = Some(RunDirError::Write {
                path: self.path.join(file),
                source,
            });
        }
    }
}

/// Writes `bytes` to `path` so that a reader sees the old file or the new one, whole.
///
/// # Errors
///
/// What the system said.
pub fn write_atomically(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let dir = match path.parent() {
        Some(dir) if dir != Path::new("") => dir,
        _ => Path::new("."),
    };
    // As `File::create` would: a report is for whoever the umask lets read it.
    let mut file = tempfile::Builder::new()
        .permissions(Permissions::from_mode(0o666))
        .tempfile_in(dir)?;
    file.write_all(bytes)?;
    file.persist(path)?;
    Ok(())
}

/// Points `latest` at `run`, in one step.
fn point_latest(runs: &Path, run: &Path) -> io::Result<()> {
    let Some(name) = run.file_name() else {
        return Ok(());
    };
    let link = tempfile::Builder::new()
        .prefix(".latest-")
        .make_in(runs, |path| symlink(name, path))?;
    link.into_temp_path().persist(runs.join("latest"))?;
    Ok(())
}

fn stamp(unix_ms: u64) -> String {
    i64::try_from(unix_ms)
        .ok()
        .and_then(DateTime::from_timestamp_millis)
        .map_or_else(
            || unix_ms.to_string(),
            |at| at.format("%Y%m%dT%H%M%SZ").to_string(),
        )
}

/// A name that is a harmless part of a file name: names come from plugins.
fn slug(name: &str) -> String {
    let slug: String = name
        .chars()
        .take(SLUG)
        .map(|c| {
            if c.is_ascii_alphanumeric() || c == '_' {
                c
            } else {
                '-'
            }
        })
        .collect();
    let slug = slug.trim_matches('-');
    if slug.is_empty() {
        "run".to_owned()
    } else {
        slug.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use std::fs::{File, OpenOptions, read_link, read_to_string};
    use std::thread;

    use super::*;
    use crate::event::RunEvent;

    fn record(seq: u64) -> Record {
        Record {
            seq,
            at_ns: 5,
            guest_ms: None,
            event: RunEvent::Booting,
        }
    }

    #[test]
    fn names_never_become_paths() {
        let base = tempfile::tempdir().unwrap();
        let dir = RunDir::create(base.path(), "../../etc/\0passwd", 1_795_479_838_000).unwrap();
        assert_eq!(
            dir.path().parent(),
            Some(base.path().join("runs").as_path())
        );
        let name = dir.path().file_name().unwrap().to_str().unwrap().to_owned();
        assert!(name.starts_with("20261124T002358Z-etc--passwd-"), "{name}");
    }

    #[test]
    fn runs_at_the_same_instant_get_directories_of_their_own() {
        let base = tempfile::tempdir().unwrap();
        let paths: Vec<PathBuf> = thread::scope(|scope| {
            let make = || {
                RunDir::create(base.path(), "same", 0)
                    .unwrap()
                    .path()
                    .to_owned()
            };
            let threads: Vec<_> = (0..16).map(|_| scope.spawn(make)).collect();
            threads
                .into_iter()
                .map(|thread| thread.join().unwrap())
                .collect()
        });
        let mut unique = paths.clone();
        unique.sort();
        unique.dedup();
        assert_eq!(unique.len(), 16);
        let latest = base
            .path()
            .join("runs")
            .join(read_link(base.path().join("runs/latest")).unwrap());
        assert!(paths.contains(&latest));
    }

    #[test]
    fn evidence_is_private_and_a_report_elsewhere_is_not() {
        let base = tempfile::tempdir().unwrap();
        let dir = RunDir::create(base.path(), "x", 0).unwrap();
        let mode = |path: &Path| path.metadata().unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(dir.path()), 0o700);
        let (ours, usual) = (base.path().join("junit.xml"), base.path().join("usual"));
        write_atomically(&ours, b"x").unwrap();
        File::create(&usual).unwrap();
        assert_eq!(mode(&ours), mode(&usual));
    }

    #[test]
    fn a_record_is_on_disk_as_soon_as_it_is_told() {
        let base = tempfile::tempdir().unwrap();
        let mut dir = RunDir::create(base.path(), "x", 0).unwrap();
        dir.record(&record(0));
        dir.record(&record(1));
        let text = read_to_string(dir.path().join("events.jsonl")).unwrap();
        let lines: Vec<Record> = text
            .lines()
            .map(|l| serde_json::from_str(l).unwrap())
            .collect();
        assert_eq!(lines, [record(0), record(1)]);
    }

    #[test]
    fn a_full_disk_is_said_once_and_ends_nothing() {
        let base = tempfile::tempdir().unwrap();
        let mut dir = RunDir::create(base.path(), "x", 0).unwrap();
        dir.events.file = Some(OpenOptions::new().append(true).open("/dev/full").unwrap());
        dir.record(&record(0));
        dir.record(&record(1));
        dir.console(b"still here");
        let said = dir.lost().unwrap().to_string();
        assert!(
            said.contains("events.jsonl") && said.contains("No space left"),
            "{said}"
        );
        assert_eq!(
            read_to_string(dir.path().join("console.log")).unwrap(),
            "still here"
        );
    }

    #[test]
    fn a_console_that_never_stops_is_cut_off() {
        let base = tempfile::tempdir().unwrap();
        let mut dir = RunDir::create(base.path(), "x", 0).unwrap();
        dir.console.left = 10;
        dir.console(b"0123456");
        dir.console(b"789abc");
        dir.console(b"more");
        let text = read_to_string(dir.path().join("console.log")).unwrap();
        assert!(text.starts_with("0123456789\n[the rest"), "{text}");
        assert!(!text.contains("more"));
        assert!(dir.lost().is_none());
    }
}
