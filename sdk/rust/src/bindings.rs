//! The contract as Rust: generated from `wit/`, nothing by hand.
//!
//! Owns the types and import functions that the other modules dress up. Never
//! has logic. Reach for it where the SDK has no shorter form: every record,
//! variant and function of the contract is here, under the contract's names.
//!
//! Off wasm the data works as ever; an import function that is called there
//! ends the process, for there is no host to call.

wit_bindgen::generate!({
    path: "../../wit",
    world: "plugin",
    pub_export_macro: true,
    default_bindings_module: "proscenium_sdk::bindings",
    additional_derives: [PartialEq],
});

/// The exports of a component that has work of its own. Only a crate that
/// exports them is linked with them.
pub mod own_work {
    wit_bindgen::generate!({
        path: "../../wit",
        inline: "package proscenium:sdk; world own-work { export proscenium:scenario/work@0.1.0; }",
        world: "proscenium:sdk/own-work",
        pub_export_macro: true,
        export_macro_name: "export_own_work",
        default_bindings_module: "proscenium_sdk::bindings::own_work",
        additional_derives: [PartialEq],
    });
}
