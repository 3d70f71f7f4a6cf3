//! A process that is handed orphans reaps them and keeps its own children's
//! statuses. Its harness has a main function of ours: SIGCHLD must be blocked
//! in every thread, the first one too.

#![expect(clippy::unwrap_used, reason = "a test's failure is a panic")]

mod support;

use std::process::ExitCode;
use std::time::Duration;

use libtest_mimic::{Arguments, Trial};
use nix::errno::Errno;
use nix::sys::prctl::set_child_subreaper;
use nix::sys::signalfd::SignalFd;
use nix::sys::wait::{WaitPidFlag, waitpid};
use nix::unistd::Pid;
use proscenium_guest_runtime::init::block_sigchld;
use proscenium_guest_runtime::world::kernel::Kernel;
use proscenium_guest_runtime::world::{GroupId, World};
use proscenium_worker::ExitInfo;
use support::place::Place;
use support::{collect, crew, pass};

fn main() -> ExitCode {
    let children = block_sigchld().unwrap();
    let test = Trial::test(
        "orphans_are_reaped_and_the_own_childrens_statuses_kept",
        || {
            orphans(children);
            Ok(())
        },
    );
    libtest_mimic::run(&Arguments::from_args(), vec![test]).exit_code()
}

fn orphans(children: SignalFd) {
    let Some(place) = Place::find("orphans") else {
        return;
    };
    set_child_subreaper(true).unwrap();
    let mut parts = place.parts(None);
    parts.children = Some(children);
    let mut world = Kernel::new(parts).unwrap();
    let plan = crew("fork-exit", 4);
    let killed = world.spawn(Some(GroupId::ROOT), &plan).unwrap();
    let asked = world.spawn(Some(GroupId::ROOT), &plan).unwrap();
    world.open_gates(&[killed, asked]).unwrap();
    pass(&mut world, Duration::from_millis(200));
    // Children of the killed are handed to this process.
    world.kill(&[killed]);
    pass(&mut world, Duration::from_millis(200));
    for report in collect(&mut world, killed, Duration::from_secs(5)) {
        assert_eq!(report.exit, Some(ExitInfo::Signaled(libc::SIGKILL)));
        assert!(report.iterations > 0);
    }
    for report in collect(&mut world, asked, Duration::from_secs(5)) {
        assert_eq!(report.exit, Some(ExitInfo::Exited(0)), "{report:?}");
        assert!(report.completed);
    }
    pass(&mut world, Duration::from_millis(200));
    let left = waitpid(None::<Pid>, Some(WaitPidFlag::WNOHANG));
    assert_eq!(left, Err(Errno::ECHILD), "every child is reaped");
}
