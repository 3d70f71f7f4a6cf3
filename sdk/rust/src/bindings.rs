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
