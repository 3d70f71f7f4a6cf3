//! `proscenium inspect`: what a plugin is, and what it can touch.

use std::io::Write;
use std::path::PathBuf;

use proscenium_guest_runtime::capability::Capability;
use proscenium_guest_runtime::plugin::{Foreign, Manifest, Reach};
use serde::Serialize;

use super::{Context, admission, json, values, work_types};
use crate::event::clean;
use crate::exit_code;
use crate::plugin::{Loaded, Loader};

/// Version of the JSON; raised when a field goes away or changes its meaning.
const FORMAT_VERSION: u32 = 1;

/// Say what a plugin is and what it can touch, without running it.
///
/// A component can touch what it imports, and nothing else. Only what says what it is (`describe`,
/// `works`) is called, with every import cut off.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  proscenium inspect plugins/steady
  proscenium inspect some.wasm --json | jq .capabilities
  proscenium inspect --work-types
  proscenium inspect --work-types timers")]
pub(super) struct Args {
    /// A component (.wasm), or the folder of a cargo project, which is built.
    #[arg(required_unless_present = "work_types")]
    plugin: Option<PathBuf>,
    /// As JSON.
    #[arg(long)]
    json: bool,
    /// List the built-in work types and their parameters instead: all, one, or those of a family.
    #[arg(
        long,
        value_name = "NAME|FAMILY",
        num_args = 0..=1,
        default_missing_value = "",
        conflicts_with = "plugin"
    )]
    work_types: Option<String>,
}

pub(super) fn run(args: &Args, context: &mut Context<'_>) -> anyhow::Result<u8> {
    if let Some(named) = &args.plugin {
        // Foreign imports are shown, not judged.
        let loader = Loader::new(&context.layout, Foreign::Trap, context.terminal);
        let report = Report::of(&loader.load(named)?);
        if args.json {
            json(context, &report)?;
        } else {
            report.write(context.out)?;
        }
    }
    if let Some(name) = &args.work_types {
        let types = work_types::named(name)?;
        if args.json {
            json(context, &types)?;
        } else {
            work_types::write(&types, context.out)?;
        }
    }
    Ok(exit_code::PASSED)
}

#[derive(Serialize)]
struct Report {
    format_version: u32,
    name: String,
    version: String,
    summary: String,
    file: String,
    digest: String,
    component_bytes: usize,
    precompiled_bytes: usize,
    default_duration_ns: u64,
    needs: Vec<String>,
    /// Lines of a grant that allows all of it.
    request: Vec<String>,
    parameters: Vec<Parameter>,
    capabilities: Vec<Touch>,
    not_imported: Vec<&'static str>,
    exported_work: Vec<String>,
    foreign_imports: Vec<String>,
}

#[derive(Serialize)]
struct Parameter {
    name: String,
    default: Option<String>,
    help: String,
}

#[derive(Serialize)]
struct Touch {
    interface: &'static str,
    summary: &'static str,
}

impl Report {
    fn of(loaded: &Loaded) -> Self {
        let has = loaded.plugin.capabilities();
        let manifest = &loaded.manifest;
        let text = |text: &str| clean::line(text, clean::MESSAGE);
        Self {
            format_version: FORMAT_VERSION,
            name: manifest.name.clone(),
            version: text(&manifest.version),
            summary: text(&manifest.summary),
            file: loaded.file.display().to_string(),
            digest: format!("sha256:{}", loaded.digest),
            component_bytes: loaded.file_bytes,
            precompiled_bytes: loaded.code.len(),
            default_duration_ns: manifest.default_duration,
            needs: needs(manifest),
            request: request(loaded),
            parameters: manifest
                .parameters
                .iter()
                .map(|parameter| Parameter {
                    name: parameter.name.clone(),
                    default: parameter.default.as_deref().map(text),
                    help: text(&parameter.help),
                })
                .collect(),
            capabilities: has
                .iter()
                .map(|has| Touch {
                    interface: has.interface(),
                    summary: has.summary(),
                })
                .collect(),
            not_imported: Capability::ALL
                .into_iter()
                .filter(|one| !has.contains(one))
                .map(Capability::interface)
                .collect(),
            exported_work: loaded.works.clone(),
            foreign_imports: loaded
                .plugin
                .imports()
                .iter()
                .filter(|import| import.reach == Reach::Foreign)
                .map(|import| clean::line(&import.name, clean::NAME))
                .collect(),
        }
    }

    fn write(&self, out: &mut dyn Write) -> std::io::Result<()> {
        writeln!(out, "{} {}: {}", self.name, self.version, self.summary)?;
        writeln!(out)?;
        writeln!(out, "  file       {}", self.file)?;
        writeln!(out, "  digest     {}", self.digest)?;
        let (component, code) = (self.component_bytes, self.precompiled_bytes);
        let sizes = (values::size(component), values::size(code));
        writeln!(out, "  size       {}, {} precompiled", sizes.0, sizes.1)?;
        let duration = std::time::Duration::from_nanos(self.default_duration_ns);
        writeln!(out, "  duration   {}", humantime::format_duration(duration))?;
        writeln!(out, "  needs      {}", self.needs.join(", "))?;
        writeln!(out)?;
        if self.capabilities.is_empty() {
            writeln!(out, "It can touch nothing.")?;
        } else {
            writeln!(out, "It can:")?;
            for Touch { interface, summary } in &self.capabilities {
                writeln!(out, "  {interface:<10} {summary}")?;
            }
        }
        if !self.not_imported.is_empty() {
            writeln!(out, "It cannot use: {}", self.not_imported.join(", "))?;
        }
        writeln!(out)?;
        writeln!(out, "It asks for (as lines of a grant):")?;
        for line in &self.request {
            writeln!(out, "  {line}")?;
        }
        if !self.exported_work.is_empty() {
            let works = self.exported_work.join(", ");
            writeln!(
                out,
                "It brings work for its workers, which can only compute: {works}"
            )?;
        }
        if !self.foreign_imports.is_empty() {
            writeln!(out)?;
            writeln!(
                out,
                "Imports that are not ours (refused, or traps with --trap-foreign-imports):"
            )?;
            for name in &self.foreign_imports {
                writeln!(out, "  {name}")?;
            }
        }
        if !self.parameters.is_empty() {
            writeln!(out)?;
            writeln!(out, "Parameters (--param NAME=VALUE):")?;
            for Parameter {
                name,
                default,
                help,
            } in &self.parameters
            {
                let default = default
                    .as_deref()
                    .map_or(String::new(), |value| format!("={value}"));
                writeln!(out, "  {name}{default}  {help}")?;
            }
        }
        Ok(())
    }
}

fn request(loaded: &Loaded) -> Vec<String> {
    let ask = admission::ask(loaded, loaded.manifest.default_duration);
    ask.whole().into_iter().map(|one| one.line).collect()
}

fn needs(manifest: &Manifest) -> Vec<String> {
    let needs = &manifest.needs;
    let mut words = vec![format!("{} CPUs", needs.min_cpus.max(1))];
    if needs.min_llcs > 1 {
        words.push(format!("{} last-level caches", needs.min_llcs));
    }
    if needs.min_nodes > 1 {
        words.push(format!("{} NUMA nodes", needs.min_nodes));
    }
    if needs.smt {
        words.push("cores with two threads".to_owned());
    }
    if needs.scheduler {
        words.push("a scheduler under test".to_owned());
    }
    if let Some(kernel) = &needs.min_kernel {
        words.push(format!("kernel {}", clean::line(kernel, clean::NAME)));
    }
    words
}
