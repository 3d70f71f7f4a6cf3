//! The end of a cgroup: everything in it is killed, and it is removed, the
//! innermost first.

use std::fs::{self, File};
use std::io;
use std::os::fd::AsFd;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::time::{Duration, Instant};

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

/// How long killed processes may take to be gone.
const DYING: Duration = Duration::from_secs(5);

/// Kills and removes, and says how many processes there were. A cgroup that is
/// gone is success.
///
/// # Errors
///
/// What the system said, on the first thing that cannot be removed.
pub(super) fn remove(cgroup: &Path) -> io::Result<usize> {
    if !cgroup.exists() {
        return Ok(0);
    }
    let processes = processes(cgroup)?;
    if !processes.is_empty() {
        kill_all(cgroup, &processes)?;
        await_empty(cgroup)?;
    }
    remove_directories(cgroup)?;
    Ok(processes.len())
}

/// All process ids in `cgroup` and beneath.
fn processes(cgroup: &Path) -> io::Result<Vec<i32>> {
    let text = fs::read_to_string(cgroup.join("cgroup.procs"))?;
    // 0 is a process that this namespace cannot see.
    let mut found: Vec<i32> = text
        .lines()
        .filter_map(|line| line.parse().ok())
        .filter(|pid| *pid > 0)
        .collect();
    for_each_child(cgroup, |child| {
        found.extend(processes(child)?);
        Ok(())
    })?;
    Ok(found)
}

fn kill_all(cgroup: &Path, processes: &[i32]) -> io::Result<()> {
    match fs::write(cgroup.join("cgroup.kill"), "1") {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        decided => return decided,
    }
    // Before 5.14: what is frozen starts nothing more, and can be killed.
    fs::write(cgroup.join("cgroup.freeze"), "1")?;
    for pid in processes {
        // One that is gone already is no error.
        let _ = kill(Pid::from_raw(*pid), Signal::SIGKILL);
    }
    Ok(())
}

/// Waits until the kernel says that nothing is left in there.
fn await_empty(cgroup: &Path) -> io::Result<()> {
    let events = File::open(cgroup.join("cgroup.events"))?;
    let deadline = Instant::now() + DYING;
    loop {
        // Reading arms the notification that `poll` reports as POLLPRI.
        let mut text = [0; 256];
        let length = events.read_at(&mut text, 0)?;
        let text = text.get(..length).unwrap_or_default();
        if text
            .split(|byte| *byte == b'\n')
            .any(|line| line == b"populated 0")
        {
            return Ok(());
        }
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(io::Error::new(
                io::ErrorKind::TimedOut,
                "its processes were killed and do not die",
            ));
        }
        let timeout = PollTimeout::try_from(left + Duration::from_millis(1));
        let mut fds = [PollFd::new(events.as_fd(), PollFlags::POLLPRI)];
        match poll(&mut fds, timeout.unwrap_or(PollTimeout::MAX)) {
            Ok(_) | Err(nix::errno::Errno::EINTR) => {}
            Err(errno) => return Err(errno.into()),
        }
    }
}

fn remove_directories(cgroup: &Path) -> io::Result<()> {
    for_each_child(cgroup, remove_directories)?;
    match fs::remove_dir(cgroup) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        decided => decided,
    }
}

/// Links are not followed; a cgroup hierarchy has none.
fn for_each_child(cgroup: &Path, mut each: impl FnMut(&Path) -> io::Result<()>) -> io::Result<()> {
    for entry in fs::read_dir(cgroup)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            each(&entry.path())?;
        }
    }
    Ok(())
}
