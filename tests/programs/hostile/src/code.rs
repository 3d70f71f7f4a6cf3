//! What a component's own code can do wrong: trap, never return, use up memory.

use std::hint::black_box;

use proscenium_sdk::prelude::*;

use crate::loaded_step;

/// The control: a scenario that behaves.
pub(crate) fn none() -> Result<Outcome, Error> {
    loaded_step()?.finish()?;
    Ok(Outcome::pass_because("behaved"))
}

#[expect(clippy::panic, reason = "the attack")]
pub(crate) fn trap() -> Result<Outcome, Error> {
    panic!("on purpose")
}

pub(crate) fn trap_in_step() -> Result<Outcome, Error> {
    let _step = loaded_step()?;
    trap()
}

#[expect(clippy::infinite_loop, reason = "the attack")]
pub(crate) fn endless() -> Result<Outcome, Error> {
    loop {
        black_box(());
    }
}

pub(crate) fn endless_in_step() -> Result<Outcome, Error> {
    let _step = loaded_step()?;
    endless()
}

/// Allocates a mebibyte at a time, in a step so that there is something to
/// tear down.
#[expect(clippy::infinite_loop, reason = "the attack")]
pub(crate) fn grow() -> Result<Outcome, Error> {
    let _step = loaded_step()?;
    let mut kept = Vec::new();
    loop {
        kept.push(black_box(vec![1_u8; 1 << 20]));
    }
}

pub(crate) fn recurse() -> Result<Outcome, Error> {
    let _step = loaded_step()?;
    Ok(Outcome::pass_because(deeper(black_box(0)).to_string()))
}

/// Keeps nothing in linear memory, so that it is the call stack that ends.
#[expect(unconditional_recursion, reason = "the attack")]
#[inline(never)]
fn deeper(depth: u64) -> u64 {
    // Used after the call, so that it is no loop in disguise.
    deeper(depth + 1).rotate_left(7) ^ depth
}

pub(crate) fn error() -> Result<Outcome, Error> {
    let _step = loaded_step()?;
    Err(Error::new(ErrorCode::NotFound, "gave up on purpose"))
}
