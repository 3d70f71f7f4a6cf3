//! Amounts in a grant file: how they are written and what is taken.
//!
//! A count is a number. A size is a number of bytes, or a text with a unit:
//! `"64 MiB"`; units are B, KiB, MiB, GiB and TiB. A time is a text with a
//! unit: `"500ms"`, `"10s"`, `"1h 30m"`, in whole milliseconds.

use std::time::Duration;

use proscenium_wire::{Budget, Unit};
use serde::Deserialize;

/// Sizes by their unit.
const SIZES: [(&str, u32); 5] = [("TiB", 40), ("GiB", 30), ("MiB", 20), ("KiB", 10), ("B", 0)];

/// An amount as it stands in the file.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged, expecting = "a number, or a text with a unit")]
pub(super) enum Amount {
    Number(i64),
    Text(String),
}

/// What `amount` is for `budget`, in the budget's unit.
///
/// # Errors
///
/// What is wrong with it, as a clause, with the range.
pub(super) fn read(budget: Budget, amount: &Amount) -> Result<u64, String> {
    let unit = budget.unit();
    let value = match (unit, amount) {
        (Unit::Count | Unit::Bytes, Amount::Number(number)) => u64::try_from(*number).ok(),
        (Unit::Bytes, Amount::Text(text)) => size(text),
        (Unit::Milliseconds, Amount::Text(text)) => milliseconds(text),
        (Unit::Count, Amount::Text(_)) | (Unit::Milliseconds, Amount::Number(_)) => None,
    };
    let ceiling = budget.ceiling();
    value.filter(|value| *value <= ceiling).ok_or_else(|| {
        let form = match unit {
            Unit::Count => "a number",
            Unit::Bytes => "a size such as \"64 MiB\"",
            Unit::Milliseconds => "a time such as \"10s\"",
        };
        format!(
            "limits.{} is {form}, at most {}",
            budget.key(),
            written(unit, ceiling)
        )
    })
}

fn size(text: &str) -> Option<u64> {
    let (digits, shift) = SIZES
        .into_iter()
        .find_map(|(unit, shift)| Some((text.strip_suffix(unit)?, shift)))?;
    let number: u64 = digits.trim().parse().ok()?;
    number.checked_mul(1 << shift)
}

fn milliseconds(text: &str) -> Option<u64> {
    let time = humantime::parse_duration(text).ok()?;
    u64::try_from(time.as_millis()).ok()
}

/// An amount as a grant file has it.
pub(super) fn written(unit: Unit, value: u64) -> String {
    match unit {
        Unit::Count => value.to_string(),
        Unit::Bytes => {
            let fits =
                |(_, shift): &(&str, u32)| value >= 1 << shift && value.is_multiple_of(1 << shift);
            match SIZES.into_iter().find(fits) {
                Some((unit, shift)) => format!("\"{} {unit}\"", value >> shift),
                None => "\"0 B\"".to_owned(),
            }
        }
        Unit::Milliseconds => {
            let time = Duration::from_millis(value);
            format!("\"{}\"", humantime::format_duration(time))
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn text(budget: Budget, text: &str) -> Result<u64, String> {
        read(budget, &Amount::Text(text.to_owned()))
    }

    #[test]
    fn sizes_and_times_have_units() {
        assert_eq!(text(Budget::Memory, "64 MiB"), Ok(64 << 20));
        assert_eq!(text(Budget::Memory, "1GiB"), Ok(1 << 30));
        assert_eq!(read(Budget::Memory, &Amount::Number(4096)), Ok(4096));
        assert_eq!(text(Budget::Compute, "1m 30s"), Ok(90_000));
        assert_eq!(read(Budget::Workers, &Amount::Number(7)), Ok(7));
    }

    #[test]
    fn what_is_out_of_range_or_has_no_unit_is_refused_with_the_range() {
        for (budget, amount) in [
            (Budget::Memory, Amount::Text("5 GiB".to_owned())),
            (Budget::Memory, Amount::Text("64".to_owned())),
            (Budget::Memory, Amount::Text("64 MB".to_owned())),
            (
                Budget::Memory,
                Amount::Text("99999999999999 TiB".to_owned()),
            ),
            (Budget::Memory, Amount::Number(-1)),
            (Budget::Compute, Amount::Number(10)),
            (Budget::Compute, Amount::Text("25h".to_owned())),
            (Budget::Workers, Amount::Text("7".to_owned())),
            (Budget::Workers, Amount::Number(65_536)),
        ] {
            let why = read(budget, &amount).unwrap_err();
            assert!(why.contains("at most"), "{why}");
            assert!(why.contains(budget.key()), "{why}");
        }
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_as_it_was(at in 0..Budget::ALL.len(), value in any::<u64>()) {
            let budget = Budget::ALL[at];
            let value = value % (budget.ceiling() + 1);
            let text = written(budget.unit(), value);
            let amount: Amount = toml::from_str::<toml::Table>(&format!("x = {text}"))
                .unwrap()["x"].clone().try_into().unwrap();
            prop_assert_eq!(read(budget, &amount), Ok(value));
        }

        #[test]
        fn no_text_can_do_worse_than_be_refused(given in any::<String>()) {
            for budget in Budget::ALL {
                let _ = text(budget, &given);
            }
        }
    }
}
