//! Every function of the contract, as the contract lists them: one component
//! for each that imports it and nothing else.

use proscenium_guest_runtime::capability::Capability;
use proscenium_guest_runtime::plugin::{Foreign, Plugin};
use proscenium_wire::{DetailKind, Names, Outcome, Permissions};
use wit_parser::abi::{AbiVariant, WasmType};
use wit_parser::{Function, Resolve, WorldItem};

use crate::fixture::{Core, contract};
use crate::support;

/// A host function: its interface, its name there, and an import of it.
struct HostFunction {
    interface: String,
    name: String,
    import: String,
}

/// Those that the world `plugin` imports.
fn host_functions() -> Vec<HostFunction> {
    let mut resolve = Resolve::default();
    let (package, _) = resolve.push_dir(contract()).unwrap();
    let world = resolve.select_world(&[package], Some("plugin")).unwrap();
    let mut functions = Vec::new();
    for item in resolve.worlds[world].imports.values() {
        let WorldItem::Interface { id, .. } = item else {
            continue;
        };
        let interface = resolve.interfaces[*id].name.clone().unwrap();
        for (name, function) in &resolve.interfaces[*id].functions {
            functions.push(HostFunction {
                import: import(&resolve, &interface, function),
                interface: interface.clone(),
                name: name.clone(),
            });
        }
    }
    functions
}

/// The import as a field of a core module.
fn import(resolve: &Resolve, interface: &str, function: &Function) -> String {
    let signature = resolve.wasm_signature(AbiVariant::GuestImport, function);
    let types = |types: &[WasmType]| {
        let word = |one: &WasmType| match one {
            WasmType::I32 | WasmType::Pointer | WasmType::Length => " i32",
            WasmType::I64 | WasmType::PointerOrI64 => " i64",
            WasmType::F32 => " f32",
            WasmType::F64 => " f64",
        };
        types.iter().map(word).collect::<String>()
    };
    format!(
        r#"(import "proscenium:scenario/{interface}@0.1.0" "{}" (func (param{}) (result{})))"#,
        function.name,
        types(&signature.params),
        types(&signature.results),
    )
}

#[test]
fn without_its_capability_no_host_function_is_there_and_with_it_each_is() {
    let functions = host_functions();
    assert!(functions.len() > 40, "{} functions", functions.len());
    for HostFunction {
        interface,
        name,
        import,
    } in functions
    {
        let core = Core {
            imports: import,
            ..Core::default()
        };
        let plugin = Plugin::compile(&core.component(), Foreign::Refuse).unwrap();
        let capability = Capability::of_interface(&interface).unwrap();
        assert_eq!(plugin.capabilities(), [capability], "{name}");

        let mut job = support::job();
        let others = Capability::ALL.into_iter().filter(|one| *one != capability);
        job.permissions.capabilities = others.map(Capability::interface).collect();
        let ended = support::run(&plugin, &job, support::world());
        ended.failed_with(DetailKind::Denied, &format!("imports {interface}"));
        let (_, message) = ended.only_reason();
        assert!(message.contains("capabilities = ["), "{message}");
        assert!(message.contains(&format!("\"{interface}\"]")), "{message}");
        assert_eq!(ended.effects, [], "{name}");

        job.permissions = Permissions {
            capabilities: Names::from_iter([interface.as_str()]),
            ..Permissions::default()
        };
        let ended = support::run(&plugin, &job, support::world());
        assert_eq!(ended.verdict.outcome, Outcome::Pass, "{name}");
    }
}
