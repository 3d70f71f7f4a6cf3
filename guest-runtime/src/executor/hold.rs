//! Letting load run: how long, and what ends it early (section 5).

use std::time::Duration;

use proscenium_wire::Event;

use super::stage::Stage;
use super::step::StepId;
use super::{Error, Result, lints};
use crate::bindings::ops::Op;
use crate::bindings::stage::HoldOutcome;
use crate::bindings::types::HoldSpec;
use crate::time::nanos;
use crate::world::{PayloadId, Wake};

/// A hold that loses less than one in so many parts lost it to setting up,
/// which takes time on a real machine.
const SETUP_SHARE: u32 = 10;

impl Stage {
    /// Holds the running step. The first hold of a step makes it active on the
    /// timeline; the last one to end cleanly is its right edge.
    ///
    /// # Errors
    /// `invalid` for a specification out of range or `repeat`; `cancelled`.
    /// That the scheduler under test is gone is no error here.
    pub fn hold(&mut self, step: StepId, spec: &HoldSpec) -> Result<HoldOutcome> {
        let held = self.hold_step(step, spec);
        match held.as_ref().err().and_then(|error| self.death_of(error)) {
            Some(exit) => Ok(HoldOutcome::SchedulerDied(exit)),
            None => held,
        }
    }

    fn hold_step(&mut self, step: StepId, spec: &HoldSpec) -> Result<HoldOutcome> {
        let wanted = self.active(step).map(drop).and_then(|()| {
            duration(spec, self.settings.duration)?.ok_or_else(|| {
                Error::invalid("repeat has no meaning step by step")
                    .remedy("apply and hold in a loop of your own")
            })
        });
        let wanted = self.noted(wanted)?;
        let left = self.remaining();
        if let Some(lint) = lints::clipped_hold(spec, wanted, left, wanted / SETUP_SHARE) {
            self.lint(lint);
        }
        self.announce();
        let elapsed = self.hold_for(wanted)?;
        Ok(HoldOutcome::Elapsed(nanos(elapsed)))
    }

    /// Waits, clipped to what is left of the scenario, and takes the step's
    /// closing figures at the end of it.
    pub(super) fn hold_for(&mut self, wanted: Duration) -> Result<Duration> {
        let from = self.elapsed();
        let until = (from + wanted).min(self.settings.duration.max(from));
        self.pause(until, None)?;
        // What happened in the last instant counts too.
        self.look()?;
        let (mark, at) = self.mark();
        if let Some(step) = &mut self.step {
            step.end = Some((mark, at));
        }
        Ok(at.saturating_sub(from))
    }

    /// To the scenario's end: ops, then the interval, again and again.
    pub(super) fn repeat(&mut self, ops: &[Op], interval: Duration) -> Result<()> {
        while !self.remaining().is_zero() {
            self.apply_ops(ops)?;
            self.hold_for(interval)?;
        }
        Ok(())
    }

    /// Waits until `until` on the scenario's clock, or until a payload ends,
    /// and reports progress meanwhile. True: the payload has ended. The death
    /// of the scheduler under test ends it at once.
    pub(super) fn pause(&mut self, until: Duration, payload: Option<PayloadId>) -> Result<bool> {
        let start = self.start();
        let mut next = self.settings.progress.map(|every| self.elapsed() + every);
        loop {
            let pause = next.map_or(until, |next| next.min(until));
            self.mediation.waits += 1;
            self.drain_scheduler_log();
            self.sink.flush();
            let wake = match payload {
                None => self.world.wait(start + pause)?,
                Some(payload) => self.world.await_payload(payload, start + pause)?,
            };
            match wake {
                Wake::Cancelled(reason) => {
                    self.cancelled = Some(reason);
                    return self.proceed().map(|()| false);
                }
                Wake::Deserted => {
                    self.desert();
                    return self.proceed().map(|()| false);
                }
                Wake::Ended => return Ok(true),
                Wake::SchedulerDown(down) => {
                    self.bury(&down);
                    return self.proceed().map(|()| false);
                }
                Wake::Scheduler => {}
                Wake::Elapsed if pause >= until => return Ok(false),
                Wake::Elapsed => {
                    let (mark, at) = self.mark();
                    self.sink.emit(Event::Progress(mark));
                    // From now, not from the last one: a late wake-up does not
                    // bring a burst of others.
                    next = self.settings.progress.map(|every| at + every);
                }
            }
        }
    }
}

/// What a hold asks for, `None` for `repeat`.
///
/// # Errors
/// `invalid`, naming the value and the range.
pub(super) fn duration(spec: &HoldSpec, scenario: Duration) -> Result<Option<Duration>> {
    match spec {
        HoldSpec::Fixed(ns) => Ok(Some(Duration::from_nanos(*ns))),
        HoldSpec::Fraction(share) if share.is_finite() && *share > 0.0 && *share <= 1.0 => {
            Ok(Some(scenario.mul_f64(*share)))
        }
        HoldSpec::Fraction(share) => Err(Error::invalid(format!(
            "hold fraction {share} is out of range: above 0, at most 1"
        ))
        .remedy("for more, run the scenario longer")),
        HoldSpec::Repeat(0) => Err(Error::invalid("repeat needs an interval above 0")),
        HoldSpec::Repeat(_) => Ok(None),
    }
}
