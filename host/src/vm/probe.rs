//! Can this machine's KVM run an ordinary kernel? Asked by running code of one.
//!
//! A device node proves nothing: on nested and paravirtual hosts `/dev/kvm`
//! makes VMs and then fails in the middle of a kernel. This owns a VM of one
//! CPU and one page table that runs `probe.s`, a few dozen instructions that
//! every 64-bit kernel needs, within [`DEADLINE`]. It never decides what to do
//! with the answer; [`super::accel`] does.

#![expect(unsafe_code, reason = "guest memory is mapped and given to the kernel")]

use std::arch::global_asm;
use std::fmt;
use std::io;
use std::os::fd::AsRawFd;
use std::path::Path;
use std::slice;
use std::thread;
use std::time::Duration;

use kvm_bindings::{KVM_MAX_CPUID_ENTRIES, kvm_segment, kvm_userspace_memory_region};
use kvm_ioctls::{Kvm, VcpuExit, VcpuFd, VmFd};
use nix::sys::mman::{MapFlags, ProtFlags, mmap_anonymous, munmap};
use nix::sys::signal::{SigEvent, SigSet, SigevNotify, Signal};
use nix::sys::timer::{Expiration, Timer, TimerSetTimeFlags};
use nix::time::ClockId;

/// Longest time that the probe's code may run. It needs microseconds where KVM works.
pub const DEADLINE: Duration = Duration::from_millis(500);

/// What the probe found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Probe {
    /// A kernel's instructions run.
    Usable,
    /// The device answers and cannot be used; the text says what failed.
    Unusable {
        /// A lower-case clause, such as "`xrstor64` failed: emulation failure".
        why: String,
    },
    /// There is no device.
    Absent,
}

/// What the code reports after each group, in its order, and which instructions it held.
const GROUPS: &[&str] = &[
    "long mode",
    "locked operations (cmpxchg, xadd)",
    "cmpxchg16b",
    "xsetbv, xsave64 and xrstor64",
    "int3 through an interrupt table",
    "per-CPU base, page table switch (wrmsr, swapgs, mov cr3)",
];
/// Port on which the code reports.
const REPORT_PORT: u16 = 0xf4;
/// What it reports when a group computed something wrong.
const WRONG: u8 = 0xff;

/// One page of 2 MiB holds everything; addresses below are within it.
const MEMORY: usize = 2 << 20;
const PML4: u64 = 0x1000;
const PDPT: u64 = 0x2000;
const PAGE_DIRECTORY: u64 = 0x3000;
const GDT: u64 = 0x4000;
const IDT: u64 = 0x5000;
const CODE: u64 = 0x8000;
const STACK_TOP: u64 = 0x1_0000;
const SCRATCH: u64 = 0x1_1000;

/// Selector of the code segment: the second entry of the GDT.
const CODE_SELECTOR: u16 = 0x08;
/// Selector of the data segment: the third entry.
const DATA_SELECTOR: u16 = 0x10;

global_asm!(include_str!("probe.s"));

// SAFETY: the symbols are labels in `probe.s`, in this order, in read-only data.
unsafe extern "C" {
    static proscenium_probe_start: u8;
    static proscenium_probe_breakpoint: u8;
    static proscenium_probe_end: u8;
}

/// What went wrong before or while the code ran.
#[derive(Debug)]
enum Failure {
    Setup(&'static str, io::Error),
    Stopped { group: usize, how: String },
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Setup(what, error) => write!(f, "failed to {what}: {error}"),
            Self::Stopped { group, how } => {
                let name = GROUPS
                    .get(*group)
                    .copied()
                    .unwrap_or("the end of the probe");
                write!(f, "{name} failed: {how}")
            }
        }
    }
}

/// Runs the probe on the KVM device at `device`, normally `/dev/kvm`.
///
/// Takes milliseconds, and never longer than [`DEADLINE`] and a little.
#[must_use]
pub fn probe(device: &Path) -> Probe {
    if !device.exists() {
        return Probe::Absent;
    }
    let Ok(device) = std::ffi::CString::new(device.as_os_str().as_encoded_bytes()) else {
        return Probe::Absent;
    };
    // The thread has a signal mask of its own, in which the deadline's signal
    // is blocked; nothing of it outlives the thread.
    let answer = thread::Builder::new()
        .name("kvm-probe".into())
        .spawn(move || run(&device));
    let answer = answer.map(thread::JoinHandle::join);
    let why = match answer {
        Ok(Ok(Ok(()))) => return Probe::Usable,
        Ok(Ok(Err(failure))) => failure.to_string(),
        Ok(Err(_)) => "the probe itself failed".to_owned(),
        Err(error) => format!("failed to start a thread: {error}"),
    };
    Probe::Unusable { why }
}

/// Guest memory, unmapped when dropped.
struct Memory(std::ptr::NonNull<libc::c_void>);

impl Memory {
    fn new() -> Result<Self, Failure> {
        let length = std::num::NonZeroUsize::MIN.saturating_add(MEMORY - 1);
        let prot = ProtFlags::PROT_READ | ProtFlags::PROT_WRITE;
        // SAFETY: a new private mapping at an address of the kernel's choice.
        let map = unsafe { mmap_anonymous(None, length, prot, MapFlags::MAP_PRIVATE) };
        map.map(Self)
            .map_err(|error| Failure::Setup("map guest memory", error.into()))
    }

    /// The bytes, while no CPU runs on them.
    fn bytes(&mut self) -> &mut [u8] {
        // SAFETY: the mapping has this length, is ours alone, and is zeroed by the kernel.
        unsafe { slice::from_raw_parts_mut(self.0.as_ptr().cast(), MEMORY) }
    }

    fn put(&mut self, address: u64, value: u64) {
        let at = usize::try_from(address).unwrap_or(usize::MAX);
        if let Some(slot) = self.bytes().get_mut(at..at.saturating_add(8)) {
            slot.copy_from_slice(&value.to_le_bytes());
        }
    }

    /// Page tables, descriptor tables and the code.
    fn fill(&mut self) {
        self.put(PML4, PDPT | 3);
        self.put(PDPT, PAGE_DIRECTORY | 3);
        // Present, writable, 2 MiB.
        self.put(PAGE_DIRECTORY, 0x83);
        self.put(GDT + 8, 0x00af_9b00_0000_ffff);
        self.put(GDT + 16, 0x00cf_9300_0000_ffff);
        let start = &raw const proscenium_probe_start;
        let handler = &raw const proscenium_probe_breakpoint;
        let end = &raw const proscenium_probe_end;
        let length = end.addr() - start.addr();
        // SAFETY: start and end bound one run of bytes in read-only data.
        let code = unsafe { slice::from_raw_parts(start, length) };
        let at = usize::try_from(CODE).unwrap_or(0);
        self.bytes()[at..at + length].copy_from_slice(code);
        let offset = u64::try_from(handler.addr() - start.addr()).unwrap_or(0);
        let address = CODE + offset;
        // Present 64-bit interrupt gate for vector 3; the address is below 64 KiB.
        let gate = (address & 0xffff) | (u64::from(CODE_SELECTOR) << 16) | (0x8e00 << 32);
        self.put(IDT + 3 * 16, gate);
    }
}

impl Drop for Memory {
    fn drop(&mut self) {
        // SAFETY: mapped by `new` with this length; the VM that used it is gone,
        // because `run` drops its VM first.
        let _ = unsafe { munmap(self.0, MEMORY) };
    }
}

fn run(device: &std::ffi::CStr) -> Result<(), Failure> {
    let setup = |what| move |error: kvm_ioctls::Error| Failure::Setup(what, error.into());
    let mut memory = Memory::new()?;
    memory.fill();
    let kvm = Kvm::new_with_path(device).map_err(setup("open the KVM device"))?;
    let vm = kvm.create_vm().map_err(setup("create a VM"))?;
    give_memory(&vm, &memory)?;
    let mut vcpu = vm.create_vcpu(0).map_err(setup("create a CPU"))?;
    let cpuid = kvm
        .get_supported_cpuid(KVM_MAX_CPUID_ENTRIES)
        .map_err(setup("read the CPU's features"))?;
    vcpu.set_cpuid2(&cpuid)
        .map_err(setup("set the CPU's features"))?;
    set_registers(&vcpu)?;
    let _deadline = Deadline::arm(&vcpu)?;
    let ended = execute(&mut vcpu);
    drop((vcpu, vm));
    ended
}

fn give_memory(vm: &VmFd, memory: &Memory) -> Result<(), Failure> {
    let region = kvm_userspace_memory_region {
        slot: 0,
        guest_phys_addr: 0,
        memory_size: MEMORY as u64,
        userspace_addr: memory.0.as_ptr().expose_provenance() as u64,
        flags: 0,
    };
    // SAFETY: the mapping outlives the VM: `run` drops the VM before it.
    unsafe { vm.set_user_memory_region(region) }
        .map_err(|error| Failure::Setup("give the VM its memory", error.into()))
}

/// Long mode, flat segments, floating point enabled, interrupts off.
fn set_registers(vcpu: &VcpuFd) -> Result<(), Failure> {
    let setup = |what| move |error: kvm_ioctls::Error| Failure::Setup(what, error.into());
    let mut sregs = vcpu.get_sregs().map_err(setup("read registers"))?;
    let code = kvm_segment {
        base: 0,
        limit: 0xffff_ffff,
        selector: CODE_SELECTOR,
        type_: 11,
        present: 1,
        s: 1,
        l: 1,
        g: 1,
        ..kvm_segment::default()
    };
    let data = kvm_segment {
        selector: DATA_SELECTOR,
        type_: 3,
        l: 0,
        db: 1,
        ..code
    };
    sregs.cs = code;
    for segment in [
        &mut sregs.ds,
        &mut sregs.es,
        &mut sregs.fs,
        &mut sregs.gs,
        &mut sregs.ss,
    ] {
        *segment = data;
    }
    (sregs.gdt.base, sregs.gdt.limit) = (GDT, 3 * 8 - 1);
    (sregs.idt.base, sregs.idt.limit) = (IDT, 32 * 16 - 1);
    sregs.cr3 = PML4;
    // PAE, FXSR, XMM exceptions, XSAVE.
    sregs.cr4 = (1 << 5) | (1 << 9) | (1 << 10) | (1 << 18);
    // Protected mode, monitor, extension type, numeric errors, write protect, paging.
    sregs.cr0 = 1 | (1 << 1) | (1 << 4) | (1 << 5) | (1 << 16) | (1 << 31);
    // Long mode enabled and active.
    sregs.efer = (1 << 8) | (1 << 10);
    vcpu.set_sregs(&sregs).map_err(setup("enter long mode"))?;
    let mut regs = vcpu.get_regs().map_err(setup("read registers"))?;
    regs.rip = CODE;
    regs.rsp = STACK_TOP;
    regs.rdi = SCRATCH;
    regs.rflags = 2;
    vcpu.set_regs(&regs).map_err(setup("set registers"))
}

fn execute(vcpu: &mut VcpuFd) -> Result<(), Failure> {
    let mut group = 0;
    // Each exit is a report or the end, so the number of turns is bounded.
    for _ in 0..=GROUPS.len() {
        let how = match vcpu.run() {
            Ok(VcpuExit::IoOut(REPORT_PORT, &[WRONG])) => "it computed something wrong".to_owned(),
            Ok(VcpuExit::IoOut(REPORT_PORT, &[number])) if usize::from(number) == group + 1 => {
                group += 1;
                continue;
            }
            Ok(VcpuExit::Hlt) if group == GROUPS.len() => return Ok(()),
            Ok(VcpuExit::InternalError) => internal_error(vcpu),
            Ok(VcpuExit::Shutdown) => "the CPU gave up (triple fault)".to_owned(),
            Ok(VcpuExit::FailEntry(reason, _)) => {
                format!("the CPU refused to enter (reason {reason:#x})")
            }
            Ok(exit) => format!("unexpected exit {exit:?}"),
            Err(error) if error.errno() == libc::EINTR => {
                format!("no progress within {} ms", DEADLINE.as_millis())
            }
            Err(error) => error.to_string(),
        };
        return Err(Failure::Stopped { group, how });
    }
    let how = "it never came to its end".to_owned();
    Err(Failure::Stopped { group, how })
}

/// KVM's own word for an internal error.
fn internal_error(vcpu: &mut VcpuFd) -> String {
    // SAFETY: the exit reason says that the kernel filled in this member.
    let suberror = unsafe { vcpu.get_kvm_run().__bindgen_anon_1.internal.suberror };
    match suberror {
        kvm_bindings::KVM_INTERNAL_ERROR_EMULATION => {
            "KVM tried to emulate the instruction and could not (emulation failure)".to_owned()
        }
        kvm_bindings::KVM_INTERNAL_ERROR_DELIVERY_EV => {
            "KVM could not deliver the event".to_owned()
        }
        other => format!("KVM internal error {other}"),
    }
}

/// Interrupts a CPU that makes no progress. The signal is blocked in this
/// thread and unblocked by KVM while the CPU runs, so no handler is needed and
/// no other thread notices.
struct Deadline {
    _timer: Timer,
}

/// `KVM_SET_SIGNAL_MASK`: `_IOW(KVMIO, 0x8b, struct kvm_signal_mask)`.
const KVM_SET_SIGNAL_MASK: libc::c_ulong = 0x4004_ae8b;
/// Bytes of a signal set as the kernel counts it.
const KERNEL_SIGNAL_SET: u32 = 8;

/// `struct kvm_signal_mask` with the set that follows it.
#[repr(C, packed)]
struct SignalMask {
    len: u32,
    set: u64,
}

impl Deadline {
    fn arm(vcpu: &VcpuFd) -> Result<Self, Failure> {
        let setup = |error: nix::Error| Failure::Setup("arm the deadline", error.into());
        let mut blocked = SigSet::empty();
        blocked.add(Signal::SIGALRM);
        blocked.thread_block().map_err(setup)?;
        let mask = SignalMask {
            len: KERNEL_SIGNAL_SET,
            set: 0,
        };
        // SAFETY: the descriptor is a CPU's and the argument has the layout that the ioctl reads.
        let done = unsafe { libc::ioctl(vcpu.as_raw_fd(), KVM_SET_SIGNAL_MASK, &raw const mask) };
        if done < 0 {
            let error = io::Error::last_os_error();
            return Err(Failure::Setup("arm the deadline", error));
        }
        let event = SigEvent::new(SigevNotify::SigevThreadId {
            signal: Signal::SIGALRM,
            thread_id: nix::unistd::gettid().as_raw(),
            si_value: 0,
        });
        let mut timer = Timer::new(ClockId::CLOCK_MONOTONIC, event).map_err(setup)?;
        let after = Expiration::OneShot(DEADLINE.into());
        timer
            .set(after, TimerSetTimeFlags::empty())
            .map_err(setup)?;
        Ok(Self { _timer: timer })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_machine_without_the_device_is_told_apart() {
        assert_eq!(probe(Path::new("/nonexistent/kvm")), Probe::Absent);
    }

    #[test]
    fn something_that_is_not_kvm_is_unusable_and_says_at_which_step() {
        let Probe::Unusable { why } = probe(Path::new("/dev/null")) else {
            panic!("/dev/null is no KVM");
        };
        assert!(why.starts_with("failed to "), "{why}");
    }

    #[test]
    fn the_answer_comes_before_the_deadline_and_a_little() {
        let start = std::time::Instant::now();
        let first = probe(Path::new("/dev/kvm"));
        assert!(start.elapsed() < DEADLINE * 2);
        // The same machine gives the same answer.
        assert_eq!(first, probe(Path::new("/dev/kvm")));
    }
}
