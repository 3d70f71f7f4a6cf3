//! The names and units that typed work types put on the wire.

use proscenium_sdk::prelude::*;
use proscenium_sdk::work::{ParameterValue, Work, builtin};

fn parts(work: impl Into<Work>) -> (String, Vec<(String, ParameterValue)>) {
    match work.into() {
        Work::Builtin(work) => (work.name, work.parameters),
        Work::Exported(name) => (name, Vec::new()),
    }
}

fn expect(work: impl Into<Work>, name: &str, parameters: &[(&str, u64)]) {
    let (got, values) = parts(work);
    let parameters: Vec<(String, ParameterValue)> = parameters
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).into()))
        .collect();
    assert_eq!((got.as_str(), values), (name, parameters));
}

#[test]
fn parameters_that_are_left_open_are_left_to_the_runtime() {
    expect(SpinWait::new(), "spin-wait", &[]);
    expect(YieldHeavy::new(), "yield-heavy", &[]);
    expect(Mixed::new(), "mixed", &[]);
    expect(Bursty::new(), "bursty", &[]);
    expect(IoSyncWrite::new(), "io-sync-write", &[]);
    expect(PipeIo::new(), "pipe-io", &[]);
    expect(FutexPingPong::new(), "futex-ping-pong", &[]);
    expect(CachePressure::new(), "cache-pressure", &[]);
    expect(ForkExit::new(), "fork-exit", &[]);
}

#[test]
fn times_are_whole_microseconds_and_sizes_are_kib() {
    let bursty = Bursty::new()
        .work(Duration::from_millis(2))
        .sleep(Duration::from_nanos(7_999));
    expect(bursty, "bursty", &[("work-us", 2_000), ("sleep-us", 7)]);
    expect(
        IoSyncWrite::new().writes(8).size_kib(4),
        "io-sync-write",
        &[("writes", 8), ("size-kib", 4)],
    );
    expect(
        CachePressure::new().size_kib(256).stride(128),
        "cache-pressure",
        &[("size-kib", 256), ("stride", 128)],
    );
}

#[test]
fn the_last_value_of_a_parameter_counts() {
    expect(
        SpinWait::new().spins(1).spins(2),
        "spin-wait",
        &[("spins", 2)],
    );
    expect(
        builtin("new").with("a", 1).with("b", 2).with("a", 3),
        "new",
        &[("a", 3), ("b", 2)],
    );
}

#[test]
fn a_sequence_keeps_the_order_of_its_parts_and_may_repeat_one() {
    let ms = Duration::from_millis;
    let sequence = Sequence::new()
        .spin(ms(4))
        .sleep(ms(1))
        .spin(ms(2))
        .yielding(ms(3))
        .io(ms(5))
        .alu(ms(6));
    expect(
        sequence,
        "sequence",
        &[
            ("spin-us", 4_000),
            ("sleep-us", 1_000),
            ("spin-us", 2_000),
            ("yield-us", 3_000),
            ("io-us", 5_000),
            ("alu-us", 6_000),
        ],
    );
}

#[test]
fn words_switches_and_lists_are_what_the_runtime_calls_them() {
    let given = |work: Work| parts(work).1;
    let text = |name: &str, text: &str| (name.to_owned(), ParameterValue::from(text));
    let chain = WakeChain::new().through(Through::Futex);
    assert_eq!(given(chain.into()), [text("through", "futex")]);
    let waker = AsymmetricWaker::new()
        .class_a(Class::Rt)
        .class_b(Class::Deadline);
    assert_eq!(
        given(waker.into()),
        [text("class-a", "rt"), text("class-b", "deadline")]
    );
    let sweep = NumaWorkingSetSweep::new().nodes("0-1");
    assert_eq!(given(sweep.into()), [text("nodes", "0-1")]);
    let idle = IdleChurn::new().precise(true);
    assert_eq!(
        given(idle.into()),
        [("precise".to_owned(), ParameterValue::Number(1))]
    );
}
