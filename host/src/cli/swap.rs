//! `--swap-work`: a built-in work type in place of the scenario's own.

use proscenium_guest_runtime::contract::swap_work;
use proscenium_wire::{SwapValue, SwapWork};

/// A type and its parameters, such as `pipe-io` or `bursty,work-us=10,sleep-us=90`.
pub(super) fn parse(text: &str) -> Result<SwapWork, String> {
    let mut words = text.split(',');
    let name = words.next().unwrap_or_default().to_owned();
    let parameters = words.map(parameter).collect::<Result<_, _>>()?;
    let swap = SwapWork { name, parameters };
    swap_work(&swap).map_err(|error| error.to_string())?;
    Ok(swap)
}

fn parameter(text: &str) -> Result<(String, SwapValue), String> {
    let (name, value) = text
        .split_once('=')
        .ok_or_else(|| format!("{text:?} is not NAME=VALUE"))?;
    let value = match value.parse() {
        Ok(number) => SwapValue::Number(number),
        Err(_) => SwapValue::Text(value.to_owned()),
    };
    Ok((name.to_owned(), value))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_type_is_taken_with_its_parameters() {
        let swap = parse("bursty,work-us=10,sleep-us=90").unwrap();
        assert_eq!(swap.name, "bursty");
        assert_eq!(
            swap.parameters[1],
            ("sleep-us".into(), SwapValue::Number(90))
        );
        assert_eq!(parse("pipe-io").unwrap().parameters, []);
    }

    #[test]
    fn what_is_no_work_is_refused_with_what_there_is() {
        assert!(parse("spin").unwrap_err().contains("spin-wait"));
        assert!(parse("bursty,work-us").unwrap_err().contains("NAME=VALUE"));
        assert!(parse("bursty,spins=1").unwrap_err().contains("sleep-us"));
        assert!(parse("bursty,sleep-us=never").is_err());
    }
}
