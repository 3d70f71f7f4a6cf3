//! From a limit of the contract to the text of a cgroup file. Pure, and without
//! allocation: handles write limits in tight loops.
//!
//! Formats and ranges: the kernel's Documentation/admin-guide/cgroup-v2.rst.

use crate::bindings::types::{ByteLimit, CountLimit, CpuBandwidth, CpuLimits, MemoryLimits};
use crate::executor::{Error, Result};
use crate::world::Knob;

/// Default period of `cpu.max`, in microseconds (the kernel's own).
const PERIOD_US: u64 = 100_000;

/// What is written to one file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Value {
    /// `max`
    Max,
    /// A decimal number.
    Number(u64),
    /// `cpu.max`: quota (or `max`) and period, in microseconds.
    Bandwidth(Option<u64>, u64),
}

/// Text of a value on the stack, written from its end.
#[derive(Debug)]
pub(super) struct Text {
    bytes: [u8; Self::LONGEST],
    start: usize,
}

impl Text {
    /// Two numbers and a space have at most 41 bytes.
    const LONGEST: usize = 48;

    pub(super) fn of(value: Value) -> Self {
        let mut text = Self {
            bytes: [0; Self::LONGEST],
            start: Self::LONGEST,
        };
        match value {
            Value::Max => text.put_max(),
            Value::Number(number) => text.put_number(number),
            Value::Bandwidth(quota, period) => {
                text.put_number(period);
                text.put(b' ');
                match quota {
                    Some(quota) => text.put_number(quota),
                    None => text.put_max(),
                }
            }
        }
        text
    }

    pub(super) fn as_str(&self) -> &str {
        let bytes = self.bytes.get(self.start..).unwrap_or_default();
        #[expect(unsafe_code, reason = "checking it takes as long as writing it")]
        // SAFETY: from `start` on there is only what `put` was given: ASCII.
        unsafe {
            str::from_utf8_unchecked(bytes)
        }
    }

    fn put_max(&mut self) {
        b"max".iter().rev().for_each(|byte| self.put(*byte));
    }

    /// The formatter of the standard library takes longer than all the rest
    /// of a write on this side of the kernel.
    fn put_number(&mut self, number: u64) {
        let mut rest = number;
        loop {
            // A digit fits.
            self.put(b'0' + (rest % 10) as u8);
            rest /= 10;
            if rest == 0 {
                break;
            }
        }
    }

    fn put(&mut self, byte: u8) {
        if let Some(start) = self.start.checked_sub(1)
            && let Some(place) = self.bytes.get_mut(start)
        {
            (*place, self.start) = (byte, start);
        }
    }
}

/// One write.
pub(super) type Write1 = (Knob, Value);

/// Whether a block of limits is part of a definition, which writes every file
/// of the block, or of a change, which writes only what is given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Extent {
    Definition,
    Change,
}

/// `cpu.weight`, then `cpu.max`.
pub(super) fn cpu(limits: &CpuLimits, extent: Extent) -> Result<[Option<Write1>; 2]> {
    let weight = limits
        .weight
        .map(|weight| weight_value(Knob::CpuWeight, weight))
        .transpose()?;
    let max = match &limits.max {
        None if extent == Extent::Change => None,
        None | Some(CpuBandwidth::Unlimited) => Some(Value::Bandwidth(None, PERIOD_US)),
        Some(CpuBandwidth::Percent(0)) => {
            return Err(Error::invalid(
                "cpu.max of 0 percent would stop everything: at least 1, or unlimited",
            ));
        }
        Some(CpuBandwidth::Percent(percent)) => Some(Value::Bandwidth(
            Some(u64::from(*percent) * (PERIOD_US / 100)),
            PERIOD_US,
        )),
        Some(CpuBandwidth::Quota(quota)) => {
            let (runtime, period) = (quota.runtime / 1_000, quota.period / 1_000);
            if runtime == 0 {
                return Err(Error::invalid(
                    "cpu.max with a quota below 1 µs would stop everything: for no limit use unlimited",
                ));
            }
            if period == 0 {
                return Err(Error::invalid(
                    "cpu.max with a period below 1 µs: the kernel takes 1 ms to 1 s",
                ));
            }
            Some(Value::Bandwidth(Some(runtime), period))
        }
    };
    Ok([weight, max.map(|value| (Knob::CpuMax, value))])
}

/// `memory.max`, `.high`, `.low`, then `.swap.max`.
pub(super) fn memory(limits: &MemoryLimits, extent: Extent) -> [Option<Write1>; 4] {
    let unset = |value| (extent == Extent::Definition).then_some(value);
    let bytes = |limit: &Option<ByteLimit>| limit.as_ref().map(|limit| byte_value(*limit));
    [
        bytes(&limits.max)
            .or(unset(Value::Max))
            .map(|value| (Knob::MemoryMax, value)),
        bytes(&limits.high)
            .or(unset(Value::Max))
            .map(|value| (Knob::MemoryHigh, value)),
        limits
            .low
            .map(Value::Number)
            .or(unset(Value::Number(0)))
            .map(|v| (Knob::MemoryLow, v)),
        bytes(&limits.swap_max).map(|value| (Knob::MemorySwapMax, value)),
    ]
}

/// `io.weight`. Written as a bare number, which sets the default weight.
pub(super) fn io_weight(weight: u32) -> Result<Write1> {
    weight_value(Knob::IoWeight, weight)
}

/// `pids.max`.
pub(super) fn pids_max(max: CountLimit) -> Result<Write1> {
    match max {
        CountLimit::Unlimited => Ok((Knob::PidsMax, Value::Max)),
        CountLimit::Count(0) => Err(Error::invalid(
            "pids.max of 0 would let no worker start: at least 1, or unlimited",
        )),
        CountLimit::Count(count) => Ok((Knob::PidsMax, Value::Number(count))),
    }
}

fn byte_value(limit: ByteLimit) -> Value {
    match limit {
        ByteLimit::Unlimited => Value::Max,
        ByteLimit::Bytes(bytes) => Value::Number(bytes),
    }
}

fn weight_value(knob: Knob, weight: u32) -> Result<Write1> {
    if !(1..=10_000).contains(&weight) {
        return Err(Error::invalid(format!(
            "{} of {weight} is out of range: 1 to 10000",
            knob.file_name()
        )));
    }
    Ok((knob, Value::Number(u64::from(weight))))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bindings::types::Quota;

    fn max(bandwidth: CpuBandwidth) -> String {
        let limits = CpuLimits {
            max: Some(bandwidth),
            weight: None,
        };
        match cpu(&limits, Extent::Definition) {
            Ok([None, Some((Knob::CpuMax, value))]) => Text::of(value).as_str().to_owned(),
            other => format!("{other:?}"),
        }
    }

    #[test]
    fn percent_is_of_one_cpu() {
        assert_eq!(max(CpuBandwidth::Percent(50)), "50000 100000");
        assert_eq!(max(CpuBandwidth::Percent(200)), "200000 100000");
        assert_eq!(max(CpuBandwidth::Percent(u32::MAX)), "4294967295000 100000");
        assert_eq!(max(CpuBandwidth::Unlimited), "max 100000");
        let quota = |runtime, period| max(CpuBandwidth::Quota(Quota { runtime, period }));
        assert_eq!(quota(30_000_000, 50_000_000), "30000 50000");
        assert!(quota(0, 1_000_000).contains("unlimited"));
        assert!(quota(1_000_000, 999).contains("period"));
    }

    #[test]
    fn a_definition_writes_the_whole_block_and_a_change_only_what_is_given() {
        let none = MemoryLimits {
            max: None,
            high: None,
            low: None,
            swap_max: None,
        };
        assert_eq!(
            memory(&none, Extent::Definition).map(|w| w.map(|(_, value)| value)),
            [
                Some(Value::Max),
                Some(Value::Max),
                Some(Value::Number(0)),
                None
            ]
        );
        assert_eq!(memory(&none, Extent::Change), [None; 4]);
        let none = CpuLimits {
            max: None,
            weight: None,
        };
        assert_eq!(cpu(&none, Extent::Change).unwrap(), [None; 2]);
    }

    #[test]
    fn the_longest_value_has_room() {
        let text = |value| Text::of(value).as_str().to_owned();
        let most = u64::MAX;
        assert_eq!(
            text(Value::Bandwidth(Some(most), most)),
            format!("{most} {most}")
        );
        assert_eq!(text(Value::Number(0)), "0");
        assert_eq!(text(Value::Max), "max");
    }

    #[test]
    fn weights_and_counts_have_ranges() {
        assert!(io_weight(0).unwrap_err().to_string().contains("1 to 10000"));
        assert!(io_weight(10_001).unwrap_err().to_string().contains("10001"));
        assert_eq!(
            io_weight(300).unwrap(),
            (Knob::IoWeight, Value::Number(300))
        );
        assert!(
            pids_max(CountLimit::Count(0))
                .unwrap_err()
                .to_string()
                .contains("unlimited")
        );
    }
}
