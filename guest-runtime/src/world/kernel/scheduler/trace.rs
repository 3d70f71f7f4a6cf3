//! The kernel's trace: the earliest word that a scheduler goes, and its dump.
//!
//! Two trace points in an instance of our own. `sched_ext_dump` says what went
//! wrong before the kernel begins to throw a scheduler out, and
//! `sched_process_exit` that a loader ends before it lets go of its scheduler:
//! both long before the kernel's log and its uevent. A kernel without tracing
//! is heard through those alone.

use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::{AsFd, BorrowedFd};

use cap_std::fs::{Dir, OpenOptions, OpenOptionsExt};
use nix::unistd::Pid;

/// Name of the instance.
const INSTANCE: &str = "proscenium";
/// KiB for each CPU: a dump has a few lines for each task that waits.
const BUFFER: &str = "256";
/// Bytes that are taken at a time.
const PIECE: usize = 16 << 10;
/// Pieces that are taken at a time. More are left for the next time.
const AT_A_TIME: usize = 16;

/// See the module.
#[derive(Debug)]
pub(super) struct Trace {
    instances: Dir,
    dir: Dir,
    pipe: File,
    /// A line of which the end is not there yet.
    rest: String,
}

/// What one line says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Traced<'a> {
    /// A line of the kernel's dump of a scheduler.
    Dump(&'a str),
    /// The loader ends; true: no thread of it is left.
    Exit(bool),
}

impl Trace {
    /// Begins to trace, in a new instance in `instances`.
    pub(super) fn start(instances: Dir) -> io::Result<Self> {
        instances.create_dir(INSTANCE)?;
        let started = Self::begin(&instances);
        match started {
            Ok((dir, pipe)) => Ok(Self {
                instances,
                dir,
                pipe,
                rest: String::new(),
            }),
            Err(error) => {
                let _ = instances.remove_dir(INSTANCE);
                Err(error)
            }
        }
    }

    fn begin(instances: &Dir) -> io::Result<(Dir, File)> {
        let dir = instances.open_dir(INSTANCE)?;
        write(&dir, "buffer_size_kb", BUFFER)?;
        // Whoever waits is woken by the first line, not by half a buffer.
        write(&dir, "buffer_percent", "0")?;
        write(&dir, "events/sched_ext/sched_ext_dump/enable", "1")?;
        let mut options = OpenOptions::new();
        options.read(true).custom_flags(libc::O_NONBLOCK);
        let pipe = dir.open_with("trace_pipe", &options)?.into_std();
        Ok((dir, pipe))
    }

    /// Listens to the end of this process, and of no other one.
    pub(super) fn follow(&self, pid: Pid) -> io::Result<()> {
        let event = "events/sched/sched_process_exit";
        write(
            &self.dir,
            &format!("{event}/filter"),
            &format!("pid == {pid}"),
        )?;
        write(&self.dir, &format!("{event}/enable"), "1")
    }

    /// Takes what has come.
    pub(super) fn take(&mut self, mut hear: impl FnMut(Traced<'_>)) {
        let mut buffer = [0; PIECE];
        for _ in 0..AT_A_TIME {
            let Ok(length @ 1..) = self.pipe.read(&mut buffer) else {
                return;
            };
            let bytes = buffer.get(..length).unwrap_or_default();
            self.rest.push_str(&String::from_utf8_lossy(bytes));
            let text = std::mem::take(&mut self.rest);
            for line in text.split_inclusive('\n') {
                match line.strip_suffix('\n') {
                    Some(line) => parse(line).into_iter().for_each(&mut hear),
                    None if line.len() < PIECE => line.clone_into(&mut self.rest),
                    None => {}
                }
            }
        }
    }
}

impl AsFd for Trace {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.pipe.as_fd()
    }
}

impl Drop for Trace {
    fn drop(&mut self) {
        // An instance that is still open cannot be removed; its reader goes first.
        if let Ok(nothing) = File::open("/dev/null") {
            self.pipe = nothing;
        }
        let _ = self.instances.remove_dir(INSTANCE);
    }
}

/// A line is `TASK-PID [CPU] FLAGS TIME: EVENT: TEXT`, and the task chooses its
/// own name: what counts is after the first event's name.
fn parse(line: &str) -> Option<Traced<'_>> {
    let (_, rest) = line.split_once("] ")?;
    let (_, rest) = rest.split_once(": ")?;
    let (event, text) = rest.split_once(':')?;
    let text = text.strip_prefix(' ').unwrap_or(text);
    match event {
        "sched_ext_dump" => Some(Traced::Dump(text)),
        "sched_process_exit" => Some(Traced::Exit(text.ends_with("group_dead=true"))),
        _ => None,
    }
}

fn write(dir: &Dir, path: &str, text: &str) -> io::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true);
    let mut file = dir.open_with(path, &options)?;
    file.write_all(text.as_bytes())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn dumps_and_ends_are_told_from_other_lines() {
        let dump = "          <idle>-0       [000] d.h2.    25.440148: sched_ext_dump: a[7] triggered exit kind 1025:";
        assert_eq!(
            parse(dump),
            Some(Traced::Dump("a[7] triggered exit kind 1025:"))
        );
        let exit = "         fixture-106     [000] .....    28.400934: sched_process_exit: comm=fixture pid=106 prio=120 group_dead=";
        assert_eq!(parse(&format!("{exit}true")), Some(Traced::Exit(true)));
        assert_eq!(parse(&format!("{exit}false")), Some(Traced::Exit(false)));
        let empty = "<idle>-0 [000] d.h2. 25.440148: sched_ext_dump: ";
        assert_eq!(parse(empty), Some(Traced::Dump("")));
        for other in [
            "",
            "CPU:1 [LOST 12 EVENTS]",
            "a-1 [000] d.h2. 25.440148: sched_switch: sched_ext_dump: x",
            "a-1 [000] d.h2. 25.440148",
        ] {
            assert_eq!(parse(other), None, "{other:?}");
        }
    }

    proptest! {
        #[test]
        fn no_line_is_too_much(line in "\\PC{0,200}") {
            parse(&line);
        }
    }
}
