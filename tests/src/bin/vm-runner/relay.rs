//! Between a guest that runs one program and whoever started us.
//!
//! Owns the reading of the guest's channels and what its end means. Lines
//! `skipped: TEST: REASON`, with which a test says that it cannot run, go to
//! the file of skips as well.

use std::fs::File;
use std::io::{self, ErrorKind, Read, Write, stdout};
use std::os::fd::AsFd;
use std::path::Path;
use std::process::ExitCode;
use std::time::Instant;

use anyhow::{Context, bail};
use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use proscenium::vm::console::ConsoleTail;
use proscenium::vm::process::Vm;

/// Lines of the console that are shown of a guest that failed.
const TAIL: usize = 60;
/// Longest line in which a skip is looked for, and longest status, in bytes.
const LONGEST: usize = 4096;
/// What a test that cannot run begins its line with; libtest may have begun the line.
const SKIPPED: &str = "skipped: ";

/// Shows what the program says until it has ended; its exit code is the answer.
///
/// # Errors
///
/// When it was killed, or the guest ended without saying how it ended, or did
/// not end by `deadline`: with the last lines of the console.
pub(crate) fn until_end(
    vm: &mut Vm,
    deadline: Instant,
    skips: Option<&Path>,
) -> anyhow::Result<ExitCode> {
    let mut relay = Relay::new(skips);
    while relay.take(vm, deadline)? {}
    if Instant::now() >= deadline && vm.try_wait()?.is_none() {
        vm.kill()?;
        bail!("it did not end in time{}", relay.last_words());
    }
    let exit = vm.wait()?;
    let status = String::from_utf8_lossy(&relay.status).into_owned();
    match status.trim_end().split_once(' ') {
        Some(("exited", code)) => {
            let code: u8 = code.parse().context("the guest named no exit code")?;
            Ok(code.into())
        }
        Some(("killed", signal)) => bail!("it was killed by {signal}"),
        _ => bail!(
            "the guest ended before the program: {exit}{}",
            relay.last_words()
        ),
    }
}

/// What was read so far.
struct Relay<'a> {
    console: ConsoleTail,
    complaints: Vec<u8>,
    status: Vec<u8>,
    line: Vec<u8>,
    skips: Option<&'a Path>,
}

impl<'a> Relay<'a> {
    fn new(skips: Option<&'a Path>) -> Self {
        Self {
            console: ConsoleTail::new(TAIL),
            complaints: Vec::new(),
            status: Vec::new(),
            line: Vec::new(),
            skips,
        }
    }

    /// Waits for the guest and reads what it has said. False when it has ended
    /// or the time is over; all that it said has been read then.
    fn take(&mut self, vm: &Vm, deadline: Instant) -> anyhow::Result<bool> {
        let ended = {
            let fds = [
                vm.pidfd(),
                vm.events().as_fd(),
                vm.control().as_fd(),
                vm.console().as_fd(),
                vm.stderr().as_fd(),
            ];
            let mut fds = fds.map(|fd| PollFd::new(fd, PollFlags::POLLIN));
            let left = deadline.saturating_duration_since(Instant::now());
            match poll(
                &mut fds,
                PollTimeout::try_from(left).unwrap_or(PollTimeout::MAX),
            ) {
                Ok(_) | Err(Errno::EINTR) => {}
                Err(errno) => return Err(errno).context("failed to wait for the guest"),
            }
            fds[0].any() == Some(true)
        };
        // A guest that never stops talking must not keep us from the deadline;
        // one that has ended has said only so much.
        let rounds = if ended { usize::MAX } else { 1 };
        let complaints = File::from(vm.stderr().as_fd().try_clone_to_owned()?);
        read(vm.events(), rounds, |bytes| self.output(bytes))?;
        read(vm.control(), rounds, |bytes| keep(&mut self.status, bytes))?;
        read(vm.console(), rounds, |bytes| {
            self.console.push(bytes);
            Ok(())
        })?;
        read(&complaints, rounds, |bytes| {
            keep(&mut self.complaints, bytes)
        })?;
        Ok(!ended && Instant::now() < deadline)
    }

    /// Shows output of the program, and looks for tests that were skipped.
    fn output(&mut self, bytes: &[u8]) -> io::Result<()> {
        let mut out = stdout().lock();
        out.write_all(bytes)?;
        out.flush()?;
        for piece in bytes.split_inclusive(|byte| *byte == b'\n') {
            keep(&mut self.line, piece)?;
            if piece.ends_with(b"\n") {
                let line = std::mem::take(&mut self.line);
                self.record_skip(&String::from_utf8_lossy(&line))?;
            }
        }
        Ok(())
    }

    fn record_skip(&self, line: &str) -> io::Result<()> {
        let (Some(file), Some((_, skip))) = (self.skips, line.split_once(SKIPPED)) else {
            return Ok(());
        };
        let skip = format!("{}\n", skip.trim_end());
        let mut file = File::options().create(true).append(true).open(file)?;
        file.write_all(skip.as_bytes())
    }

    /// The end of the console, and what QEMU complained of.
    fn last_words(&mut self) -> String {
        self.console.finish();
        let mut words = String::new();
        let complaints = String::from_utf8_lossy(&self.complaints);
        for line in self.console.lines().chain(complaints.lines()) {
            words.push_str("\n  | ");
            words.push_str(line);
        }
        words
    }
}

/// Appends as much as there is room for.
fn keep(kept: &mut Vec<u8>, bytes: &[u8]) -> io::Result<()> {
    let room = LONGEST.saturating_sub(kept.len());
    kept.write_all(&bytes[..bytes.len().min(room)])
}

/// Reads what is there now, in at most `rounds` pieces.
fn read(
    mut source: impl Read,
    rounds: usize,
    mut take: impl FnMut(&[u8]) -> io::Result<()>,
) -> anyhow::Result<()> {
    let mut buffer = [0; 65536];
    for _ in 0..rounds {
        match source.read(&mut buffer) {
            Ok(0) => break,
            Ok(length) => take(&buffer[..length])?,
            Err(error) if error.kind() == ErrorKind::WouldBlock => break,
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error).context("failed to read from the guest"),
        }
    }
    Ok(())
}
