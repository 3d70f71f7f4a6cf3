//! QEMU's argument vector, one small pure function for each device.
//!
//! Owns every word that QEMU gets and the kernel's command line with the
//! reason for each of its words. Never looks at the machine that it runs on:
//! everything comes from the [`BootPlan`] and the descriptors to inherit.

use std::ffi::OsString;
use std::os::fd::RawFd;

use proscenium_wire::{CONTROL_PORT, EVENTS_PORT};

use super::accel::Accel;
use super::plan::BootPlan;
use super::topology::Topology;

/// One word of the kernel's command line and why it is there.
pub const KERNEL_COMMAND_LINE: &[(&str, &str)] = &[
    (
        "console=ttyS0",
        "a dying kernel has to be heard: panics go to the first serial port",
    ),
    (
        "rdinit=/init",
        "our runtime is PID 1 and lives in the initramfs",
    ),
    (
        "panic=-1",
        "a panic restarts at once, and -no-reboot turns that into QEMU's end",
    ),
    (
        "quiet",
        "each character on an emulated serial port costs an exit",
    ),
    (
        "nokaslr",
        "symbols stay where System.map has them, and boot is shorter",
    ),
    (
        "mitigations=off",
        "the guest is thrown away, and mitigations distort what is measured",
    ),
    (
        "norandmaps",
        "programs are at the same addresses in each process: an emulator need not translate them anew",
    ),
    (
        "tsc=reliable",
        "no watchdog doubts the time stamp counter of a busy emulator",
    ),
    (
        "no_timer_check",
        "the timer check races against a slow emulator and panics when it loses",
    ),
    (
        "8250.nr_uarts=1",
        "only one serial port exists; probing others takes time",
    ),
    (
        "random.trust_cpu=on",
        "the random pool is ready at once, nobody waits for entropy",
    ),
    (
        "rcupdate.rcu_expedited=1",
        "cgroup changes wait for grace periods; expedited ones are short",
    ),
    (
        "audit=0",
        "audit records would go to a console that is slow",
    ),
    (
        "nowatchdog",
        "an emulated CPU that is not scheduled for a while is no lockup",
    ),
    ("i8042.noaux", "no mouse: its probe waits for time-outs"),
    ("i8042.nokbd", "no keyboard, as above"),
    (
        "cryptomgr.notests",
        "self-tests of ciphers are not what is measured",
    ),
    (
        "psi=1",
        "scenarios read pressure; some distributions leave it off",
    ),
];

/// Descriptors that QEMU inherits, by their numbers in QEMU.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Descriptors {
    /// Socket of the port on which the guest sends events.
    pub events: RawFd,
    /// Socket of the port on which the host sends commands.
    pub control: RawFd,
    /// Socket of the guest's serial console.
    pub console: RawFd,
    /// The image: every archive, one after the other.
    pub initrd: RawFd,
}

/// The whole vector without the program's name. `tsc_khz` is this machine's
/// time stamp counter in kHz, where it is known.
#[must_use]
pub fn qemu_args(plan: &BootPlan, fds: Descriptors, tsc_khz: Option<u64>) -> Vec<OsString> {
    let mut args = machine_args();
    args.extend(accel_args(plan.accel));
    args.extend(cpu_args(plan.accel));
    args.extend(smp_args(plan.topology));
    args.extend(memory_args(plan.memory_mib));
    args.extend(numa_args(plan.topology, plan.memory_mib));
    args.extend(console_args(fds.console));
    args.extend(channel_args(fds.events, fds.control));
    let mut args: Vec<OsString> = args.into_iter().map(OsString::from).collect();
    if let Some(firmware) = &plan.qemu.firmware {
        args.extend(["-bios".into(), firmware.clone().into_os_string()]);
    }
    let line = command_line(plan.accel, tsc_khz, &plan.kernel_words);
    args.extend(["-kernel".into(), plan.kernel.clone().into_os_string()]);
    args.extend(["-append".into(), line.into()]);
    args.extend(["-initrd".into(), format!("/dev/fd/{}", fds.initrd).into()]);
    args
}

/// A PC with nothing that a guest without screen, disk and network needs to probe.
#[must_use]
pub fn machine_args() -> Vec<String> {
    words(&[
        "-M",
        "pc,hpet=off,smm=off,vmport=off",
        "-nodefaults",
        "-no-user-config",
        "-display",
        "none",
        "-no-reboot",
        "-name",
        "proscenium",
    ])
}

/// Who executes the guest's instructions.
#[must_use]
pub fn accel_args(accel: Accel) -> Vec<String> {
    let value = match accel {
        Accel::Kvm => "kvm",
        Accel::Tcg { threads: false } => "tcg,thread=single",
        Accel::Tcg { threads: true } => "tcg,thread=multi",
    };
    words(&["-accel", value])
}

/// The CPU model. Caches are described in Intel's leaf 4, where each die has a
/// last-level cache of its own; AMD's leaves would show one per socket.
#[must_use]
pub fn cpu_args(accel: Accel) -> Vec<String> {
    let value = match accel {
        // Nobody has seen this line run: the machine that it was written on
        // refuses KVM to ordinary kernels. The host's own cache description
        // has one cache per socket, hence QEMU's; the vendor stays the host's,
        // because system calls differ between vendors and KVM does not hide that.
        Accel::Kvm => "host,host-cache-info=off,l3-cache=on",
        // Protection keys crash Linux 6.12 under this model.
        Accel::Tcg { .. } => "max,vendor=GenuineIntel,-pku",
    };
    words(&["-cpu", value])
}

/// Nodes are sockets and last-level caches are dies.
#[must_use]
pub fn smp_args(topology: Topology) -> Vec<String> {
    let value = format!(
        "{},sockets={},dies={},cores={},threads={}",
        topology.cpus(),
        topology.nodes(),
        topology.llcs_per_node(),
        topology.cores(),
        topology.threads()
    );
    words(&["-smp", &value])
}

/// Guest memory in all.
#[must_use]
pub fn memory_args(memory_mib: u64) -> Vec<String> {
    words(&["-m", &format!("{memory_mib}M")])
}

/// One NUMA node for each socket, memory spread evenly and what is left over
/// on the first. A single node needs no words: Linux makes it one by itself.
#[must_use]
pub fn numa_args(topology: Topology, memory_mib: u64) -> Vec<String> {
    let nodes = u64::from(topology.nodes());
    let mut args = Vec::new();
    if nodes == 1 {
        return args;
    }
    for node in 0..nodes {
        let left_over = if node == 0 { memory_mib % nodes } else { 0 };
        let size = memory_mib / nodes + left_over;
        args.extend(words(&[
            "-object",
            &format!("memory-backend-ram,id=memory{node},size={size}M"),
            "-numa",
            &format!("node,nodeid={node},memdev=memory{node}"),
            "-numa",
            &format!("cpu,node-id={node},socket-id={node}"),
        ]));
    }
    args
}

/// The first serial port.
#[must_use]
pub fn console_args(fd: RawFd) -> Vec<String> {
    words(&[
        "-chardev",
        &format!("socket,id=console,fd={fd}"),
        "-serial",
        "chardev:console",
    ])
}

/// The two named ports.
#[must_use]
pub fn channel_args(events: RawFd, control: RawFd) -> Vec<String> {
    let mut args = words(&["-device", "virtio-serial-pci"]);
    for (id, fd, name) in [
        ("events", events, EVENTS_PORT),
        ("control", control, CONTROL_PORT),
    ] {
        args.extend(words(&[
            "-chardev",
            &format!("socket,id={id},fd={fd}"),
            "-device",
            &format!("virtserialport,chardev={id},name={name}"),
        ]));
    }
    args
}

/// The kernel's command line: our words, the time stamp counter's rate, then `extra`.
#[must_use]
pub fn command_line(accel: Accel, tsc_khz: Option<u64>, extra: &[String]) -> String {
    let mut line: Vec<String> = KERNEL_COMMAND_LINE
        .iter()
        .map(|(word, _)| (*word).to_owned())
        .collect();
    if let (Accel::Tcg { .. }, Some(khz)) = (accel, tsc_khz) {
        // TCG passes this machine's counter through and says nothing of its
        // rate; finding it out against an emulated timer takes long and errs.
        line.push(format!("tsc_early_khz={khz}"));
    }
    line.extend_from_slice(extra);
    line.join(" ")
}

fn words(words: &[&str]) -> Vec<String> {
    words.iter().map(|word| (*word).to_owned()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vm::qemu::{Qemu, Version};

    fn plan(topology: &str, accel: Accel) -> BootPlan {
        let topology: Topology = topology.parse().unwrap();
        BootPlan {
            qemu: Qemu {
                program: "/usr/bin/qemu-system-x86_64".into(),
                version: Version {
                    major: 7,
                    minor: 2,
                    patch: 22,
                },
                firmware: Some("/usr/share/qemu/qboot.rom".into()),
            },
            accel,
            topology,
            memory_mib: topology.default_memory_mib(),
            kernel: "/cache/vmlinux".into(),
            kernel_words: vec!["extra=1".into()],
        }
    }

    fn shown(plan: &BootPlan) -> String {
        let fds = Descriptors {
            events: 10,
            control: 11,
            console: 12,
            initrd: 13,
        };
        let mut out = String::new();
        for arg in qemu_args(plan, fds, Some(2_100_000)) {
            let arg = arg.into_string().unwrap();
            let end = if arg.starts_with('-') { ' ' } else { '\n' };
            out.push_str(&arg);
            out.push(end);
        }
        out
    }

    #[test]
    fn one_node_under_emulation() {
        insta::assert_snapshot!(shown(&plan("1n2l4c1t", Accel::Tcg { threads: false })));
    }

    #[test]
    fn two_nodes_with_threads_under_emulation_on_several_threads() {
        insta::assert_snapshot!(shown(&plan("2n4l2c2t", Accel::Tcg { threads: true })));
    }

    #[test]
    fn one_cpu_under_kvm_without_firmware() {
        let mut plan = plan("1n1l1c1t", Accel::Kvm);
        plan.qemu.firmware = None;
        insta::assert_snapshot!(shown(&plan));
    }

    #[test]
    fn memory_that_does_not_divide_goes_to_the_first_node() {
        let args = numa_args("3n3l1c1t".parse().unwrap(), 257);
        let sizes: Vec<&String> = args.iter().filter(|arg| arg.contains("size=")).collect();
        assert!(sizes[0].ends_with("size=87M") && sizes[1].ends_with("size=85M"));
    }

    #[test]
    fn every_word_of_the_command_line_has_its_reason() {
        for (word, reason) in KERNEL_COMMAND_LINE {
            assert!(!word.contains(' ') && reason.len() > 10, "{word}");
        }
    }
}
