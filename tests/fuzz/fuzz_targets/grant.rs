//! Any text as an operator's grant.
//!
//! Besides not crashing: whatever a file grants is within the ceilings, it says
//! so again when it is printed, and who is not named gets what any plugin gets.

#![no_main]

use libfuzzer_sys::fuzz_target;
use proscenium::grant::{GrantFile, in_force};
use proscenium_wire::Budget;

fuzz_target!(|text: &str| {
    let file = match GrantFile::parse(text) {
        Ok(file) => file,
        Err(fault) => {
            // It goes to a terminal.
            let said = fault.to_string();
            assert!(said.len() < 4_096 && !said.contains('\u{1b}'), "{said}");
            return;
        }
    };
    let nobody = file.grant_for("nobody-has-such-a-long-name", "");
    assert_eq!(nobody, file.default_grant());
    for budget in Budget::ALL {
        assert!(nobody.limits.get(budget) <= budget.ceiling());
    }
    assert!((0..=99).contains(&nobody.permissions.real_time));
    assert!((-20..=0).contains(&nobody.permissions.nice));
    // What is printed of a grant is a grant of the same, as long as it is no
    // longer than a file may be.
    let printed = in_force(&nobody);
    if printed.len() <= 64 << 10 {
        let again = GrantFile::parse(&printed).expect("what is printed can be read");
        assert_eq!(in_force(&again.default_grant()), printed);
    }
});
