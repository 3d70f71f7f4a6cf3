//! A VM as the session sees it.

use std::io;
use std::os::fd::{AsFd, BorrowedFd};

use crate::event::ExitNote;
use crate::session::{self, Guest};
use crate::vm::console::ConsoleTail;
use crate::vm::process::{Vm, VmError, VmExit};

/// Console lines kept for the report.
const TAIL: usize = 100;

/// A running VM and the end of what its console said.
#[derive(Debug)]
pub(super) struct VmGuest {
    vm: Vm,
    tail: ConsoleTail,
}

impl VmGuest {
    pub(super) fn new(vm: Vm) -> Self {
        Self { vm, tail: ConsoleTail::new(TAIL) }
    }
}

impl Guest for VmGuest {
    fn events(&self) -> BorrowedFd<'_> {
        self.vm.events().as_fd()
    }

    fn control(&self) -> BorrowedFd<'_> {
        self.vm.control().as_fd()
    }

    fn console(&self) -> BorrowedFd<'_> {
        self.vm.console().as_fd()
    }

    fn stderr(&self) -> BorrowedFd<'_> {
        self.vm.stderr().as_fd()
    }

    fn pidfd(&self) -> BorrowedFd<'_> {
        self.vm.pidfd()
    }

    fn kill(&mut self) -> io::Result<()> {
        self.vm.kill().map_err(system)
    }

    fn reap(&mut self) -> io::Result<ExitNote> {
        self.vm.wait().map_err(system).map(|exit| match exit {
            VmExit::Code(code) => ExitNote::Code(code),
            VmExit::Signal(signal) => ExitNote::Signal(signal),
        })
    }

    fn console_printed(&mut self, bytes: &[u8]) {
        self.tail.push(bytes);
    }

    fn console_tail(&mut self) -> session::ConsoleTail {
        self.tail.finish();
        session::ConsoleTail {
            crash: self.tail.crash().map(|crash| crash.headline.clone()),
            lines: self.tail.lines().map(str::to_owned).collect(),
        }
    }
}

fn system(error: VmError) -> io::Error {
    match error {
        VmError::System { source, .. } | VmError::Spawn { source, .. } => source,
        other @ VmError::Plan(_) => io::Error::other(other),
    }
}
