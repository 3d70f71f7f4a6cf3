//! QEMU as a process that this value owns.
//!
//! Owns the child and the host's ends of its channels: dropping it kills and
//! reaps. Never reads what the guest says and never decides whether a run is
//! over.

use std::fmt;
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};
use std::os::unix::net::UnixStream;
use std::os::unix::process::ExitStatusExt;
use std::path::PathBuf;
use std::process::{ChildStderr, Command, ExitStatus, Stdio};

use nix::sys::signal::Signal;

use super::args::{Descriptors, qemu_args};
use super::initramfs::Image;
use super::plan::{BootPlan, PlanError};
use crate::child::{self, Owned};

/// A running QEMU. Boot it on the thread that will wait for it: when that
/// thread ends, the kernel kills QEMU.
#[derive(Debug)]
pub struct Vm {
    child: Owned,
    events: UnixStream,
    control: UnixStream,
    console: UnixStream,
    stderr: ChildStderr,
}

/// How QEMU ended. That says nothing about the guest: QEMU ends with 0 after a
/// panic too, so only the guest's own end frame means that it came to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum VmExit {
    /// It returned this code. 0 after power-off, after a reset and after a
    /// guest's panic; 1 when it refused its arguments.
    Code(i32),
    /// This signal killed it.
    Signal(i32),
}

impl fmt::Display for VmExit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Code(code) => write!(f, "QEMU ended with code {code}"),
            Self::Signal(signal) => match Signal::try_from(*signal) {
                Ok(name) => write!(f, "QEMU was killed by {name}"),
                Err(_) => write!(f, "QEMU was killed by signal {signal}"),
            },
        }
    }
}

impl From<ExitStatus> for VmExit {
    fn from(status: ExitStatus) -> Self {
        match (status.code(), status.signal()) {
            (Some(code), _) => Self::Code(code),
            (None, signal) => Self::Signal(signal.unwrap_or(0)),
        }
    }
}

/// Why no VM was started, or why it could not be ended.
#[derive(Debug, thiserror::Error)]
pub enum VmError {
    /// The plan exceeds what the machine can be.
    #[error(transparent)]
    Plan(#[from] PlanError),
    /// QEMU could not be started.
    #[error("failed to start {program}")]
    Spawn {
        /// The emulator.
        program: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// A descriptor could not be made.
    #[error("failed to {what}")]
    System {
        /// A verb and its object.
        what: &'static str,
        /// What the system said.
        #[source]
        source: io::Error,
    },
}

impl Vm {
    /// Starts QEMU with `image`. `tsc_khz` is this machine's counter in kHz
    /// from [`super::tsc::measure_khz`]; KVM does not need it.
    ///
    /// # Errors
    ///
    /// When the plan is beyond QEMU's machine or the process cannot be started.
    /// A QEMU that starts and then refuses its arguments ends with code 1 and
    /// says why on [`Vm::stderr`].
    pub fn boot(plan: &BootPlan, image: &Image, tsc_khz: Option<u64>) -> Result<Self, VmError> {
        plan.check()?;
        let channel = || child::channel().map_err(system("make a channel to the guest"));
        let (events, guest_events) = channel()?;
        let (control, guest_control) = channel()?;
        let (console, guest_console) = channel()?;
        let fds = Descriptors {
            events: guest_events.as_raw_fd(),
            control: guest_control.as_raw_fd(),
            console: guest_console.as_raw_fd(),
            initrd: image.as_fd().as_raw_fd(),
        };
        let mut command = Command::new(&plan.qemu.program);
        command
            .args(qemu_args(plan, fds, tsc_khz))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped());
        let inherited = vec![fds.events, fds.control, fds.console, fds.initrd];
        let mut child = Owned::start(command, inherited).map_err(|source| VmError::Spawn {
            program: plan.qemu.program.clone(),
            source,
        })?;
        let stderr = child
            .take_stderr()
            .map_err(system("hold QEMU's standard error"))?;
        Ok(Self {
            child,
            events,
            control,
            console,
            stderr,
        })
    }

    /// Where the guest's frames are read. Non-blocking.
    #[must_use]
    pub const fn events(&self) -> &UnixStream {
        &self.events
    }

    /// Where frames for the guest are written. Non-blocking.
    #[must_use]
    pub const fn control(&self) -> &UnixStream {
        &self.control
    }

    /// Where the guest's serial console is read. Non-blocking; hostile, see [`super::console`].
    #[must_use]
    pub const fn console(&self) -> &UnixStream {
        &self.console
    }

    /// Where QEMU's own complaints are read. Non-blocking.
    #[must_use]
    pub const fn stderr(&self) -> &ChildStderr {
        &self.stderr
    }

    /// Becomes readable when QEMU has ended.
    #[must_use]
    pub fn pidfd(&self) -> BorrowedFd<'_> {
        self.child.pidfd()
    }

    /// QEMU's process id, for messages.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.child.pid()
    }

    /// Kills QEMU; [`Vm::wait`] then returns soon. Killing what has ended is no error.
    ///
    /// # Errors
    ///
    /// What the system said.
    pub fn kill(&mut self) -> Result<(), VmError> {
        self.child.kill().map_err(system("kill QEMU"))
    }

    /// Whether QEMU has ended, and how, without waiting.
    ///
    /// # Errors
    ///
    /// What the system said.
    pub fn try_wait(&mut self) -> Result<Option<VmExit>, VmError> {
        let status = self
            .child
            .try_wait()
            .map_err(system("ask for QEMU's end"))?;
        Ok(status.map(VmExit::from))
    }

    /// Waits until QEMU has ended. What it left in the channels can still be read.
    ///
    /// # Errors
    ///
    /// What the system said.
    pub fn wait(&mut self) -> Result<VmExit, VmError> {
        let status = self.child.wait().map_err(system("wait for QEMU's end"))?;
        Ok(status.into())
    }
}

fn system(what: &'static str) -> impl Fn(io::Error) -> VmError {
    move |source| VmError::System { what, source }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vm::accel::Accel;
    use crate::vm::initramfs::{GuestBinaries, INIT_NAME, WORKER_NAME};
    use crate::vm::qemu::tests::write_script;
    use crate::vm::qemu::{PROGRAM, Qemu, Version};
    use nix::fcntl::{FcntlArg, OFlag, fcntl};
    use std::fs;
    use std::io::Read;
    use std::path::Path;

    /// A plan whose emulator is a shell script, and an image to go with it.
    fn scripted(dir: &Path, script: &str) -> (BootPlan, Image) {
        let program = dir.join(PROGRAM);
        write_script(&program, script);
        let mut elf = vec![0; 64];
        elf[..7].copy_from_slice(&[0x7f, b'E', b'L', b'F', 2, 1, 1]);
        (elf[16], elf[18], elf[20], elf[52]) = (2, 62, 1, 64);
        for name in [INIT_NAME, WORKER_NAME] {
            fs::write(dir.join(name), &elf).unwrap();
        }
        let binaries = GuestBinaries::find(&[dir.to_owned()]).unwrap();
        let plan = BootPlan {
            qemu: Qemu {
                program,
                version: Version {
                    major: 7,
                    minor: 2,
                    patch: 0,
                },
                firmware: None,
            },
            accel: Accel::Tcg { threads: false },
            topology: "1n1l1c1t".parse().unwrap(),
            memory_mib: 256,
            kernel: "/nonexistent".into(),
            kernel_words: Vec::new(),
        };
        (plan, Image::new(&binaries).unwrap())
    }

    fn boot(dir: &Path, script: &str) -> Vm {
        let (plan, image) = scripted(dir, script);
        let vm = Vm::boot(&plan, &image, None).unwrap();
        // Tests that fork at the same moment hold the other ends a little
        // longer, so these reads wait for the end instead of polling for it.
        vm.events.set_nonblocking(false).unwrap();
        fcntl(&vm.stderr, FcntlArg::F_SETFL(OFlag::empty())).unwrap();
        vm
    }

    #[test]
    fn the_code_and_the_complaint_of_an_emulator_that_refuses_are_kept() {
        let dir = tempfile::tempdir().unwrap();
        let mut vm = boot(dir.path(), "echo refused >&2; exit 3");
        assert_eq!(vm.wait().unwrap(), VmExit::Code(3));
        let mut said = String::new();
        vm.stderr.read_to_string(&mut said).unwrap();
        assert_eq!(said, "refused\n");
    }

    #[test]
    fn the_descriptors_named_in_the_arguments_are_open_in_the_emulator() {
        let dir = tempfile::tempdir().unwrap();
        let script = r#"for word in "$@"; do case $word in socket,*) readlink "/proc/$$/fd/${word##*=}" >&2;; /dev/fd/*) test -r "$word" && echo image >&2;; esac; done"#;
        let mut vm = boot(dir.path(), script);
        assert_eq!(vm.wait().unwrap(), VmExit::Code(0));
        let mut said = String::new();
        vm.stderr.read_to_string(&mut said).unwrap();
        let sockets = said.lines().filter(|line| line.starts_with("socket:"));
        assert_eq!(sockets.count(), 3);
        assert!(said.ends_with("image\n"), "{said}");
    }

    #[test]
    fn killing_is_seen_as_the_signal_and_may_be_repeated() {
        let dir = tempfile::tempdir().unwrap();
        let mut vm = boot(dir.path(), "exec sleep 1000");
        assert_eq!(vm.try_wait().unwrap(), None);
        vm.kill().unwrap();
        assert_eq!(vm.wait().unwrap(), VmExit::Signal(libc::SIGKILL));
        vm.kill().unwrap();
        assert_eq!(vm.wait().unwrap().to_string(), "QEMU was killed by SIGKILL");
    }

    #[test]
    fn dropping_leaves_no_process() {
        let dir = tempfile::tempdir().unwrap();
        let vm = boot(dir.path(), "exec sleep 1000");
        let process = format!("/proc/{}", vm.pid());
        assert!(Path::new(&process).exists());
        drop(vm);
        assert!(!Path::new(&process).exists());
    }

    #[test]
    fn an_emulator_that_is_gone_is_named() {
        let dir = tempfile::tempdir().unwrap();
        let (mut plan, image) = scripted(dir.path(), "");
        plan.qemu.program = "/nonexistent/qemu".into();
        let error = Vm::boot(&plan, &image, None).unwrap_err();
        assert_eq!(error.to_string(), "failed to start /nonexistent/qemu");
    }

    #[test]
    fn a_plan_beyond_the_machine_starts_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let (mut plan, image) = scripted(dir.path(), "");
        plan.topology = "252cpu-14llc-smt".parse().unwrap();
        assert!(matches!(
            Vm::boot(&plan, &image, None),
            Err(VmError::Plan(_))
        ));
    }
}
