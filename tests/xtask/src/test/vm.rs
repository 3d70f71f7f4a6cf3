//! Tier `vm`: suites that boot VMs, and suites that run in one.
//!
//! Owns what has to be there before. Never boots anything itself.

use super::Context;
use super::suites;
use super::tally::Tally;
use crate::guest;
use crate::schedulers;
use crate::setup::kernel::Kernel;
use crate::setup::{self, packages};
use crate::workspace::VM_SUITE;

/// The suite, or one skip where this machine cannot be made ready by us.
pub(super) fn run(context: Context<'_>) -> Tally {
    let Context {
        console, workspace, ..
    } = context;
    if !workspace.suites().contains(&VM_SUITE) {
        return skip(context, "tests/ has no suite named `vm`");
    }
    if let Some(obstacle) = packages::obstacle() {
        return skip(context, &obstacle);
    }
    if let Err(error) = setup::machine(console, workspace) {
        let error = format!("{error:#}");
        console.error(&error);
        return Tally::failure(&error);
    }
    let mut tally = Tally::default();
    // Who cannot have these has tests that say so.
    let programs = console.step("programs for payloads", packages::ensure_payloads);
    if let Err(error) = programs {
        console.error(&format!("{error:#}"));
    }
    if let Err(error) = schedulers::ensure(console, workspace) {
        let error = format!("the fixture scheduler: {error:#}");
        console.error(&error);
        tally.add(Tally::failure(&error));
    }
    // The kernel that virtio is a module of. The suites skip what needs it.
    let generic = setup::guest_kernel(console, workspace, Kernel::Generic);
    tally.add(suites::vm(context));
    if let Err(error) = guest::build_runner(console, workspace) {
        tally.add(Tally::failure(&format!("{error:#}")));
        return tally;
    }
    tally.add(suites::guest(context, None));
    tally.add(suites::local_in_guest(context));
    // Who names a kernel wants that one and no other.
    if std::env::var_os("PROSCENIUM_KERNEL").is_none_or(|name| name.is_empty()) {
        tally.add(match generic {
            Ok(()) => suites::guest(context, Kernel::Generic.argument()),
            Err(error) => skip(
                context,
                &format!("suites in the guest on {}: {error:#}", Kernel::Generic),
            ),
        });
    }
    tally
}

fn skip(context: Context<'_>, why: &str) -> Tally {
    context.console.progress(&format!("  SKIP vm: {why}"));
    Tally::skip(why)
}
