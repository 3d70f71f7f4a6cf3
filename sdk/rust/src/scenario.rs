//! The trait that a scenario implements, and `export!`, which makes the
//! component's exports of it. Keeps no state: a scenario is a type, not a value.

use std::marker::PhantomData;

use crate::bindings::exports::proscenium::scenario::scenario::{Context as RawContext, Guest};
use crate::{Context, Error, Manifest, Outcome};

/// A scenario. See the crate's first page for a whole one.
pub trait Scenario {
    /// What this is. Called without any capability: a host function called from
    /// here traps.
    fn describe() -> Manifest;

    /// The scenario itself.
    ///
    /// # Errors
    ///
    /// An error fails the run. Whatever was made is torn down in any case.
    fn run(context: Context) -> Result<Outcome, Error>;
}

/// Carries a [`Scenario`] to the generated exports. Made by [`export!`](crate::export).
#[doc(hidden)]
#[derive(Debug)]
pub struct Component<S>(PhantomData<S>);

impl<S: Scenario> Guest for Component<S> {
    fn describe() -> Manifest {
        S::describe()
    }

    fn run(context: RawContext) -> Result<Outcome, Error> {
        S::run(context.into())
    }
}

/// Makes a type that implements [`Scenario`](crate::Scenario) the component's
/// scenario. Once in a crate, at its root.
///
/// Natively it only checks the type, so that a plugin's own unit tests run with
/// `cargo test`.
///
/// ```
/// use proscenium_sdk::prelude::*;
///
/// struct Nothing;
///
/// impl Scenario for Nothing {
///     fn describe() -> Manifest {
///         Manifest::new("nothing", "0.1.0", "Does nothing")
///     }
///     fn run(_: Context) -> Result<Outcome, Error> {
///         Ok(Outcome::pass())
///     }
/// }
///
/// proscenium_sdk::export!(Nothing);
/// ```
///
/// With loops of its own for its workers, each a [`Worker`](crate::Worker)
/// under the name by which [`exported`](crate::work::exported) asks for it:
///
/// ```
/// # use proscenium_sdk::prelude::*;
/// # struct Nothing;
/// # impl Scenario for Nothing {
/// #     fn describe() -> Manifest {
/// #         Manifest::new("nothing", "0.1.0", "Does nothing")
/// #     }
/// #     fn run(_: Context) -> Result<Outcome, Error> {
/// #         Ok(Outcome::pass())
/// #     }
/// # }
/// struct Idle;
///
/// impl Worker for Idle {
///     fn prepare(_: &Seat) -> Result<Self, String> {
///         Ok(Self)
///     }
///     fn unit(&mut self) {}
/// }
///
/// proscenium_sdk::export!(Nothing, works { "idle" => Idle });
/// ```
#[macro_export]
macro_rules! export {
    ($scenario:ty, works { $($name:literal => $worker:ty),+ $(,)? }) => {
        $crate::export!($scenario);

        #[cfg(target_family = "wasm")]
        const _: () = {
            // An instance is one worker, and the contract's functions are
            // plain: what is between two calls has no other place.
            static RUNNING: $crate::worker::Running = $crate::worker::Running::new();

            struct Works;

            impl $crate::worker::Guest for Works {
                fn works() -> ::std::vec::Vec<::std::string::String> {
                    ::std::vec![$($name.into()),+]
                }

                fn prepare(
                    seat: $crate::worker::Seat,
                ) -> ::core::result::Result<(), ::std::string::String> {
                    match seat.name.as_str() {
                        $($name => RUNNING.prepare::<$worker>(&seat),)+
                        other => ::core::result::Result::Err(::std::format!("no loop {other}")),
                    }
                }

                fn run_batch(budget: u32) -> u32 {
                    RUNNING.run_batch(budget)
                }
            }

            $crate::bindings::own_work::export_own_work!(
                Works with_types_in $crate::bindings::own_work
            );
        };
        #[cfg(not(target_family = "wasm"))]
        const _: &[fn(&$crate::worker::Seat) -> bool] = &[
            $(|seat| <$worker as $crate::worker::Worker>::prepare(seat).is_ok()),+
        ];
    };
    ($scenario:ty) => {
        #[cfg(target_family = "wasm")]
        const _: () = {
            type Component = $crate::scenario::Component<$scenario>;
    $crate::bindings::export!(Component with_types_in $crate::bindings);
        };
        #[cfg(not(target_family = "wasm"))]
        const _: (
            fn() -> $crate::Manifest,
            fn($crate::Context) -> ::core::result::Result<$crate::Outcome, $crate::Error>,
        ) = (
            <$scenario as $crate::Scenario>::describe,
            <$scenario as $crate::Scenario>::run,
        );
    };
}
