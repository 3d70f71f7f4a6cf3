//! Work of several workers that depend on each other. The first of a group
//! has the first role that the description names, and so on in its order.
//!
//! A wake sample is the time of a wait, in the workers that wait: until the
//! messenger's wake-up (`futex-fan-out`, `thundering-herd`), until the token
//! comes (`wake-chain`), until an event comes (`epoll-storm`), until the lock
//! or the queue is free (`mutex-contention`, `priority-inversion`,
//! `producer-consumer-imbalance`: only waits that really blocked). The intended
//! wait is in it, except for `fan-out-compute`: there it is the time from the
//! messenger's stamp, taken just before it wakes, until the worker runs.
//! `rt-starvation` and `preempt-storm` give none.

use super::family::family;
use super::kind::{
    Gives, SPIN_OR_ROUND, SPIN_UNIT, WorkKind, number, one_of, size_kib, spins, time, workers,
};
use super::nominal;
use super::value::{Lock, Through};

const BLOCKED: Gives = Gives::Wakes("the time for which the worker was blocked");

family! {
    /// Work of a group.
    Groups "groups" {
        /// A messenger wakes the others by futex and waits until all have run.
        FutexFanOut "futex-fan-out" = WorkKind::new(
            "a messenger wakes receivers by futex, and waits until all have run",
            "one round", SPIN_OR_ROUND,
        ).group(1, &["fan"]).gives(Gives::Wakes("on receivers: the wait for the messenger, its own work included")) => {
            fan: u64 = workers("fan", 4, "receivers for each messenger"),
            spins: u64 = spins(1024, 0, "spins before each wake-up"),
        }
        /// A messenger wakes the others, which compute.
        FanOutCompute "fan-out-compute" = WorkKind::new(
            "a messenger sleeps, then wakes receivers, which work on a buffer each",
            "one round", "one pass over the buffer, or one round of the messenger",
        ).group(1, &["fan"]).gives(Gives::Wakes("on receivers: from the messenger's stamp until the receiver runs")) => {
            fan: u64 = workers("fan", 4, "receivers for each messenger"),
            size_kib: u64 = size_kib(256),
            operations: u64 = number("operations", "passes", 5, (1, 10_000), "passes over the buffer in each round"),
            sleep: std::time::Duration = time("sleep-us", 100, 0, "sleep of the messenger before each round"),
        }
        /// Workers fight for one lock.
        MutexContention "mutex-contention" = WorkKind::new(
            "workers fight for one lock", "one critical section and the work after it", SPIN_OR_ROUND,
        ).group(0, &["contenders"]).gives(BLOCKED) => {
            contenders: u64 = workers("contenders", 4, "workers that share a lock"),
            hold_spins: u64 = number("hold-spins", "spins", 256, (0, 10_000_000), "spins with the lock held"),
            work_spins: u64 = number("work-spins", "spins", 1024, (0, 10_000_000), "spins without it"),
        }
        /// One wakes all at once.
        ThunderingHerd "thundering-herd" = WorkKind::new(
            "a waker wakes all waiters at once, again and again",
            "of a waiter one wake-up, of the waker all wake-ups of a batch", "one wake-up",
        ).group(1, &["waiters"]).gives(Gives::Wakes("on waiters: the wait for the waker, its pause included")) => {
            waiters: u64 = workers("waiters", 7, "waiters for each waker"),
            batch: u64 = number("batch", "wake-ups", 1000, (1, 1_000_000), "wake-ups in one iteration of the waker"),
            pause: std::time::Duration = time("pause-us", 5_000, 1, "sleep of the waker between wake-ups"),
        }
        /// The classical inversion: the lowest holds what the highest wants.
        PriorityInversion "priority-inversion" = WorkKind::new(
            "real-time workers (priority 50) want a lock that normal ones hold, while others (priority 40) keep the CPU busy; pin them to one CPU",
            "one critical section, or one burst of a medium worker", SPIN_OR_ROUND,
        ).group(0, &["high", "medium", "low"]).gives(BLOCKED) => {
            high: u64 = workers("high", 1, "real-time workers that take the lock every millisecond"),
            medium: u64 = workers("medium", 1, "real-time workers that spin for half of the time"),
            low: u64 = workers("low", 1, "normal workers that hold the lock most of the time"),
            hold_spins: u64 = number("hold-spins", "spins", 4096, (0, 10_000_000), "spins with the lock held"),
            work_spins: u64 = number("work-spins", "spins", 1024, (0, 10_000_000), "spins without it"),
            lock: Lock = one_of("lock", Lock::NAMES, "whether the holder inherits the priority of who waits"),
        }
        /// A queue that fills faster than it is emptied, or the other way round.
        ProducerConsumer "producer-consumer-imbalance" = WorkKind::new(
            "producers fill a bounded queue at a rate, consumers empty it",
            "one item", SPIN_OR_ROUND,
        ).group(0, &["producers", "consumers"]).gives(BLOCKED) => {
            producers: u64 = workers("producers", 2, "workers that fill the queue"),
            consumers: u64 = workers("consumers", 1, "workers that empty it"),
            rate_hz: u64 = number("rate-hz", "items per second", 1000, (1, 1_000_000), "rate of each producer"),
            consume_spins: u64 = number("consume-spins", "spins", 4096, (0, 10_000_000), "spins of a consumer for each item"),
            capacity: u64 = number("capacity", "items", 1024, (1, 1_000_000), "items that the queue holds"),
        }
        /// Real-time workers that never sleep, beside normal ones.
        RtStarvation "rt-starvation" = WorkKind::new(
            "real-time workers spin without a pause beside normal ones",
            "one burst of spins", SPIN_UNIT,
        ).group(0, &["rt", "normal"]) => {
            rt: u64 = workers("rt", 1, "workers under SCHED_FIFO"),
            normal: u64 = workers("normal", 1, "workers of the normal class"),
            priority: u64 = number("priority", "", 50, (1, 99), "priority of the real-time workers"),
            spins: u64 = spins(1024, 1, "spins of one iteration"),
        }
        /// A ring of wake-ups.
        WakeChain "wake-chain" = WorkKind::new(
            "workers in a ring: each works, then wakes the next", "one turn", SPIN_OR_ROUND,
        ).group(0, &["depth"]).gives(Gives::Wakes("the wait for the worker before, the others' work included")) => {
            depth: u64 = number("depth", "workers", 4, (2, 64), "workers in the ring"),
            through: Through = one_of("through", Through::NAMES, "how the next one is woken"),
            work: std::time::Duration = time("work-us", 100, 0, "wall time of work in each turn"),
        }
        /// A real-time worker that preempts others again and again.
        PreemptStorm "preempt-storm" = WorkKind::new(
            "a real-time worker (priority 50) wakes at an interval and preempts normal ones, which spin",
            "one burst of spins", SPIN_UNIT,
        ).group(1, &["normal"]) => {
            normal: u64 = workers("normal", 2, "workers that are preempted"),
            spins: u64 = spins(1024, 1, "spins of one burst"),
            interval: std::time::Duration = time("interval-us", 1000, 1, "sleep of the real-time worker between bursts"),
        }
        /// Many events for few readers.
        EpollStorm "epoll-storm" = WorkKind::new(
            "producers write to one eventfd, consumers wait for it with epoll and read it",
            "one burst of writes, or one wake-up", SPIN_OR_ROUND,
        ).group(0, &["producers", "consumers"]).gives(Gives::Wakes("on consumers: the time of the epoll_wait")) => {
            producers: u64 = workers("producers", 1, "workers that write"),
            consumers: u64 = workers("consumers", 2, "workers that wait and read"),
            burst: u64 = number("burst", "writes", 32, (1, 4096), "writes of one iteration, each a wake-up of all that wait"),
        }
    }
}

impl Groups {
    /// The mean over the roles of a group.
    pub(super) fn demand(&self) -> (f64, u64) {
        match self {
            Self::FutexFanOut { spins, .. } => (0.5, nominal::spins(*spins) + nominal::HANDOFF_NS),
            Self::FanOutCompute {
                size_kib,
                operations,
                sleep,
                ..
            } => {
                let cost = operations * nominal::pass(*size_kib, 64) + nominal::HANDOFF_NS;
                (nominal::share_ns(cost, nominal::nanos(*sleep)), cost)
            }
            Self::MutexContention {
                contenders,
                hold_spins,
                work_spins,
            } => {
                let (held, free) = (nominal::spins(*hold_spins), nominal::spins(*work_spins));
                (
                    nominal::share_ns(held + free, held * (contenders - 1)),
                    held + free,
                )
            }
            Self::ThunderingHerd { pause, .. } => (
                nominal::share_ns(nominal::HANDOFF_NS, nominal::nanos(*pause)),
                nominal::HANDOFF_NS,
            ),
            Self::PriorityInversion {
                hold_spins,
                work_spins,
                ..
            } => (0.6, nominal::spins(hold_spins + work_spins)),
            Self::ProducerConsumer {
                rate_hz,
                consume_spins,
                ..
            } => {
                let cost = nominal::spins(*consume_spins) + nominal::HANDOFF_NS;
                (nominal::share_ns(cost, 1_000_000_000 / rate_hz), cost)
            }
            Self::RtStarvation { spins, .. } => (1.0, nominal::spins(*spins)),
            Self::WakeChain { depth, work, .. } => {
                let cost = nominal::nanos(*work) + nominal::HANDOFF_NS;
                (nominal::share_ns(cost, cost * (depth - 1)), cost)
            }
            Self::PreemptStorm { normal, spins, .. } => {
                (nominal::share_ns(*normal, 1), nominal::spins(*spins))
            }
            Self::EpollStorm { burst, .. } => (0.8, burst * nominal::HANDOFF_NS),
        }
    }
}
