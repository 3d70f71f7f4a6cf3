//! A QEMU as the session sees it: its descriptors, its end, its last words.
//!
//! Adds the console's tail to [`Vm`] and nothing else. Dropping it kills and
//! reaps, because dropping the `Vm` does.

use std::io;
use std::os::fd::{AsFd, BorrowedFd};

use super::guest::{ConsoleTail, Guest, KEEP};
use crate::event::ExitNote;
use crate::vm::console;
use crate::vm::process::{Vm, VmError, VmExit};

/// A booted VM, ready to be watched by [`super::run`].
#[derive(Debug)]
pub struct Qemu {
    vm: Vm,
    tail: console::ConsoleTail,
}

impl From<Vm> for Qemu {
    fn from(vm: Vm) -> Self {
        Self {
            vm,
            tail: console::ConsoleTail::new(KEEP),
        }
    }
}

impl Guest for Qemu {
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

    fn console_tail(&mut self) -> ConsoleTail {
        self.tail.finish();
        ConsoleTail {
            crash: self.tail.crash().map(|crash| crash.headline.clone()),
            lines: self.tail.lines().map(str::to_owned).collect(),
        }
    }
}

fn system(error: VmError) -> io::Error {
    io::Error::other(error)
}
