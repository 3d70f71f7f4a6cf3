//! Work of several workers that depend on each other: crews are multiples of a
//! group, whose size some parameters set.

use std::time::Duration;

words! {
    /// What kind of lock is fought for.
    Lock {
        /// The kernel knows nothing of its owner.
        Plain = "plain",
        /// The owner inherits the priority of who waits.
        Inheriting = "inheriting",
    }
}

words! {
    /// How a wake-up is handed on.
    Through {
        /// A byte in a pipe.
        Pipe = "pipe",
        /// A futex.
        Futex = "futex",
    }
}

work_types! {
    /// A messenger wakes receivers by futex, and waits until all have run.
    ///
    /// In groups of `fan + 1`.
    FutexFanOut = "futex-fan-out" {
        /// Receivers for each messenger; 1 to 64 workers (by default 4).
        fan(u64) = "fan";
        /// Spins before each wake-up; 0 to 10000000 spins (by default 1024).
        spins(u64) = "spins";
    }
    /// A messenger sleeps, then wakes receivers, which work on a buffer each.
    ///
    /// In groups of `fan + 1`.
    FanOutCompute = "fan-out-compute" {
        /// Receivers for each messenger; 1 to 64 workers (by default 4).
        fan(u64) = "fan";
        /// Size of the buffer; 4 to 262144 KiB (by default 256).
        size_kib(u64) = "size-kib";
        /// Passes over the buffer in each round; 1 to 10000 passes (by default 5).
        operations(u64) = "operations";
        /// Sleep of the messenger before each round; 0 to 10000000 µs, in whole microseconds
        /// (by default 100).
        sleep(Duration) = "sleep-us";
    }
    /// Workers fight for one lock.
    ///
    /// In groups of `contenders`.
    MutexContention = "mutex-contention" {
        /// Workers that share a lock; 1 to 64 workers (by default 4).
        contenders(u64) = "contenders";
        /// Spins with the lock held; 0 to 10000000 spins (by default 256).
        hold_spins(u64) = "hold-spins";
        /// Spins without it; 0 to 10000000 spins (by default 1024).
        work_spins(u64) = "work-spins";
    }
    /// A waker wakes all waiters at once, again and again.
    ///
    /// In groups of `waiters + 1`.
    ThunderingHerd = "thundering-herd" {
        /// Waiters for each waker; 1 to 64 workers (by default 7).
        waiters(u64) = "waiters";
        /// Wake-ups in one iteration of the waker; 1 to 1000000 wake-ups (by default 1000).
        batch(u64) = "batch";
        /// Sleep of the waker between wake-ups; 1 to 10000000 µs, in whole microseconds (by
        /// default 5000).
        pause(Duration) = "pause-us";
    }
    /// Real-time workers (priority 50) want a lock that normal ones hold, while others
    /// (priority 40) keep the CPU busy; pin them to one CPU.
    ///
    /// In groups of `high + medium + low`.
    PriorityInversion = "priority-inversion" {
        /// Real-time workers that take the lock every millisecond; 1 to 64 workers (by
        /// default 1).
        high(u64) = "high";
        /// Real-time workers that spin for half of the time; 1 to 64 workers (by default 1).
        medium(u64) = "medium";
        /// Normal workers that hold the lock most of the time; 1 to 64 workers (by default
        /// 1).
        low(u64) = "low";
        /// Spins with the lock held; 0 to 10000000 spins (by default 4096).
        hold_spins(u64) = "hold-spins";
        /// Spins without it; 0 to 10000000 spins (by default 1024).
        work_spins(u64) = "work-spins";
        /// Whether the holder inherits the priority of who waits (by default plain).
        lock(Lock) = "lock";
    }
    /// Producers fill a bounded queue at a rate, consumers empty it.
    ///
    /// In groups of `producers + consumers`.
    ProducerConsumerImbalance = "producer-consumer-imbalance" {
        /// Workers that fill the queue; 1 to 64 workers (by default 2).
        producers(u64) = "producers";
        /// Workers that empty it; 1 to 64 workers (by default 1).
        consumers(u64) = "consumers";
        /// Rate of each producer; 1 to 1000000 items per second (by default 1000).
        rate_hz(u64) = "rate-hz";
        /// Spins of a consumer for each item; 0 to 10000000 spins (by default 4096).
        consume_spins(u64) = "consume-spins";
        /// Items that the queue holds; 1 to 1000000 items (by default 1024).
        capacity(u64) = "capacity";
    }
    /// Real-time workers spin without a pause beside normal ones.
    ///
    /// In groups of `rt + normal`.
    RtStarvation = "rt-starvation" {
        /// Workers under SCHED_FIFO; 1 to 64 workers (by default 1).
        rt(u64) = "rt";
        /// Workers of the normal class; 1 to 64 workers (by default 1).
        normal(u64) = "normal";
        /// Priority of the real-time workers; 1 to 99 (by default 50).
        priority(u64) = "priority";
        /// Spins of one iteration; 1 to 10000000 spins (by default 1024).
        spins(u64) = "spins";
    }
    /// Workers in a ring: each works, then wakes the next.
    ///
    /// In groups of `depth`.
    ///
    /// ```
    /// use proscenium_sdk::prelude::*;
    /// let ring = WakeChain::new().depth(6).through(Through::Futex);
    /// let def = CgroupDef::new("ring").workers(6).work(ring);
    /// ```
    WakeChain = "wake-chain" {
        /// Workers in the ring; 2 to 64 workers (by default 4).
        depth(u64) = "depth";
        /// How the next one is woken (by default pipe).
        through(Through) = "through";
        /// Wall time of work in each turn; 0 to 10000000 µs, in whole microseconds (by
        /// default 100).
        work(Duration) = "work-us";
    }
    /// A real-time worker (priority 50) wakes at an interval and preempts normal ones, which
    /// spin.
    ///
    /// In groups of `normal + 1`.
    PreemptStorm = "preempt-storm" {
        /// Workers that are preempted; 1 to 64 workers (by default 2).
        normal(u64) = "normal";
        /// Spins of one burst; 1 to 10000000 spins (by default 1024).
        spins(u64) = "spins";
        /// Sleep of the real-time worker between bursts; 1 to 10000000 µs, in whole
        /// microseconds (by default 1000).
        interval(Duration) = "interval-us";
    }
    /// Producers write to one eventfd, consumers wait for it with epoll and read it.
    ///
    /// In groups of `producers + consumers`.
    EpollStorm = "epoll-storm" {
        /// Workers that write; 1 to 64 workers (by default 1).
        producers(u64) = "producers";
        /// Workers that wait and read; 1 to 64 workers (by default 2).
        consumers(u64) = "consumers";
        /// Writes of one iteration, each a wake-up of all that wait; 1 to 4096 writes (by
        /// default 32).
        burst(u64) = "burst";
    }
}
