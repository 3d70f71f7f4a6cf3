//! Work of two partners.
//!
//! A wake sample is the time from just before a worker waits for its partner
//! until it goes on, so the partner's own work is in it. Only `signal-storm`
//! gives none: its workers are interrupted, and never wait.

use super::family::family;
use super::kind::{Gives, SPIN_OR_ROUND, WorkKind, number, one_of, size_kib, spins};
use super::nominal;
use super::value::Class;

const READ: Gives = Gives::Wakes("the time of the blocking read, the partner's work included");
const TURN: Gives =
    Gives::Wakes("the time until it is this worker's turn, the partner's work included");
const ROUND: &str = "one round trip";

family! {
    /// Work of two partners.
    Pairs "pairs" {
        /// Two workers pass a byte to and fro over two pipes.
        PipeIo "pipe-io" = WorkKind::new(
            "two workers pass a byte to and fro over two pipes", ROUND, SPIN_OR_ROUND,
        ).group(2, &[]).gives(READ) => {
            spins: u64 = spins(1024, 0, "spins before the byte is passed on"),
        }
        /// The same, with work on memory between.
        CachePipe "cache-pipe" = WorkKind::new(
            "two workers work on a buffer each and pass a byte to and fro over two pipes",
            ROUND, SPIN_OR_ROUND,
        ).group(2, &[]).gives(READ) => {
            size_kib: u64 = size_kib(32),
            spins: u64 = spins(1024, 0, "spins before the byte is passed on"),
        }
        /// Two workers wake each other by futex.
        FutexPingPong "futex-ping-pong" = WorkKind::new(
            "two workers wake each other by futex", ROUND, SPIN_OR_ROUND,
        ).group(2, &[]).gives(TURN) => {
            spins: u64 = spins(1024, 0, "spins before the partner is woken"),
        }
        /// The same, each in a scheduling class of its own.
        AsymmetricWaker "asymmetric-waker" = WorkKind::new(
            "two workers of different scheduling classes wake each other by futex",
            ROUND, SPIN_OR_ROUND,
        ).group(2, &[]).gives(TURN) => {
            class_a: Class = one_of("class-a", Class::NAMES, "class of the first worker"),
            class_b: Class = one_of("class-b", Class::NAMES, "class of the second worker"),
            spins: u64 = spins(1024, 0, "spins before the partner is woken"),
        }
        /// Each interrupts the other with signals.
        SignalStorm "signal-storm" = WorkKind::new(
            "two workers send each other signals, and spin between",
            "one volley of signals and one burst of spins", SPIN_OR_ROUND,
        ).group(2, &[]) => {
            signals: u64 = number("signals", "signals", 16, (1, 1024), "signals of one volley"),
            spins: u64 = spins(1024, 0, "spins after each volley"),
        }
    }
}

impl Pairs {
    pub(super) fn demand(&self) -> (f64, u64) {
        match self {
            Self::PipeIo { spins }
            | Self::FutexPingPong { spins }
            | Self::AsymmetricWaker { spins, .. } => {
                (0.5, nominal::spins(*spins) + nominal::HANDOFF_NS)
            }
            Self::CachePipe { size_kib, spins } => {
                let pass = nominal::pass(*size_kib, 64);
                (0.5, pass + nominal::spins(*spins) + nominal::HANDOFF_NS)
            }
            Self::SignalStorm { signals, spins } => {
                (1.0, nominal::spins(*spins) + signals * nominal::SIGNAL_NS)
            }
        }
    }
}
