//! What to do next, decided without descriptors and without a clock.
//!
//! ```text
//!            ┌─────────┐ Hello  ┌──────────┐ ScenarioStart ┌─────────┐
//!   start ──►│ Booting ├───────►│ Greeting ├──────────────►│ Running │
//!            └────┬────┘        └────┬─────┘               └────┬────┘
//!                 │  End, port closed, deadline, Ctrl-C,        │
//!                 │  wrong version, input that cannot be        │
//!                 ▼                  ▼                          ▼
//!            ┌───────────────────────────────────────────────────────┐
//!            │ Draining: the VM is to end by itself, or is killed    │
//!            └───────────────────────┬───────────────────────────────┘
//!                       VM exited    │    (from every state)
//!                                    ▼
//!                            ┌──────────────┐
//!                            │ Done(Ending) │ exactly once
//!                            └──────────────┘
//! ```
//!
//! [`next`] is total. Every state but `Done` has a deadline, and a deadline
//! always leads on, so `Done` is reached whatever the guest does.

use super::deadlines::Stage;

/// Where a run is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// The VM has been started; the guest has not been heard of.
    Booting,
    /// The guest has said hello; it reads its job and loads the plugin.
    Greeting,
    /// The scenario's clock is running.
    Running,
    /// It is over or is being ended; `why` becomes the ending.
    Draining {
        /// What ended it.
        why: Ending,
        /// The VM has been killed.
        killed: bool,
    },
    /// The VM is gone.
    Done(Ending),
}

/// How a run came to its end, as far as the host saw it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Ending {
    /// The guest sent its end frame.
    Orderly,
    /// The VM's process ended, or the guest closed its port, without an end frame.
    Vanished,
    /// A deadline passed.
    TimedOut(Stage),
    /// Ctrl-C ended it before the end frame.
    Interrupted,
    /// The guest speaks another wire version.
    WrongVersion,
    /// The host could not go on watching: a descriptor failed.
    HostFailed,
}

/// What the driver saw.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Input {
    /// The guest's hello.
    Hello {
        /// Whether its version is ours.
        compatible: bool,
    },
    /// The scenario's clock started.
    ScenarioStart,
    /// The end frame.
    End,
    /// Any other frame.
    OtherFrame,
    /// The events port is closed.
    PortClosed,
    /// The VM's process has ended; everything it sent has been read.
    VmExited,
    /// The armed deadline passed.
    Deadline,
    /// Ctrl-C.
    Interrupt,
    /// The host's own system calls failed.
    HostFailed,
}

/// What the driver is to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// Answer the guest's hello.
    SendHello,
    /// Ask the guest for an orderly end.
    SendCancel,
    /// Arm this deadline in place of the armed one.
    Arm(Stage),
    /// Kill the VM's process.
    Kill,
}

/// The next state, and what to do on the way. Start with
/// [`State::Booting`] and [`Stage::Boot`] armed.
#[must_use]
pub fn next(state: State, input: Input) -> (State, Vec<Action>) {
    match state {
        State::Done(_) => (state, vec![]),
        State::Draining { why, killed } => draining(why, killed, input),
        State::Booting | State::Greeting | State::Running => underway(state, input),
    }
}

fn underway(state: State, input: Input) -> (State, Vec<Action>) {
    match (state, input) {
        (State::Booting, Input::Hello { compatible: true }) => (
            State::Greeting,
            vec![Action::SendHello, Action::Arm(Stage::Greet)],
        ),
        (_, Input::Hello { compatible: false }) => kill(Ending::WrongVersion),
        // A guest that skips its greeting is taken at its word: what it may
        // not do is end without an end.
        (State::Booting | State::Greeting, Input::ScenarioStart) => {
            (State::Running, vec![Action::Arm(Stage::Scenario)])
        }
        (_, Input::End) => drain(Ending::Orderly, Stage::Drain, None),
        // The console may still have to say why.
        (_, Input::PortClosed) => drain(Ending::Vanished, Stage::Drain, None),
        (_, Input::VmExited) => (State::Done(Ending::Vanished), vec![]),
        (_, Input::Deadline) => kill(Ending::TimedOut(stage_of(state))),
        // Nobody is there yet who could hear a cancellation.
        (State::Booting, Input::Interrupt) => kill(Ending::Interrupted),
        (_, Input::Interrupt) => {
            drain(Ending::Interrupted, Stage::Cancel, Some(Action::SendCancel))
        }
        (_, Input::HostFailed) => kill(Ending::HostFailed),
        (_, Input::Hello { .. } | Input::ScenarioStart | Input::OtherFrame) => (state, vec![]),
    }
}

fn draining(why: Ending, killed: bool, input: Input) -> (State, Vec<Action>) {
    let unchanged = State::Draining { why, killed };
    match input {
        // An end frame is an end frame, even if it crossed with a kill.
        Input::End => {
            let actions = if killed {
                vec![]
            } else {
                vec![Action::Arm(Stage::Drain)]
            };
            (
                State::Draining {
                    why: Ending::Orderly,
                    killed,
                },
                actions,
            )
        }
        Input::VmExited => (State::Done(why), vec![]),
        // Not even a kill ended it: the run must end all the same.
        Input::Deadline if killed => (State::Done(why), vec![]),
        Input::Deadline | Input::Interrupt | Input::HostFailed if !killed => kill(why),
        Input::Hello { .. }
        | Input::ScenarioStart
        | Input::OtherFrame
        | Input::PortClosed
        | Input::Deadline
        | Input::Interrupt
        | Input::HostFailed => (unchanged, vec![]),
    }
}

fn drain(why: Ending, stage: Stage, first: Option<Action>) -> (State, Vec<Action>) {
    let actions = first.into_iter().chain([Action::Arm(stage)]).collect();
    (State::Draining { why, killed: false }, actions)
}

fn kill(why: Ending) -> (State, Vec<Action>) {
    (
        State::Draining { why, killed: true },
        vec![Action::Kill, Action::Arm(Stage::Kill)],
    )
}

fn stage_of(state: State) -> Stage {
    match state {
        State::Booting => Stage::Boot,
        State::Greeting => Stage::Greet,
        State::Running => Stage::Scenario,
        State::Draining { .. } | State::Done(_) => Stage::Drain,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn walk(inputs: &[Input]) -> (State, Vec<Action>) {
        inputs
            .iter()
            .fold((State::Booting, vec![]), |(state, mut done), &input| {
                let (state, actions) = next(state, input);
                done.extend(actions);
                (state, done)
            })
    }

    const HELLO: Input = Input::Hello { compatible: true };

    #[test]
    fn each_way_to_end_has_its_ending() {
        use Input::*;
        let table: &[(&[Input], Ending)] = &[
            (
                &[HELLO, ScenarioStart, OtherFrame, End, PortClosed, VmExited],
                Ending::Orderly,
            ),
            (&[HELLO, End, VmExited], Ending::Orderly),
            (
                &[HELLO, ScenarioStart, End, Deadline, VmExited],
                Ending::Orderly,
            ),
            (
                &[HELLO, ScenarioStart, End, Interrupt, VmExited],
                Ending::Orderly,
            ),
            (&[VmExited], Ending::Vanished),
            (&[HELLO, ScenarioStart, VmExited], Ending::Vanished),
            (
                &[HELLO, ScenarioStart, PortClosed, Deadline, VmExited],
                Ending::Vanished,
            ),
            (&[Deadline, VmExited], Ending::TimedOut(Stage::Boot)),
            (&[HELLO, Deadline, VmExited], Ending::TimedOut(Stage::Greet)),
            (
                &[HELLO, ScenarioStart, Deadline, VmExited],
                Ending::TimedOut(Stage::Scenario),
            ),
            (&[Deadline, Deadline], Ending::TimedOut(Stage::Boot)),
            (&[Interrupt, VmExited], Ending::Interrupted),
            (
                &[HELLO, ScenarioStart, Interrupt, Deadline, VmExited],
                Ending::Interrupted,
            ),
            (
                &[HELLO, ScenarioStart, Interrupt, End, VmExited],
                Ending::Orderly,
            ),
            (
                &[Input::Hello { compatible: false }, VmExited],
                Ending::WrongVersion,
            ),
            (&[HostFailed, VmExited], Ending::HostFailed),
        ];
        for (inputs, ending) in table {
            assert_eq!(walk(inputs).0, State::Done(*ending), "{inputs:?}");
        }
    }

    #[test]
    fn the_first_interrupt_cancels_and_the_second_kills() {
        let (state, first) = walk(&[HELLO, Input::ScenarioStart, Input::Interrupt]);
        assert!(first.contains(&Action::SendCancel) && !first.contains(&Action::Kill));
        let (_, second) = next(state, Input::Interrupt);
        assert_eq!(second, [Action::Kill, Action::Arm(Stage::Kill)]);
    }

    fn inputs() -> impl Strategy<Value = Vec<Input>> {
        let one = prop_oneof![
            any::<bool>().prop_map(|compatible| Input::Hello { compatible }),
            Just(Input::ScenarioStart),
            Just(Input::End),
            Just(Input::OtherFrame),
            Just(Input::PortClosed),
            Just(Input::VmExited),
            Just(Input::Deadline),
            Just(Input::Interrupt),
            Just(Input::HostFailed),
        ];
        prop::collection::vec(one, 0..40)
    }

    proptest! {
        #[test]
        fn any_sequence_leads_to_one_ending_that_stays(inputs in inputs()) {
            let mut state = State::Booting;
            let mut ending = None;
            let mut kills = 0;
            let mut seen_end = false;
            for input in inputs {
                if ending.is_none() {
                    seen_end |= input == Input::End;
                }
                let (to, actions) = next(state, input);
                kills += actions.iter().filter(|&&a| a == Action::Kill).count();
                if let Some(was) = ending {
                    prop_assert_eq!(to, State::Done(was));
                    prop_assert!(actions.is_empty());
                } else if let State::Done(now) = to {
                    ending = Some(now);
                }
                state = to;
            }
            prop_assert!(kills <= 1);
            // Deadlines alone always get it to the end.
            for _ in 0..3 {
                state = next(state, Input::Deadline).0;
            }
            let State::Done(last) = state else { panic!("still {state:?}") };
            prop_assert_eq!(last == Ending::Orderly, seen_end);
        }
    }
}
