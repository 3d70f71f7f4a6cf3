//! Filters of system calls: what foreign code takes that only computes, and
//! what its process takes besides. Any other call ends the process.
//!
//! No list here opens, makes or names anything, and memory that was not
//! executable never becomes so.

use std::collections::BTreeMap;

use seccompiler::{
    BackendError, BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition,
    SeccompFilter, SeccompRule, TargetArch, apply_filter_all_threads,
};

/// Memory that is there already, waiting for threads, time, signals by which
/// wasm traps, and the end.
const COMPUTING: [i64; 18] = [
    libc::SYS_munmap,
    libc::SYS_mremap,
    libc::SYS_madvise,
    libc::SYS_brk,
    libc::SYS_futex,
    libc::SYS_gettid,
    libc::SYS_sched_yield,
    libc::SYS_clock_gettime,
    libc::SYS_getcpu,
    libc::SYS_getrandom,
    libc::SYS_rt_sigaction,
    libc::SYS_rt_sigprocmask,
    libc::SYS_rt_sigreturn,
    libc::SYS_sigaltstack,
    libc::SYS_restart_syscall,
    libc::SYS_close,
    libc::SYS_exit,
    libc::SYS_exit_group,
];

/// A call that is allowed with some arguments only.
pub(crate) type Rule = (i64, SeccompRule);

/// Allows this process, from now on, to compute, these calls, and those of
/// `rules`.
///
/// # Errors
/// What the kernel refuses; nothing is given up then.
pub(crate) fn allow_only(calls: &[i64], rules: Vec<Rule>) -> Result<(), seccompiler::Error> {
    apply_filter_all_threads(&program(calls, rules)?)
}

fn program(calls: &[i64], rules: Vec<Rule>) -> Result<BpfProgram, BackendError> {
    let anyhow = COMPUTING.iter().chain(calls);
    let mut all: BTreeMap<i64, Vec<SeccompRule>> = anyhow.map(|call| (*call, Vec::new())).collect();
    for call in [libc::SYS_mmap, libc::SYS_mprotect] {
        all.insert(call, vec![bits_are(2, libc::PROT_EXEC, 0)?]);
    }
    for (call, rule) in rules {
        all.entry(call).or_default().push(rule);
    }
    SeccompFilter::new(
        all,
        SeccompAction::KillProcess,
        SeccompAction::Allow,
        TargetArch::x86_64,
    )?
    .try_into()
}

/// A rule: these bits of an argument have this value.
pub(crate) fn bits_are(argument: u8, mask: i32, value: i32) -> Result<SeccompRule, BackendError> {
    let [mask, value] = [mask, value].map(|bits| u64::from(bits.cast_unsigned()));
    SeccompRule::new(vec![SeccompCondition::new(
        argument,
        SeccompCmpArgLen::Qword,
        SeccompCmpOp::MaskedEq(mask),
        value,
    )?])
}
